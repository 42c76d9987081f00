"""What is not AMP, or not whole, or not civil: one clear line each, and never a secret in it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import socket
import threading
from functools import partial

import pytest

from homeamp_agent.amp import Amp, AmpAway, AmpError, AmpLoginRefused, AmpRefused, Credentials
from homeamp_agent.amp.totp import NotASeed, totp
from tests.standin.panel import PASSWORD, USER, Panel

GOOD = Credentials(USER, PASSWORD)


def client(panel: Panel, credentials: Credentials = GOOD, timeout_seconds: float = 5) -> Amp:
    return Amp(
        panel.url,
        credentials,
        timeout_seconds=timeout_seconds,
        state_poll_seconds=0.01,
        back_off_seconds=0.01,
    )


HOSTILE = {
    "a page": (200, b"<html><body>welcome to nginx</body></html>"),
    "a page of a proxy": (502, b"<html>bad gateway</html>"),
    "a redirect": (302, b""),
    "JSON cut off": (200, b'[{"InstanceId": "x", "AvailableInst'),
    "JSON too deep": (200, b"[" * 100_000),
    "not UTF-8": (200, b'"\xff\xfe\x00"'),
    "zipped without being asked": (200, gzip.compress(b"[]")),
    "text where a list is due": (200, b'"hello"'),
    "a number": (200, b"5"),
    "a list of nothing": (200, b'{"result": 7}'),
    "void where a list is due": (200, b""),
    "a client error": (400, b"{}"),
    "a number that is too long": (200, b"1" * 10_000),
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
async def test_whatever_is_answered_is_told_in_one_short_line(
    panel: Panel, answer: tuple[int, bytes]
) -> None:
    async with client(panel) as amp:
        await amp.instances()
        panel.broken = [answer] * 9
        with pytest.raises(AmpError) as told:
            await amp.instances()
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 500


@pytest.mark.parametrize(
    "row",
    [
        5,
        None,
        {"InstanceName": 7, "InstanceID": None, "Running": "yes", "AppState": "up", "Tags": 3},
        {"InstanceName": "X", "AppState": 1e400, "Running": True, "InstanceID": "x"},
        {"InstanceName": "X", "Running": False, "AppState": 12345},
    ],
)
async def test_rows_of_wrong_types_do_not_hide_the_others(panel: Panel, row: object) -> None:
    whole = {"InstanceName": "DEV01", "InstanceID": "1", "Module": "Minecraft"}
    async with client(panel) as amp:
        await amp.instances()
        body = json.dumps([{"AvailableInstances": [row, whole]}, 3, {"AvailableInstances": 9}])
        panel.broken = [(200, body.encode())]
        assert "DEV01" in {each.name for each in await amp.instances()}


@pytest.mark.parametrize("raw", ['"a lot"', "true", "null", "1e400", "NaN", "[1]", "-3"])
async def test_a_figure_that_is_none_is_left_out(panel: Panel, raw: str) -> None:
    async with client(panel) as amp:
        await amp.status("DEV01")
        listing = panel.answer("panel", "ADSModule/GetInstances", {}, next(iter(panel.sessions)))
        status = f'{{"State": 20, "Metrics": {{"Active Users": {{"RawValue": {raw}}}}}}}'
        panel.broken = [(200, json.dumps(listing).encode()), (200, status.encode())]
        shown = await amp.status("DEV01")
    assert shown.state.name == "READY"
    assert shown.players is None or shown.players.value == -3


async def test_an_answer_without_end_is_cut_off() -> None:
    """It sends as fast as it can, for ever; we stop at the bound."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(60)

    def flood() -> None:
        line, _ = listening.accept()
        with line, contextlib.suppress(OSError):
            line.recv(65536)
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
            while True:
                line.sendall(b" " * 65536)

    threads = [threading.Thread(target=flood, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with Amp(url, GOOD, timeout_seconds=20, back_off_seconds=0.01) as amp:
        with pytest.raises(AmpAway, match="more than 16 MiB"):
            await amp.instances()
    listening.close()


async def test_an_answer_that_trickles_is_given_up_in_time() -> None:
    """Each byte comes within the time-out, the whole does not."""
    handled = asyncio.Semaphore(0)

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
        with contextlib.closing(writer), contextlib.suppress(OSError):
            while not writer.is_closing():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)
        handled.release()

    async with await asyncio.start_server(trickle, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with Amp(url, GOOD, timeout_seconds=0.3, back_off_seconds=0.01) as amp:
            with pytest.raises(AmpAway, match="did not answer Core/Login"):
                await asyncio.wait_for(amp.instances(), 60)
        for _ in range(3):
            await asyncio.wait_for(handled.acquire(), 60)


@pytest.mark.parametrize(
    "echo",
    [
        {"Title": "Boom", "Message": "no: {secret}", "StackTrace": ""},
        {"Status": False, "Reason": "{secret} is wrong"},
        {"Status": False, "Reason": "line\none {secret}\x1b[31m" + "x" * 5000},
        {"Status": False, "Reason": "x" * 285 + "{secret}"},  # cut in its middle
    ],
)
async def test_what_amp_repeats_of_our_secrets_is_hidden(
    panel: Panel, echo: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with client(panel) as amp:
        await amp.instances()
        session, token = next(iter(panel.sessions)), next(iter(panel.remember))
        for secret in (PASSWORD, session, token):
            panel.error = json.loads(json.dumps(echo).replace("{secret}", secret))
            with pytest.raises(AmpRefused) as told:
                await amp.instances()
            chain = f"{told.value!r}{told.value.__cause__!r}{amp!r}{caplog.text}"
            assert secret[:8] not in chain
            assert "\x1b" not in str(told.value)
            assert len(str(told.value)) < 500


async def test_a_login_that_repeats_the_password_hides_it(panel: Panel) -> None:
    refusal = {"Title": "No", "Message": f"bad password {PASSWORD}", "StackTrace": ""}
    panel.broken = [(200, json.dumps(refusal).encode())]
    async with client(panel) as amp:
        with pytest.raises(AmpLoginRefused) as told:
            await amp.instances()
    assert PASSWORD not in str(told.value)


async def test_after_a_refused_login_amp_is_left_in_peace(panel: Panel) -> None:
    async with client(panel, Credentials(USER, "wrong")) as amp:
        for _ in range(5):
            with pytest.raises(AmpLoginRefused, match="wrong user name or password"):
                await amp.instances()
    assert panel.logins == 1


async def test_a_password_may_be_wrong_for_months(panel: Panel) -> None:
    async with client(panel, Credentials(USER, "wrong")) as amp:
        amp._panel._refusals = 100_000
        with pytest.raises(AmpLoginRefused, match="wrong user name or password"):
            await amp.instances()


async def test_a_login_server_that_is_away_is_asked_again(panel: Panel) -> None:
    away = json.dumps({"success": False, "result": 500}).encode()
    panel.broken = [(200, away)]
    async with client(panel) as amp:
        with pytest.raises(AmpLoginRefused, match="login service is unavailable"):
            await amp.instances()
        assert await amp.instances()


async def test_a_session_that_dies_at_once_is_no_endless_loop(panel: Panel) -> None:
    dead = {"Title": "Unauthorized Access", "Message": "requires the Session.Exists permission"}
    async with client(panel) as amp:
        await amp.instances()
        panel.error = dead
        with pytest.raises(AmpRefused, match="forgot the session right after the login"):
            await amp.instances()
    assert panel.logins == 2


async def test_a_403_page_at_the_login_is_told(panel: Panel) -> None:
    panel.broken = [(403, b"<html>forbidden</html>")] * 9
    async with client(panel) as amp:
        with pytest.raises(AmpLoginRefused, match="is it AMP"):
            await amp.instances()


def test_the_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B, the last six of its eight digits."""
    seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    known = {59: "287082", 1111111109: "081804", 1111111111: "050471", 20000000000: "353130"}
    assert {moment: totp(seed, partial(float, moment))() for moment in known} == known
    assert totp("gezd gnbv-gy3t qojq gezd gnbv gy3t qojq", lambda: 59.0)() == "287082"


@pytest.mark.parametrize("seed", ["", "123456", "not base32!", "====", "é"])
def test_what_is_no_seed_is_refused_without_repeating_it(seed: str) -> None:
    with pytest.raises(NotASeed) as told:
        totp(seed)
    assert not seed or seed not in str(told.value)
