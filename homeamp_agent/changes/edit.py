"""One edit as this package works with it: plain values in memory, masked ones on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from homeamp_agent.model.change import Edit, EditOperation
from homeamp_agent.model.secret import Masker, is_masked, wire_value
from homeamp_agent.model.setting import KeyPath, Value, same_text, same_value, text_of
from homeamp_agent.model.snapshot import MISSING


class _AnyValue:
    def __repr__(self) -> str:
        return "ANY_VALUE"


ANY_VALUE: Final[Any] = _AnyValue()
"""As `expected_old`: whatever stands there. For edits that never saw a value."""


@dataclass(frozen=True, slots=True)
class PlainEdit:
    """An edit of one setting; `new` is the plain value, also of a secret.

    `expected_old` is the value it means to replace: plain, or masked (`Masked.wire()`), `MISSING`
    for none, `ANY_VALUE` to not look. `line_edit` allows a line edit, where the file cannot be
    read; of an edit that is planned, it says that it is one. Values never show in `repr`, since a
    repr ends up in a log.
    """

    instance: str
    file: str
    path: KeyPath
    operation: EditOperation = EditOperation.SET
    expected_old: Value = field(default=ANY_VALUE, repr=False)
    new: Value = field(default=None, repr=False)
    plugin: str | None = None
    deviation_id: str | None = None
    restart: bool = False
    line_edit: bool = False

    def wire(self, masker: Masker) -> Edit:
        """The edit with its secrets masked."""
        unsaid = self.expected_old is ANY_VALUE or self.expected_old is MISSING
        old = None if unsaid else self.expected_old
        return Edit(
            instance=self.instance,
            file=self.file,
            path=self.path,
            operation=self.operation,
            expected_old=wire_value(masker.mask(self.path, old, self.plugin)),
            new=wire_value(masker.mask(self.path, self.new, self.plugin)),
            plugin=self.plugin,
            deviation_id=self.deviation_id,
            line_edit=self.line_edit,
        )


def agrees(expected: Value, actual: Value, *, typed: bool, masker: Masker) -> bool:
    """Whether the file's `actual` is what the edit calls `expected`, masked leaves included.

    In text formats (`typed` False) scalars compare by their text.
    """
    if is_masked(expected):
        known = {masker.fingerprint(actual)}
        if not typed:
            known.add(masker.fingerprint(text_of(actual)))
        return expected["masked"] in known
    if isinstance(expected, dict) and isinstance(actual, dict):
        return len(expected) == len(actual) and all(
            key in actual and agrees(item, actual[key], typed=typed, masker=masker)
            for key, item in expected.items()
        )
    if isinstance(expected, (list, tuple)) and isinstance(actual, (list, tuple)):
        return len(expected) == len(actual) and all(
            agrees(one, other, typed=typed, masker=masker)
            for one, other in zip(expected, actual, strict=True)
        )
    return same_value(expected, actual) if typed else same_text(expected, actual)
