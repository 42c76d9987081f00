"""The part of the stand-in agent that takes change requests, decides about them and remembers."""

from __future__ import annotations

import datetime as dt
from typing import Any

from homeamp_agent.model.change import (
    ChangeRequest,
    ChangeStatus,
    FilePlan,
    RollbackOutcome,
    RollbackState,
    WritePolicy,
)
from homeamp_agent.model.event import Topic
from homeamp_agent.model.history import Act, ActSetting
from homeamp_agent.rpc.protocol.errors import InvalidParams, NotFound
from homeamp_agent.rpc.protocol.messages import (
    Access,
    ChangesApplyParams,
    ChangesApplyResult,
    ChangesApproveParams,
    ChangesDecidedResult,
    ChangesDeclineParams,
    ChangesHistoryParams,
    ChangesHistoryResult,
    ChangesRollbackManyParams,
    ChangesRollbackManyResult,
    ChangesRollbackParams,
    ChangesSubmitParams,
    ChangesSubmitResult,
)
from homeamp_agent.rpc.registry import Call, method
from tests.tui.scripted.changes import outcome_of, plan_of
from tests.tui.scripted.deployments import put_back
from tests.tui.scripted.script import Script

BROKEN = "edits: ["
"""A text that no host takes for a request."""


def waiting_request(script: Script, status: ChangeStatus) -> ChangeRequest:
    """A request of two files; under way, the first of them is written."""
    plan = plan_of(script, [row.id for row in script.rows[:2]])
    states = ("written", "pending") if status is ChangeStatus.APPLYING else ("pending",) * 2
    minutes = 5 if status is ChangeStatus.APPLYING else 65
    return ChangeRequest(
        id=f"request-{script.host}",
        reason="as agreed",
        author="mira",
        status=status,
        created_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes, seconds=20),
        digest=plan.digest,
        files=tuple(
            outcome_of(file, state) for file, state in zip(plan.files, states, strict=True)
        ),
    )


@method(
    "changes.submit", access=Access.OPERATE, params=ChangesSubmitParams, result=ChangesSubmitResult
)
async def submit(call: Call[Script], params: ChangesSubmitParams) -> ChangesSubmitResult:
    """Taken in: the plan of the deviations, or of the first rows for a text."""
    script = call.rooms
    if params.text == BROKEN:
        raise InvalidParams("line 1 is no YAML")
    ids = params.deviation_ids or tuple(row.id for row in script.rows[:2])
    plan = plan_of(script, ids)
    change = ChangeRequest(
        id=f"request-{len(script.changes) + 1}",
        reason=params.request.get("reason", "from a file"),
        author="mira",
        status=ChangeStatus.PENDING_APPROVAL,
        created_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5, seconds=20),
        write_policy=WritePolicy(params.request.get("write_policy", "now")),
        source=params.source,
        digest=plan.digest,
        files=tuple(outcome_of(file, "pending") for file in plan.files),
    )
    if not params.dry_run:
        script.mutations.append(("changes.submit", params))
        script.changes.insert(0, change)
        script.bus.emit(Topic.CHANGES, "updated", {"id": change.id})
    return ChangesSubmitResult(change=change, plan=plan)


def _becomes(script: Script, identity: str, **facts: Any) -> ChangeRequest:
    for at, change in enumerate(script.changes):
        if change.id == identity:
            script.changes[at] = change.model_copy(update=facts)
            script.bus.emit(Topic.CHANGES, "updated", {"id": identity})
            return script.changes[at]
    raise NotFound(f"no such change request: {identity}")


@method(
    "changes.approve",
    access=Access.OPERATE,
    params=ChangesApproveParams,
    result=ChangesDecidedResult,
)
async def approve(call: Call[Script], params: ChangesApproveParams) -> ChangesDecidedResult:
    """Approved."""
    call.rooms.mutations.append(("changes.approve", params))
    decided = [
        _becomes(call.rooms, each, status=ChangeStatus.APPROVED, approved_by="root")
        for each in params.ids
    ]
    return ChangesDecidedResult(changes=tuple(decided))


