"""Making a deviation: its identities, and where in a file it stands. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homeamp_agent.model.deviation import (
    Deviation,
    DeviationKind,
    OwningRule,
    deviation_id,
    group_id,
)
from homeamp_agent.model.rule import Rule
from homeamp_agent.model.setting import KeyPath, Value
from homeamp_agent.model.snapshot import SettingTable


def deviation_at(
    host: str,
    instance: str,
    plugin: str | None,
    file: str | None,
    path: KeyPath | None,
    key: str | None,
    kind: DeviationKind,
    *,
    expected: Value = None,
    actual: Value = None,
    rule: Rule | None = None,
    identity: KeyPath | str | None = None,
    **facts: Any,
) -> Deviation:
    """A deviation with its identities.

    `identity` stands for the path where that may change while the deviation stays the same: the
    path of a missing key is a guess, the key that its rule names is not.
    """
    place = identity if identity is not None else path if path is not None else key
    return Deviation(
        id=deviation_id(host, instance, plugin, file, place, kind),
        host=host,
        instance=instance,
        plugin=plugin,
        file=file,
        key=key,
        path=path,
        kind=kind,
        expected=expected,
        actual=actual,
        rule=OwningRule(scope=rule.scope, source=rule.source, id=rule.id) if rule else None,
        group=group_id(plugin, file, place, kind, expected, actual),
        **facts,
    )


def place_for(key: str, table: SettingTable) -> KeyPath:
    """The path that a missing dotted key would have: below the deepest section that is there."""
    parts = key.split(".")
    for size in range(len(parts) - 1, 0, -1):
        sections = table.find(".".join(parts[:size]))
        if sections and isinstance(table.value(sections[0]), dict):
            return (*sections[0], *parts[size:])
    return tuple(parts)


def extra_paths(leaves: Mapping[KeyPath, Value], known: set[KeyPath]) -> list[KeyPath]:
    """The highest paths that no known path is at, above or below: a new section is one of them."""
    inner = {path[:size] for path in known for size in range(len(path))}
    extra: dict[KeyPath, None] = {}
    for leaf in leaves:
        if any(leaf[:size] in known for size in range(len(leaf) + 1)):
            continue
        size = next(size for size in range(1, len(leaf) + 1) if leaf[:size] not in inner)
        extra.setdefault(leaf[:size])
    return list(extra)
