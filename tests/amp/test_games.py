"""Acting on games with regard for who plays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import pytest

from homeamp_agent.amp import Amp, AmpLifecycle, Credentials, LifecycleError, NoAmp, PlayersOnline
from homeamp_agent.amp.games import Act, Games, Manners, NotBegun, Withdrawn
from homeamp_agent.amp.lifecycle import Lifecycle
from homeamp_agent.model.game import GameState, PlayersPolicy
from tests.standin.game import READY, STOPPED, Game
from tests.standin.panel import PASSWORD, USER, Panel

WAIT, FORCE, REFUSE = PlayersPolicy.WAIT, PlayersPolicy.FORCE, PlayersPolicy.REFUSE


@dataclass(frozen=True)
class Told(AmpLifecycle):
    """Says when it begins to wait for players to leave."""

    waits: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait_empty(self, instance: str, seconds: float) -> bool:
        if seconds:
            self.waits.set()
        return await super().wait_empty(instance, seconds)


@pytest.fixture
def waits() -> asyncio.Event:
    """Set once an act waits for players to leave."""
    return asyncio.Event()


@pytest.fixture
async def games(panel: Panel, waits: asyncio.Event) -> AsyncIterator[Games]:
    credentials = Credentials(USER, PASSWORD)
    async with Amp(
        panel.url, credentials, timeout_seconds=5, state_poll_seconds=0.01, back_off_seconds=0.01
    ) as amp:
        lifecycle = Told(amp, stop_bound_seconds=2, empty_poll_seconds=0.01, waits=waits)
        yield Games(lifecycle, ready_seconds=5, announce_lead_seconds=0.01)


@pytest.fixture
def dev(panel: Panel) -> Game:
    return panel.games["DEV01"]


@pytest.mark.parametrize("act", [Act.STOP, Act.RESTART])
async def test_players_are_never_thrown_out_unasked(games: Games, dev: Game, act: Act) -> None:
    with pytest.raises(NotBegun, match="3 players are online: nothing was done"):
        await games.act(act, "DEV01", Manners(REFUSE))
    with pytest.raises(NotBegun, match=r"3 players are online after 0\.001 min: nothing was done"):
        await games.act(act, "DEV01", Manners(WAIT, wait_seconds=0.06))
    assert (dev.stops, dev.players) == (0, 3)


async def test_a_restart_waits_until_the_last_player_has_left(
    games: Games, dev: Game, waits: asyncio.Event
) -> None:
    restarting = asyncio.create_task(
        games.act(Act.RESTART, "DEV01", Manners(WAIT, 30, "restart once you leave"))
    )
    await asyncio.wait_for(waits.wait(), 60)
    doing, until = games.doing("DEV01")
    assert doing == "restarted"
    assert until is not None
    assert 20 < (until - datetime.now(UTC)).total_seconds() <= 30
    dev.leave_in = 2
    await restarting
    assert games.doing("DEV01") == ("", None)
    assert dev.console == ["say restart once you leave"]
    assert (dev.stops, dev.starts, dev.state) == (1, 1, READY)


@pytest.mark.parametrize(("act", "was"), [(Act.STOP, "stopped"), (Act.RESTART, "restarted")])
async def test_what_waits_for_players_can_be_withdrawn_and_the_next_may_begin(
    games: Games, dev: Game, waits: asyncio.Event, act: Act, was: str
) -> None:
    with pytest.raises(NotBegun, match="no stop and no restart waits"):
        await games.withdraw("DEV01", "kim")
    acting = asyncio.create_task(games.act(act, "DEV01", Manners(WAIT, 30)))
    await asyncio.wait_for(waits.wait(), 60)
    assert await games.withdraw("DEV01", "kim") == was
    assert games.doing("DEV01") == ("", None)
    with pytest.raises(Withdrawn, match="DEV01: withdrawn by kim: nothing was done"):
        await acting
    assert (dev.stops, dev.state) == (0, READY)
    dev.players = 0
    await games.act(Act.STOP, "DEV01", Manners(WAIT, 30))
    assert dev.state == STOPPED


async def test_what_goes_down_already_is_not_withdrawn(games: Games, dev: Game) -> None:
    dev.players, dev.sticks = 0, True
    stopping = asyncio.create_task(games.act(Act.STOP, "DEV01", Manners()))
    async with asyncio.timeout(60):
        while not dev.stops:
            await asyncio.sleep(0.001)
    with pytest.raises(NotBegun, match="is being stopped: that waits for no players"):
        await games.withdraw("DEV01", "kim")
    stopping.cancel()
    await asyncio.wait({stopping})


async def test_withdrawn_as_the_last_player_leaves_it_goes_on(
    games: Games, dev: Game, waits: asyncio.Event
) -> None:
    class JustLeft:
        """The wait ends in the same moment in which it is withdrawn."""

        async def wait_empty(self, instance: str, seconds: float) -> bool:
            del instance
            if not seconds:
                return False
            waits.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                return True
            raise AssertionError

        def __getattr__(self, name: str) -> object:
            return getattr(games.lifecycle, name)

    mine = Games(cast("Lifecycle", JustLeft()))
    acting = asyncio.create_task(mine.act(Act.STOP, "DEV01", Manners(WAIT, 30)))
    await asyncio.wait_for(waits.wait(), 60)
    await mine.withdraw("DEV01", "kim")
    assert isinstance((await asyncio.gather(acting, return_exceptions=True))[0], Withdrawn)
    assert dev.stops == 0


async def test_an_act_that_is_ended_while_it_waits_leaves_nothing_behind(
    games: Games, waits: asyncio.Event
) -> None:
    acting = asyncio.create_task(games.act(Act.STOP, "DEV01", Manners(WAIT, 30)))
    await asyncio.wait_for(waits.wait(), 60)
    acting.cancel()
    await asyncio.wait({acting})
    assert acting.cancelled()
    assert games.doing("DEV01") == ("", None)


async def test_forced_it_says_so_before_and_goes_on(games: Games, dev: Game) -> None:
    games.announce_lead_seconds = 0.2
    restarting = asyncio.create_task(
        games.act(Act.RESTART, "DEV01", Manners(FORCE, announce="down for a minute"))
    )
    async with asyncio.timeout(60):
        while not dev.console:
            await asyncio.sleep(0)
    assert dev.stops == 0
    await restarting
    assert (dev.console, dev.stops, dev.starts) == (["say down for a minute"], 1, 1)


async def test_an_empty_game_is_restarted_without_a_word(games: Games, dev: Game) -> None:
    dev.players = 0
    assert await games.act(Act.RESTART, "DEV01", Manners(REFUSE, announce="hello")) == ""
    assert (dev.console, dev.stops, dev.state) == ([], 1, READY)


async def test_what_is_so_already_is_said_and_not_done(games: Games, dev: Game) -> None:
    assert await games.act(Act.START, "DEV01", Manners()) == "it ran already"
    dev.state = STOPPED
    assert await games.act(Act.STOP, "DEV01", Manners()) == "it was stopped already"
    assert (dev.starts, dev.stops) == (0, 0)


async def test_a_game_that_does_not_come_up_is_a_failure_and_named(games: Games, dev: Game) -> None:
    dev.players, dev.fails = 0, True
    with pytest.raises(LifecycleError, match="DEV01 failed on its way to ready") as told:
        await games.act(Act.RESTART, "DEV01", Manners())
    assert not isinstance(told.value, NotBegun)


async def test_two_at_once_do_not_act_on_one_game(games: Games, dev: Game) -> None:
    async with games.held("DEV01", "changed"):
        with pytest.raises(NotBegun, match=r"^DEV01 is being changed: wait for that to end$"):
            await games.act(Act.RESTART, "DEV01", Manners(FORCE))
    assert dev.stops == 0
    await games.act(Act.STOP, "DEV01", Manners(FORCE))
    assert dev.stops == 1


async def test_where_nobody_can_tell_who_plays_nothing_goes_down(
    games: Games, panel: Panel, dev: Game
) -> None:
    panel.break_on = "GetStatus"
    with pytest.raises(NotBegun, match="nobody can tell who plays"):
        await games.act(Act.STOP, "DEV01", Manners(WAIT, 0))
    assert dev.stops == 0


async def test_players_who_stay_are_no_error_of_amp(games: Games) -> None:
    with pytest.raises(PlayersOnline):
        await games.make_way("DEV01", Manners(REFUSE))


async def test_without_amp_nothing_is_begun() -> None:
    games = Games(NoAmp())
    assert (await games.lifecycle.state("DEV01")).state is GameState.UNKNOWN
    with pytest.raises(NotBegun, match="no AMP is configured"):
        await games.act(Act.STOP, "DEV01", Manners())