@method(
    "changes.reject",
    access=Access.OPERATE,
    params=ChangesDeclineParams,
    result=ChangesDecidedResult,
)
async def reject(call: Call[Script], params: ChangesDeclineParams) -> ChangesDecidedResult:
    """Rejected."""
    call.rooms.mutations.append(("changes.reject", params))
    facts = {"status": ChangeStatus.REJECTED, "message": params.reason}
    return ChangesDecidedResult(
        changes=tuple(_becomes(call.rooms, each, **facts) for each in params.ids)
    )


@method(
    "changes.apply", access=Access.OPERATE, params=ChangesApplyParams, result=ChangesApplyResult
)
async def apply(call: Call[Script], params: ChangesApplyParams) -> ChangesApplyResult:
    """Carried out."""
    call.rooms.mutations.append(("changes.apply", params))
    return ChangesApplyResult(change=_becomes(call.rooms, params.id, status=ChangeStatus.APPLIED))


@method(
    "changes.history",
    access=Access.READ,
    params=ChangesHistoryParams,
    result=ChangesHistoryResult,
)
async def history(call: Call[Script], params: ChangesHistoryParams) -> ChangesHistoryResult:
    """Three acts of this host."""
    now = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=4, seconds=20)
    settings = tuple(
        ActSetting(
            instance=row.instance, plugin=row.plugin, file=row.file or "", key=row.key or "",
            path=row.path or (), old=row.actual, new=row.expected,
        )
        for row in call.rooms.rows[:2]
    )  # fmt: skip
    facts: tuple[dict[str, Any], ...] = (
        {"action": "instance.restart", "subject": "HUB01", "outcome": "refused",
         "message": "3 players online", "who": "mira", "at": now},
        {"action": "change.apply", "subject": "request-1", "outcome": "done", "who": "root",
         "reason": "as agreed", "settings": settings, "at": now - dt.timedelta(hours=2)},
        {"action": "change.submitted", "subject": "request-1", "outcome": "done", "who": "mira",
         "reason": "as agreed", "settings": settings, "at": now - dt.timedelta(hours=3)},
    )  # fmt: skip
    acts = [Act(number=len(facts) - at, **each) for at, each in enumerate(facts)]
    return ChangesHistoryResult(acts=tuple(acts) if params.cursor is None else ())


@method(
    "changes.rollback_many",
    access=Access.OPERATE,
    params=ChangesRollbackManyParams,
    result=ChangesRollbackManyResult,
)
async def rollback_many(
    call: Call[Script], params: ChangesRollbackManyParams
) -> ChangesRollbackManyResult:
    """Put back, newest first; where the script has a conflict, none of it."""
    script = call.rooms
    if params.deployment_id is not None:
        assert params.preview
        return put_back(script)
    meant = [
        each
        for each in script.changes
        if each.status is ChangeStatus.APPLIED
        and (each.id in params.ids if params.since is None else each.created_at >= params.since)
    ]
    meant.sort(key=lambda each: each.created_at, reverse=True)
    state = RollbackState.READY if params.preview else RollbackState.ROLLED_BACK
    outcomes = tuple(
        RollbackOutcome(
            id=each.id, reason=each.reason, author=each.author, created_at=each.created_at,
            state=RollbackState.CONFLICT if script.conflict else state,
            files=len(each.files), conflicts=(script.conflict,) if script.conflict else (),
        )
        for each in meant
    )  # fmt: skip
    files = tuple(
        FilePlan(
            instance=file.instance, file=file.file, before_sha256=file.after_sha256,
            after_sha256=file.before_sha256, diff=file.diff, edits=(),
        )
        for each in (meant if script.conflict is None else ())
        for file in each.files
    )  # fmt: skip
    if not params.preview and script.conflict is None:
        for each in meant:
            script.mutations.append(("changes.rollback", ChangesRollbackParams(id=each.id)))
            _becomes(script, each.id, status=ChangeStatus.ROLLED_BACK)
    return ChangesRollbackManyResult(digest="of all", files=files, changes=outcomes)


METHODS = (rollback_many, submit, approve, reject, apply, history)
