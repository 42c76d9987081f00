"""Carrying a request out while its games are down: wait, say so, stop, write, start, look.

    done = await Execution(instances, policy, window, hands, paper, restarts).run()

All games of a request go down together, since it is carried out on a host as a whole or not at
all; for one after another there are deployments. What was stopped is on paper before it is stopped:
an execution that is killed at any moment is taken up again from `restarts`, and what it stopped is
started, whatever became of the files.

Speaks of games through `Hands` only; whoever owns AMP gives them.

GaveUp          it was not begun: nothing was stopped, nothing written
GameTrouble     a game could not be asked, stopped or started
└── GameAway    nobody answers now; later may help
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from homeamp_agent.changes.errors import ChangesError, plain_reason
from homeamp_agent.model.change import ChangeRequest, ChangeStatus, InstanceRestart, Progress
from homeamp_agent.model.game import GameState, InstanceState, PlayersPolicy
from homeamp_agent.model.request import RestartPolicy
from homeamp_agent.model.window import Window

LONGEST_SLEEP_S = 60.0
"""The clock of a machine may be set: a window is looked for this often at the least."""

PLAYERS_S = 5.0
"""Players come and go in minutes; AMP counts them every few seconds."""

log = logging.getLogger(__name__)


class GaveUp(ChangesError):
    """It was not begun; the text says why."""


class GameTrouble(ChangesError):
    """A game could not be asked, stopped or started; one line, without a secret."""


class GameAway(GameTrouble):
    """Nobody answers now; trying later may help."""


class Hands(Protocol):
    """What an execution does with games. All but `state` and `held` may raise GameTrouble."""

    def held(self, instances: Sequence[str]) -> AbstractAsyncContextManager[None]:
        """Keep others from acting on the games; raises GameTrouble if somebody does."""
        ...

    async def state(self, instance: str) -> InstanceState:
        """What the game does now; never raises."""
        ...

    async def announce(self, instance: str, text: str) -> None:
        """Say a line to the players."""
        ...

    async def stop(self, instance: str) -> None:
        """Stop the game, and return once it has stopped."""
        ...

    async def start(self, instance: str) -> None:
        """Start the game, and return once players can join."""
        ...

    async def start_later(self, instance: str) -> None:
        """Tell the game to start, and wait for nothing: the agent is about to end."""
        ...

    async def look(self, instance: str, up_until: datetime | None, ready_at: datetime) -> None:
        """Once it has settled: whether it kept what was written."""
        ...


class Paper(Protocol):
    """Where an execution stands, kept over a kill; and what there is to write."""

    async def note(self, facts: Mapping[str, Any]) -> None:
        """Keep fields of the ChangeRequest and tell of them; on the medium when it returns."""
        ...

    async def begin(self) -> None:
        """The last moment to withdraw it has passed. Raises if what was approved has changed."""
        ...

    async def write(self) -> ChangeRequest:
        """Apply it to the files, whole or not at all."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How often players are counted, and how long an announcement has before a forced stop.

    A game that must be started while AMP is away is tried every `again_s` for `away_s`.
    """

    players_s: float = PLAYERS_S
    lead_s: float = 10.0
    away_s: float = 600.0
    again_s: float = 10.0


DOWN = frozenset({"stopping", "stopped", "starting"})
"""The states of a restart in which the game is down by our hand, or may be."""


UNSETTLED = frozenset(
    {
        GameState.STARTING,
        GameState.RESTARTING,
        GameState.STOPPING,
        GameState.UNKNOWN,
        GameState.AWAY,
    }
)
"""Whatever the count of players says: it may be in the middle of an update, or in AMP's care."""

UP_AGAIN = frozenset(
    {GameState.READY, GameState.STARTING, GameState.RESTARTING, GameState.SLEEPING}
)
"""Somebody, or we ourselves before we were killed, brought the game up."""


def owed(restarts: Sequence[InstanceRestart]) -> tuple[str, ...]:
    """The instances that we stopped and have not brought up again."""
    return tuple(each.instance for each in restarts if each.state in DOWN)


