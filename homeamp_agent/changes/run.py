"""One run: a set of files changed together, or not at all, whatever happens in between.

check → begun → (look again, backup, write beside) each → staged → AMP's settings → swap each →
verify each → committed → remove the old files, audit → closed. Anything that goes wrong before
`committed` takes everything back; anything after is finished later. `go_back` and `finish` decide
by what stands on the disk, so they serve a failure, a restart after a kill, and a kill in the
middle of themselves.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from homeamp_agent.changes.errors import (
    ChangesError,
    FileConflictError,
    NoRoomError,
    plain_reason,
)
from homeamp_agent.changes.journal import Journal
from homeamp_agent.changes.line_edits import PlannedLine
from homeamp_agent.changes.metadata import Metadata
from homeamp_agent.changes.nodes import NodeEdit, put, put_back
from homeamp_agent.changes.plan import PlannedFile
from homeamp_agent.changes.safety import (
    ABSENT,
    FileContent,
    hash_of,
    read_file,
    refuse_unwritable,
)
from homeamp_agent.changes.swap import (
    FileStep,
    clear_displaced,
    clear_staged,
    stage,
    swap_in,
    undo,
)
from homeamp_agent.changes.workbench import Workbench
from homeamp_agent.configfiles import ConfigFilesError, parse, verify_line_edit

STEPS = (
    "begun",
    "checked",
    "backed_up",
    "staged_file",
    "staged",
    "swapping",
    "swapped",
    "written",
    "verified",
    "committed",
    "cleared",
    "audited",
    "closed",
    "undoing",
    "undone",
    "aborted",
)
"""The points a run passes, as `on_step` hears them; some once a file. With settings that AMP owns,
also `touched`, once each."""

SPACE_PER_FILE_BYTES = 8 * 1024
"""A file's last block, its folder entry, and its backup's entry."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What identifies a run: the change it is of, its number there, and who wants it."""

    change_id: str
    number: int
    kind: str
    author: str
    reason: str


def ignore_count(_done: int, _total: int) -> None:
    """Nobody wants to hear how far it is."""


