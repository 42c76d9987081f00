"""`changes.submit` and what follows: approving, rejecting, withdrawing, carrying out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from homeamp_agent.changes import ChangesError
from homeamp_agent.changes.errors import plain_reason
from homeamp_agent.changes.standing import without_diffs
from homeamp_agent.model.change import ChangeRequest
from homeamp_agent.rpc.access import allows
from homeamp_agent.rpc.methods.fitting import fitted_change, fitted_plan
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
    read = await desk.read(params.request)
    change, plan = await desk.submit(
        read,
        author=str(call.peer),
        source=params.source,
        operates=allows(call.access, Access.OPERATE),
        dry_run=params.dry_run,
    )
    return ChangesSubmitResult(
        change=without_diffs(change), plan=fitted_plan(plan), notes=change.notes
    )


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
    change = await call.rooms.desk.apply(params.id, params.digest)
    return ChangesApplyResult(change=fitted_change(change))


async def _each(
    ids: Sequence[str], act: Callable[[str], Awaitable[ChangeRequest]]
) -> ChangesDecidedResult:
    """Do it to each; of one alone, what keeps it from being done is the error reply."""
    changes: list[ChangeRequest] = []
    skipped: list[Skipped] = []
    for each in dict.fromkeys(ids):
        try:
            changes.append(without_diffs(await act(each)))
        except ChangesError as error:
            if len(ids) == 1:
                raise
            skipped.append(Skipped(id=each, reason=plain_reason(error)))
    return ChangesDecidedResult(changes=tuple(changes), skipped=tuple(skipped))


METHODS = (submit, approve, reject, cancel, apply)
