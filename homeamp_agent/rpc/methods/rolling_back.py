"""`changes.rollback_many`: several changes back as one act, with one preview of all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from homeamp_agent.changes.errors import ChangesError, RollbackConflicts, plain_reason
from homeamp_agent.changes.many import ManyRollbacks, RollbackStep
from homeamp_agent.model.change import STANDING, ChangeStatus, Plan, RollbackOutcome, RollbackState
from homeamp_agent.rpc.methods.fitting import ROOM_BYTES, fitted_plan, size_of
from homeamp_agent.rpc.methods.settling import settle
from homeamp_agent.rpc.protocol.errors import Conflict, InvalidParams, NotFound, Refused
from homeamp_agent.rpc.protocol.messages import (
    MAX_CHANGES,
    Access,
    ChangesRollbackManyParams,
    ChangesRollbackManyResult,
)
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import Rooms


@method(
    "changes.rollback_many",
    access=Access.OPERATE,
    params=ChangesRollbackManyParams,
    result=ChangesRollbackManyResult,
    errors=(InvalidParams, NotFound, Conflict, Refused),
)
async def rollback_many(
    call: Call[Rooms], params: ChangesRollbackManyParams
) -> ChangesRollbackManyResult:
    """Roll changes back, newest first, each whole or not at all; or only show what that does."""
    rooms = call.rooms
    await rooms.drift.ready()
    ids = await _ids(rooms, params)
    if len(ids) > MAX_CHANGES:
        raise Refused(f"that is {len(ids):,} changes; at most {MAX_CHANGES:,} at a time")
    plan = await asyncio.to_thread(rooms.changes().plan_rollbacks, ids, force=params.force)
    if params.digest is not None and params.digest != plan.digest:
        raise Conflict("files or changes are not as the preview showed: look at it again")
    outcomes = []
    for step in plan.steps:
        if step.state is RollbackState.READY and not params.preview:
            outcomes.append(await _one(call, step, params))
        else:
            outcomes.append(_outcome(rooms, step))
    return _fitted(plan, outcomes)


async def _ids(rooms: Rooms, params: ChangesRollbackManyParams) -> Sequence[str]:
    if params.since is not None:
        return await asyncio.to_thread(rooms.changes().applied_since, params.since)
    if params.deployment_id is None:
        return params.ids
    return [
        each.id
        for each in await rooms.desk.all()
        if each.deployment_id == params.deployment_id and each.status in STANDING
    ]


async def _one(
    call: Call[Rooms], step: RollbackStep, params: ChangesRollbackManyParams
) -> RollbackOutcome:
    rooms = call.rooms
    outcome = _outcome(rooms, step)
    try:
        change = await asyncio.to_thread(
            rooms.changes().rollback,
            step.change_id,
            author=str(call.peer),
            reason=params.reason,
            force=params.force,
        )
    except (ChangesError, OSError) as error:
        conflict = isinstance(error, RollbackConflicts)
        state = RollbackState.CONFLICT if conflict else RollbackState.FAILED
        return outcome.model_copy(update={"state": state, "message": plain_reason(error)})
    await settle(rooms, change, ())
    done = change.status is ChangeStatus.ROLLED_BACK
    state = RollbackState.ROLLED_BACK if done else RollbackState.FAILED
    return outcome.model_copy(update={"state": state, "message": change.message})


def _outcome(rooms: Rooms, step: RollbackStep) -> RollbackOutcome:
    change = rooms.desk.shown(rooms.changes().outline(step.change_id))
    return RollbackOutcome(
        id=step.change_id,
        reason=change.reason,
        author=change.author,
        created_at=change.created_at,
        state=step.state,
        message=step.message,
        files=len(step.files),
        conflicts=step.conflicts,
    )


def _fitted(plan: ManyRollbacks, outcomes: Sequence[RollbackOutcome]) -> ChangesRollbackManyResult:
    """Diffs are cut so that the reply fits, then what a look at one change tells as well."""
    told = ChangesRollbackManyResult(digest=plan.digest, changes=tuple(outcomes))
    if size_of(told) > ROOM_BYTES // 2:
        bare = tuple(each.model_copy(update={"conflicts": ()}) for each in outcomes)
        told = told.model_copy(update={"changes": bare})
    files = fitted_plan(Plan(digest="", files=plan.files), ROOM_BYTES - size_of(told)).files
    return told.model_copy(update={"files": files})


METHODS = (rollback_many,)
