"""Requests that are written as their games next stop: `on_restart`, instance by instance.

    next_stop = NextStop(desk)
    next_stop.hands = hands
    await next_stop.begin(change)       # waits; what does not run now is written now
    watch.looked = next_stop.seen       # stops that anybody does
    games.before_start = next_stop.down # a game that is about to be started by us

A game counts as stopped once AMP calls it stopped (or failed), asked anew just before the write. So
a stop by anybody is met, and so is every restart that the agent does. A restart by others, in AMP's
panel, is met if AMP shows it as stopped in between. If it was too quick for that (AMP counts the
game's time anew), the files stay as they are until the next one: under a game that has read them
already, a change would be lost at its next save. The request and `agent.status` say so, and what
writes it for sure; and since restarts come by the clock, around the time of day at which one was
missed the game is asked as often as while it stops.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from homeamp_agent.amp.restarts import Restarts
from homeamp_agent.changes import ChangesError
from homeamp_agent.changes.errors import plain_reason
from homeamp_agent.changes.execution import GameTrouble, Hands
from homeamp_agent.changes.standing import alike
from homeamp_agent.model.change import (
    ChangeRequest,
    ChangeStatus,
    InstanceRestart,
    Progress,
    WritePolicy,
)
from homeamp_agent.model.game import GameState, InstanceState
from homeamp_agent.model.request import RequestedChange
from homeamp_agent.rpc.dispatch import failure_of, where_of

if TYPE_CHECKING:
    from homeamp_agent.rpc.desk import Desk

FOLLOW_S = 0.25
"""A game that is stopping is asked this often: in a restart it is stopped for an instant only."""
FOLLOW_FOR_S = 300.0
"""A heavy game takes minutes to save its worlds."""

EXPECTED_WITHIN = timedelta(minutes=10)
"""A nightly restart waits for warnings to the players, or for a backup: it is not on the minute."""
MISSED_KEPT = 8
DAY = timedelta(days=1)

LEAVING = frozenset({GameState.STOPPING, GameState.RESTARTING})
WRITES_IT = "instances.restart writes it"
WRITTEN, WAITING = "written", "waiting"

log = logging.getLogger(__name__)


@dataclass(slots=True)
class NextStop:
    """Every request of this host that waits for games to stop."""

    desk: Desk
    hands: Hands | None = None
    _turns: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _following: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _telling: set[asyncio.Task[None]] = field(default_factory=set)
    _writing: set[str] = field(default_factory=set)
    _restarts: Restarts = field(default_factory=Restarts)

    async def begin(self, change: ChangeRequest) -> ChangeRequest:
        """Let an approved request wait; games that do not run now are written at once."""
        names = sorted({each.instance for each in change.files})
        waiting = tuple(InstanceRestart(instance=name, state=WAITING) for name in names)
        change = await self._stand(change, waiting)
        for name in names:
            self._follow(name)
        return change

    async def resume(self, change: ChangeRequest) -> None:
        """After a start of the agent: what the journal holds is written, the rest waits."""
        journalled = await self.desk.in_journal(change.id)
        if journalled is not None:
            await self._noted(change, journalled)

    def waits(self, change_id: str) -> bool:
        """Whether the request waits for a game."""
        booked = self.desk.book.find(change_id)
        return booked is not None and _waits(booked.change)

    def writes(self, change_id: str) -> bool:
        """Whether the request is being written this moment: it can no longer be withdrawn."""
        return change_id in self._writing

    @property
    def instances(self) -> frozenset[str]:
        """The games that something waits for."""
        return frozenset(
            each.instance for change in self._waiting() for each in change.restarts
            if each.state == WAITING
        )  # fmt: skip

    def seen(self, states: Mapping[str, InstanceState]) -> None:
        """Hear what every game does now."""
        wanted = self.instances
        now = datetime.now(UTC)
        restarted = {each.instance for each in self._restarts.seen(states, now)}
        for name in self.expected(now) & set(states):
            self._follow(name)
        for name in wanted & set(states):
            if not states[name].up or states[name].state in LEAVING:
                self._follow(name)
            elif name in restarted:
                task = asyncio.create_task(self._missed(name))
                self._telling.add(task)
                task.add_done_callback(self._told)

    def expected(self, now: datetime) -> frozenset[str]:
        """The games that something waits for, and that were once restarted at this time of day."""
        return frozenset(
            each.instance
            for change in self._waiting()
            for each in change.restarts
            if each.state == WAITING and any(_near(missed, now) for missed in each.missed_at)
        )

    def missed(self) -> tuple[str, ...]:
        """What waits although its game was restarted, a line each."""
        return tuple(
            f"change {change.id} waits for the next stop of {each.instance}, which {each.message}"
            for change in self._waiting()
            for each in change.restarts
            if each.state == WAITING and each.missed_at
        )

    async def down(self, instance: str) -> None:
        """The game is down and held by the caller: write what waits for it. Never raises."""
        try:
            async with self._turns[instance]:
                for change in self._waiting():
                    if _waits_for(change, instance):
                        await self._write(change.id, instance)
        except Exception as error:
            where = where_of(error)
            log.error("what waits for %s was not written: %s", instance, where)  # noqa: TRY400 - its text may hold a value

    async def stop(self) -> None:
        """The agent ends."""
        tasks = (*self._following.values(), *self._telling)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _waiting(self) -> Iterator[ChangeRequest]:
        """The requests that wait, the one approved first before the others."""
        waiting = [each.change for each in self.desk.book.all() if _waits(each.change)]
        yield from sorted(waiting, key=lambda each: (each.approved_at or each.created_at, each.id))

    # meeting the stop -----------------------------------------------------------------------

    def _follow(self, instance: str) -> None:
        if instance in self._following:
            return
        task = self._following[instance] = asyncio.create_task(self._followed(instance))

        def done(ended: asyncio.Task[None]) -> None:
            self._following.pop(instance, None)
            self._told(ended)

        task.add_done_callback(done)

    def _told(self, ended: asyncio.Task[None]) -> None:
        self._telling.discard(ended)
        if where := failure_of(ended):
            log.error("a game that something waits for: %s", where)

    async def _followed(self, instance: str) -> None:
        """Write once the game is down, if it is going down; holding it while it is written."""
        hands = self.hands
        deadline = asyncio.get_running_loop().time() + FOLLOW_FOR_S
        while hands is not None and asyncio.get_running_loop().time() < deadline:
            state = await hands.state(instance)
            if not state.up:
                async with AsyncExitStack() as held:
                    try:
                        await held.enter_async_context(hands.held([instance]))
                    except GameTrouble:
                        return  # whoever holds it starts it through us, and so asks before
                    if not (await hands.state(instance)).up:
                        await self.down(instance)
                return
            if state.state not in LEAVING and instance not in self.expected(datetime.now(UTC)):
                return
            await asyncio.sleep(FOLLOW_S)

    async def _missed(self, instance: str) -> None:
        """It was restarted between two looks: say that it still waits, and what helps."""
        now = datetime.now(UTC)
        async with self._turns[instance]:
            for change in self._waiting():
                if _waits_for(change, instance):
                    log.warning(
                        "change %s is not written into %s: it was restarted, and not seen stopped",
                        change.id,
                        instance,
                    )
                    message = f"restarted too quickly at {now:%H:%M} UTC; {WRITES_IT}"
                    await self._stand(change, _with_message(change, instance, message, now))

    # writing --------------------------------------------------------------------------------

    async def _write(self, change_id: str, instance: str) -> None:
        desk = self.desk
        async with desk.deciding:
            if not self.waits(change_id):
                return  # it was withdrawn just now
            change, request = desk.opened(change_id)
            self._writing.add(change_id)
        try:
            async with desk.turns.of({instance}):
                await self._write_now(change, request, instance)
        finally:
            self._writing.discard(change_id)

    async def _write_now(
        self, change: ChangeRequest, request: RequestedChange, instance: str
    ) -> None:
        desk, change_id = self.desk, change.id
        try:
            planned, _ = await desk.plan(request, instance)
            if not alike(planned, change, instance):
                why = f"{instance}: its files changed since it was approved"
                if await desk.in_journal(change_id) is None:
                    whole, _ = await desk.plan(request)
                    await desk.replanned(change, whole, why)
                else:
                    await self._take_back(change, why)
                return
            done = await desk.write(change, planned, part=True)
        except (ChangesError, OSError) as error:
            await self._refused(change, instance, plain_reason(error))
            return
        failed = [each for each in done.files if each.instance == instance and each.message]
        if failed:
            await self._take_back(change, f"{instance}: {done.message}")
        else:
            await self._noted(change, done)

    async def _refused(self, change: ChangeRequest, instance: str, reason: str) -> None:
        """Nothing was written now; unless somebody took it back, it waits for the next stop."""
        log.warning("change %s was not written into %s: %s", change.id, instance, reason)
        journalled = await self.desk.in_journal(change.id)
        if journalled is not None and journalled.status is ChangeStatus.ROLLED_BACK:
            await self.desk.note_end(change, journalled)
            return
        message = _with_message(change, instance, f"not written: {reason}")
        await self._stand(change, message, held=True)

    async def _take_back(self, change: ChangeRequest, why: str) -> None:
        """One instance cannot have it: no instance keeps it."""
        desk = self.desk
        journalled = await desk.in_journal(change.id)
        if journalled is not None and journalled.status is not ChangeStatus.FAILED:
            why += await self._rolled_back(change.id, why)
        facts = {"status": ChangeStatus.FAILED, "message": why, "finished_at": datetime.now(UTC)}
        await desk.keep(change, held=True, **facts)
        if (after := await desk.in_journal(change.id)) is not None:
            await desk.settle(desk.shown(after))

    async def _rolled_back(self, change_id: str, why: str) -> str:
        try:
            await asyncio.to_thread(
                self.desk.changes().rollback, change_id, author="agent", reason=why
            )
        except (ChangesError, OSError) as error:
            return f"; what is written stays: it could not be taken back: {plain_reason(error)}"
        return "; what was written is taken back: those games must be restarted once more"

    async def _noted(self, change: ChangeRequest, journalled: ChangeRequest) -> None:
        """What the journal holds is written; with the last instance the request is over."""
        written = {each.instance for each in journalled.files if each.state == "verified"}
        stands = tuple(
            InstanceRestart(instance=each.instance, state=WRITTEN)
            if each.instance in written
            else each
            for each in change.restarts
        )
        change = await self._stand(change, stands, held=True)
        if all(each.state == WRITTEN for each in stands):
            await self.desk.note_end(change, journalled)
        await self.desk.settle(self.desk.shown(journalled))

    async def _stand(
        self, change: ChangeRequest, stands: tuple[InstanceRestart, ...], *, held: bool = False
    ) -> ChangeRequest:
        waiting = [each for each in stands if each.state == WAITING]
        lines = [f"{each.instance} ({each.message})" if each.message else each.instance
                 for each in waiting]  # fmt: skip
        progress = Progress(done=len(stands) - len(waiting), total=len(stands), now="")
        return await self.desk.keep(
            change,
            held=held,
            status=ChangeStatus.WAITING,
            message=f"waits for the next stop of {', '.join(lines)}" if lines else "",
            restarts=stands,
            progress=progress,
            waits_until=None,
        )


def _waits(change: ChangeRequest) -> bool:
    return change.status is ChangeStatus.WAITING and change.write_policy is WritePolicy.ON_RESTART


def _waits_for(change: ChangeRequest, instance: str) -> bool:
    return any(each.instance == instance and each.state == WAITING for each in change.restarts)


def _near(missed: datetime, now: datetime) -> bool:
    """Whether it is about the time of day at which one was missed."""
    apart = (now - missed) % DAY
    return min(apart, DAY - apart) <= EXPECTED_WITHIN and now - missed > EXPECTED_WITHIN


def _with_message(
    change: ChangeRequest, instance: str, message: str, missed: datetime | None = None
) -> tuple[InstanceRestart, ...]:
    """Where each of its games stands, with a word on one of them."""
    new = () if missed is None else (missed,)

    def said(each: InstanceRestart) -> InstanceRestart:
        missed_at = (*each.missed_at, *new)[-MISSED_KEPT:]
        return each.model_copy(update={"message": message, "missed_at": missed_at})

    return tuple(said(each) if each.instance == instance else each for each in change.restarts)
