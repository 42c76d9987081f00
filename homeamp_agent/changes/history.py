"""What became of a change, as its journal tells it: the one source of truth about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from homeamp_agent.changes.journal import Entry, JournalText
from homeamp_agent.changes.nodes import NodeEdit
from homeamp_agent.changes.run import RunFacts
from homeamp_agent.changes.safety import FilePlace
from homeamp_agent.changes.swap import FileStep
from homeamp_agent.model.change import (
    ChangeRequest,
    ChangeStatus,
    Edit,
    FileOutcome,
    RefusedEdit,
    Reverted,
)

APPLY, ROLLBACK, RESTORE = "apply", "rollback", "restore"


@dataclass
class RunRecord:
    """One run as its journal entries tell it; `states` maps a file's number to state, message.

    `kept` holds, for each instance that was looked at after a restart, what was not kept.
    """

    begun: Entry
    events: dict[str, Entry] = field(default_factory=dict)
    written: set[int] = field(default_factory=set)
    states: dict[int, tuple[str, str]] = field(default_factory=dict)
    kept: dict[str, tuple[Reverted, ...]] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)

    @property
    def nodes(self) -> tuple[NodeEdit, ...]:
        """The settings of AMP's own that go along; `touched` are numbers of these."""
        return tuple(map(NodeEdit.from_wire, self.begun.get("nodes", ())))

    @property
    def lines(self) -> dict[int, int]:
        """The lines of its line edits, by the number of their file."""
        told = enumerate(each.get("line_edit") for each in self.begun["files"])
        return {number: int(each["line"]) for number, each in told if each}

    @property
    def number(self) -> int:
        return int(self.begun["run"])

    @property
    def kind(self) -> str:
        return str(self.begun["kind"])

    @property
    def committed(self) -> bool:
        """Whether it counts. A refused `committed` is followed by `undoing`."""
        return "committed" in self.events and "undoing" not in self.events

    @property
    def staged(self) -> bool:
        """Whether names may have been swapped."""
        return "staged" in self.events

    @property
    def open(self) -> bool:
        """Whether something is left to do."""
        return "closed" not in self.events and "aborted" not in self.events

    @property
    def ended_at(self) -> datetime | None:
        """When it was decided."""
        for event in ("aborted", "committed"):
            if event in self.events:
                return datetime.fromisoformat(self.events[event]["at"])
        return None

    def steps(self) -> list[FileStep]:
        """The files it is about."""
        return [
            FileStep(
                place=FilePlace(each["instance"], Path(each["folder"]), each["file"]),
                temp=each["temp"],
                before=each["before"],
                after=each["after"],
            )
            for each in self.begun["files"]
        ]

    def facts(self, change_id: str) -> RunFacts:
        """What identifies it."""
        begun = self.begun
        return RunFacts(change_id, self.number, self.kind, begun["author"], begun["reason"])

    def message(self) -> str:
        """Why it failed, and what is left to do."""
        if "undoing" not in self.events:
            return ""
        reason = str(self.events["undoing"]["message"])
        return f"{reason}; not everything could be undone yet" if self.open else reason


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """A change: its first run made it, the later ones rolled it back or tried to.

    One that is written as each instance stops has a run an instance that makes it: its parts.
    """

    change_id: str
    runs: tuple[RunRecord, ...]
    damaged_lines: int = 0

    @property
    def idempotency_key(self) -> str | None:
        key = self.runs[0].begun.get("idempotency_key")
        return str(key) if key is not None else None

    @property
    def instances(self) -> frozenset[str]:
        """The instances it touches."""
        return frozenset(each["instance"] for run in self.runs for each in run.begun["files"])

    @property
    def parts(self) -> tuple[RunRecord, ...]:
        """The runs that make it, as opposed to those that roll it back."""
        return tuple(run for run in self.runs if run.kind != ROLLBACK)

    @property
    def made(self) -> tuple[RunRecord, ...]:
        """The parts that count."""
        return tuple(run for run in self.parts if run.committed)

    def part_of(self, instance: str) -> RunRecord | None:
        """The part that wrote into an instance."""
        for run in reversed(self.made):
            if any(each["instance"] == instance for each in run.begun["files"]):
                return run
        return None

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What it set, secrets masked."""
        edits = (each for run in self.parts for each in run.begun["edits"])
        return tuple(map(Edit.model_validate, edits))

    @property
    def kept(self) -> dict[str, tuple[Reverted, ...]]:
        """What instances did not keep over their next restart, by those that were looked at."""
        return {name: found for run in self.parts for name, found in run.kept.items()}

    @property
    def open_run(self) -> RunRecord | None:
        """The run in which something is left to do. Only the last can be."""
        return self.runs[-1] if self.runs[-1].open else None

    @property
    def status(self) -> ChangeStatus:
        last = self.runs[-1]
        failed = "undoing" in last.events
        if last.kind == ROLLBACK:
            if last.committed:
                return ChangeStatus.ROLLED_BACK
            return ChangeStatus.APPLIED if failed else ChangeStatus.ROLLING_BACK
        if last.committed or (failed and self.made):
            return ChangeStatus.APPLIED
        return ChangeStatus.FAILED if failed else ChangeStatus.APPLYING

    def request(self) -> ChangeRequest:
        """The change as the wire shows it."""
        first, last = self.runs[0], self.runs[-1]
        status = self.status
        rolled_back = status is ChangeStatus.ROLLED_BACK
        reverted = tuple(each for instance in self.kept.values() for each in instance)
        if reverted and status is ChangeStatus.APPLIED:
            status = ChangeStatus.REVERTED_BY_PLUGIN
        return ChangeRequest(
            id=self.change_id,
            reason=first.begun["reason"],
            author=first.begun["author"],
            status=status,
            created_at=datetime.fromisoformat(first.begun["at"]),
            finished_at=self.parts[-1].ended_at,
            rolled_back_at=last.ended_at if rolled_back else None,
            files=tuple(self._outcomes()),
            edits=self.edits,
            refused=tuple(RefusedEdit.model_validate(each) for each in first.begun["refused"]),
            message=self._message(),
            reverted=reverted,
        )

    def _message(self) -> str:
        last = self.runs[-1]
        parts = [last.message()]
        if last.kind == ROLLBACK and parts[0]:
            parts[0] = f"rollback failed: {parts[0]}"
        parts += [str(note["message"]) for note in last.events.get("closed", {}).get("notes", ())]
        if self.damaged_lines:
            parts.append(f"{self.damaged_lines} lines of its journal are damaged")
        return "; ".join(filter(None, parts))

    def _outcomes(self) -> list[FileOutcome]:
        outcomes = {
            (each["instance"], each["file"]): self._outcome(each, part, *_state(part, index))
            for part in self.parts
            for index, each in enumerate(part.begun["files"])
        }
        for run in self.runs:
            if run.kind != ROLLBACK:
                continue
            for index, each in enumerate(run.begun["files"]):
                state, message = _rolled_back_state(run, index)
                known = outcomes[each["instance"], each["file"]]
                if state:
                    changed = known.model_copy(update={"state": state, "message": message})
                    outcomes[each["instance"], each["file"]] = changed
            for kept in run.begun.get("kept", ()):
                known = outcomes[kept["instance"], kept["file"]]
                if run.committed:
                    changed = known.model_copy(
                        update={"state": "conflict", "message": kept["message"]}
                    )
                    outcomes[kept["instance"], kept["file"]] = changed
        return list(outcomes.values())

    @staticmethod
    def _outcome(file: dict[str, Any], part: RunRecord, state: str, message: str) -> FileOutcome:
        place = (file["instance"], file["file"])
        return FileOutcome(
            instance=file["instance"],
            file=file["file"],
            before_sha256=file["before"],
            after_sha256=file["after"],
            state=state,
            message=message,
            diff=file["diff"],
            amp_owned=tuple(
                each.shown() for each in part.nodes if (each.instance, each.file) == place
            ),
            line_edit=file.get("line_edit"),
        )


def read_record(
    change_id: str, journal: JournalText, *, with_diffs: bool = True
) -> ChangeRecord | None:
    """The change that a journal tells of; None if it was killed before it began."""
    runs: dict[int, RunRecord] = {}
    for entry in journal.entries:
        if entry["event"] == "begun":
            runs[entry["run"]] = RunRecord(entry if with_diffs else _without_diffs(entry))
        elif entry["run"] in runs:
            _add(runs[entry["run"]], entry)
    if not runs:
        return None
    return ChangeRecord(change_id, tuple(runs.values()), journal.damaged_lines)


def _without_diffs(begun: Entry) -> Entry:
    return {**begun, "files": [{**each, "diff": ""} for each in begun["files"]]}


def _add(run: RunRecord, entry: Entry) -> None:
    event = entry["event"]
    if event == "written":
        run.written.add(entry["index"])
    elif event == "touched":
        run.touched.add(entry["node"])
    elif event == "kept":
        reverted = (Reverted.model_validate(each) for each in entry["reverted"])
        run.kept[entry["instance"]] = tuple(reverted)
    elif event == "undone":
        run.states[entry["index"]] = (entry["state"], entry["message"])
    elif event != "undoing" or event not in run.events:
        run.events[event] = entry  # of several ways back, the first names the cause


def _state(run: RunRecord, index: int) -> tuple[str, str]:
    if run.committed:
        return "verified", ""
    if index in run.states:
        return run.states[index]
    return ("written" if index in run.written else "pending"), ""


def _rolled_back_state(run: RunRecord, index: int) -> tuple[str, str]:
    """What a rollback says of a file; nothing where it left the file as the change made it."""
    if run.committed:
        return "undone", ""
    state, message = run.states.get(index, ("", ""))
    return (state, message) if state == "conflict" else ("", "")
