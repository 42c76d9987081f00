"""Whether a value by itself is as the rules want it at its place. Pure."""

from __future__ import annotations

from homeamp_agent.baselines import Resolved
from homeamp_agent.drift.equality import Demand
from homeamp_agent.model.rule import ConditionKind
from homeamp_agent.model.secret import Masker
from homeamp_agent.model.setting import Value
from homeamp_agent.model.snapshot import MISSING

_JUDGED_ALONE = frozenset(
    {
        ConditionKind.EQUALS,
        ConditionKind.ONE_OF,
        ConditionKind.RANGE,
        ConditionKind.MATCHES,
        ConditionKind.PRESENT,
        ConditionKind.ABSENT,
    }
)
"""Conditions that one value meets or not by itself; the others need a look at more settings."""


def judged(resolved: Resolved | None, value: Value, typed: bool, masker: Masker) -> bool | None:
    """Whether the value is as expected; None where that cannot be said of one value alone.

    `value` is MISSING where the key is not there; `typed` False where the file's format hides
    types.
    """
    if resolved is None or resolved.condition.kind not in _JUDGED_ALONE:
        return None
    if resolved.conflict is not None or resolved.unresolved or resolved.candidates:
        return None
    if value is MISSING:
        return resolved.condition.kind is ConditionKind.ABSENT
    path = resolved.path if resolved.path is not None else (resolved.key or "",)
    typed = typed and resolved.condition.typed
    return Demand(resolved.condition, typed, masker, path, resolved.plugin).met_by(value)
