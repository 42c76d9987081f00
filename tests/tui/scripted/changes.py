"""Fixes planned, made, listed and rolled back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from homeamp_agent.model.change import (
    ChangeRequest,
    ChangeStatus,
    Edit,
    FileOutcome,
    FilePlan,
    Plan,
)
from homeamp_agent.model.deviation import (
    DeviationKind,
    DeviationStatus,
)
from homeamp_agent.model.event import Topic
from homeamp_agent.rpc.protocol.errors import Conflict, NotFound
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
from tests.tui.scripted.deviations import find
from tests.tui.scripted.rows import LONG_AGO
from tests.tui.scripted.script import Script


def plan_of(script: Script, ids: Sequence[str]) -> Plan:
    """One file per deviation."""
    files = []
    for each in ids:
        row = find(script, each)
        if row.kind is not DeviationKind.VALUE:
            continue
        key = (row.path or ("?",))[-1]
        edit = Edit(
            instance=row.instance, file=row.file or "", path=row.path or (), deviation_id=each,
            expected_old=row.actual, new=row.expected,
        )  # fmt: skip
        first = (row.line or 2) - 1
        diff = (
            f"--- a/{row.file}\n+++ b/{row.file}\n@@ -{first},3 +{first},3 @@\n"
            f" # before\n-  {key}: {row.actual}\n+  {key}: {row.expected}\n # after\n"
        )
        files.append(
            FilePlan(
                instance=row.instance,
                file=row.file or "",
                before_sha256="0" * 64,
                after_sha256="1" * 64,
                diff=diff,
                edits=(edit,),
                restart=True,
            )
        )
    restarts = tuple(sorted({file.instance for file in files}))
    return Plan(
        digest=f"plan of {len(ids)}", files=tuple(files), refused=script.refused, restarts=restarts
    )


def outcome_of(file: FilePlan, state: str) -> FileOutcome:
    """A planned file as it came to stand in its change."""
    return FileOutcome(
        instance=file.instance, file=file.file, before_sha256=file.before_sha256,
        after_sha256=file.after_sha256, state=state, diff=file.diff,
    )  # fmt: skip


@method(
    "changes.preview",
    access=Access.READ,
    params=ChangesPreviewParams,
    result=ChangesPreviewResult,
)
async def preview(call: Call[Script], params: ChangesPreviewParams) -> ChangesPreviewResult:
    """The plan."""
    script = call.rooms
    if params.id is not None:
        return ChangesPreviewResult(plan=plan_of(script, [row.id for row in script.rows[:2]]))
    skipped = tuple(
        Skipped(id=each, reason="its kind is not put right by an edit")
        for each in params.ids
        if find(script, each).kind is not DeviationKind.VALUE
    )
    return ChangesPreviewResult(plan=plan_of(script, params.ids), skipped=skipped)


@method(
    "deviations.fix",
    access=Access.OPERATE,
    params=DeviationsFixParams,
    result=DeviationsFixResult,
    errors=(Conflict,),
)
async def fix(call: Call[Script], params: DeviationsFixParams) -> DeviationsFixResult:
    """Put right."""
    script = call.rooms
    script.mutations.append(("deviations.fix", params))
    plan = plan_of(script, params.ids)
    if params.digest != plan.digest:
        raise Conflict("the files changed since the preview")
    change = ChangeRequest(
        id=f"change-{len(script.changes) + 1}",
        reason=params.reason,
        author="root",
        status=ChangeStatus.APPLIED,
        created_at=LONG_AGO + dt.timedelta(hours=len(script.changes)),
        edits=tuple(edit for file in plan.files for edit in file.edits),
        files=tuple(outcome_of(file, "verified") for file in plan.files),
    )
    script.changes.insert(0, change)
    for edit in change.edits:
        script.replace(str(edit.deviation_id), status=DeviationStatus.FIXED, change_id=change.id)
    script.bus.emit(Topic.CHANGES, "updated", {"id": change.id, "status": "applied"})
    return DeviationsFixResult(change=change)


@method("changes.list", access=Access.READ, params=ChangesListParams, result=ChangesListResult)
async def changes(call: Call[Script], params: ChangesListParams) -> ChangesListResult:
    """Newest first."""
    return ChangesListResult(changes=tuple(call.rooms.changes))


@method(
    "changes.show",
    access=Access.READ,
    params=ChangesShowParams,
    result=ChangesShowResult,
    errors=(NotFound,),
)
async def change_shown(call: Call[Script], params: ChangesShowParams) -> ChangesShowResult:
    """One of them."""
    for change in call.rooms.changes:
        if change.id == params.id:
            return ChangesShowResult(change=change)
    raise NotFound(f"no such change request: {params.id}")


@method(
    "changes.rollback",
    access=Access.OPERATE,
    params=ChangesRollbackParams,
    result=ChangesRollbackResult,
)
async def rollback(call: Call[Script], params: ChangesRollbackParams) -> ChangesRollbackResult:
    """Put back."""
    script = call.rooms
    script.mutations.append(("changes.rollback", params))
    at = next(at for at, change in enumerate(script.changes) if change.id == params.id)
    if script.conflict is not None and not params.force:
        return ChangesRollbackResult(change=script.changes[at], conflicts=(script.conflict,))
    script.changes[at] = script.changes[at].model_copy(
        update={"status": ChangeStatus.ROLLED_BACK, "rolled_back_at": LONG_AGO}
    )
    for edit in script.changes[at].edits:
        script.replace(str(edit.deviation_id), status=DeviationStatus.PENDING)
    script.bus.emit(Topic.CHANGES, "updated", {"id": params.id, "status": "rolled_back"})
    return ChangesRollbackResult(change=script.changes[at])


METHODS = (preview, fix, changes, change_shown, rollback)
