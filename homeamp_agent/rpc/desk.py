"""The desk: change requests from being handed in to being carried out, over restarts.

    change, planned = await desk.submit(read, author="mia", source="rpc")
    await desk.approve(change.id, "mia", digest=planned.plan.digest)
    await desk.apply(change.id, who="mia")

An approval is tied to the digest of the plan that it saw. What is carried out is planned anew at
that moment; if that is another plan, the request goes back to be approved, and says so. The journal
(`ChangeRoom`) is the truth about what was written; the book about everything before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from homeamp_agent.changes import (
    BookedRequest,
    ChangesError,
    FileConflictError,
    NothingPlannedError,
    NotNowError,
    PlannedChange,
    ReadRequest,
)
from homeamp_agent.changes.errors import ChangeExistsError, plain_reason
from homeamp_agent.changes.standing import (
    approved,
    change_of,
    plan_facts,
    ready,
    why_nothing,
)
from homeamp_agent.model.change import (
    GOES_ON_AS,
    ChangeRequest,
    ChangeStatus,
    Plan,
    WritePolicy,
)
from homeamp_agent.model.request import RequestedChange
from homeamp_agent.rpc.carrying_out import CarryingOut, RestartRules
from homeamp_agent.rpc.request_planning import LOOK_AGAIN, RequestPlanning
from homeamp_agent.rpc.turns import Turns, instances_of

LONGEST_SLEEP_S = 60.0
"""The clock of a machine may be set: a schedule is looked at this often at the least."""

APPROVABLE = frozenset({ChangeStatus.PENDING_APPROVAL})
STARTABLE = frozenset({ChangeStatus.APPROVED, ChangeStatus.SCHEDULED})
UNDER_WAY = frozenset({ChangeStatus.WAITING, ChangeStatus.APPLYING, ChangeStatus.ROLLING_BACK})
CANCELLABLE = frozenset(
    {ChangeStatus.PENDING_APPROVAL, ChangeStatus.APPROVED, ChangeStatus.SCHEDULED,
     ChangeStatus.WAITING}
)  # fmt: skip

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeskPolicy:
    """How requests are treated; see the settings' `changes`."""

    approval: Literal["own", "other", "at_once"] = "own"
    parallel: int = 2
    restarts: RestartRules = field(default_factory=RestartRules)


