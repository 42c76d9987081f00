"""`changes.rollback_many`: several changes back as one act, with one preview of all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from homeamp_agent.changes.deployment import advance
from homeamp_agent.changes.deployment_action import rests
from homeamp_agent.changes.deployment_events import UndoneByHand
from homeamp_agent.changes.errors import (
    ChangesError,
    RollbackConflicts,
    UnknownChangeError,
    plain_reason,
)
from homeamp_agent.changes.many import ManyRollbacks, RollbackStep
from homeamp_agent.model.change import STANDING, ChangeStatus, Plan, RollbackOutcome, RollbackState
from homeamp_agent.model.deployment import Deployment
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

_MEANT = STANDING | {ChangeStatus.ROLLED_BACK}
_GONE = frozenset({RollbackState.ROLLED_BACK, RollbackState.ALREADY})
"""The change does not stand. A retry tells again what a killed agent did not."""


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
    refused = await under_way(rooms, ids)
    ids = [each for each in ids if each not in refused]
    plan = await asyncio.to_thread(rooms.changes().plan_rollbacks, ids, force=params.force)
    if params.digest is not None and params.digest != plan.digest:
        raise Conflict("files or changes are not as the preview showed: look at it again")
    outcomes = [_outcome(rooms, RollbackStep(each, RollbackState.REFUSED, message=why))
                for each, why in refused.items()]  # fmt: skip
    for step in plan.steps:
        if step.state is RollbackState.READY and not params.preview:
            outcomes.append(await _one(call, step, params))
        else:
            outcomes.append(_outcome(rooms, step))
    if not params.preview:
        gone = [each.id for each in outcomes if each.state in _GONE]
        await tell_deployments(rooms, gone, str(call.peer), params.reason)
    return _fitted(plan, outcomes)


async def under_way(rooms: Rooms, change_ids: Iterable[str]) -> dict[str, str]:
    """Changes that a deployment under way wrote, and why they are not rolled back by themselves: it
    would go on as if they stood."""
    found = {}
    for change_id, deployment in (await _deployments_of(rooms, change_ids)).items():
        if not rests(deployment):
            stage = deployment.stage.value.replace("_", " ")
            found[change_id] = (
                f"deployment {deployment.id}, which wrote it, is under way ({stage}): roll that "
                "back (deployments.rollback)"
            )
    return found


async def tell_deployments(rooms: Rooms, change_ids: Iterable[str], who: str, reason: str) -> None:
    """Let the deployments that wrote these changes show that they are rolled back."""
    found = await _deployments_of(rooms, change_ids)
    for name, deployment in {each.id: each for each in found.values()}.items():
        gone = frozenset(each for each, its in found.items() if its.id == name)
        event = UndoneByHand(who, gone, reason)
        if advance(deployment, event, datetime.now(UTC)).deployment is not deployment:
            act = "rolled_back_by_hand"
            await rooms.deployments.tell(name, event, who=who, act=act, reason=reason)


async def _deployments_of(rooms: Rooms, change_ids: Iterable[str]) -> dict[str, Deployment]:
    """The deployments that wrote changes, by the change's id."""
    found: dict[str, Deployment] = {}
    for change_id in change_ids:
        booked = rooms.desk.book.find(change_id)
        name = None if booked is None else booked.change.deployment_id
        if name is not None:
            with suppress(UnknownChangeError):
                found[change_id] = await rooms.deployments.show(name)
    return found


async def _ids(rooms: Rooms, params: ChangesRollbackManyParams) -> Sequence[str]:
    if params.since is not None:
        return await asyncio.to_thread(rooms.changes().applied_since, params.since)
    if params.deployment_id is None:
        return params.ids
    return [
        each.id
        for each in await rooms.desk.all()
        if each.deployment_id == params.deployment_id and each.status in _MEANT
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
