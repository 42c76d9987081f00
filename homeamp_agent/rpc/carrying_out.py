"""Carrying out requests that take games down: begun here, and taken up again after a kill.

carrying = CarryingOut(desk, rules)
carrying.hands = GameHands(games, after_restart)
await carrying.begin(change)            # goes on by itself; `desk.ended(id)` waits for the end
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from homeamp_agent.changes import ChangesError, NotNowError
from homeamp_agent.changes.errors import RequestError, plain_reason
from homeamp_agent.changes.execution import DOWN, Execution, GameTrouble, Hands, Pace, owed
from homeamp_agent.model.change import ChangeRequest, ChangeStatus, WritePolicy
from homeamp_agent.model.game import GameState, InstanceState
from homeamp_agent.model.request import RequestedChange, RestartPolicy
from homeamp_agent.model.window import NoWindow, Window, window_of
from homeamp_agent.rpc.dispatch import failure_of
from homeamp_agent.rpc.next_stop import NextStop
from homeamp_agent.rpc.turns import instances_of

if TYPE_CHECKING:
    from homeamp_agent.rpc.desk import Desk

NO_HANDS = (
    "{policy} needs AMP, and the agent speaks to none on this host: set amp.url and an account, or "
    "use the write policy `now` and restart the games by hand"
)

LAST_WORDS_S = 2.0
"""systemd gives the agent 5 s in all to end."""
NOT_STARTED = "was stopped and not started again: the agent no longer speaks to AMP"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RestartRules:
    """The settings' `restarts`: named windows, the one that counts where none is named, the zone.

    `pace`: how often players are counted.
    """

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    windows: Mapping[str, str] = field(default_factory=dict)
    window: str | None = None
    pace: Pace = field(default_factory=Pace)

    def window_for(self, policy: RestartPolicy | None) -> Window | None:
        """The window of a request.

        Raises:
            NoWindow: what it says is none.
        """
        said = policy.window if policy is not None and policy.window else self.window
        return window_of(said, self.windows, self.zone)


@dataclass(slots=True)
class CarryingOut:
    """The requests that wait for their games, each in a task of its own."""

    desk: Desk
    rules: RestartRules = field(default_factory=RestartRules)
    hands: Hands | None = None
    next_stop: NextStop = field(init=False)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.next_stop = NextStop(self.desk)

    def speaks_through(self, hands: Hands) -> None:
        """From now on games can be asked, stopped and started."""
        self.hands = self.next_stop.hands = hands

    def check(self, request: RequestedChange) -> None:
        """Whether this host can carry such a request out at all.

        Raises:
            NotNowError: no, with what to do.
            RequestError: what it says of its restart cannot be understood.
        """
        if request.write_policy is WritePolicy.NOW:
            return
        if self.hands is None:
            raise NotNowError(NO_HANDS.format(policy=request.write_policy.value))
        try:
            self.rules.window_for(request.restart)
        except NoWindow as error:
            raise RequestError([f"restart.window: {error}"]) from error

    async def begin(self, change: ChangeRequest) -> ChangeRequest:
        """Let an approved request wait for its games, and go on by itself from there."""
        if change.write_policy is WritePolicy.ON_RESTART:
            return await self.next_stop.begin(change)
        message = "looks after its games"
        facts: dict[str, Any] = {"restarts": (), "progress": None, "waits_until": None}
        change = await self.desk.keep(change, status=ChangeStatus.WAITING, message=message, **facts)
        self._spawn(change.id)
        return change

    async def resume(self, change: ChangeRequest) -> None:
        """After a start of the agent: go on where it was killed, or bring up what it stopped."""
        if change.write_policy is WritePolicy.ON_RESTART:
            if self.next_stop.waits(change.id):
                await self.next_stop.resume(change)
            return
        over = not self.desk.book.get(change.id).open
        written = over or await self.desk.as_journalled(change) is not None
        if not written and change.status in {ChangeStatus.WAITING, ChangeStatus.APPLYING}:
            self._spawn(change.id)
        elif owed(change.restarts):
            task = asyncio.create_task(self._bring_up(change.id))
            self._keep_task(change.id, task)

    def withdraw(self, change_id: str) -> None:
        """Stop waiting; the caller has seen that nothing was begun."""
        if (task := self._tasks.get(change_id)) is not None:
            task.cancel()

    def busy(self, change_id: str) -> bool:
        """Whether a task of the request runs."""
        return change_id in self._tasks

    def problems(self, states: Mapping[str, InstanceState]) -> tuple[str, ...]:
        """The games that a change stopped and that did not come up, while they are not ready; and
        those that a change waits for and that were restarted without being seen stopped."""
        return self.next_stop.missed() + tuple(
            f"{restart.instance} {restart.message} (stopped for change {booked.change.id})"
            for booked in self.desk.book.all()
            for restart in booked.change.restarts
            if restart.state == "failed"
            and states.get(restart.instance, InstanceState()).state is not GameState.READY
        )

    async def stop(self) -> None:
        """The agent ends: what is under way is taken up again at its next start.

        Nobody knows when that will be: games that are down for a change are told to start, unless
        their files are being written.
        """
        under_way = tuple(self._tasks)
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.next_stop.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                await asyncio.gather(*map(self._start_later, under_way))

    async def _start_later(self, change_id: str) -> None:
        journalled = await self.desk.in_journal(change_id)
        if journalled is not None and journalled.status is ChangeStatus.APPLYING:
            return
        for name in owed(self.desk.book.get(change_id).change.restarts):
            log.warning("%s is down for change %s: it is told to start", name, change_id)
            try:
                if self.hands is not None:
                    await self.hands.start_later(name)
            except GameTrouble as error:
                log.error("%s stays down until the agent runs again: %s", name, error)  # noqa: TRY400

    def _spawn(self, change_id: str) -> None:
        self._keep_task(change_id, asyncio.create_task(self._carry_out(change_id)))

    def _keep_task(self, change_id: str, task: asyncio.Task[None]) -> None:
        self._tasks[change_id] = task

        def done(ended: asyncio.Task[None]) -> None:
            self._tasks.pop(change_id, None)
            self.desk.wake()
            if where := failure_of(ended):
                log.error("change %s: %s", change_id, where)

        task.add_done_callback(done)

    def _execution(self, change: ChangeRequest, policy: RestartPolicy | None) -> Execution:
        if self.hands is None:
            raise GameTrouble(NO_HANDS.format(policy=change.write_policy.value))
        return Execution(
            instances=tuple(each.instance for each in change.files),
            policy=policy or RestartPolicy(),
            window=self.rules.window_for(policy),
            hands=self.hands,
            paper=Sheet(self.desk, change.id),
            restarts=change.restarts,
            pace=self.rules.pace,
        )

    async def _carry_out(self, change_id: str) -> None:
        """The whole of it; what keeps it from being done is told of in the request."""
        desk = self.desk
        try:
            change, request = desk.opened(change_id)
            await self._execution(change, request.restart).run()
        except (ChangesError, NoWindow, OSError) as error:
            reason = str(error) if isinstance(error, NoWindow) else plain_reason(error)
            log.warning("change %s was not carried out: %s", change_id, reason)
            await self._put_back(change_id, reason)
        except Exception as error:
            await self._put_back(change_id, plain_reason(error))
            raise
        else:
            # The journal anew: meanwhile it was looked whether the games kept it.
            done = await desk.as_journalled(desk.book.get(change_id).change)
            if done is not None:
                await desk.settle(desk.shown(done))
        finally:
            await self._write_down(change_id)

    async def _put_back(self, change_id: str, reason: str) -> None:
        """It is approved still, and a person says when it is tried again."""
        now = self.desk.book.get(change_id).change
        if now.status in {ChangeStatus.WAITING, ChangeStatus.APPLYING} and (
            await self.desk.as_journalled(now) is None
        ):
            facts: dict[str, Any] = {"status": ChangeStatus.APPROVED, "message": reason}
            await self.desk.keep(now, held=True, waits_until=None, **facts)

    async def _bring_up(self, change_id: str) -> None:
        """Start what the last agent stopped and did not start; its files are settled."""
        change = self.desk.book.get(change_id).change
        names = ", ".join(owed(change.restarts))
        log.warning("change %s stopped %s before the agent ended: starting", change_id, names)
        if self.hands is not None:
            await self._execution(change, None).finish()
            await self._write_down(change_id)
            return
        failed = [
            each.model_copy(update={"state": "failed", "message": NOT_STARTED})
            if each.state in DOWN
            else each
            for each in change.restarts
        ]
        await self.desk.keep(change, restarts=tuple(failed))

    async def _write_down(self, change_id: str) -> None:
        """Every game that was restarted, in the audit log."""
        change = self.desk.book.get(change_id).change
        for each in change.restarts:
            if each.state in _OUTCOMES:
                await asyncio.to_thread(
                    self.desk.changes().audit.append,
                    who=change.author,
                    action="instance.restart",
                    subject=each.instance,
                    reason=f"for change {change_id}: {change.reason}",
                    outcome=_OUTCOMES[each.state],
                    message=each.message,
                )


_OUTCOMES = {"ready": "done", "failed": "failed"}


@dataclass(slots=True)
class Sheet:
    """`changes.execution.Paper`: the request's page in the book."""

    desk: Desk
    change_id: str

    async def note(self, facts: Mapping[str, Any]) -> None:
        """Keep fields of the request, and tell."""
        await self.desk.keep(self.desk.book.get(self.change_id).change, **facts)

    async def begin(self) -> None:
        """From here on it cannot be withdrawn.

        Raises:
            FileConflictError: what was approved is no longer what it would do.
        """
        async with self.desk.deciding:
            change, request = self.desk.opened(self.change_id)
            resumed = change.status is ChangeStatus.APPLYING
            await self.desk.planned_as_approved(change, request, settings_only=resumed)
            await self.desk.keep(change, status=ChangeStatus.APPLYING, message="", waits_until=None)

    async def write(self) -> ChangeRequest:
        """Apply it. A game may have saved its files as it stopped: the settings must be the same.

        Raises:
            FileConflictError: they are not.
        """
        change, request = self.desk.opened(self.change_id)
        async with self.desk.turns.of(instances_of(change)):
            planned = await self.desk.planned_as_approved(change, request, settings_only=True)
            return await self.desk.write(change, planned)
