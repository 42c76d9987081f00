"""The AMP client against a panel that answers as documented."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from homeamp_agent.amp import (
    Amp,
    AmpAway,
    AmpInstanceUnknown,
    AmpLoginRefused,
    AmpNoPermission,
    AmpRefused,
    AppState,
    Credentials,
)
from tests.standin.game import READY, STOPPED, STOPPING

GOOD = Credentials("operator", "not-a-real-password")


def client(panel: Any, credentials: Credentials = GOOD) -> Amp:
    return Amp(
        panel.url, credentials, timeout_seconds=5, state_poll_seconds=0.01, back_off_seconds=0.01
    )


@pytest.mark.parametrize("wrapped", [False, True])
async def test_the_panel_itself_is_no_instance(panel: Any, wrapped: bool) -> None:
    panel.wrapped = wrapped
    async with client(panel) as amp:
        assert [(each.name, each.state) for each in await amp.instances()] == [
            ("DEV01", AppState.READY)
        ]


async def test_many_calls_at_once_share_one_login(panel: Any) -> None:
    async with client(panel) as amp:
        await asyncio.gather(*(amp.instances() for _ in range(8)))
    assert panel.logins == 1


async def test_a_forgotten_session_is_renewed_once_by_the_remembered_token(panel: Any) -> None:
    async with client(panel) as amp:
        await amp.instances()
        panel.forget_sessions()
        await asyncio.gather(*(amp.instances() for _ in range(4)))
    assert panel.logins == 2
    renewal = [body for name, body in panel.calls if name.endswith("Core/Login")][1]
    assert renewal["password"] == ""


async def test_a_rejected_token_falls_back_to_the_password_once(panel: Any) -> None:
    async with client(panel) as amp:
        await amp.instances()
        panel.forget_sessions()
        panel.remember.clear()
        assert await amp.instances()
    assert panel.logins == 3


async def test_an_old_panel_that_knows_only_body_sessions_works(panel: Any) -> None:
    panel.body_sessions_only = True
    async with client(panel) as amp:
        assert await amp.instances()


async def test_a_wrong_password_is_told_without_the_password(panel: Any) -> None:
    async with client(panel, Credentials("operator", "wrong-and-private")) as amp:
        with pytest.raises(AmpLoginRefused, match="wrong user name or password") as told:
            await amp.instances()
    assert told.value.result == 0
    assert "wrong-and-private" not in f"{told.value}{amp!r}"


async def test_the_two_factor_code_is_asked_for_at_login(panel: Any) -> None:
    panel.two_factor = "123456"
    async with client(panel) as amp:
        with pytest.raises(AmpLoginRefused, match="two-factor code is required"):
            await amp.instances()
    asked = Credentials("operator", "not-a-real-password", two_factor=lambda: "123456")
    async with client(panel, asked) as amp:
        assert await amp.instances()


async def test_status_comes_through_the_instance_s_own_door(panel: Any) -> None:
    async with client(panel) as amp:
        status = await amp.status("DEV01")
    assert status.state is AppState.READY
    assert status.players is not None
    assert (status.players.value, status.players.maximum) == (3, 50)
    assert status.tps is not None
    assert "Core/Login" in panel.methods_called("DEV01")


async def test_a_stopped_daemon_is_a_stopped_game(panel: Any) -> None:
    panel.games["DEV01"].daemon = False
    async with client(panel) as amp:
        assert (await amp.status("DEV01")).state is AppState.STOPPED


async def test_a_restart_waits_for_stopped_and_then_for_ready(panel: Any) -> None:
    async with client(panel) as amp:
        await amp.restart("DEV01", bound_seconds=5)
        await amp.reach("DEV01", AppState.READY, bound_seconds=5)
    order = [name.split(":")[1] for name, _ in panel.calls]
    assert order.index("Core/Stop") < order.index("Core/Start")
    assert panel.games["DEV01"].state == AppState.READY


async def test_a_start_wakes_the_daemon_first(panel: Any) -> None:
    panel.games["DEV01"].daemon, panel.games["DEV01"].state = False, 0
    async with client(panel) as amp:
        await amp.start("DEV01", bound_seconds=5)
        await amp.reach("DEV01", AppState.READY, bound_seconds=5)
    assert panel.games["DEV01"].daemon
    assert panel.games["DEV01"].state == AppState.READY


async def test_a_game_that_fails_on_its_way_is_told(panel: Any) -> None:
    panel.games["DEV01"].steps = [10, 100]
    async with client(panel) as amp:
        with pytest.raises(AmpRefused, match="failed on its way to ready"):
            await amp.reach("DEV01", AppState.READY, bound_seconds=5)


async def test_a_game_that_never_arrives_is_told_with_its_state(panel: Any) -> None:
    panel.games["DEV01"].state = 10
    async with client(panel) as amp:
        with pytest.raises(AmpAway, match="still starting after"):
            await amp.reach("DEV01", AppState.READY, bound_seconds=0.05)


async def test_a_setting_is_read_and_written_by_its_node(panel: Any) -> None:
    async with client(panel) as amp:
        assert await amp.setting("DEV01", "MinecraftModule.Minecraft.ServerMOTD") == "hi"
        await amp.set_setting("DEV01", "MinecraftModule.Minecraft.ServerMOTD", "welcome")
        assert await amp.setting("DEV01", "MinecraftModule.Minecraft.ServerMOTD") == "welcome"
        with pytest.raises(AmpRefused, match="Unknown node"):
            await amp.set_setting("DEV01", "Nope", "x")
        with pytest.raises(AmpRefused, match="knows no setting"):
            await amp.setting("DEV01", "Nope")


async def test_a_void_method_s_empty_answer_is_success(panel: Any) -> None:
    async with client(panel) as amp:
        await amp.say("DEV01", "restart in five minutes")
        await amp.take_backup("DEV01", "before the change")
    said = [body["message"] for name, body in panel.calls if name.endswith("ConsoleMessage")]
    assert said == ["restart in five minutes"]


async def test_an_unknown_instance_is_named(panel: Any) -> None:
    async with client(panel) as amp:
        with pytest.raises(AmpInstanceUnknown, match="no instance NOPE"):
            await amp.status("NOPE")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"Title": "Instance Unavailable", "Message": "…", "StackTrace": ""}, AmpAway),
        ({"Status": False, "Reason": "requires the Core.X permission"}, AmpNoPermission),
        ("This requires the Core.X permission", AmpNoPermission),
        ({"Status": False, "Reason": "busy"}, AmpRefused),
        ({"Title": "Boom", "Message": "x", "StackTrace": "at Secret.Code()"}, AmpRefused),
    ],
)
async def test_errors_that_come_as_http_200_are_errors(
    panel: Any, error: Any, expected: type[Exception]
) -> None:
    async with client(panel) as amp:
        await amp.instances()
        panel.error = error
        with pytest.raises(expected) as told:
            await amp.instances()
    assert "Secret.Code" not in str(told.value)


async def test_a_hiccup_of_a_proxy_is_tried_again(panel: Any) -> None:
    async with client(panel) as amp:
        await amp.instances()
        panel.broken = [(502, b"<html>bad gateway</html>")]
        assert await amp.instances()


async def test_a_command_is_never_sent_twice(panel: Any) -> None:
    panel.break_on = "Core/SendConsoleMessage"
    async with client(panel) as amp:
        with pytest.raises(AmpAway, match="HTTP 502"):
            await amp.say("DEV01", "hello")
    assert len([name for name, _ in panel.calls if name.endswith(panel.break_on)]) == 1


async def test_a_stop_whose_answer_is_lost_is_seen_by_its_state(panel: Any) -> None:
    game = panel.games["DEV01"]
    panel.lose_on = "Core/Stop"
    async with client(panel) as amp:
        await amp.stop("DEV01")
        assert (game.state, game.stops) == (STOPPED, 1)
        game.state, panel.lose_on, panel.break_on = READY, "", "Core/Stop"
        with pytest.raises(AmpAway, match="Core/Stop with HTTP 502"):
            await amp.stop("DEV01")


async def test_a_game_that_is_stopping_is_started_once_it_has_stopped(panel: Any) -> None:
    game = panel.games["DEV01"]
    game.steps = [*[STOPPING] * 3, STOPPED]
    async with client(panel) as amp:
        await amp.start("DEV01", bound_seconds=5)
        await amp.reach("DEV01", AppState.READY, 5)
    assert game.starts == 1


async def test_something_that_is_not_amp_is_told(panel: Any) -> None:
    panel.broken = [(200, b"<html>welcome to nginx</html>")] * 9
    async with client(panel) as amp:
        with pytest.raises(AmpAway, match="not JSON: is it AMP"):
            await amp.instances()


async def test_a_panel_that_is_away_is_told(panel: Any) -> None:
    async with Amp("http://127.0.0.1:9", GOOD, timeout_seconds=1, back_off_seconds=0.01) as amp:
        with pytest.raises(AmpAway, match="cannot be reached"):
            await amp.instances()
