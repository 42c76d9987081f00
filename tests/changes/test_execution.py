"""Requests that take games down: over the stand-in of AMP, each policy and each way it can go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from homeamp_agent.amp import Amp, AmpLifecycle, Credentials
from homeamp_agent.amp.games import Games
from homeamp_agent.amp.restarts import Restart
from homeamp_agent.changes.errors import FileConflictError
from homeamp_agent.changes.execution import Execution, GameTrouble, GaveUp, Pace
from homeamp_agent.model.change import ChangeRequest, ChangeStatus, InstanceRestart
from homeamp_agent.model.game import PlayersPolicy
from homeamp_agent.model.request import RestartPolicy
from homeamp_agent.model.window import Window
from homeamp_agent.rpc.hands import GameHands
from tests.changes.test_room import CONFIG, House, edit
from tests.standin.game import READY, STOPPED, STOPPING, Game
from tests.standin.panel import PASSWORD, USER, Panel
from tests.standin.serving import serving

WAIT, FORCE, REFUSE = PlayersPolicy.WAIT, PlayersPolicy.FORCE, PlayersPolicy.REFUSE
QUICK = Pace(players_s=0.01, lead_s=0.01, away_s=2, again_s=0.01)


@dataclass
class Notes:
    """The paper of these tests: everything that was noted, and the state of the games then."""

    house: House
    panel: Panel
    notes: list[dict[str, Any]] = field(default_factory=list)
    stood: list[dict[str, int]] = field(default_factory=list)
    stale: bool = False
    breaks: bool = False

    async def note(self, facts: Mapping[str, Any]) -> None:
        self.notes.append(dict(facts))

    async def begin(self) -> None:
        if self.stale:
            raise FileConflictError("x", "another plan")

    async def write(self) -> ChangeRequest:
        self.stood.append({name: game.state for name, game in self.panel.games.items()})
        planned = self.house.room.plan([edit("A"), edit("B")])
        if self.breaks:
            self.house.file("B").write_bytes(b"changed: meanwhile\n")
        return self.house.room.apply(planned, author="op", reason="because", change_id="c1")

    def messages(self) -> list[str]:
        return [each["message"] for each in self.notes if "message" in each]

    def states(self, number: int = -1) -> dict[str, str]:
        told = [each["restarts"] for each in self.notes if "restarts" in each]
        return {each.instance: each.state for each in told[number]}


@dataclass
class Desk:
    """An execution of a request on the games A and B, and everything around it."""

    notes: Notes
    hands: GameHands
    panel: Panel
    looked: list[Restart]
    start: datetime = field(default_factory=lambda: datetime.now(UTC))
    shown: float = 0.0

    def execution(
        self,
        policy: RestartPolicy,
        window: Window | None = None,
        restarts: tuple[InstanceRestart, ...] = (),
        at: datetime | None = None,
    ) -> Execution:
        began = asyncio.get_running_loop().time()
        start = at or datetime.now(UTC)

        def now() -> datetime:
            return start + timedelta(seconds=asyncio.get_running_loop().time() - began)

        return Execution(("A", "B"), policy, window, self.hands, self.notes, restarts, QUICK, now)

    async def run(self, policy: RestartPolicy, **more: Any) -> ChangeRequest:
        async with asyncio.timeout(60):
            return await self.execution(policy, **more).run()

    def counts(self) -> dict[str, tuple[int, int]]:
        return {name: (game.stops, game.starts) for name, game in self.panel.games.items()}

    def written(self) -> list[bool]:
        house = self.notes.house
        return [b"radius: 32" in house.file(each).read_bytes() for each in "AB"]


@asynccontextmanager
async def desk_of(root: Path) -> AsyncIterator[Desk]:
    panel = Panel({name: Game(name) for name in "AB"})
    looked: list[Restart] = []

    async def look(restart: Restart) -> None:
        looked.append(restart)

    with serving(panel):
        async with Amp(
            panel.url,
            Credentials(USER, PASSWORD),
            timeout_seconds=5,
            state_poll_seconds=0.01,
            back_off_seconds=0.01,
        ) as amp:
            games = Games(AmpLifecycle(amp, stop_bound_seconds=0.5), ready_seconds=2)
            yield Desk(Notes(House(root), panel), GameHands(games, look), panel, looked)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_of(tmp_path) as desk:
        yield desk


async def test_empty_games_go_down_are_written_and_come_up_again(desk: Desk) -> None:
    done = await desk.run(RestartPolicy(announce="back in a minute"))
    assert done.status is ChangeStatus.APPLIED
    assert desk.notes.stood == [{"A": STOPPED, "B": STOPPED}]
    assert desk.counts() == {"A": (1, 1), "B": (1, 1)}
    assert desk.written() == [True, True]
    assert [game.state for game in desk.panel.games.values()] == [READY, READY]
    assert desk.panel.games["A"].console == ["say back in a minute"]
    # What is stopped is written down before it is.
    assert desk.notes.states(0) == {"A": "stopping", "B": "stopping"}
    assert desk.notes.states() == {"A": "ready", "B": "ready"}
    assert desk.notes.notes[-1]["progress"].done <= desk.notes.notes[-1]["progress"].total
    assert sorted(each.instance for each in desk.looked) == ["A", "B"]
    assert all(each.up_until and each.up_until <= each.ready_at for each in desk.looked)


async def test_it_waits_until_the_last_player_of_all_games_has_left(desk: Desk) -> None:
    game = desk.panel.games["B"]
    game.players, game.leave_in = 2, 8
    await desk.run(RestartPolicy(players=WAIT, announce="restart when you leave"))
    assert desk.notes.messages()[0] == "waits for its games: B has 2 online"
    assert desk.notes.notes[0]["status"] is ChangeStatus.WAITING
    assert desk.notes.notes[0]["waits_until"] > datetime.now(UTC)
    assert game.console == ["say restart when you leave"] * 2
    assert desk.written() == [True, True]


@pytest.mark.parametrize("policy", [RestartPolicy(wait_minutes=0), RestartPolicy(players=REFUSE)])
async def test_with_players_nothing_is_stopped(desk: Desk, policy: RestartPolicy) -> None:
    desk.panel.games["A"].players = 1
    with pytest.raises(GaveUp, match="A has 1 online: nothing was done"):
        await desk.run(policy)
    assert desk.counts() == {"A": (0, 0), "B": (0, 0)}
    assert desk.written() == [False, False]


async def test_forced_it_says_so_and_goes_on(desk: Desk) -> None:
    desk.panel.games["A"].players = 3
    await desk.run(RestartPolicy(players=FORCE, announce="down for a minute"))
    assert desk.panel.games["A"].console == ["say down for a minute"]
    assert desk.written() == [True, True]


async def test_forced_it_is_not_begun_either_while_amp_is_away(desk: Desk) -> None:
    desk.panel.break_on = "GetInstances"
    with pytest.raises(GaveUp, match=r"who plays: .*nothing was done"):
        await desk.run(RestartPolicy(players=FORCE, wait_minutes=0))
    assert desk.counts() == {"A": (0, 0), "B": (0, 0)}


async def test_nobody_who_can_tell_who_plays_is_no_leave_to_stop(desk: Desk) -> None:
    desk.panel.break_on = "GetInstances"
    with pytest.raises(GaveUp, match="nobody can tell who plays"):
        await desk.run(RestartPolicy(wait_minutes=0))


@pytest.mark.parametrize("state", [75, 250, 777], ids=["updating", "maintenance", "new to us"])
async def test_an_empty_game_that_amp_is_busy_with_is_not_stopped(desk: Desk, state: int) -> None:
    desk.panel.games["A"].state = state
    with pytest.raises(GaveUp, match=r"A is (starting|unknown): AMP calls it .*: nothing was done"):
        await desk.run(RestartPolicy(wait_minutes=0))
    assert desk.counts() == {"A": (0, 0), "B": (0, 0)}


async def test_a_game_that_refuses_to_stop_is_not_told_as_down(desk: Desk) -> None:
    desk.panel.deny = "Core/Stop"
    with pytest.raises(GameTrouble, match="permission"):
        await desk.run(RestartPolicy())
    assert desk.notes.states() == {"A": "untouched", "B": "untouched"}
    assert desk.counts() == {"A": (0, 0), "B": (0, 0)}


async def test_it_waits_for_its_window_which_is_the_operator_s_clock_s(desk: Desk) -> None:
    window = Window.parse("23:30-00:30", ZoneInfo("Europe/Berlin"), "night")
    almost = datetime(2026, 1, 10, 22, 29, 59, 900_000, tzinfo=UTC)
    await desk.run(RestartPolicy(), window=window, at=almost)
    first = desk.notes.notes[0]
    assert first["message"] == "waits for the window night (23:30-00:30 Europe/Berlin)"
    assert first["waits_until"] == datetime(2026, 1, 10, 22, 30, tzinfo=UTC)
    assert desk.written() == [True, True]


async def test_a_window_that_closes_over_players_is_waited_for_again(desk: Desk) -> None:
    window = Window.parse("03:00-04:00", ZoneInfo("UTC"))
    desk.panel.games["A"].players = 1
    execution = desk.execution(
        RestartPolicy(), window, at=datetime(2026, 1, 10, 3, 59, 59, tzinfo=UTC)
    )
    running = asyncio.create_task(execution.run())
    async with asyncio.timeout(60):
        while "waits for the window 03:00-04:00 UTC" not in desk.notes.messages():
            await asyncio.sleep(0.01)
    running.cancel()
    assert desk.notes.messages()[-2] == "A has 1 online, and the window closed"
    assert desk.notes.notes[-1]["waits_until"] == datetime(2026, 1, 11, 3, 0, tzinfo=UTC)
    assert desk.counts() == {"A": (0, 0), "B": (0, 0)}


async def test_a_game_that_did_not_run_is_written_and_left_down(desk: Desk) -> None:
    desk.panel.games["B"].state = STOPPED
    await desk.run(RestartPolicy())
    assert desk.counts() == {"A": (1, 1), "B": (0, 0)}
    assert desk.notes.states() == {"A": "ready", "B": "untouched"}
    assert desk.written() == [True, True]


async def test_a_write_that_fails_is_taken_back_and_the_games_come_up(desk: Desk) -> None:
    desk.notes.breaks = True
    done = await desk.run(RestartPolicy())
    assert done.status is ChangeStatus.FAILED
    assert desk.notes.house.file("A").read_bytes() == CONFIG
    assert desk.counts() == {"A": (1, 1), "B": (1, 1)}


async def test_a_plan_that_no_longer_holds_stops_nothing(desk: Desk) -> None:
    desk.notes.stale = True
    with pytest.raises(FileConflictError):
        await desk.run(RestartPolicy())
    assert desk.counts() == {"A": (0, 0), "B": (0, 0)}


async def test_a_game_that_does_not_come_up_is_named_and_the_others_do(desk: Desk) -> None:
    desk.panel.games["A"].fails = True
    done = await desk.run(RestartPolicy())
    assert done.status is ChangeStatus.APPLIED
    assert desk.notes.states() == {"A": "failed", "B": "ready"}
    (failed,) = [each for each in desk.notes.notes[-1]["restarts"] if each.state == "failed"]
    assert failed.message == "does not come up again: A failed on its way to ready"
    assert [each.instance for each in desk.looked] == ["B"]


async def test_one_that_cannot_be_stopped_brings_the_other_up_again(desk: Desk) -> None:
    desk.panel.games["B"].sticks = True
    with pytest.raises(GameTrouble, match="B is still"):
        await desk.run(RestartPolicy())
    assert desk.written() == [False, False]
    assert desk.counts()["A"] == (1, 1)


async def test_games_that_somebody_else_acts_on_are_waited_for(desk: Desk) -> None:
    async with desk.hands.games.held("A", "restarted"):
        with pytest.raises(GaveUp, match="A is being restarted: wait for that to end"):
            await desk.run(RestartPolicy(wait_minutes=0))


@pytest.mark.parametrize("state", ["stopping", "stopped", "starting"])
async def test_killed_in_between_it_goes_on_whoever_plays(desk: Desk, state: str) -> None:
    desk.panel.games["A"].state = STOPPING if state == "stopping" else STOPPED
    desk.panel.games["A"].steps = [STOPPED] if state == "stopping" else []
    desk.panel.games["B"].state = STOPPED
    left = (
        InstanceRestart(instance="A", state=state),
        InstanceRestart(instance="B", state="untouched"),
    )
    await desk.run(RestartPolicy(wait_minutes=0), restarts=left)
    assert desk.panel.games["A"].state == READY
    assert desk.panel.games["B"].state == STOPPED
    assert desk.written() == [True, True]


async def test_a_game_that_somebody_brought_up_meanwhile_is_not_stopped_under_players(
    desk: Desk,
) -> None:
    desk.panel.games["A"].state = STOPPED
    desk.panel.games["B"].players = 2
    left = tuple(InstanceRestart(instance=each, state="stopped") for each in "AB")
    with pytest.raises(GaveUp, match="B has 2 online: nothing was done"):
        await desk.run(RestartPolicy(wait_minutes=0), restarts=left)
    assert desk.counts() == {"A": (0, 1), "B": (0, 0)}
    assert desk.written() == [False, False]


async def test_amp_away_in_the_middle_is_waited_for_until_the_games_are_up(desk: Desk) -> None:
    write = desk.notes.write

    async def write_and_break() -> ChangeRequest:
        done = await write()
        desk.panel.break_on = "GetInstances"
        return done

    desk.notes.write = write_and_break  # type: ignore[method-assign]
    running = asyncio.create_task(desk.run(RestartPolicy()))
    async with asyncio.timeout(60):
        while not any("cannot be started yet" in str(each) for each in desk.notes.notes):
            await asyncio.sleep(0.01)
    desk.panel.break_on = ""
    assert (await running).status is ChangeStatus.APPLIED
    assert [game.state for game in desk.panel.games.values()] == [READY, READY]
