"""The edits of one file, made in memory one behind the other, each in the file as those before
it left it.

Values that are set or inserted one after the other, in places that do not meet, are written at
once: every edit is proven by reading the file again, and a thousand readings of a large file take
a minute.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import NamedTuple

from homeamp_agent.changes.edit import ANY_VALUE, PlainEdit, agrees
from homeamp_agent.changes.errors import FileConflictError
from homeamp_agent.changes.nodes import NodeEdit, NodeWish, node_edit
from homeamp_agent.changes.places import locate, locate_in
from homeamp_agent.configfiles import Document, EditRefused
from homeamp_agent.instances.amp_owned import AmpOwned
from homeamp_agent.model.change import EditOperation, LineChange, RefusedEdit
from homeamp_agent.model.secret import Masker, holds_mask, is_masked, wire_value
from homeamp_agent.model.setting import KeyPath, Value
from homeamp_agent.model.snapshot import MISSING

MAX_SHOWN_VALUE_CHARACTERS = 80
ALREADY_SO = "already so"


class _Placed(NamedTuple):
    """An edit that fits the file, where it stands there, and what AMP's own setting becomes."""

    edit: PlainEdit
    path: KeyPath
    actual: Value
    node: NodeEdit | None


@dataclass(slots=True)
class FileEdits:
    """Makes edits of one file; `document` is the file as those that were made leave it.

    `made`, `nodes` and `refused` are in the order of the edits, but for those written at once.
    """

    document: Document
    masker: Masker
    owned: AmpOwned
    amp_there: bool
    made: list[PlainEdit] = field(default_factory=list)
    nodes: list[NodeEdit] = field(default_factory=list)
    refused: list[RefusedEdit] = field(default_factory=list)

    def make(self, edits: Iterable[PlainEdit]) -> None:
        """Make each that can be made; the others are refused with the reason."""
        for together, group in groupby(edits, key=_can_be_put):
            if together:
                self._put(list(group))
            else:
                for edit in group:
                    placed = self._placed(edit, *locate(self.document, edit.path))
                    if placed is not None:
                        self._make(placed)

    def _put(self, edits: Sequence[PlainEdit]) -> None:
        """As many at once as do not meet, then the rest."""
        while edits:
            tree = self.document.value(())
            places = _Places()
            placed: list[_Placed] = []
            for number, edit in enumerate(edits):
                path, actual = locate_in(tree, edit.path)
                if places.meets(path):
                    edits = edits[number:]
                    break
                found = self._placed(edit, path, actual)
                if found is not None:
                    places.add(path)
                    placed.append(found)
            else:
                edits = ()
            self._put_at_once(placed)

    def _put_at_once(self, placed: Sequence[_Placed]) -> None:
        if len(placed) <= 1:
            for each in placed:
                self._make(each)
            return
        try:
            after = self.document.put_all((each.path, each.edit.new) for each in placed)
        except EditRefused:
            # One of them is to blame, or needs another way of writing: halving finds it.
            half = len(placed) // 2
            self._put_at_once(placed[:half])
            self._put_at_once(placed[half:])
            return
        self._went(after, placed)

    def _make(self, placed: _Placed) -> None:
        edit, path = placed.edit, placed.path
        try:
            if edit.operation is EditOperation.UNSET:
                after = self.document.unset(path)
            elif edit.operation is EditOperation.INSERT:
                after = self.document.insert(path, edit.new)
            else:
                after = self.document.set(path, edit.new)
        except EditRefused as error:
            self.refused.append(refusal_of(edit, error.reason, self.masker))
        else:
            self._went(after, (placed,))

    def _went(self, after: bytes, placed: Sequence[_Placed]) -> None:
        self.document = self.document.reread(after)
        for edit, _, actual, node in placed:
            # Whoever approves the plan approves what it replaces, too.
            pinned = edit.expected_old is ANY_VALUE
            proven = replace(edit, line_edit=False)
            self.made.append(replace(proven, expected_old=actual) if pinned else proven)
            self.nodes += () if node is None else (node,)

    def _placed(self, edit: PlainEdit, path: KeyPath, actual: Value) -> _Placed | None:
        """The edit with its place, if it fits what stands there; refused otherwise."""
        try:
            self._refuse_unfit(edit, actual)
            return _Placed(edit, path, actual, self._node(edit, path, actual))
        except EditRefused as error:
            self.refused.append(refusal_of(edit, error.reason, self.masker))
        except FileConflictError as error:
            self.refused.append(refusal_of(edit, error.reason, self.masker, conflict=True))
        return None

    def _refuse_unfit(self, edit: PlainEdit, actual: Value) -> None:
        """Whether the operation fits what the file holds.

        Raises:
            EditRefused: it is made already, or lacks its value.
            FileConflictError: another value than expected stands there.
        """
        if edit.operation is EditOperation.UNSET:
            if actual is MISSING:
                raise EditRefused(f"{ALREADY_SO}: the setting is not there")
            self._expect(edit, actual)
            return
        if holds_mask(edit.new):
            raise EditRefused("the plain value of this secret is not at hand")
        if actual is not MISSING and self._agrees(edit.new, actual):
            raise EditRefused(f"{ALREADY_SO}: the file holds this value")
        if edit.operation is EditOperation.INSERT:
            if actual is not MISSING:
                raise FileConflictError(edit.file, f"it now holds {self._shown(edit, actual)}")
            return
        if actual is MISSING:
            raise FileConflictError(edit.file, "the setting is no longer there")
        if edit.operation is EditOperation.REPLACE_LIST and not isinstance(actual, (list, tuple)):
            raise FileConflictError(edit.file, f"it holds {self._shown(edit, actual)}, no list")
        self._expect(edit, actual)

    def _expect(self, edit: PlainEdit, actual: Value) -> None:
        if edit.expected_old is ANY_VALUE or self._agrees(edit.expected_old, actual):
            return
        raise FileConflictError(
            edit.file, f"it holds {self._shown(edit, actual)}, not the value this edit replaces"
        )

    def _agrees(self, expected: Value, actual: Value) -> bool:
        return agrees(expected, actual, typed=self.document.typed, masker=self.masker)

    def _shown(self, edit: PlainEdit, actual: Value) -> str:
        masked = wire_value(self.masker.mask(edit.path, actual, edit.plugin))
        if is_masked(masked):
            return "another secret"
        text = json.dumps(masked, ensure_ascii=False)
        if len(text) > MAX_SHOWN_VALUE_CHARACTERS:
            text = text[:MAX_SHOWN_VALUE_CHARACTERS] + "…"
        return text

    def _node(self, edit: PlainEdit, path: KeyPath, actual: Value) -> NodeEdit | None:
        """What AMP's own setting becomes, if AMP owns it. Raises EditRefused."""
        owner = self.owned.owner(edit.file, path)
        if owner is None:
            return None
        values = (edit.new, owner.value, actual)
        masks = (self.masker.mask(path, each, edit.plugin) for each in values)
        secret = any(is_masked(wire_value(each)) for each in masks)
        wish = NodeWish(edit.operation, edit.new, secret, self.amp_there)
        return node_edit(owner, (edit.instance, edit.file), path, actual, wish)


def _can_be_put(edit: PlainEdit) -> bool:
    """Whether it may be written together with others: it sets a value, or inserts a named key."""
    if edit.operation is EditOperation.INSERT:
        return bool(edit.path) and isinstance(edit.path[-1], str)
    return edit.operation is not EditOperation.UNSET


@dataclass(slots=True)
class _Places:
    """Key paths of which none leads through another."""

    paths: set[KeyPath] = field(default_factory=set)
    above: set[KeyPath] = field(default_factory=set)

    def meets(self, path: KeyPath) -> bool:
        """Whether `path` is one of them, or leads through one, or one leads through it."""
        return path in self.above or any(
            path[:depth] in self.paths for depth in range(len(path) + 1)
        )

    def add(self, path: KeyPath) -> None:
        """One more, which meets none."""
        self.paths.add(path)
        self.above.update(path[:depth] for depth in range(len(path)))


def refusal_of(
    edit: PlainEdit,
    reason: str,
    masker: Masker,
    *,
    conflict: bool = False,
    offer: LineChange | None = None,
) -> RefusedEdit:
    """What a plan says of an edit that it leaves out."""
    return RefusedEdit(edit=edit.wire(masker), conflict=conflict, reason=reason, line_edit=offer)