@dataclass(slots=True)
class Execution:
    """One request's way down and up. `restarts`: as they were kept, where it was killed before."""

    instances: Sequence[str]
    policy: RestartPolicy
    window: Window | None
    hands: Hands
    paper: Paper
    restarts: Sequence[InstanceRestart] = ()
    pace: Pace = Pace()
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _stand: dict[str, InstanceRestart] = field(init=False)
    _up_until: datetime | None = None
    _steps: int = 0
    _waits: str = ""

    def __post_init__(self) -> None:
        self._stand = {each: InstanceRestart(instance=each, state="waiting") for each in self.names}
        self._stand |= {each.instance: each for each in self.restarts}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.instances)))

    @property
    def owed(self) -> tuple[str, ...]:
        """The instances that we stopped and have not brought up again."""
        return owed(tuple(self._stand.values()))

    async def run(self) -> ChangeRequest:
        """All of it; what became of the request.

        Raises:
            GaveUp: players, or a game that cannot be stopped, kept it from being begun.
            ChangesError, OSError: nothing was written; what was stopped is up again.
        """
        async with AsyncExitStack() as held:
            if self.owed and await self._still_down():
                await self._hold(held)
            else:
                if self.owed:
                    await self._begin_anew()
                await self._wait_for_a_turn(held)
            try:
                await self.paper.begin()
                await self._stop()
                await self._tell("writing the files")
                done = await self.paper.write()
            except Exception:
                await self.finish()
                raise
            await self.finish()
        return done

    async def finish(self) -> None:
        """Bring up again what we stopped, and look whether it kept what was written."""
        ready = await self._bring_up()
        ready_at = self.now()
        if ready:
            await self._tell(f"looking whether {', '.join(ready)} kept it")
        await asyncio.gather(*(self._look(each, ready_at) for each in ready))
        self._steps = self._total
        await self._tell("")

    @property
    def _total(self) -> int:
        """Stopped, starting, up or not, of each game."""
        return 3 * sum(each.state != "untouched" for each in self._stand.values())

    # waiting --------------------------------------------------------------------------------

    async def _wait_for_a_turn(self, held: AsyncExitStack) -> None:
        """Return with the games held and free of players, in the window.

        Raises:
            GaveUp: it will not come to that.
        """
        while True:
            await self._wait_for_the_window()
            until, closes = self._until()
            why = await self._wait_for_players(until, held)
            if not why:
                return
            if not closes or self.policy.players is PlayersPolicy.REFUSE:
                raise GaveUp(f"{why}: nothing was done")
            await self._wait(f"{why}, and the window closed")
            await asyncio.sleep(self.pace.players_s)

    def _until(self) -> tuple[datetime, bool]:
        """How long players are waited for, and whether it is the window that ends it."""
        bound = self.now() + timedelta(minutes=self.policy.wait_minutes)
        closing = None if self.window is None else self.window.closing(self.now())
        return (closing, True) if closing is not None and closing < bound else (bound, False)

    async def _wait_for_the_window(self) -> None:
        told = False
        while self.window is not None and (opens := self.window.next_opening(self.now())) > (
            now := self.now()
        ):
            if not told:
                await self._wait(f"waits for the window {self.window}", opens)
                told = True
            await asyncio.sleep(min((opens - now).total_seconds(), LONGEST_SLEEP_S))

    async def _wait_for_players(self, until: datetime, held: AsyncExitStack) -> str:
        """Empty text once all games are held and may go down; else what kept them up until then."""
        said = False
        while True:
            states = await self._states()
            why = self._who_plays(states)
            # Whoever cannot be asked cannot be stopped either, whatever becomes of its players.
            forced = self.policy.players is PlayersPolicy.FORCE and not any(map(_away, states))
            if not why or forced:
                try:
                    await held.enter_async_context(self.hands.held(self.names))
                except GameTrouble as error:
                    why = str(error)
                else:
                    await self._say(bool(why))
                    return ""
            if self.policy.players is PlayersPolicy.REFUSE or self.now() >= until:
                return why
            await self._wait(f"waits for its games: {why}", until)
            if not said:
                await self._announce()
                said = True
            left = (until - self.now()).total_seconds()
            await asyncio.sleep(max(min(self.pace.players_s, left), 0))

    def _who_plays(self, states: Sequence[InstanceState]) -> str:
        """Which games have players, or do not say; empty text if none."""
        lines = []
        for name, state in zip(self.names, states, strict=True):
            if not state.up or (state.players == 0 and state.state not in UNSETTLED):
                continue
            if state.state in UNSETTLED and state.players in {None, 0} and not _away(state):
                said = f": {state.message}" if state.message else ""
                lines.append(f"{name} is {state.state.value}{said}")
            elif state.players is not None:
                lines.append(f"{name} has {state.players} online")
            elif _away(state):
                lines.append(f"{name}: nobody can tell who plays: {state.message}")
            else:
                lines.append(f"{name} ({state.state.value}) does not count its players")
        return "; ".join(lines)

    async def _states(self) -> list[InstanceState]:
        return list(await asyncio.gather(*map(self.hands.state, self.names)))

    async def _say(self, players: bool) -> None:
        """The last word before the stop; with players, they get time to read it."""
        if self.policy.announce:
            await self._announce()
            await asyncio.sleep(self.pace.lead_s if players else 0)

    async def _announce(self) -> None:
        for name, state in zip(self.names, await self._states(), strict=True):
            if self.policy.announce and state.state is GameState.READY:
                try:
                    await self.hands.announce(name, self.policy.announce)
                except GameTrouble as error:
                    log.warning("%s: not announced: %s", name, error)

    async def _wait(self, message: str, until: datetime | None = None) -> None:
        if message == self._waits:
            return
        self._waits = message
        await self.paper.note(
            {
                "status": ChangeStatus.WAITING,
                "message": message,
                "waits_until": until,
                "restarts": tuple(self._stand.values()),
            }
        )

    async def _still_down(self) -> bool:
        """Whether the games that we stopped, before we were killed, are down to this moment."""
        states = await asyncio.gather(*map(self.hands.state, self.owed))
        return not any(each.state in UP_AGAIN for each in states)

    async def _begin_anew(self) -> None:
        """Somebody brought a game up meanwhile, and people may play: bring up all, and wait as if
        nothing had been done."""
        await self._bring_up()
        for name in self.names:
            self._stand[name] = InstanceRestart(instance=name, state="waiting")
        self._steps = 0

    async def _hold(self, held: AsyncExitStack) -> None:
        """After a kill: nothing else has a claim on games that we stopped."""
        await held.enter_async_context(self.hands.held(self.names))

    # down and up ----------------------------------------------------------------------------

    async def _stop(self) -> None:
        self._up_until = self.now()
        states = await self._states()
        for name, state in zip(self.names, states, strict=True):
            if self._stand[name].state not in DOWN:
                self._stand[name] = self._stopping(name, state)
        await self._note("stopping the games")
        going = [each for each in self.names if self._stand[each].state in DOWN]
        results = await asyncio.gather(*map(self.hands.stop, going), return_exceptions=True)
        for name, result in zip(going, results, strict=True):
            if not isinstance(result, BaseException):
                await self._move(name, "stopped")
            elif (await self.hands.state(name)).state is GameState.READY:
                await self._move(name, "untouched", "it could not be stopped and runs on")
        for result in results:
            if isinstance(result, BaseException):
                raise result

    @staticmethod
    def _stopping(name: str, state: InstanceState) -> InstanceRestart:
        if state.up:
            return InstanceRestart(instance=name, state="stopping")
        message = f"it did not run before ({state.state.value}) and is left so"
        return InstanceRestart(instance=name, state="untouched", message=message)

    async def _start(self, name: str) -> bool:
        stopped = self._stand[name].state != "stopping"
        await self._move(name, "starting")
        try:
            await self._start_at_last(name)
        except GameTrouble as error:
            was = "does not come up again" if stopped else "was told to stop and cannot be started"
            log.error("%s %s: %s", name, was, error)  # noqa: TRY400
            await self._move(name, "failed", f"{was}: {error}")
            return False
        await self._move(name, "ready")
        return True

    async def _start_at_last(self, name: str) -> None:
        deadline = self.now() + timedelta(seconds=self.pace.away_s)
        while True:
            try:
                return await self.hands.start(name)
            except GameAway as error:
                if self.now() >= deadline:
                    raise
                await self._tell(f"{name} cannot be started yet: {error}")
            await asyncio.sleep(self.pace.again_s)

    async def _bring_up(self) -> list[str]:
        """Start what we stopped; those that came up."""
        starting = self.owed
        up = await asyncio.gather(*(self._start(each) for each in starting))
        return [name for name, came in zip(starting, up, strict=True) if came]

    async def _look(self, name: str, ready_at: datetime) -> None:
        try:
            await self.hands.look(name, self._up_until, ready_at)
        except (ChangesError, OSError) as error:
            log.warning("whether %s kept it is not known: %s", name, plain_reason(error))

    async def _move(self, name: str, state: str, message: str = "") -> None:
        self._stand[name] = InstanceRestart(instance=name, state=state, message=message)
        self._steps += 1
        await self._tell(f"{name} is {state}" if not message else f"{name} {message}")

    async def _tell(self, doing: str) -> None:
        """Keep where each game stands; a full disk must not keep a game down."""
        try:
            await self._note(doing)
        except OSError as error:
            log.warning("where the games stand is not written down: %s", plain_reason(error))

    async def _note(self, doing: str) -> None:
        facts = {
            "restarts": tuple(self._stand.values()),
            "progress": Progress(done=min(self._steps, self._total), total=self._total, now=doing),
        }
        await self.paper.note(facts)


def _away(state: InstanceState) -> bool:
    return state.state is GameState.AWAY
