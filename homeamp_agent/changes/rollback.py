"""Planning a rollback: exact bytes back where a file is as we left it, a question where not."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from homeamp_agent.changes.backup import Backups
from homeamp_agent.changes.diff import masked_text, secret_literals, shown_file, unified_diff
from homeamp_agent.changes.edit import PlainEdit
from homeamp_agent.changes.errors import (
    BackupError,
    ChangesError,
    NotRollableError,
    RollbackConflicts,
    UnsafeFileError,
)
from homeamp_agent.changes.file_edits import ALREADY_SO
from homeamp_agent.changes.history import ChangeRecord
from homeamp_agent.changes.metadata import Metadata
from homeamp_agent.changes.nodes import NodeEdit
from homeamp_agent.changes.plan import PlannedFile, Planner
from homeamp_agent.changes.safety import ABSENT, FilePlace, sha256_of
from homeamp_agent.changes.swap import FileStep
from homeamp_agent.model.change import Edit, EditOperation, RollbackConflict
from homeamp_agent.model.secret import is_masked

MAX_WHOLE_TEXT_CHARACTERS = 64 * 1024
"""Three texts of this size pass the socket easily; of longer files, the differences are shown."""

FileKey = tuple[str, str]
"""Instance and file."""


@dataclass
class RollbackPlan:
    """Files to write, files to leave (with the reason), and the questions to a person."""

    files: list[PlannedFile] = field(default_factory=list)
    kept: dict[FileKey, str] = field(default_factory=dict)
    conflicts: list[RollbackConflict] = field(default_factory=list)
    nodes: list[NodeEdit] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RollbackPlanner:
    """Plans the way back of one change. `later_change` names the change that wrote those bytes.

    `standing` are files as they would be by then, where that is not as they are now.
    """

    planner: Planner
    backups: Backups
    later_change: Callable[[FileKey, str], str | None]
    standing: dict[FileKey, bytes | None] = field(default_factory=dict)

    def plan(
        self, record: ChangeRecord, *, force: bool = False, keep: Collection[FileKey] = ()
    ) -> RollbackPlan:
        """Plan it. `force` overwrites what others wrote since; `keep` names files to leave.

        Raises:
            RollbackConflicts: files are not as the change left them, and neither said what to do.
            NotRollableError: the original bytes are gone.
        """
        plan = RollbackPlan()
        plugins = {(each.instance, each.file): each.plugin for each in record.request().edits}
        for part, step in [(made, each) for made in record.made for each in made.steps()]:
            key = (step.place.instance, step.place.file)
            nodes = [each for each in part.nodes if (each.instance, each.file) == key]
            if key in keep:
                plan.kept[key] = "left as it is, as asked"
            elif not nodes or not self._plan_settings(plan, record, step, force=force):
                self._plan_file(plan, step, plugins.get(key), record.change_id, force=force)
            if key not in keep:
                plan.nodes += [each.reversed(whatever=force) for each in nodes]
        if plan.conflicts:
            raise RollbackConflicts(plan.conflicts)
        return plan

    def _plan_file(
        self,
        plan: RollbackPlan,
        step: FileStep,
        plugin: str | None,
        change_id: str,
        *,
        force: bool,
    ) -> None:
        original, metadata = self._original(step, change_id)
        try:
            place = self.planner.place(step.place.instance, step.place.file)
            current = self._current(place)
        except ChangesError as error:
            reason = getattr(error, "reason", str(error))
            plan.conflicts.append(self._conflict(step, plugin, original, None, reason))
            return
        found = sha256_of(current)
        if found == step.before:
            return
        if found != step.after and not force:
            reason = self._what_happened(step, found)
            plan.conflicts.append(self._conflict(step, plugin, original, current, reason))
            return
        diff = self.planner.diff(place.file, current, original, plugin)
        plan.files.append(PlannedFile(place, current, original, diff, (), metadata))

    def _plan_settings(
        self, plan: RollbackPlan, record: ChangeRecord, step: FileStep, *, force: bool
    ) -> bool:
        """Of a file that AMP wrote anew since, as it does at every start, only the settings can go
        back; whether that is so, and possible."""
        key = (step.place.instance, step.place.file)
        edits = [each for each in record.edits if (each.instance, each.file) == key]
        try:
            place = self.planner.place(*key)
            found = sha256_of(self._current(place))
        except ChangesError:
            return False
        if force or found in {step.before, step.after} or not all(map(_plain, edits)):
            return False
        planned = self.planner.plan([_inverse(each) for each in edits])
        if any(not each.reason.startswith(ALREADY_SO) for each in planned.plan.refused):
            return False
        plan.files += planned.files
        return True

    def _original(self, step: FileStep, change_id: str) -> tuple[bytes | None, Metadata | None]:
        if step.before == ABSENT:
            return None, None
        try:
            content = self.backups.read(step.before)
        except BackupError as error:
            raise NotRollableError(f"{step.place.file}: {error}") from error
        place = step.place
        found = self.backups.of_change(place.instance, place.file, change_id, step.before)
        return content, found.metadata if found else None

    def _current(self, place: FilePlace) -> bytes | None:
        if (place.instance, place.file) in self.standing:
            return self.standing[place.instance, place.file]
        try:
            return self.planner.read(place).content
        except UnsafeFileError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def _what_happened(self, step: FileStep, found: str) -> str:
        if found == ABSENT:
            return "the file was removed since"
        later = self.later_change((step.place.instance, step.place.file), found)
        if later:
            return f"change {later} wrote it since; roll that back first"
        return "another program changed it since"

    def _conflict(
        self,
        step: FileStep,
        plugin: str | None,
        original: bytes | None,
        current: bytes | None,
        reason: str,
    ) -> RollbackConflict:
        try:
            ours = self.backups.read(step.after) if step.after != ABSENT else None
        except BackupError:
            ours = None
        before, left, theirs = self._texts(step.place.file, (original, ours, current), plugin)
        return RollbackConflict(
            instance=step.place.instance,
            file=step.place.file,
            before=before,
            ours=left,
            theirs=theirs,
            reason=reason,
        )

    def _texts(
        self, file: str, contents: tuple[bytes | None, ...], plugin: str | None
    ) -> list[str]:
        """The three sides, masked; of long files, how each differs from the original."""
        masker = self.planner.masker
        documents = [self.planner.document(file, each) for each in contents]
        literals: set[str] = set()
        for document in documents:
            literals |= secret_literals(document, masker, plugin) if document else set()
        shown = [
            shown_file(content, document, masker, plugin, literals)
            for content, document in zip(contents, documents, strict=True)
        ]
        texts = [masked_text(each) for each in shown]
        if max(map(len, texts)) <= MAX_WHOLE_TEXT_CHARACTERS:
            return texts
        return [unified_diff(file, shown[0], each)[:MAX_WHOLE_TEXT_CHARACTERS] for each in shown]


def _plain(edit: Edit) -> bool:
    """Whether the way back of an edit is known from the edit alone."""
    values = (edit.new, edit.expected_old)
    return edit.operation is EditOperation.SET and not any(map(is_masked, values))


def _inverse(edit: Edit) -> PlainEdit:
    return PlainEdit(
        instance=edit.instance,
        file=edit.file,
        path=edit.path,
        expected_old=edit.new,
        new=edit.expected_old,
        plugin=edit.plugin,
    )
