"""What became of a change, read from its journal: the one source of truth about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from homeamp_agent.changes.journal import Entry
from homeamp_agent.changes.safety import FilePlace
from homeamp_agent.changes.swap import FileStep
from homeamp_agent.model.change import ChangeRequest, ChangeStatus, Edit, FileOutcome, RefusedEdit

APPLY = "apply"
ROLLBACK = "rollback"


@dataclass(slots=True)
class RunRecord:
    """One run as its journal tells it."""

    number: int
    kind: str
    author: str
    reason: str
    at: datetime
    steps: tuple[FileStep, ...]
    diffs: tuple[str, ...] = ()
    staged: bool = False
    committed: bool = False
    ended: str | None = None
    ended_at: datetime | None = None
    message: str = ""
    states: dict[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether it is still to be finished or undone."""
        return self.ended is None


def runs_of(entries: Sequence[Entry]) -> list[RunRecord]:
    """The runs in a journal, in their order."""
    runs: dict[int, RunRecord] = {}
    for entry in entries:
        number = entry.get("run", 0)
        if entry["event"] == "begun":
            runs[number] = _begun(entry)
        elif number in runs:
            _follow(runs[number], entry)
    return [runs[number] for number in sorted(runs)]


def _begun(entry: Entry) -> RunRecord:
    return RunRecord(
        number=entry["run"],
        kind=entry["kind"],
        author=entry["author"],
        reason=entry["reason"],
        at=datetime.fromisoformat(entry["at"]),
        steps=tuple(
            FileStep(
                FilePlace(step["instance"], Path(step["folder"]), step["file"]),
                step["temp"],
                step["before"],
                step["after"],
            )
            for step in entry["steps"]
        ),
        diffs=tuple(entry.get("diffs", ())),
    )


def _follow(run: RunRecord, entry: Entry) -> None:
    match entry["event"]:
        case "staged":
            run.staged = True
        case "written":
            run.states[entry["index"]] = ("written", "")
        case "committed":
            run.committed = True
            run.states = dict.fromkeys(range(len(run.steps)), ("verified", ""))
        case "undoing":
            run.message = entry.get("message", "")
        case "undone":
            run.states[entry["index"]] = (entry["state"], entry.get("message", ""))
        case "closed" | "aborted":
            run.ended = entry["event"]
            run.ended_at = datetime.fromisoformat(entry["at"])
            run.message = entry.get("message", run.message)
            for note in entry.get("notes", ()):
                run.states[note["index"]] = ("verified", note["message"])


def request_of(
    change_id: str, entries: Sequence[Entry], *, with_diffs: bool = True
) -> ChangeRequest | None:
    """The change request; None for a journal in which nothing was begun."""
    runs = runs_of(entries)
    if not runs:
        return None
    applied, last = runs[0], runs[-1]
    first = next(entry for entry in entries if entry["event"] == "begun")
    return ChangeRequest(
        id=change_id,
        reason=applied.reason,
        author=applied.author,
        status=_status(applied, last),
        created_at=applied.at,
        finished_at=applied.ended_at,
        rolled_back_at=last.ended_at if last.kind == ROLLBACK and last.committed else None,
        files=tuple(
            FileOutcome(
                instance=step.place.instance,
                file=step.place.file,
                before_sha256=step.before,
                after_sha256=step.after,
                state=applied.states.get(index, ("pending", ""))[0],
                message=applied.states.get(index, ("pending", ""))[1],
                diff=applied.diffs[index] if with_diffs and index < len(applied.diffs) else "",
            )
            for index, step in enumerate(applied.steps)
        ),
        edits=tuple(Edit.model_validate(edit) for edit in first.get("edits", ())),
        refused=tuple(RefusedEdit.model_validate(each) for each in first.get("refused", ())),
        message=last.message or applied.message,
    )


def _status(applied: RunRecord, last: RunRecord) -> ChangeStatus:
    if last.kind == ROLLBACK:
        if last.committed:
            return ChangeStatus.ROLLED_BACK
        return ChangeStatus.ROLLING_BACK if last.open else ChangeStatus.APPLIED
    if applied.committed:
        return ChangeStatus.APPLIED
    return ChangeStatus.APPLYING if applied.open else ChangeStatus.FAILED
