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
from dataclasses import dataclass, field, replace
from pathlib import Path

from homeamp_agent.changes.diff import secret_literals, shown_file, unified_diff
from homeamp_agent.changes.edit import ANY_VALUE, PlainEdit, agrees
from homeamp_agent.changes.errors import ChangesError, FileConflictError, UnsafeFileError
from homeamp_agent.changes.line_edits import ALLOW_IT, LinePlanner, PlannedLine
from homeamp_agent.changes.metadata import Metadata
from homeamp_agent.changes.nodes import NodeEdit, NodeWish, node_edit
from homeamp_agent.changes.places import locate
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
from homeamp_agent.instances.amp_owned import AmpOwned, Owner
from homeamp_agent.model.change import (
    Edit,
    EditOperation,
    FilePlan,
    LineChange,
    Plan,
    RefusedEdit,
)
from homeamp_agent.model.secret import Masker, holds_mask, is_masked, wire_value
from homeamp_agent.model.setting import KeyPath, Value
from homeamp_agent.model.snapshot import MISSING

MAX_SHOWN_VALUE_CHARACTERS = 80
ALREADY_SO = "already so"

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
                refused += [self._refused(edit, reason, conflict=conflict) for edit in group]
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
        try:
            return None if content is None else parse(file, content, self.limits)
        except ConfigFileError:
            return None

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
        made: list[PlainEdit] = []
        nodes: list[NodeEdit] = []
        for edit in edits:
            try:
                path, actual = locate(document, edit.path)
                edited = self._edited(document, edit, path, actual)
                if (owner := owned.owner(place.file, path)) is not None:
                    nodes.append(self._node(owner, edit, path, actual))
                document = document.reread(edited)
            except EditRefused as error:
                refused.append(self._refused(edit, error.reason))
            except FileConflictError as error:
                refused.append(self._refused(edit, error.reason, conflict=True))
            else:
                # Whoever approves the plan approves what it replaces, too.
                pinned = edit.expected_old is ANY_VALUE
                proven = replace(edit, line_edit=False)
                made.append(replace(proven, expected_old=actual) if pinned else proven)
        if document.data == before:
            refused += [self._refused(edit, "undone by a later edit of the plan") for edit in made]
            return None
        diff = self.diff(place.file, before, document.data, edits[0].plugin)
        return PlannedFile(place, before, document.data, diff, tuple(made), None, tuple(nodes))

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
                refused.append(self._refused(edit, told, offer=offer))
                continue
            try:
                if planned is not None:
                    raise EditRefused("one line edit of a file at a time: see first what it does")
                if owned.owner(place.file, edit.path) is not None:
                    raise EditRefused("AMP owns it, and writes the file anew: change it there")
                planned = lines.plan(edit)
            except EditRefused as error:
                told = f"{lines.why()}; no line edit: {error.reason}"
                refused.append(self._refused(edit, told))
        if planned is None:
            return None
        before, after = lines.content, planned.line.data
        return PlannedFile(place, before, after, planned.diff, (planned.edit,), line=planned)

    def _node(self, owner: Owner, edit: PlainEdit, path: KeyPath, actual: Value) -> NodeEdit:
        """What AMP's own setting becomes. Raises EditRefused."""
        values = (edit.new, owner.value, actual)
        masks = (self.masker.mask(path, each, edit.plugin) for each in values)
        secret = any(is_masked(wire_value(each)) for each in masks)
        wish = NodeWish(edit.operation, edit.new, secret, self.amp_there)
        return node_edit(owner, (edit.instance, edit.file), path, actual, wish)

    def _edited(self, document: Document, edit: PlainEdit, path: KeyPath, actual: Value) -> bytes:
        """The new bytes. The one place to know operations.

        Raises:
            EditRefused: it cannot be made byte-exactly, or is made already.
            FileConflictError: another value than expected stands there.
        """
        if edit.operation is EditOperation.UNSET:
            if actual is MISSING:
                raise EditRefused(f"{ALREADY_SO}: the setting is not there")
            self._expect(document, edit, actual)
            return document.unset(path)
        if holds_mask(edit.new):
            raise EditRefused("the plain value of this secret is not at hand")
        if actual is not MISSING and self._agrees(document, edit.new, actual):
            raise EditRefused(f"{ALREADY_SO}: the file holds this value")
        if edit.operation is EditOperation.INSERT:
            if actual is not MISSING:
                raise FileConflictError(edit.file, f"it now holds {self._shown(edit, actual)}")
            return document.insert(path, edit.new)
        if actual is MISSING:
            raise FileConflictError(edit.file, "the setting is no longer there")
        if edit.operation is EditOperation.REPLACE_LIST and not isinstance(actual, (list, tuple)):
            raise FileConflictError(edit.file, f"it holds {self._shown(edit, actual)}, no list")
        self._expect(document, edit, actual)
        return document.set(path, edit.new)

    def _expect(self, document: Document, edit: PlainEdit, actual: Value) -> None:
        if edit.expected_old is ANY_VALUE or self._agrees(document, edit.expected_old, actual):
            return
        raise FileConflictError(
            edit.file, f"it holds {self._shown(edit, actual)}, not the value this edit replaces"
        )

    def _agrees(self, document: Document, expected: Value, actual: Value) -> bool:
        return agrees(expected, actual, typed=document.typed, masker=self.masker)

    def _shown(self, edit: PlainEdit, actual: Value) -> str:
        masked = wire_value(self.masker.mask(edit.path, actual, edit.plugin))
        if is_masked(masked):
            return "another secret"
        text = json.dumps(masked, ensure_ascii=False)
        if len(text) > MAX_SHOWN_VALUE_CHARACTERS:
            text = text[:MAX_SHOWN_VALUE_CHARACTERS] + "…"
        return text

    def _refused(
        self,
        edit: PlainEdit,
        reason: str,
        *,
        conflict: bool = False,
        offer: LineChange | None = None,
    ) -> RefusedEdit:
        wire = edit.wire(self.masker)
        return RefusedEdit(edit=wire, conflict=conflict, reason=reason, line_edit=offer)

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
