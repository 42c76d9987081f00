"""Whether what a change wrote is still there: after a restart, a plugin may have put it back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from homeamp_agent.changes.audit import AuditLog
from homeamp_agent.changes.edit import agrees
from homeamp_agent.changes.errors import ChangesError
from homeamp_agent.changes.history import ChangeRecord
from homeamp_agent.changes.journal import Journal
from homeamp_agent.changes.locks import Locks
from homeamp_agent.changes.places import locate
from homeamp_agent.changes.plan import Planner
from homeamp_agent.changes.safety import FilePlace
from homeamp_agent.changes.state import StateFolder
from homeamp_agent.configfiles import ConfigFileError, Document, parse
from homeamp_agent.model.change import (
    ChangeRequest,
    ChangeStatus,
    Edit,
    EditOperation,
    Reverted,
)
from homeamp_agent.model.secret import wire_value
from homeamp_agent.model.setting import segment_text
from homeamp_agent.model.snapshot import MISSING


@dataclass(frozen=True, slots=True)
class Keeping:
    """Looks, and writes into the journal of a change what was not kept."""

    journals: StateFolder
    locks: Locks
    planner: Planner
    audit: AuditLog
    records: Callable[[], Iterable[ChangeRecord]]

    def look(
        self,
        instance: str,
        up_until: datetime | None = None,
        ready_at: datetime | None = None,
    ) -> Sequence[str]:
        """After a restart of the instance: the ids of changes that it did not keep, each once.

        `up_until` is when the game was last seen before it went down: a file that was written last
        before that moment was changed by somebody else, not over the restart. `ready_at` is when
        it was up again: a change made since then has its restart yet to come.

        Raises:
            InstanceBusyError: somebody writes there right now.
            OSError: a journal cannot be written.
        """
        reverted = []
        with self.locks.instances({instance}):
            for change_id, run, edits in unlooked(self.records(), instance, ready_at):
                found = not_kept(self.planner, edits, up_until)
                told = [each.model_dump(mode="json") for each in found]
                with Journal(self.journals, change_id, new=False) as journal:
                    journal.append("kept", run=run, instance=instance, reverted=told)
                if found:
                    self.audit.append(
                        who="agent",
                        action="change.reverted",
                        subject=change_id,
                        outcome="reverted",
                        settings=told,
                    )
                    reverted.append(change_id)
        return reverted

    def now(self, change: ChangeRequest) -> FoundNow:
        """What of a change is no longer so, whatever became of it meanwhile. Writes nothing."""
        unreadable = []
        for each in change.files:
            try:
                content = self.planner.read(self.planner.place(each.instance, each.file)).content
                parse(each.file, content, self.planner.limits)
            except ChangesError as error:
                reason = getattr(error, "reason", str(error))
                unreadable.append(Unreadable(each.instance, each.file, reason))
            except ConfigFileError as error:
                reason = f"line {error.line}: {error.reason}" if error.line else error.reason
                unreadable.append(Unreadable(each.instance, each.file, reason))
        return FoundNow(not_kept(self.planner, change.edits), tuple(unreadable))


class Unreadable(NamedTuple):
    """A file of a change that cannot be read, or not as settings."""

    instance: str
    file: str
    reason: str


class FoundNow(NamedTuple):
    """What of a change is no longer as it was written."""

    reverted: tuple[Reverted, ...]
    unreadable: tuple[Unreadable, ...]


Place = tuple[str, tuple[str, ...]]
"""A file and the texts of a key path: one setting of an instance, however its keys are typed."""


def unlooked(
    records: Iterable[ChangeRecord], instance: str, ready_at: datetime | None = None
) -> list[tuple[str, int, list[Edit]]]:
    """By change id and run, the edits of `instance` that hold and were not looked at since.

    What a newer change wrote again is that one's; with `ready_at`, only those made before.
    """
    seen: set[Place] = set()
    found = []
    parts = [
        (part, record)
        for record in records
        if record.status is ChangeStatus.APPLIED and (part := record.part_of(instance)) is not None
    ]
    for part, record in sorted(parts, key=lambda each: str(each[0].begun["at"]), reverse=True):
        edits = [edit for edit in record.edits if edit.instance == instance]
        mine = [edit for edit in edits if _place(edit) not in seen]
        seen |= {_place(edit) for edit in edits}
        made_at = part.ended_at
        early = ready_at is None or (made_at is not None and made_at < ready_at)
        if mine and early and instance not in record.kept:
            found.append((record.change_id, part.number, mine))
    return found


def not_kept(
    planner: Planner, edits: Sequence[Edit], up_until: datetime | None = None
) -> tuple[Reverted, ...]:
    """Those of the edits whose file now says otherwise, or is gone. A file that cannot be read says
    nothing, nor does one that was written last before `up_until`."""
    documents: dict[tuple[str, str], Document | None] = {}
    gone = set()
    found = []
    for edit in edits:
        key = (edit.instance, edit.file)
        if key not in documents:
            documents[key] = None
            try:
                place = planner.place(*key)
                content = planner.read(place).content
                if up_until is None or _written_at(place) >= up_until.timestamp():
                    documents[key] = planner.document(edit.file, content)
            except (ChangesError, OSError) as error:
                if isinstance(error.__cause__, FileNotFoundError):
                    gone.add(key)
        document = documents[key]
        if document is not None and (reverted := _reverted(planner, document, edit)) is not None:
            found.append(reverted)
        elif key in gone and edit.operation is not EditOperation.UNSET:
            found.append(
                Reverted(
                    instance=edit.instance,
                    file=edit.file,
                    path=edit.path,
                    wanted=edit.new,
                    found=None,
                )
            )
    return tuple(found)


def _written_at(place: FilePlace) -> float:
    with place.parent() as folder:
        return os.stat(place.name, dir_fd=folder, follow_symlinks=False).st_mtime


def _reverted(planner: Planner, document: Document, edit: Edit) -> Reverted | None:
    path, actual = locate(document, edit.path)
    gone = actual is MISSING
    if edit.operation is EditOperation.UNSET:
        kept = gone
    else:
        kept = not gone and agrees(edit.new, actual, typed=document.typed, masker=planner.masker)
    if kept:
        return None
    found = None if gone else wire_value(planner.masker.mask(path, actual, edit.plugin))
    return Reverted(
        instance=edit.instance, file=edit.file, path=edit.path, wanted=edit.new, found=found
    )


def _place(edit: Edit) -> Place:
    return edit.file, tuple(map(segment_text, edit.path))
