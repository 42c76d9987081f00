"""Planning: what a set of edits would do to which files, before anything is written.

    plan = Planner(masker, game_folder_of).plan(edits)

Nothing here writes. A plan holds the exact bytes before and after; `Plan.digest` ties an approval
to these very bytes, and applying looks again whether the files still hold the ones before.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from homeamp_agent.changes.diff import secret_literals, shown_file, unified_diff
from homeamp_agent.changes.edit import PlainEdit
from homeamp_agent.changes.errors import ChangesError, FileConflictError, UnsafeFileError
from homeamp_agent.changes.file_edits import FileEdits, refusal_of
from homeamp_agent.changes.line_edits import ALLOW_IT, LinePlanner, PlannedLine, readable
from homeamp_agent.changes.metadata import Metadata
from homeamp_agent.changes.nodes import NodeEdit
from homeamp_agent.changes.safety import (
    FileContent,
    FilePlace,
    read_file,
    refuse_unwritable,
    sha256_of,
)
from homeamp_agent.configfiles import (
    DEFAULT_LIMITS,
    ConfigFileError,
    Document,
    EditRefused,
    Limits,
    parse,
)
from homeamp_agent.instances.amp_owned import AmpOwned
from homeamp_agent.model.change import (
    Edit,
    FilePlan,
    Plan,
    RefusedEdit,
)
from homeamp_agent.model.secret import Masker

GameFolderOf = Callable[[str], Path]
"""The game folder of an instance by its name; KeyError if there is no such instance."""

OwnedByAmp = Callable[[str], AmpOwned]
"""What AMP owns in an instance, by its name."""


def nothing_owned(instance: str) -> AmpOwned:
    """No AMP owns anything."""
    del instance
    return AmpOwned()


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file's bytes before and after; None stands for no file.

    `metadata` is given to a file that does not exist yet; one that does keeps its own.
    """

    place: FilePlace
    before: bytes | None = field(repr=False)
    after: bytes | None = field(repr=False)
    diff: str = field(repr=False)
    edits: tuple[PlainEdit, ...] = ()
    metadata: Metadata | None = None
    nodes: tuple[NodeEdit, ...] = ()
    line: PlannedLine | None = None


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """A plan with the bytes it needs: `plan` may cross the socket, `files` stay in memory."""

    plan: Plan
    files: tuple[PlannedFile, ...] = ()
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class NewContent:
    """A whole file to write (or, with None, to remove): restored backups, staged jars.

    `metadata` matters only where no file stands; without it, owner and mode follow the folder.
    """

    instance: str
    file: str
    content: bytes | None = field(repr=False)
    plugin: str | None = None
    metadata: Metadata | None = None


