"""`changes.*` and `deviations.fix`: planning, applying and rolling back what puts things right."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from homeamp_agent.changes import NothingPlannedError, PlannedChange, RollbackConflicts
from homeamp_agent.model.change import ChangeRequest, ChangeStatus, Plan
from homeamp_agent.model.deviation import Deviation, DeviationStatus
from homeamp_agent.model.event import Topic
from homeamp_agent.rpc.methods.deviations import NO_SUCH, tell_updated
from homeamp_agent.rpc.methods.edits import Edits
from homeamp_agent.rpc.methods.fitting import (
    fitted_change,
    fitted_plan,
    page_that_fits,
)
from homeamp_agent.rpc.protocol.errors import Busy, Conflict, InvalidParams, NotFound, Refused
from homeamp_agent.rpc.protocol.messages import (
    Access,
    ChangesListParams,
    ChangesListResult,
    ChangesPreviewParams,
    ChangesPreviewResult,
    ChangesRollbackParams,
    ChangesRollbackResult,
    ChangesShowParams,
    ChangesShowResult,
    DeviationsFixParams,
    DeviationsFixResult,
    Skipped,
)
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import Rooms
from homeamp_agent.store import Review, get_deviations, review

_FIXING = frozenset({DeviationStatus.FIXING})


@method(
    "changes.preview",
    access=Access.READ,
    params=ChangesPreviewParams,
    result=ChangesPreviewResult,
)
async def preview(call: Call[Rooms], params: ChangesPreviewParams) -> ChangesPreviewResult:
    """The exact plan of fixing deviations; nothing is written."""
    planned, skipped, _ = await _planned(call.rooms, params.ids)
    return ChangesPreviewResult(plan=fitted_plan(planned.plan), skipped=tuple(skipped))


@method(
    "deviations.fix",
    access=Access.OPERATE,
    params=DeviationsFixParams,
    result=DeviationsFixResult,
    errors=(Conflict, Refused, Busy),
)
async def fix(call: Call[Rooms], params: DeviationsFixParams) -> DeviationsFixResult:
    """Put deviations right: all that can be, in one change request that can be rolled back."""
    rooms = call.rooms
    planned, skipped, known = await _planned(rooms, params.ids)
    if params.digest is not None and params.digest != planned.plan.digest:
        raise Conflict("the files or the rules changed since the preview: look at it again")
    skipped += _refused(planned.plan)
    if not planned.files and params.idempotency_key is None:
        raise Refused(_why_nothing(skipped), skipped=[each.model_dump() for each in skipped[:20]])
    wanted = [edit.deviation_id for edit in planned.edits if edit.deviation_id is not None]
    before = [known[each] for each in wanted]
    author = str(call.peer)
    await _mark(rooms, wanted, DeviationStatus.FIXING, author, params.reason)
    try:
        change = await asyncio.to_thread(
            rooms.changes().apply,
            planned,
            author=author,
            reason=params.reason,
            idempotency_key=_own_key(call, params.idempotency_key),
        )
    except NothingPlannedError as error:
        raise Refused(_why_nothing(skipped)) from error
    except BaseException:
        await _unmark(rooms, before, "the fix was not carried out")
        raise
    await _settle(rooms, change, before)
    return DeviationsFixResult(change=fitted_change(change), skipped=tuple(skipped))


@method("changes.list", access=Access.READ, params=ChangesListParams, result=ChangesListResult)
async def list_(call: Call[Rooms], params: ChangesListParams) -> ChangesListResult:
    """A page of change requests, newest first."""
    changes = await asyncio.to_thread(call.rooms.changes().list)
    start = 0
    if params.cursor is not None:
        ids = [each.id for each in changes]
        if params.cursor not in ids:
            raise InvalidParams("cursor: is not one that a list gave")
        start = ids.index(params.cursor) + 1
    wanted = [
        each
        for each in changes[start:]
        if params.status in {None, each.status}
        and (params.instance is None or params.instance in {file.instance for file in each.files})
    ]

    async def page(limit: int) -> ChangesListResult:
        rows = tuple(map(fitted_change, wanted[:limit]))
        more = len(wanted) > limit
        return ChangesListResult(changes=rows, next_cursor=rows[-1].id if more else None)

    return await page_that_fits(params.limit, page)


@method(
    "changes.show",
    access=Access.READ,
    params=ChangesShowParams,
    result=ChangesShowResult,
    errors=(NotFound,),
)
async def show(call: Call[Rooms], params: ChangesShowParams) -> ChangesShowResult:
    """One change request with its diffs."""
    change = await asyncio.to_thread(call.rooms.changes().show, params.id)
    return ChangesShowResult(change=fitted_change(change))


@method(
    "changes.rollback",
    access=Access.OPERATE,
    params=ChangesRollbackParams,
    result=ChangesRollbackResult,
    errors=(NotFound, Refused, Busy),
)
async def rollback(call: Call[Rooms], params: ChangesRollbackParams) -> ChangesRollbackResult:
    """Put the exact bytes back, of all files of a change or of none."""
    rooms = call.rooms
    try:
        change = await asyncio.to_thread(
            rooms.changes().rollback,
            params.id,
            author=str(call.peer),
            reason=params.reason,
            force=params.force,
        )
    except RollbackConflicts as error:
        change = await asyncio.to_thread(rooms.changes().show, params.id)
        return ChangesRollbackResult(change=fitted_change(change), conflicts=error.conflicts)
    await _settle(rooms, change, ())
    return ChangesRollbackResult(change=fitted_change(change))


async def _planned(
    rooms: Rooms, ids: Sequence[str]
) -> tuple[PlannedChange, list[Skipped], dict[str, Deviation]]:
    """The plan of fixing these, why some are left out, and the deviations by id."""
    known = await get_deviations(rooms.store, ids)
    skipped = [Skipped(id=each, reason=NO_SUCH) for each in ids if each not in known]

    def plan() -> tuple[PlannedChange, list[Skipped]]:
        edits, unfixable = Edits(rooms.drift).of(known.values())
        return rooms.changes().plan(edits), unfixable

    planned, unfixable = await asyncio.to_thread(plan)
    return planned, skipped + unfixable, known


def _refused(plan: Plan) -> list[Skipped]:
    return [
        Skipped(id=each.edit.deviation_id, reason=each.reason)
        for each in plan.refused
        if each.edit.deviation_id is not None
    ]


def _why_nothing(skipped: Iterable[Skipped]) -> str:
    reasons = list(dict.fromkeys(each.reason for each in skipped))
    return "nothing can be fixed: " + "; ".join(reasons[:3])


def _own_key(call: Call[Rooms], key: str | None) -> str | None:
    return None if key is None else f"{call.peer.uid}:{key}"


async def _mark(
    rooms: Rooms, ids: Sequence[str], status: DeviationStatus, actor: str, reason: str
) -> None:
    decision = Review(status, actor=actor, reason=reason)
    await review(rooms.store, ids, decision, datetime.now(UTC))
    await tell_updated(rooms, ids)


async def _unmark(rooms: Rooms, before: Iterable[Deviation], reason: str) -> None:
    """Give those that are still being fixed their earlier status back."""
    alike: dict[tuple[object, ...], list[Deviation]] = defaultdict(list)
    for each in before:
        alike[each.status, each.reviewed_by, repr(each.replacement)].append(each)
    changed: list[str] = []
    for deviations in alike.values():
        first = deviations[0]
        decision = Review(
            first.status,
            actor=first.reviewed_by,
            reason=reason,
            replacement=first.replacement,
            from_statuses=_FIXING,
        )
        ids = [each.id for each in deviations]
        done = await review(rooms.store, ids, decision, datetime.now(UTC))
        changed += [each.id for each in done.changed]
    if changed:
        await tell_updated(rooms, changed)


async def _settle(rooms: Rooms, change: ChangeRequest, before: Iterable[Deviation]) -> None:
    """After a change or its rollback: look at its files again, tell, and name the change."""
    fixed = [each.id for each in before]
    if change.status is ChangeStatus.APPLIED and fixed:
        naming = Review(
            DeviationStatus.FIXING,
            actor=change.author,
            reason=change.reason,
            change_id=change.id,
            from_statuses=_FIXING,
        )
        await review(rooms.store, fixed, naming, datetime.now(UTC))
    await rooms.drift.reread([(each.instance, each.file) for each in change.files])
    await _unmark(rooms, before, change.message or "it is still not as expected")
    body = {"id": change.id, "status": change.status.value, "reason": change.reason}
    rooms.bus.emit(Topic.CHANGES, "updated", body)


METHODS = (preview, fix, list_, show, rollback)
