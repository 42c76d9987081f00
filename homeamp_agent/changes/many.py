"""Several changes rolled back as one act: what all of it would come to, before any of it is done.

    plan = room.plan_rollbacks(ids)         newest first, whatever the order of `ids`
    for each in plan.steps: room.rollback(each.change_id, ...)

Each change is rolled back whole or not at all; of several, one that cannot be does not keep the
others from it, unless they wrote the same file before it. The diffs are from what stands now to
what will stand at the end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from homeamp_agent.changes.errors import (
    ChangesError,
    NotRollableError,
    RollbackConflicts,
    plain_reason,
)
from homeamp_agent.changes.history import ChangeRecord
from homeamp_agent.changes.plan import PlannedFile
from homeamp_agent.changes.rollback import FileKey, RollbackPlanner
from homeamp_agent.changes.safety import sha256_of
from homeamp_agent.model.change import ChangeStatus, FilePlan, RollbackConflict, RollbackState


@dataclass(frozen=True, slots=True)
class RollbackStep:
    """What would become of one change. `files` are those that it would write."""

    change_id: str
    state: RollbackState
    files: tuple[FileKey, ...] = ()
    message: str = ""
    conflicts: tuple[RollbackConflict, ...] = ()


@dataclass(frozen=True, slots=True)
class ManyRollbacks:
    """All of it: the files as they would end, and each change, newest first."""

    digest: str
    files: tuple[FilePlan, ...]
    steps: tuple[RollbackStep, ...]


def begun_at(record: ChangeRecord) -> datetime:
    """When a change was carried out (its last part), which may be long after it was asked for."""
    return datetime.fromisoformat(record.parts[-1].begun["at"])


def plan_rollbacks(
    records: Sequence[ChangeRecord], planner: RollbackPlanner, *, force: bool = False
) -> ManyRollbacks:
    """Plan it; `planner` must have nothing standing yet. `force` writes over what others wrote.

    Writes nothing. What cannot be rolled back is a step that says why.
    """
    first: dict[FileKey, PlannedFile] = {}
    last: dict[FileKey, PlannedFile] = {}
    steps: list[RollbackStep] = []
    for record in sorted(records, key=lambda each: (begun_at(each), each.change_id), reverse=True):
        step, files = _step(record, planner, force=force)
        steps.append(step)
        for file in files:
            key = (file.place.instance, file.place.file)
            first.setdefault(key, file)
            last[key] = file
            planner.standing[key] = file.after
    plans = tuple(
        _file_plan(planner, records, first[key], last[key])
        for key in first
        if first[key].before != last[key].after
    )
    return ManyRollbacks(_digest(plans, steps), plans, tuple(steps))


def _step(
    record: ChangeRecord, planner: RollbackPlanner, *, force: bool
) -> tuple[RollbackStep, Sequence[PlannedFile]]:
    if record.status is ChangeStatus.ROLLED_BACK:
        return RollbackStep(record.change_id, RollbackState.ALREADY), ()
    if record.status is not ChangeStatus.APPLIED:
        message = f"it is {record.status.words}, not applied"
        return RollbackStep(record.change_id, RollbackState.REFUSED, message=message), ()
    try:
        plan = planner.plan(record, force=force)
    except RollbackConflicts as error:
        conflicts = tuple(
            each.model_copy(update={"before": "", "ours": "", "theirs": ""})
            for each in error.conflicts
        )
        message = str(error)
        return (
            RollbackStep(record.change_id, RollbackState.CONFLICT, (), message, conflicts),
            (),
        )
    except (NotRollableError, ChangesError) as error:
        message = plain_reason(error)
        return RollbackStep(record.change_id, RollbackState.REFUSED, message=message), ()
    keys = tuple((each.place.instance, each.place.file) for each in plan.files)
    return RollbackStep(record.change_id, RollbackState.READY, keys), plan.files


def _file_plan(
    planner: RollbackPlanner,
    records: Sequence[ChangeRecord],
    first: PlannedFile,
    last: PlannedFile,
) -> FilePlan:
    place = first.place
    key = (place.instance, place.file)
    plugins = (
        each.plugin
        for record in records
        for each in record.edits
        if (each.instance, each.file) == key
    )
    return FilePlan(
        instance=place.instance,
        file=place.file,
        before_sha256=sha256_of(first.before),
        after_sha256=sha256_of(last.after),
        diff=planner.planner.diff(place.file, first.before, last.after, next(plugins, None)),
        edits=(),
    )


def _digest(files: Sequence[FilePlan], steps: Sequence[RollbackStep]) -> str:
    facts = [
        [[each.instance, each.file, each.before_sha256, each.after_sha256] for each in files],
        [[each.change_id, each.state.value] for each in steps],
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
