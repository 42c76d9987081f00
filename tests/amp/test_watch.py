"""Asking AMP regularly what the games do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from homeamp_agent.amp import Amp, AmpLifecycle, Credentials, NoAmp
from homeamp_agent.amp.lifecycle import LifecycleAway
from homeamp_agent.amp.watch import AmpWatch
from homeamp_agent.model.game import GameState, InstanceState
from tests.standin.panel import PASSWORD, USER, Panel


class Heard(list[dict[str, Any]]):
    """Every event that was told."""

    def __call__(self, name: str, body: dict[str, Any]) -> None:
        assert name == "state_changed"
        self.append(body)


@pytest.fixture
async def watch(panel: Panel) -> AsyncIterator[AmpWatch]:
    credentials = Credentials(USER, PASSWORD)
    async with Amp(panel.url, credentials, timeout_seconds=5, back_off_seconds=0.01) as amp:
        yield AmpWatch(AmpLifecycle(amp), Heard())


def heard(watch: AmpWatch) -> Heard:
    assert isinstance(watch.tell, Heard)
    return watch.tell


async def test_a_look_knows_every_game_and_since_when(watch: AmpWatch) -> None:
    assert watch.state_of("DEV01") is None
    await watch.look()
    state = watch.state_of("DEV01")
    assert state is not None
    assert (state.state, state.players, watch.link.state) == (GameState.READY, 3, "up")
    assert state.since is not None
    await watch.look()
    assert watch.state_of("DEV01") == state


async def test_only_what_changed_is_told(watch: AmpWatch, panel: Panel) -> None:
    await watch.look()
    await watch.look()
    assert [row["name"] for body in heard(watch) for row in body["instances"]] == ["DEV01"]
    panel.games["DEV01"].players = 4
    await watch.look()
    assert heard(watch)[-1]["instances"][0]["amp"]["players"] == 4
    assert len(heard(watch)) == 2


async def test_an_instance_that_amp_does_not_list_says_so(watch: AmpWatch) -> None:
    await watch.look()
    state = watch.state_of("NOPE")
    assert state is not None
    assert (state.state, "does not list it" in state.message) == (GameState.UNKNOWN, True)


async def test_an_amp_that_goes_away_takes_every_state_with_it_and_brings_it_back(
    watch: AmpWatch, panel: Panel
) -> None:
    await watch.look()
    panel.break_on = "GetInstances"
    await watch.look()
    state = watch.state_of("DEV01")
    assert state is not None
    assert (watch.link.state, state.state) == ("away", GameState.AWAY)
    assert "HTTP 502" in watch.link.message
    first_seen = watch.link.since
    await watch.look()
    assert watch.link.since == first_seen
    panel.break_on = ""
    await watch.look()
    assert [body["amp"]["state"] for body in heard(watch)] == ["up", "away", "up"]


async def test_a_refused_login_is_told_as_refused(panel: Panel) -> None:
    async with Amp(panel.url, Credentials(USER, "wrong"), timeout_seconds=5) as amp:
        watch = AmpWatch(AmpLifecycle(amp), Heard())
        await watch.look()
    assert watch.link.state == "refused"
    assert "wrong user name or password" in watch.link.message
    state = watch.state_of("DEV01")
    assert state is not None
    assert state.state is GameState.AWAY


async def test_it_looks_again_by_itself_and_at_once_when_asked(
    watch: AmpWatch, panel: Panel
) -> None:
    watch.poll_seconds = 60
    looking = asyncio.create_task(watch.run())
    async with asyncio.timeout(60):
        while not heard(watch):
            await asyncio.sleep(0)
        panel.games["DEV01"].players = 7
        while len(heard(watch)) < 2:
            watch.look_soon()
            await asyncio.sleep(0)
    looking.cancel()
    assert heard(watch)[1]["instances"][0]["amp"]["players"] == 7


async def test_without_amp_nothing_is_asked_and_nothing_claimed() -> None:
    watch = AmpWatch(NoAmp(), Heard())
    await asyncio.wait_for(watch.run(), 60)
    assert (watch.link.state, watch.state_of("DEV01"), heard(watch)) == ("off", None, [])


class Away(AmpLifecycle):
    """A panel that was shut down for good."""

    async def states(self) -> dict[str, InstanceState]:
        raise LifecycleAway("AMP cannot be reached")


async def test_an_amp_may_be_away_for_months(watch: AmpWatch) -> None:
    assert isinstance(watch.lifecycle, AmpLifecycle)
    watch.lifecycle = Away(watch.lifecycle.amp)
    watch._failures = 100_000
    looking = asyncio.create_task(watch.run())
    async with asyncio.timeout(60):
        while watch.link.state != "away":
            await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not looking.done()
    looking.cancel()
