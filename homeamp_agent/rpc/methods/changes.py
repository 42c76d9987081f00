"""`changes.*` and `deviations.fix`: planning, applying and rolling back what puts things right."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from homeamp_agent.changes import (
    NothingPlannedError,
    PlannedChange,
    RollbackConflicts,
    new_change_id,
)
from homeamp_agent.model.change import ChangeStatus, Plan
from homeamp_agent.model.deviation import Deviation
from homeamp_agent.rpc.methods.deviations import NO_SUCH
from homeamp_agent.rpc.methods.edits import Edits
from homeamp_agent.rpc.methods.fitting import (
    ROOM_BYTES,
    fitted_change,
    fitted_conflicts,
    fitted_plan,
    page_that_fits,
    place_after,
    size_of,
)
from homeamp_agent.rpc.methods.rolling_back import tell_deployments, under_way
from homeamp_agent.rpc.methods.settling import mark_fixing, settle, unmark
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
from homeamp_agent.store import get_deviations

BY_TWO = (
    "somebody else approves what is written on this host (changes.approval): hand it in as a "
    "request (changes.submit with these as deviation_ids; C in the dashboard)"
)


@method(
    "changes.preview",
    access=Access.READ,
    params=ChangesPreviewParams,
    result=ChangesPreviewResult,
    errors=(InvalidParams, NotFound, Refused),
)
async def preview(call: Call[Rooms], params: ChangesPreviewParams) -> ChangesPreviewResult:
    """The exact plan of fixing deviations or of a change request; nothing is written."""
    desk = call.rooms.desk
    if params.request is not None:
        read = await desk.read(params.request)
        wanted, notes = await desk.plan(read.request)
        return ChangesPreviewResult(plan=fitted_plan(wanted.plan), notes=(*read.notes, *notes))
    if params.id is not None:
        wanted, notes = await desk.plan_of(params.id)
        return ChangesPreviewResult(plan=fitted_plan(wanted.plan), notes=notes)
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
    if rooms.desk.policy.approval == "other":
        raise Refused(BY_TWO)
    planned, skipped, known = await _planned(rooms, params.ids)
    if params.digest is not None and params.digest != planned.plan.digest:
        raise Conflict("the files or the rules changed since the preview: look at it again")
    skipped += _refused(planned.plan)
    if not planned.files and params.idempotency_key is None:
        raise nothing_fixed(skipped)
    wanted = [edit.deviation_id for edit in planned.edits if edit.deviation_id is not None]
    before = [known[each] for each in wanted]
    author = str(call.peer)
    change_id = new_change_id()
    await mark_fixing(rooms, wanted, change_id, author, params.reason)
    try:
        change = await asyncio.to_thread(
            rooms.changes().apply,
            planned,
            author=author,
            reason=params.reason,
            change_id=change_id,
            idempotency_key=_own_key(call, params.idempotency_key),
        )
    except NothingPlannedError as error:
        raise nothing_fixed(skipped) from error
    except BaseException:
        await unmark(rooms, before, "the fix was not carried out")
        raise
    await settle(rooms, change, before)
    return DeviationsFixResult(change=fitted_change(change), skipped=tuple(skipped))


@method("changes.list", access=Access.READ, params=ChangesListParams, result=ChangesListResult)
async def list_(call: Call[Rooms], params: ChangesListParams) -> ChangesListResult:
    """A page of change requests, newest first."""
    changes = await call.rooms.desk.all()
    start = place_after(params.cursor, [each.id for each in changes])
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
    change = await call.rooms.desk.show(params.id)
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
    await rooms.drift.ready()
    for why in (await under_way(rooms, [params.id])).values():
        raise Refused(why)
    try:
        change = await asyncio.to_thread(
            rooms.changes().rollback,
            params.id,
            author=str(call.peer),
            reason=params.reason,
            force=params.force,
        )
    except RollbackConflicts as error:
        change = await rooms.desk.show(params.id)
        told = fitted_change(change, ROOM_BYTES // 2)
        conflicts = fitted_conflicts(error.conflicts, ROOM_BYTES - size_of(told))
        return ChangesRollbackResult(change=told, conflicts=conflicts)
    await settle(rooms, change, ())
    if change.status is ChangeStatus.ROLLED_BACK:
        await tell_deployments(rooms, [change.id], str(call.peer), params.reason)
    return ChangesRollbackResult(change=fitted_change(rooms.desk.shown(change)))


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


def nothing_fixed(skipped: Sequence[Skipped]) -> Refused:
    """The error reply where no edit puts any of the deviations right."""
    reasons = list(dict.fromkeys(each.reason for each in skipped))
    words = "nothing can be fixed: " + "; ".join(reasons[:3])
    return Refused(words, skipped=[each.model_dump() for each in skipped[:20]])


def _own_key(call: Call[Rooms], key: str | None) -> str | None:
    return None if key is None else f"{call.peer.uid}:{key}"


METHODS = (preview, fix, list_, show, rollback)
