"""Where a request stands, as it is shown: from its plan to its approval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from homeamp_agent.changes.plan import PlannedChange
from homeamp_agent.changes.room import new_change_id
from homeamp_agent.model.change import (
    ChangeRequest,
    ChangeStatus,
    Edit,
    FileOutcome,
    InstanceRestart,
    Plan,
)
from homeamp_agent.model.request import RequestedChange


def change_of(
    request: RequestedChange,
    planned: PlannedChange,
    author: str,
    source: str,
    notes: tuple[str, ...],
) -> ChangeRequest:
    """A request that was just handed in, with what it would do."""
    if request.author and request.author != author:
        notes = (f"written by {request.author}, handed in by {author}", *notes)
    return ChangeRequest(
        id=request.request_id or new_change_id(),
        reason=request.reason,
        author=author,
        status=ChangeStatus.PENDING_APPROVAL,
        created_at=datetime.now(UTC),
        priority=request.priority,
        write_policy=request.write_policy,
        source=source,
        digest=planned.plan.digest,
        not_before=request.schedule.not_before if request.schedule else None,
        notes=notes,
        **plan_facts(planned),
    )


def approved(change: ChangeRequest, who: str, digest: str) -> ChangeRequest:
    """The request once `who` said yes to the plan of that digest."""
    facts = {"approved_by": who, "approved_at": datetime.now(UTC), "digest": digest, "message": ""}
    return change.model_copy(update={"status": ready(change), **facts})


def ready(change: ChangeRequest) -> ChangeStatus:
    """What an approved request waits for: its time, or a person."""
    return ChangeStatus.SCHEDULED if change.not_before else ChangeStatus.APPROVED


def outcomes(plan: Plan) -> tuple[FileOutcome, ...]:
    """The files of a plan of which nothing is written yet."""
    return tuple(
        FileOutcome(
            instance=each.instance,
            file=each.file,
            before_sha256=each.before_sha256,
            after_sha256=each.after_sha256,
            state="pending",
            diff=each.diff,
            line_edit=each.line_edit,
        )
        for each in plan.files
    )


def outcomes_left(known: ChangeRequest, journalled: ChangeRequest) -> tuple[FileOutcome, ...]:
    """Files of a request that its journal does not tell of yet."""
    begun = {(each.instance, each.file) for each in journalled.files}
    return tuple(each for each in known.files if (each.instance, each.file) not in begun)


def plan_facts(planned: PlannedChange) -> dict[str, Any]:
    """What of a request tells of its plan."""
    return {
        "files": outcomes(planned.plan),
        "edits": planned.edits,
        "refused": planned.plan.refused,
    }


def alike(planned: PlannedChange, change: ChangeRequest, instance: str | None = None) -> bool:
    """Whether a plan replaces the approved values by the approved ones, whatever else is in the
    files; with `instance`, in that one. Of a line edit, which nothing proves, the bytes are it."""

    def told(edits: Sequence[Edit]) -> list[Any]:
        mine = (each for each in edits if instance in {None, each.instance})
        return [each.model_dump(mode="json") for each in mine]

    approved_bytes = {(f.instance, f.file): f.after_sha256 for f in change.files if f.line_edit}
    for file in planned.plan.files:
        same = approved_bytes.get((file.instance, file.file)) == file.after_sha256
        if file.line_edit is not None and not same:
            return False
    refused = [each for each in change.refused if instance in {None, each.edit.instance}]
    new = [each for each in planned.plan.refused if instance in {None, each.edit.instance}]
    return told(planned.edits) == told(change.edits) and len(new) == len(refused)


def restarting_all(planned: PlannedChange) -> PlannedChange:
    """The plan of a request whose policy takes every game of it down."""
    names = tuple(sorted({each.instance for each in planned.plan.files}))
    return replace(planned, plan=planned.plan.model_copy(update={"restarts": names}))


def not_up(restarts: Sequence[InstanceRestart]) -> str:
    """One line about the games that a request stopped and that did not come up again."""
    return "; ".join(
        f"{each.instance} {each.message}: start it by hand, or roll the change back and start it"
        for each in restarts
        if each.state == "failed"
    )


def without_diffs(change: ChangeRequest) -> ChangeRequest:
    """The change without what only a look at it alone needs."""
    files = tuple(each.model_copy(update={"diff": ""}) for each in change.files)
    return change.model_copy(update={"files": files})


def why_nothing(plan: Plan, notes: Sequence[str]) -> str:
    """One line about a plan that changes no file."""
    reasons = [f"{each.edit.instance}/{each.edit.file}: {each.reason}" for each in plan.refused]
    lines = list(dict.fromkeys((*reasons, *notes)))
    return "nothing of it can be done: " + "; ".join(lines[:3])