class Run:
    """A run of a change whose journal is open and whose instances are locked by the caller."""

    def __init__(
        self,
        bench: Workbench,
        journal: Journal,
        facts: RunFacts,
        steps: Sequence[FileStep],
        *,
        resumed: bool = False,
        nodes: Sequence[NodeEdit] = (),
        touched: Iterable[int] = (),
        lines: Mapping[int, int] | None = None,
        on_file: Callable[[int, int], None] = ignore_count,
    ) -> None:
        """`resumed` for a run that another process (or an earlier attempt) began.

        `nodes`: what becomes of AMP's own settings; `touched`: those that were touched already.
        `lines`: the lines of files that get a line edit, by the step's number.
        `on_file` hears how many steps of how many are done, two a file.
        """
        self._bench = bench
        self._journal = journal
        self._facts = facts
        self._steps = tuple(steps)
        self._resumed = resumed
        self._originals: dict[int, Metadata] = {}
        self._nodes = tuple(nodes)
        self._touched = set(touched)
        self._lines = dict(lines or {})
        self._on_file = on_file

    def carry_out(self, files: Sequence[PlannedFile]) -> None:
        """Do it; `files` are the steps' contents, and `begun` is journalled already.

        Never raises for what can go wrong with files: the journal then tells of the way back.
        """
        staged = False
        index = None
        try:
            self._told("begun")
            self._check_space(files)
            self._told("checked")
            for index, planned in enumerate(files):
                self._prepare(index, planned)
                self._on_file(index + 1, 2 * len(files))
            index = None
            staged = True
            self._enter("staged")
            put(self._bench.amp, self._nodes, self._touch)
            for index in range(len(files)):
                self._told("swapping")
                swap_in(self._bench, self._steps[index], self._facts.change_id)
                self._enter("written", sync=False, index=index)
            for index, planned in enumerate(files):
                self._verify(index, planned)
                self._on_file(len(files) + index + 1, 2 * len(files))
            index = None
            self._told("verified")
            self._enter("committed")
        except (ChangesError, OSError, ConfigFilesError) as error:
            self.go_back(plain_reason(error), index, conflict=_is_conflict(error), staged=staged)
        except Exception as error:
            self.go_back(plain_reason(error), index, conflict=False, staged=staged)
            raise
        else:
            self.finish()

    def finish(self) -> None:
        """After `committed`: remove the old files, write the audit log, close the run.

        What fails here leaves the run open, to be finished at the next start.
        """
        with contextlib.suppress(ChangesError, OSError):
            notes = []
            for index, step in enumerate(self._steps):
                note = clear_displaced(self._bench, step, self._facts.change_id)
                notes += [{"index": index, "message": note}] if note else []
                self._told("cleared")
            self._audit("done", "")
            self._told("audited")
            self._enter("closed", notes=notes)

    def go_back(
        self, reason: str, index: int | None = None, *, conflict: bool = False, staged: bool = True
    ) -> None:
        """Before `committed`: make every file what it was, if it is still ours.

        `index` is the file that caused it. Without `staged` no name was swapped yet. A file that
        cannot be brought back now leaves the run open, to be undone at the next start.
        """
        bench = self._bench
        try:
            self._enter("undoing", message=reason)
        except OSError:
            # Without the entry, a `committed` that was refused may yet be on the medium and would
            # be believed at the next start. Leave both files where they are: it decides then.
            if self._journal.holds("committed", self._facts.number):
                return
        clean = self._put_nodes_back()
        for number, step in reversed(list(enumerate(self._steps))):
            state, message = "undone", ""
            try:
                if staged:
                    state, message = undo(bench, step, self._facts.change_id)
                else:
                    clear_staged(bench, step)
            except (ChangesError, OSError) as error:
                clean = False
                state, message = "failed", f"could not be undone yet: {plain_reason(error)}"
            if number == index and state == "undone":
                state, message = ("conflict" if conflict else "failed"), reason
            with contextlib.suppress(OSError):
                self._enter("undone", sync=False, index=number, state=state, message=message)
        if clean:
            with contextlib.suppress(OSError):
                self._audit("failed", reason)
                self._enter("aborted", message=reason)

    def _touch(self, number: int) -> None:
        """A setting of AMP is about to be set."""
        self._touched.add(number)
        self._enter("touched", node=number)

    def _put_nodes_back(self) -> bool:
        """Whether AMP's own settings are as they were."""
        try:
            put_back(self._bench.amp, self._nodes, self._touched)
        except ChangesError:
            return False
        return True

    def _check_space(self, files: Sequence[PlannedFile]) -> None:
        """Raise NoRoomError if any disk would fall below the bound; state and instances alike."""
        needs: dict[int, int] = {}
        free: dict[int, int] = {}
        for step, planned in zip(self._steps, files, strict=True):
            with step.place.parent() as folder:
                device = os.fstat(folder).st_dev
                free.setdefault(device, _free_bytes(folder))
            size = len(planned.after or b"") + SPACE_PER_FILE_BYTES
            needs[device] = needs.get(device, 0) + size
        device = self._bench.state_path.stat().st_dev
        free.setdefault(device, _free_bytes(self._bench.state_path))
        kept = sum(len(each.before or b"") + SPACE_PER_FILE_BYTES for each in files)
        needs[device] = needs.get(device, 0) + kept
        for device, needed in needs.items():
            if free[device] - needed < self._bench.min_free_bytes:
                raise NoRoomError(
                    f"too little disk space: {free[device]:,} bytes free, {needed:,} needed, "
                    f"{self._bench.min_free_bytes:,} must stay free"
                )

    def _prepare(self, index: int, planned: PlannedFile) -> None:
        """Look at the file again, keep its bytes, write the new ones beside it."""
        step, bench = self._steps[index], self._bench
        place = step.place
        with place.parent() as folder:
            metadata = planned.metadata
            if step.before == ABSENT:
                if hash_of(folder, place.name, place.file) != ABSENT:
                    raise FileConflictError(place.file, "a file stands there now")
            else:
                current = read_file(folder, place.name, place.file, bench.limits.max_bytes)
                refuse_unwritable(folder, place.name, place.file)
                self._keep(step, current, planned.after)
                metadata = self._originals[index] = current.metadata
            self._told("backed_up")
            if planned.after is not None:
                stage(bench, folder, step.temp, planned.after, metadata)
        self._told("staged_file")

    def _keep(self, step: FileStep, current: FileContent, replacement: bytes | None) -> None:
        if current.sha256 != step.before:
            raise FileConflictError(step.place.file, "it was changed after the plan was made")
        self._bench.backups.keep(
            step.place, current, self._facts.change_id, replacement=replacement
        )

    def _verify(self, index: int, planned: PlannedFile) -> None:
        """Read the file back by its path, as its server will."""
        step = self._steps[index]
        place = step.place
        with place.parent() as folder:
            if hash_of(folder, place.name, place.file) != step.after:
                raise FileConflictError(
                    place.file, "another program changed it while it was written"
                )
            if planned.after is None:
                return
            now = read_file(folder, place.name, place.file, self._bench.limits.max_bytes)
        if index in self._originals and now.metadata != self._originals[index]:
            raise FileConflictError(place.file, "owner, mode or attributes changed meanwhile")
        if planned.line is not None:
            self._verify_line(place.file, planned.line, planned.before or b"", now.content)
        elif planned.edits:
            parse(place.file, now.content, self._bench.limits)

    def _verify_line(self, file: str, planned: PlannedLine, before: bytes, content: bytes) -> None:
        """Of a line edit: that line and no other, and what was readable in the plan is so here."""
        limits = self._bench.limits
        verify_line_edit(planned.line, before, content, limits)
        if planned.shown.readable_after:
            parse(file, content, limits)

    def _enter(self, event: str, *, sync: bool = True, **facts: object) -> None:
        self._journal.append(event, sync=sync, run=self._facts.number, **facts)
        self._told(event)

    def _told(self, step: str) -> None:
        self._bench.on_step(step)

    def _audit(self, outcome: str, message: str) -> None:
        """Write the act down, once, however often the run is taken up again."""
        log, facts = self._bench.audit, self._facts
        if self._resumed and log.mentions(change_id=facts.change_id, run=facts.number):
            return
        log.append(
            who=facts.author,
            action=f"change.{facts.kind}",
            subject=facts.change_id,
            reason=facts.reason,
            outcome=outcome,
            change_id=facts.change_id,
            run=facts.number,
            message=message,
            files=[
                {
                    "instance": step.place.instance,
                    "file": step.place.file,
                    "before": step.before,
                    "after": step.after,
                    **({"line_edit": self._lines[index]} if index in self._lines else {}),
                }
                for index, step in enumerate(self._steps)
            ],
        )


def _is_conflict(error: Exception) -> bool:
    return isinstance(error, FileConflictError)


def _free_bytes(where: int | os.PathLike[str]) -> int:
    facts = os.statvfs(where)
    return facts.f_bavail * facts.f_frsize
