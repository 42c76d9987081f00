"""Which settings changed between two contents of a file. Pure; both have secrets masked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from homeamp_agent.model.query import SettingChange
from homeamp_agent.model.secret import wire_value
from homeamp_agent.model.setting import Value, dotted, same_value
from homeamp_agent.model.snapshot import MISSING, SettingTable

CHANGES_MAX = 500
"""Settings of one file in one save: more is a file replaced, not settings changed."""


def setting_changes(
    before: SettingTable,
    after: SettingTable,
    *,
    at: dt.datetime,
    instance: str,
    plugin: str | None,
    file: str,
    by: str,
    while_away: bool = False,
) -> list[SettingChange]:
    """The settings whose value differs; a save that changes only the format yields none."""
    return [
        SettingChange(
            at=at,
            instance=instance,
            plugin=plugin,
            file=file,
            key=dotted(path),
            path=path,
            old=None if old is MISSING else wire_value(old),
            new=None if new is MISSING else wire_value(new),
            by=by,
            while_away=while_away,
        )
        for path, old, new in _differences(before, after)
    ]


def _differences(
    before: SettingTable, after: SettingTable
) -> Iterator[tuple[tuple[str | bool | int | None, ...], Value, Value]]:
    if before is after:
        return
    told = 0
    for path in dict.fromkeys((*before.leaves, *after.leaves)):
        old, new = before.leaves.get(path, MISSING), after.leaves.get(path, MISSING)
        if old is MISSING or new is MISSING or not same_value(old, new):
            yield path, old, new
            told += 1
            if told >= CHANGES_MAX:
                return
