"""Starting and stopping games with regard for who plays: the one way down and up for everybody.

games = Games(lifecycle)
async with games.held("SURV01", "restarted"):          # nobody else acts on it meanwhile
    await games.make_way("SURV01", Manners(announce="restart in a minute"))
    ...
await games.act(Act.RESTART, "SURV01", Manners())      # all of it at once
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from homeamp_agent.amp.lifecycle import (
    READY_BOUND_SECONDS,
    Lifecycle,
    LifecycleError,
    PlayersOnline,
)
from homeamp_agent.amp.restarts import Restart
from homeamp_agent.model.game import GameState, PlayersPolicy

ANNOUNCE_LEAD_SECONDS = 10.0
"""Between an announcement and a stop that waits for nobody: time to read it and to land."""
STARTS_AT_ONCE = 2
"""Loading worlds takes every core for minutes."""


async def nothing(instance: str) -> None:
    """Do nothing before a start."""
    del instance


class NotBegun(LifecycleError):
    """Nothing was done to the instance; the text says why not."""


class Withdrawn(NotBegun):
    """Nothing was done to the instance: somebody took the act back while it waited."""


class Act(StrEnum):
    """What is done to a game."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"


@dataclass(frozen=True, slots=True)
class Manners:
    """What becomes of players: the policy, how long it waits for them, what is said before."""

    players: PlayersPolicy = PlayersPolicy.WAIT
    wait_seconds: float = 600.0
    announce: str | None = None


@dataclass(slots=True)
class _Hold:
    """Somebody acts on a game; `waiting` as long as that may be taken back."""

    doing: str
    waits_until: datetime | None = None
    waiting: asyncio.Task[bool] | None = None
    withdrawn_by: str = ""
    released: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Games:
    """Acts through `lifecycle`; one act an instance at a time. `restarted` hears of restarts,
    `before_start` of a game that is down, by its name, and may still write into its files.
    """

    lifecycle: Lifecycle
    ready_seconds: float = READY_BOUND_SECONDS
    announce_lead_seconds: float = ANNOUNCE_LEAD_SECONDS
    restarted: Callable[[Restart], None] = lambda _: None
    before_start: Callable[[str], Awaitable[None]] = nothing
    _held: dict[str, _Hold] = field(default_factory=dict)
    _starts: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(STARTS_AT_ONCE))

    @asynccontextmanager
    async def held(self, instance: str, doing: str) -> AsyncIterator[None]:
        """Keep others from acting on the instance; `doing` is what they are told.

        Raises:
            NotBegun: somebody else holds it.
        """
        if instance in self._held:
            doing = self._held[instance].doing
            raise NotBegun(f"{instance} is being {doing}: wait for that to end")
        hold = self._held[instance] = _Hold(doing)
        try:
            yield
        finally:
            del self._held[instance]
            hold.released.set()

    def doing(self, instance: str) -> tuple[str, datetime | None]:
        """What is being done to the game (`stopped`, `changed`; empty: nothing), and until when
        that waits for its players to leave."""
        hold = self._held.get(instance)
        return ("", None) if hold is None else (hold.doing, hold.waits_until)

    async def withdraw(self, instance: str, who: str) -> str:
        """Take back an act that waits for players to leave, and return once it has ended, so
        that the next one may begin. What it was: `stopped`, `restarted`.

        Raises:
            NotBegun: nothing waits there, or not any more; nothing was done.
        """
        hold = self._held.get(instance)
        if hold is None:
            raise NotBegun(f"{instance}: no stop and no restart waits")
        if hold.waiting is None or not hold.waiting.cancel():
            raise NotBegun(f"{instance} is being {hold.doing}: that waits for no players")
        hold.withdrawn_by = who
        await hold.released.wait()
        return hold.doing

    async def _wait_empty(self, instance: str, seconds: float) -> bool:
        hold = self._held.get(instance) or _Hold("")
        hold.waits_until = datetime.now(UTC) + timedelta(seconds=seconds)
        waiting = asyncio.create_task(self.lifecycle.wait_empty(instance, seconds))
        hold.waiting = waiting
        try:
            await asyncio.wait({waiting})
            if hold.withdrawn_by:  # even if the last player left in the same moment
                raise Withdrawn(f"{instance}: withdrawn by {hold.withdrawn_by}: nothing was done")
            return waiting.result()
        finally:
            waiting.cancel()
            hold.waits_until = hold.waiting = None

    async def make_way(self, instance: str, manners: Manners) -> None:
        """Return once the game may go down.

        Raises:
            PlayersOnline: people play, and the manners spare them.
            Withdrawn: somebody took it back while it waited.
            LifecycleError: nobody can tell whether anybody plays.
        """
        state = await self.lifecycle.state(instance)
        if not state.up:
            return
        forced = manners.players is PlayersPolicy.FORCE
        if not forced and state.state is GameState.AWAY:
            raise LifecycleError(f"{instance}: nobody can tell who plays: {state.message}")
        if not forced and state.state is GameState.UNKNOWN:
            raise LifecycleError(f"{instance}: nobody can tell what it does: {state.message}")
        if not forced and await self.lifecycle.wait_empty(instance, 0):
            return
        if manners.players is PlayersPolicy.REFUSE:
            raise PlayersOnline(f"{instance}: {_players(state.players)}: nothing was done")
        if manners.announce:
            await self.lifecycle.announce(instance, manners.announce)
        if forced:
            await asyncio.sleep(self.announce_lead_seconds if manners.announce else 0)
        elif not await self._wait_empty(instance, manners.wait_seconds):
            left = (await self.lifecycle.state(instance)).players
            minutes = f"{manners.wait_seconds / 60:g} min"
            raise PlayersOnline(f"{instance}: {_players(left)} after {minutes}: nothing was done")

    async def bring_up(self, instance: str) -> None:
        """Start the game, and return once players can join; not too many at once.

        Raises:
            LifecycleError: it did not come up.
        """
        async with self._starts:
            if not (await self.lifecycle.state(instance)).up:
                await self.before_start(instance)
            await self.lifecycle.start(instance)
            await self.lifecycle.wait_ready(instance, self.ready_seconds)

    async def act(self, act: Act, instance: str, manners: Manners) -> str:
        """Do it and return once it is done: ready, or stopped. What there is to say of it.

        Raises:
            NotBegun: nothing was done; Withdrawn: because somebody took it back.
            LifecycleError: it was begun, and did not end well.
        """
        async with self.held(instance, _BEING_DONE[act]):
            before, begun_at = await self.lifecycle.state(instance), datetime.now(UTC)
            if act is Act.STOP and before.state is GameState.STOPPED:
                return "it was stopped already"
            if act is Act.START and before.state is GameState.READY:
                return "it ran already"
            if act is not Act.START:
                try:
                    await self.make_way(instance, manners)
                except Withdrawn:
                    raise
                except LifecycleError as error:
                    raise NotBegun(str(error)) from error
                await self.lifecycle.stop(instance)
            if act is not Act.STOP:
                await self.bring_up(instance)
                self.restarted(Restart(instance, begun_at, datetime.now(UTC)))
        return ""


_BEING_DONE = {Act.START: "started", Act.STOP: "stopped", Act.RESTART: "restarted"}


def _players(count: int | None) -> str:
    if count is None:
        return "players may be online"
    return "1 player is online" if count == 1 else f"{count} players are online"
