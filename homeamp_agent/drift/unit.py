"""One plugin of one instance, the unit of comparing: which there are, and what one yields."""

from __future__ import annotations

from dataclasses import dataclass

from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.rule import Rule
from homeamp_agent.model.setting import KeyPath, Value
from homeamp_agent.model.snapshot import InstanceSnapshot


@dataclass(frozen=True, slots=True)
class UniqueValue:
    """A value that a rule wants to be unique, as one instance has it (masked where secret)."""

    host: str
    instance: str
    plugin: str | None
    file: str
    path: KeyPath
    value: Value
    line: int | None
    rule: Rule


@dataclass(frozen=True, slots=True)
class UnitFindings:
    """What one plugin of one instance yields by itself.

    `compared` counts expectations, `looks_at` names other plugins whose settings were looked at
    (SAME_AS): when theirs change, this unit is to be compared again.
    """

    instance: str
    plugin: str | None
    deviations: tuple[Deviation, ...] = ()
    uniques: tuple[UniqueValue, ...] = ()
    compared: int = 0
    variances: int = 0
    looks_at: frozenset[str | None] = frozenset()


def units_of(snapshot: InstanceSnapshot) -> tuple[str | None, ...]:
    """The units an instance has: the game folder, its plugins, folders that no plugin has."""
    plugins: list[str | None] = [plugin.name for plugin in snapshot.instance.plugins]
    owners = sorted({file.plugin for file in snapshot.files.values() if file.plugin is not None})
    return tuple(dict.fromkeys((None, *plugins, *owners)))