@dataclass(slots=True, kw_only=True)
class Desk(RequestPlanning):
    """Every request of this host. `settle` looks at the files of a change again and tells of it."""

    settle: Callable[[ChangeRequest], Awaitable[None]]
    policy: DeskPolicy = field(default_factory=DeskPolicy)
    _busy: set[str] = field(default_factory=set)
    _places: asyncio.Semaphore = field(init=False)
    turns: Turns = field(default_factory=Turns)
    deciding: asyncio.Lock = field(default_factory=asyncio.Lock)
    carrying: CarryingOut = field(init=False)

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.policy.parallel)
        self.carrying = CarryingOut(self, self.policy.restarts)

    # handing in and deciding ----------------------------------------------------------------

    async def submit(
        self,
        read: ReadRequest,
        *,
        author: str,
        source: str,
        operates: bool,
        dry_run: bool = False,
        deployment_id: str | None = None,
    ) -> tuple[ChangeRequest, Plan]:
        """Take a request in; what it would do is planned and shown, nothing is written.

        A request handed in again under its own id is the one that is there already.

        Raises:
            ChangeExistsError: another request has its id.
            NothingPlannedError: nothing of it can be done.
            RequestError: this host cannot carry it out.
        """
        request = read.request
        self.carrying.check(request)
        planned, notes = await self.plan(request)
        async with self.deciding:
            earlier = self._earlier(request)
            if earlier is not None:
                return await self.show(earlier.change.id), planned.plan
            if request.request_id is not None and await self.in_journal(request.request_id):
                raise ChangeExistsError(f"another change has the id {request.request_id}")
            if not planned.files and not dry_run:
                raise NothingPlannedError(why_nothing(planned.plan, notes))
            change = change_of(request, planned, author, source, (*read.notes, *notes))
            change = change.model_copy(update={"deployment_id": deployment_id})
            if dry_run:
                return change, planned.plan
            if self.policy.approval == "at_once" and operates:
                change = approved(change, author, planned.plan.digest)
            await asyncio.to_thread(self.book.enter, BookedRequest(change, request))
            await self.log_act(author, "submitted", change, request.reason)
        self.tell(change)
        return change, planned.plan

    async def approve(
        self, change_id: str, who: str, digest: str | None = None, *, vouched: bool = False
    ) -> ChangeRequest:
        """Approve exactly the plan that `digest` names; without, the one shown when handed in.

        `vouched`: who may approve was settled already, by the rules for deployments.

        Raises:
            NotNowError: it does not wait for approval, or not for this person's.
            FileConflictError: what it would do now is another plan.
        """
        async with self.deciding:
            change, request = self.opened(change_id)
            if change.status not in APPROVABLE:
                raise NotNowError(f"{change_id} is {change.status.words}: nothing to approve")
            if self.policy.approval == "other" and who == change.author and not vouched:
                raise NotNowError(
                    f"{change_id} is {who}'s own: somebody else approves it (changes.approval)"
                )
            planned, _ = await self.plan(request)
            if planned.plan.digest != (digest or change.digest):
                await self.replanned(change, planned, "the files changed since it was planned")
                raise FileConflictError(change_id, LOOK_AGAIN)
            # The plan that was seen, where that is a newer one than the first.
            change = change.model_copy(update=plan_facts(planned))
            return await self._decided(approved(change, who, planned.plan.digest), who, "approved")

    async def reject(self, change_id: str, who: str, reason: str) -> ChangeRequest:
        """Say no to a request that waits for approval.

        Raises:
            NotNowError: it does not.
        """
        return await self._end(change_id, who, reason, APPROVABLE, ChangeStatus.REJECTED)

    async def cancel(self, change_id: str, who: str, reason: str) -> ChangeRequest:
        """Withdraw a request before anything of it was written.

        Raises:
            NotNowError: it is under way, or over.
        """
        return await self._end(change_id, who, reason, CANCELLABLE, ChangeStatus.CANCELLED)

    def waiting(self, change_id: str) -> RequestedChange:
        """The request behind a change of which nothing was begun yet, as it was handed in.

        Raises:
            UnknownChangeError: there is none.
            NotNowError: it is under way, or over.
        """
        change, request = self.opened(change_id)
        if change.status not in CANCELLABLE or change_id in self._busy:
            raise NotNowError(f"{change_id} is {change.status.words}: it goes its own way")
        if change.deployment_id is not None:
            raise NotNowError(f"{change_id} is part of deployment {change.deployment_id}")
        return request

    async def take_over(self, change_id: str, who: str, deployment_id: str) -> ChangeRequest:
        """End a request that waits: it goes on as a deployment.

        Raises:
            NotNowError: it is under way, or over.
        """
        reason = f"{GOES_ON_AS} {deployment_id}"
        return await self.cancel(change_id, who, reason)

    # carrying out ---------------------------------------------------------------------------

    async def apply(
        self, change_id: str, digest: str | None = None, *, who: str | None = None
    ) -> ChangeRequest:
        """Carry an approved request out now, whatever its schedule; returns what became of it.

        `who` asks for it, and stands in the audit log; without, its time has come. One whose games
        must go down is begun and goes on by itself: `ended` waits for its end.

        Raises:
            NotNowError: it is not approved, or under way.
            FileConflictError: its plan no longer holds; it waits for approval again.
            InstanceBusyError: another request works on one of its instances.
        """
        async with self.deciding:
            change, request = self.opened(change_id)
            if self.under_way(change_id):
                raise NotNowError(f"{change_id} is under way")
            if change.status not in STARTABLE:
                raise NotNowError(f"{change_id} is {change.status.words}: approve it first")
            if digest is not None and digest != change.digest:
                raise FileConflictError(change_id, "another plan was approved: preview it again")
            if request.write_policy is not WritePolicy.NOW:
                self.carrying.check(request)
            if who is not None:
                await self.log_act(who, "started", change, "")
            if request.write_policy is not WritePolicy.NOW:
                return await self.carrying.begin(change)
            self._busy.add(change_id)
        try:
            async with self.turns.of(instances_of(change)):
                return await self._carry_out(change_id)
        finally:
            self._busy.discard(change_id)
            self.wake()

    async def ended(self, change_id: str) -> ChangeRequest:
        """The request once nothing of it is under way or waited for: over, or approved again.

        Raises:
            UnknownChangeError: there is none.
        """
        while True:
            news = self.news
            change = await self.show(change_id)
            working = change_id in self._busy or self.carrying.busy(change_id)
            if change.status not in UNDER_WAY and not working:
                return change
            await news.wait()

    async def run(self) -> None:
        """Start what is due, as long as the agent runs."""
        await self._resume()
        try:
            await self._run()
        finally:
            await self.carrying.stop()

    async def _run(self) -> None:
        while True:
            self.woken.clear()
            now = datetime.now(UTC)
            waiting = [
                each.change
                for each in self.book.all()
                if each.change.status is ChangeStatus.SCHEDULED and each.change.not_before
            ]
            due = [each for each in waiting if each.not_before and each.not_before <= now]
            await asyncio.gather(*(self._start(each) for each in due))
            later = [each.not_before for each in waiting if each not in due and each.not_before]
            sleep_s = min([(each - now).total_seconds() for each in later] + [LONGEST_SLEEP_S])
            try:
                await asyncio.wait_for(self.woken.wait(), max(sleep_s, 0.01))
            except TimeoutError:
                continue

    async def _start(self, change: ChangeRequest) -> None:
        """Carry out what is due; what keeps it from being done is told of in the request."""
        try:
            await self.apply(change.id)
        except (ChangesError, OSError) as error:
            reason = plain_reason(error)
            log.warning("change %s was due and not carried out: %s", change.id, reason)
            now = self.book.get(change.id).change
            if now.status is ChangeStatus.SCHEDULED:
                # Tried once: it does not start again by itself in the middle of somebody's day.
                facts = {"status": ChangeStatus.APPROVED, "message": f"was due: {reason}"}
                await self.keep(now, held=True, **facts)

    async def _carry_out(self, change_id: str) -> ChangeRequest:
        change, request = self.opened(change_id)
        planned = await self.planned_as_approved(change, request)
        before = change
        change = await self.keep(change, status=ChangeStatus.APPLYING, message="")
        try:
            done = await self.write(change, planned)
        except Exception:
            if await self.as_journalled(change) is None:
                await self.keep(before, held=True)
            raise
        await self.note_end(change, done)
        await self.settle(self.shown(done))
        return self.shown(done)

    async def write(
        self, change: ChangeRequest, planned: PlannedChange, *, part: bool = False
    ) -> ChangeRequest:
        """Write what was approved; not too many at once. Raises as `ChangeRoom.apply` does."""
        async with self._places:
            return await asyncio.to_thread(
                self.changes().apply,
                planned,
                author=change.author,
                reason=change.reason,
                change_id=change.id,
                part=part,
                on_file=self.counting(change.id),
            )

    async def _resume(self) -> None:
        """After a start: the journal tells how what was under way ended; else it is as approved."""
        for booked in self.book.all():
            change = booked.change
            if change.write_policy is not WritePolicy.NOW:
                await self.carrying.resume(change)
                continue
            written = not booked.open or await self.as_journalled(change) is not None
            if not written and change.status is ChangeStatus.APPLYING:
                message = "the agent was stopped before anything was written"
                await self.keep(change, status=ready(change), message=message)

    # helpers --------------------------------------------------------------------------------

    def _earlier(self, request: RequestedChange) -> BookedRequest | None:
        booked = self.book.find(request.request_id) if request.request_id else None
        if booked is None:
            return None
        same = booked.request == request or (
            booked.request is None and booked.change.reason == request.reason
        )
        if not same:
            raise ChangeExistsError(f"another request has the id {request.request_id}")
        return booked

    async def _end(
        self,
        change_id: str,
        who: str,
        reason: str,
        states: frozenset[ChangeStatus],
        status: ChangeStatus,
    ) -> ChangeRequest:
        async with self.deciding:
            change = self.book.get(change_id).change
            if change_id in self._busy:
                raise NotNowError(f"{change_id} is being carried out: wait, and roll it back")
            if change.status not in states:
                raise NotNowError(f"{change_id} is {change.status.words}: it stays so")
            if written := [each.instance for each in change.restarts if each.state == "written"]:
                raise NotNowError(
                    f"{change_id} is written into {', '.join(written)} already: roll it back"
                )
            if self.carrying.next_stop.writes(change_id):
                raise NotNowError(f"{change_id} is being written: wait, and roll it back")
            self.carrying.withdraw(change_id)
            ended = change.model_copy(
                update={"status": status, "message": reason, "finished_at": datetime.now(UTC)}
            )
            return await self._decided(ended, who, status.value, reason)

    async def _decided(
        self, change: ChangeRequest, who: str, act: str, reason: str = ""
    ) -> ChangeRequest:
        await asyncio.to_thread(self.book.update, change)
        await self.log_act(who, act, change, reason)
        self.tell(change)
        return change

    def under_way(self, change_id: str) -> bool:
        """Whether somebody works on the request, or waits for its games."""
        return (
            change_id in self._busy
            or self.carrying.busy(change_id)
            or self.carrying.next_stop.waits(change_id)
        )
