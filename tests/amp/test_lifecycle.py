"""Starting and stopping games."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from homeamp_agent.amp import Amp, AmpLifecycle, Credentials, Lifecycle, LifecycleError, NoAmp
from homeamp_agent.model.game import GameState
from tests.standin.panel import PASSWORD, USER, Panel

ACTS: dict[str, Callable[[Lifecycle], Awaitable[object]]] = {
    "start": lambda it: it.start("SURV01"),
    "stop": lambda it: it.stop("SURV01"),
    "restart": lambda it: it.restart("SURV01"),
    "wait_ready": lambda it: it.wait_ready("SURV01", 1),
    "wait_empty": lambda it: it.wait_empty("SURV01", 1),
    "announce": lambda it: it.announce("SURV01", "hello"),
    "back_up": lambda it: it.back_up("SURV01", "before"),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_without_amp_every_act_is_refused_in_one_line(
    act: Callable[[Lifecycle], Awaitable[object]],
) -> None:
    with pytest.raises(LifecycleError, match=r"^SURV01: no AMP is configured") as told:
        await act(NoAmp())
    assert "\n" not in str(told.value)


async def test_without_amp_the_state_is_unknown_and_says_why() -> None:
    lifecycle: Lifecycle = NoAmp()
    state = await lifecycle.state("SURV01")
    assert (state.state, lifecycle.available) == (GameState.UNKNOWN, False)
    assert "no AMP is configured" in state.message


@pytest.fixture
async def lifecycle(panel: Panel) -> AsyncIterator[AmpLifecycle]:
    credentials = Credentials(USER, PASSWORD)
    async with Amp(
        panel.url, credentials, timeout_seconds=5, state_poll_seconds=0.01, back_off_seconds=0.01
    ) as amp:
        yield AmpLifecycle(amp, stop_bound_seconds=2, empty_poll_seconds=0.01)


async def test_the_state_has_the_figures_amp_gives(lifecycle: AmpLifecycle) -> None:
    state = await lifecycle.state("DEV01")
    assert (state.state, state.players, state.players_max) == (GameState.READY, 3, 50)
    assert (state.cpu, state.memory_mb, state.tps) == (12, 2048, 19.9)


async def test_a_restart_stops_the_game_and_brings_it_back(
    lifecycle: AmpLifecycle, panel: Panel
) -> None:
    await lifecycle.restart("DEV01")
    await lifecycle.wait_ready("DEV01", 5)
    assert (panel.games["DEV01"].stops, panel.games["DEV01"].starts) == (1, 1)


async def test_stopping_twice_and_starting_twice_does_it_once(
    lifecycle: AmpLifecycle, panel: Panel
) -> None:
    await lifecycle.stop("DEV01")
    await lifecycle.stop("DEV01")
    await lifecycle.start("DEV01")
    await lifecycle.start("DEV01")
    assert (panel.games["DEV01"].stops, panel.games["DEV01"].starts) == (1, 1)


async def test_a_daemon_that_is_away_while_it_boots_is_waited_for(
    lifecycle: AmpLifecycle, panel: Panel
) -> None:
    panel.games["DEV01"].daemon = False
    panel.break_on = "GetStatus"

    async def comes_up() -> None:
        while not panel.methods_called():
            await asyncio.sleep(0)
        panel.break_on = ""

    await asyncio.gather(lifecycle.start("DEV01"), comes_up())
    await lifecycle.wait_ready("DEV01", 5)


async def test_waiting_ends_when_the_last_player_leaves(
    lifecycle: AmpLifecycle, panel: Panel
) -> None:
    panel.games["DEV01"].leave_in = 4
    assert await lifecycle.wait_empty("DEV01", 5)


async def test_waiting_for_players_who_stay_ends_at_the_bound(lifecycle: AmpLifecycle) -> None:
    assert not await lifecycle.wait_empty("DEV01", 0.05)


async def test_an_announcement_is_said_on_the_console_in_one_line(
    lifecycle: AmpLifecycle, panel: Panel
) -> None:
    await lifecycle.announce("DEV01", "restart\nin five  minutes")
    assert panel.games["DEV01"].console == ["say restart in five minutes"]


async def test_an_error_names_its_instance_once(lifecycle: AmpLifecycle, panel: Panel) -> None:
    panel.games["DEV01"].fails = True
    await lifecycle.restart("DEV01")
    with pytest.raises(LifecycleError, match=r"^DEV01 failed on its way to ready$"):
        await lifecycle.wait_ready("DEV01", 5)
    with pytest.raises(LifecycleError, match="no instance NOPE"):
        await lifecycle.stop("NOPE")


async def test_an_amp_that_is_away_is_a_state_and_not_an_error() -> None:
    async with Amp(
        "http://127.0.0.1:9", Credentials(USER, PASSWORD), timeout_seconds=1, back_off_seconds=0.01
    ) as amp:
        state = await AmpLifecycle(amp).state("DEV01")
    assert state.state is GameState.AWAY
    assert "cannot be reached" in state.message