@dataclass(frozen=True, slots=True)
class Planner:
    """Turns edits into a `PlannedChange`.

    `owned_by_amp` tells what AMP owns in an instance; `amp_there`, whether AMP can be asked.
    """

    masker: Masker
    game_folder_of: GameFolderOf
    limits: Limits = DEFAULT_LIMITS
    owned_by_amp: OwnedByAmp = nothing_owned
    amp_there: bool = False

    def plan(self, edits: Sequence[PlainEdit]) -> PlannedChange:
        """Plan `edits`, those of one file together and in their order.

        An edit that cannot be made is left out and listed in `plan.refused`, as a conflict if the
        file holds another value than it expects.
        """
        by_file: dict[tuple[str, str], list[PlainEdit]] = {}
        for edit in edits:
            by_file.setdefault((edit.instance, edit.file), []).append(edit)
        files: list[PlannedFile] = []
        refused: list[RefusedEdit] = []
        owned = functools.cache(self.owned_by_amp)
        for (instance, file), group in by_file.items():
            try:
                place = self.place(instance, file)
                planned = self._plan_file(place, group, refused, owned(instance))
            except (ChangesError, ConfigFileError) as error:
                conflict = isinstance(error, FileConflictError)
                reason = getattr(error, "reason", str(error))
                refused += [
                    refusal_of(edit, reason, self.masker, conflict=conflict) for edit in group
                ]
            else:
                files += [planned] if planned else []
        return self._planned(files, refused)

    def plan_files(self, contents: Iterable[NewContent]) -> PlannedChange:
        """Plan whole files.

        Raises:
            UnsafeFileError: one of them may not be written.
            FileConflictError: one of them is being written right now.
        """
        files: list[PlannedFile] = []
        for new in contents:
            place = self.place(new.instance, new.file)
            before = self._current(place)
            if before != new.content:
                diff = self.diff(new.file, before, new.content, new.plugin)
                files.append(PlannedFile(place, before, new.content, diff, (), new.metadata))
        return self._planned(files, [])

    def place(self, instance: str, file: str) -> FilePlace:
        """Where a file stands.

        Raises:
            UnsafeFileError: there is no such instance.
        """
        try:
            return FilePlace(instance, self.game_folder_of(instance), file)
        except KeyError as error:
            raise UnsafeFileError(file, f"there is no instance {instance}") from error

    def read(self, place: FilePlace) -> FileContent:
        """The file as it is now. Raises as `safety.read_file` does."""
        with place.parent() as folder:
            return read_file(folder, place.name, place.file, self.limits.max_bytes)

    def document(self, file: str, content: bytes | None) -> Document | None:
        """The file's settings, or None where there are none to be read."""
        return None if content is None else readable(file, content, self.limits)

    def diff(self, file: str, before: bytes | None, after: bytes | None, plugin: str | None) -> str:
        """The masked unified diff between two contents of a file."""
        old, new = self.document(file, before), self.document(file, after)
        literals: set[str] = set()
        for document in (old, new):
            literals |= secret_literals(document, self.masker, plugin) if document else set()
        return unified_diff(
            file,
            shown_file(before, old, self.masker, plugin, literals),
            shown_file(after, new, self.masker, plugin, literals),
        )

    def _current(self, place: FilePlace) -> bytes | None:
        try:
            return self.read(place).content
        except UnsafeFileError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def _plan_file(
        self,
        place: FilePlace,
        edits: list[PlainEdit],
        refused: list[RefusedEdit],
        owned: AmpOwned,
    ) -> PlannedFile | None:
        before = self.read(place).content
        with place.parent() as folder:
            refuse_unwritable(folder, place.name, place.file)
        try:
            document = parse(place.file, before, self.limits)
        except ConfigFileError as error:
            lines = LinePlanner(before, error, self.masker, self.limits)
            return self._plan_line(place, edits, refused, owned, lines)
        work = FileEdits(document, self.masker, owned, self.amp_there)
        work.make(edits)
        after = work.document.data
        refused += work.refused
        if after == before:
            told = "undone by a later edit of the plan"
            refused += [refusal_of(edit, told, self.masker) for edit in work.made]
            return None
        diff = self.diff(place.file, before, after, edits[0].plugin)
        return PlannedFile(place, before, after, diff, tuple(work.made), None, tuple(work.nodes))

    def _plan_line(
        self,
        place: FilePlace,
        edits: list[PlainEdit],
        refused: list[RefusedEdit],
        owned: AmpOwned,
        lines: LinePlanner,
    ) -> PlannedFile | None:
        """Of a file that cannot be read, at most one line, where its edit allows that."""
        planned: PlannedLine | None = None
        for edit in edits:
            if not edit.line_edit:
                offer = lines.offer(edit)
                told = lines.why() if offer is None else f"{lines.why()}; {ALLOW_IT}"
                refused.append(refusal_of(edit, told, self.masker, offer=offer))
                continue
            try:
                if planned is not None:
                    raise EditRefused("one line edit of a file at a time: see first what it does")
                if owned.owner(place.file, edit.path) is not None:
                    raise EditRefused("AMP owns it, and writes the file anew: change it there")
                planned = lines.plan(edit)
            except EditRefused as error:
                told = f"{lines.why()}; no line edit: {error.reason}"
                refused.append(refusal_of(edit, told, self.masker))
        if planned is None:
            return None
        before, after = lines.content, planned.line.data
        return PlannedFile(place, before, after, planned.diff, (planned.edit,), line=planned)

    def _planned(self, files: list[PlannedFile], refused: list[RefusedEdit]) -> PlannedChange:
        plans = tuple(
            FilePlan(
                instance=each.place.instance,
                file=each.place.file,
                before_sha256=sha256_of(each.before),
                after_sha256=sha256_of(each.after),
                diff=each.diff,
                edits=tuple(edit.wire(self.masker) for edit in each.edits),
                restart=any(edit.restart for edit in each.edits),
                amp_owned=tuple(node.shown() for node in each.nodes),
                line_edit=None if each.line is None else each.line.shown,
            )
            for each in files
        )
        plan = Plan(
            digest=_digest(plans),
            files=plans,
            refused=tuple(refused),
            restarts=tuple(sorted({each.instance for each in plans if each.restart})),
        )
        return PlannedChange(plan, tuple(files), tuple(e for each in plans for e in each.edits))


def _digest(files: tuple[FilePlan, ...]) -> str:
    facts: list[tuple[str, ...]] = sorted(
        (f.instance, f.file, f.before_sha256, f.after_sha256) for f in files
    )
    facts += sorted(
        (f.instance, f.file, each.node, each.before, each.after)
        for f in files
        for each in f.amp_owned
    )
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
