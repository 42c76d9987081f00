"""Deviations: a setting, file or plugin that is not as expected."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, Field

from homeamp_agent.model.base import WireWord
from homeamp_agent.model.rule import RuleSource, Scope, Severity

ID_HEX_DIGITS = 16
"""64 bits: two of a million deviations share an id once in 37 million fleets."""


class DeviationKind(StrEnum):
    """What is wrong."""

    VALUE = "value"
    TYPE = "type"
    MISSING_KEY = "missing_key"
    EXTRA_KEY = "extra_key"
    MISSING_FILE = "missing_file"
    MISSING_PLUGIN = "missing_plugin"
    UNEXPECTED_PLUGIN = "unexpected_plugin"
    UNREADABLE = "unreadable"
    NOT_UNIQUE = "not_unique"
    RULE_CONFLICT = "rule_conflict"
    UNRESOLVED_VARIABLE = "unresolved_variable"


class DeviationStatus(StrEnum):
    """Where a deviation stands in its life."""

    PENDING = "pending"
    APPROVED = "approved"
    FLAGGED = "flagged"
    FIXING = "fixing"
    FIXED = "fixed"
    RESOLVED = "resolved"


OPEN_STATUSES = frozenset(
    {DeviationStatus.PENDING, DeviationStatus.FLAGGED, DeviationStatus.FIXING}
)
"""The statuses that ask something of an operator."""

FIXABLE_KINDS = frozenset(
    {
        DeviationKind.VALUE,
        DeviationKind.TYPE,
        DeviationKind.MISSING_KEY,
        DeviationKind.EXTRA_KEY,
    }
)
"""The kinds that an edit of the file can put right."""


URGENT_KINDS = frozenset({DeviationKind.UNEXPECTED_PLUGIN, DeviationKind.MISSING_PLUGIN})

URGENCY = {
    "security_downgrade": 0,
    "duplicated_identity": 2,
    "wrong_instance_name": 2,
    "return_to_default": 3,
    "typo": 3,
    "mixed_types": 3,
    "minority": 5,
    "even_split": 6,
}
"""Within one severity, what comes first: what lets somebody in; what is installed (1); what mixes
the data of two instances; what is surely a slip; the rest (4); what may well be on purpose."""

URGENCY_OF_PLUGINS = 1
URGENCY_ELSE = 4


def urgency(kind: DeviationKind, pattern: str | None) -> int:
    """Where a deviation stands among those of its severity; the store has it as a column too."""
    if kind in URGENT_KINDS and pattern not in URGENCY:
        return URGENCY_OF_PLUGINS
    return URGENCY.get(pattern or "", URGENCY_ELSE)


class OwningRule(WireWord):
    """The rule that won, as a deviation shows it."""

    scope: Scope
    source: RuleSource
    id: str | None = None


class Suggestion(StrEnum):
    """What a pattern suggests to do, as one act; `decide`: more than one act would be right."""

    FIX = "fix"
    OWN_VALUE = "own_value"
    PROMOTE = "promote"
    OWN_RULE = "own_rule"
    UNIQUE = "unique"
    DECIDE = "decide"


class Pattern(WireWord):
    """What a deviation looks like over all instances."""

    name: str = Field(description="odd_one_out, minority, even_split, mixed_types, typo, ...")
    evidence: str = Field(description="One sentence saying what was seen")
    confidence: float = Field(ge=0, le=1)
    action: str = Field(description="The suggested next step, in words")
    suggests: Suggestion = Suggestion.DECIDE


class Deviation(WireWord):
    """One deviation on the wire (DESIGN.md, 'Command line and library doors').

    `expected` and `actual` are JSON values, `{"masked": fingerprint}` for secrets, and None where
    there is none (see `kind`). `file` is relative to the game folder. `line` counts from 1.
    """

    id: str
    host: str
    instance: str
    plugin: str | None
    file: str | None
    key: str | None
    path: tuple[str | bool | int | None, ...] | None
    kind: DeviationKind
    severity: Severity
    status: DeviationStatus = DeviationStatus.PENDING
    expected: Any = None
    actual: Any = None
    line: int | None = None
    rule: OwningRule | None = None
    pattern: Pattern | None = None
    message: str = Field(default="", description="One sentence for a person")
    group: str = Field(default="", description="Equal for the same deviation on other instances")
    first_seen: AwareDatetime | None = None
    last_seen: AwareDatetime | None = None
    reviewed_by: str | None = None
    reviewed_at: AwareDatetime | None = None
    review_reason: str | None = None
    replacement: Any = Field(default=None, description="A flag's other value to write")
    expires: AwareDatetime | None = None
    change_id: str | None = Field(default=None, description="The change request that fixes it")

    @property
    def can_be_written(self) -> bool:
        """Whether its kind can be put right by an edit, if one value is known that is right."""
        chosen = self.kind is DeviationKind.NOT_UNIQUE and self.replacement is not None
        return chosen or self.kind in FIXABLE_KINDS


class DeviationGroup(WireWord):
    """The same deviation on many instances: one line in the dashboard."""

    group: str
    plugin: str | None
    file: str | None
    key: str | None
    kind: DeviationKind
    severity: Severity
    expected: Any = None
    actual: Any = None
    pattern: Pattern | None = Field(default=None, description="That of the first of them")
    count: int
    instances: tuple[str, ...]
    ids: tuple[str, ...]


def deviation_id(
    host: str,
    instance: str,
    plugin: str | None,
    file: str | None,
    path: tuple[str | bool | int | None, ...] | str | None,
    kind: DeviationKind,
) -> str:
    """The identity of a deviation: its place and kind, so that it is the same after a restart.

    `value` and `type` share one identity: a text that turns into a number is still that setting.
    """
    family = "value" if kind is DeviationKind.TYPE else kind.value
    return _digest([host, instance, plugin, file, _place(path), family])


def group_id(
    plugin: str | None,
    file: str | None,
    path: tuple[str | bool | int | None, ...] | str | None,
    kind: DeviationKind,
    expected: Any,
    actual: Any,
) -> str:
    """The identity of a group: the same place, kind, expectation and value, on any instance."""
    return _digest([plugin, file, _place(path), kind.value, expected, actual])


def _place(path: tuple[str | bool | int | None, ...] | str | None) -> Any:
    return list(path) if isinstance(path, tuple) else path


def _digest(parts: list[Any]) -> str:
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:ID_HEX_DIGITS]
