"""`changes.submit` and what follows: approving, rejecting, withdrawing, carrying out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from homeamp_agent.changes import ChangesError, ReadRequest
from homeamp_agent.changes.errors import plain_reason
from homeamp_agent.changes.reading import parse_request, with_line_edits, with_said
from homeamp_agent.changes.standing import without_diffs
from homeamp_agent.model.change import ChangeRequest, Plan
from homeamp_agent.rpc.access import allows
from homeamp_agent.rpc.methods.changes import nothing_fixed
from homeamp_agent.rpc.methods.deviations import NO_SUCH
from homeamp_agent.rpc.methods.edits import Edits, as_requested
from homeamp_agent.rpc.methods.fitting import ROOM_BYTES, fitted_change, fitted_plan, size_of
from homeamp_agent.rpc.protocol.errors import Busy, Conflict, InvalidParams, NotFound, Refused
from homeamp_agent.rpc.protocol.messages import (
    Access,
    ChangesApplyParams,
    ChangesApplyResult,
    ChangesApproveParams,
    ChangesDecidedResult,
    ChangesDeclineParams,
    ChangesSubmitParams,
    ChangesSubmitResult,
    Skipped,
)
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import Rooms
from homeamp_agent.store import get_deviations


@method(
    "changes.submit",
    access=Access.OPERATE,
    params=ChangesSubmitParams,
    result=ChangesSubmitResult,
    errors=(InvalidParams, Conflict, Refused),
)
async def submit(call: Call[Rooms], params: ChangesSubmitParams) -> ChangesSubmitResult:
    """Hand a change request in: planned and shown, and written only once it is approved."""
    desk = call.rooms.desk
    read, skipped = await _read(call.rooms, params)
    read = with_line_edits(read) if params.line_edits else read
    change, plan = await desk.submit(
        read,
        author=str(call.peer),
        source=params.source,
        operates=allows(call.access, Access.OPERATE),
        dry_run=params.dry_run,
    )
    told = ChangesSubmitResult(
        change=fitted_change(without_diffs(change), ROOM_BYTES // 2),
        plan=Plan(digest=plan.digest),
        notes=change.notes,
        skipped=tuple(skipped),
    )
    return told.model_copy(update={"plan": fitted_plan(plan, ROOM_BYTES - size_of(told))})


async def _read(rooms: Rooms, params: ChangesSubmitParams) -> tuple[ReadRequest, list[Skipped]]:
    """The request that was handed in, in whichever way."""
    if params.text is not None:
        document = await asyncio.to_thread(parse_request, params.text.encode())
        read = await rooms.desk.read(document)
        return with_said(read, params.request), []
    if not params.deviation_ids:
        return await rooms.desk.read(params.request), []
    ids = params.deviation_ids
    known = await get_deviations(rooms.store, ids)
    skipped = [Skipped(id=each, reason=NO_SUCH) for each in ids if each not in known]
    edits, unfixable = await asyncio.to_thread(Edits(rooms.drift).of, known.values())
    skipped += unfixable
    if not edits:
        raise nothing_fixed(skipped)
    document = {**params.request, "edits": list(map(as_requested, edits))}
    return await rooms.desk.read(document), skipped


@method(
    "changes.approve",
    access=Access.OPERATE,
    params=ChangesApproveParams,
    result=ChangesDecidedResult,
    errors=(InvalidParams, NotFound, Conflict, Refused),
)
async def approve(call: Call[Rooms], params: ChangesApproveParams) -> ChangesDecidedResult:
    """Approve requests: each exactly the plan that was shown."""
    if params.digest is not None and len(params.ids) > 1:
        raise InvalidParams("digest: is that of one plan; give one id")
    desk, who = call.rooms.desk, str(call.peer)
    return await _each(params.ids, lambda each: desk.approve(each, who, params.digest))


@method(
    "changes.reject",
    access=Access.OPERATE,
    params=ChangesDeclineParams,
    result=ChangesDecidedResult,
    errors=(NotFound, Refused),
)
async def reject(call: Call[Rooms], params: ChangesDeclineParams) -> ChangesDecidedResult:
    """Say no to requests that wait for approval."""
    desk, who = call.rooms.desk, str(call.peer)
    return await _each(params.ids, lambda each: desk.reject(each, who, params.reason))


@method(
    "changes.cancel",
    access=Access.OPERATE,
    params=ChangesDeclineParams,
    result=ChangesDecidedResult,
    errors=(NotFound, Refused),
)
async def cancel(call: Call[Rooms], params: ChangesDeclineParams) -> ChangesDecidedResult:
    """Withdraw requests of which nothing was written yet."""
    desk, who = call.rooms.desk, str(call.peer)
    return await _each(params.ids, lambda each: desk.cancel(each, who, params.reason))


@method(
    "changes.apply",
    access=Access.OPERATE,
    params=ChangesApplyParams,
    result=ChangesApplyResult,
    errors=(NotFound, Conflict, Refused, Busy),
)
async def apply(call: Call[Rooms], params: ChangesApplyParams) -> ChangesApplyResult:
    """Carry an approved request out now, whole or not at all."""
    change = await call.rooms.desk.apply(params.id, params.digest, who=str(call.peer))
    return ChangesApplyResult(change=fitted_change(change))


async def _each(
    ids: Sequence[str], act: Callable[[str], Awaitable[ChangeRequest]]
) -> ChangesDecidedResult:
    """Do it to each; of one alone, what keeps it from being done is the error reply."""
    changes: list[ChangeRequest] = []
    skipped: list[Skipped] = []
    room = ROOM_BYTES // len(ids)
    for each in dict.fromkeys(ids):
        try:
            changes.append(fitted_change(without_diffs(await act(each)), room))
        except ChangesError as error:
            if len(ids) == 1:
                raise
            skipped.append(Skipped(id=each, reason=plain_reason(error)))
    return ChangesDecidedResult(changes=tuple(changes), skipped=tuple(skipped))


METHODS = (submit, approve, reject, cancel, apply)
