"""Writing the workbook of settings that differ on purpose, in the layout that its reader reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from homeamp_agent.baselines.workbook import KEYS, LONG_COLUMNS, LONG_SHEET, sheet_of
from homeamp_agent.spreadsheet import Row, spreadsheet

PLUGINS_SHEET, INSTANCES_SHEET = "Plugin_Summary", "Server_Summary"


class Cell(NamedTuple):
    """What one instance has for a key of a plugin; `absent`: the key is not there."""

    plugin: str
    key: str
    instance: str
    value: Any
    absent: bool = False


def workbook_bytes(cells: Sequence[Cell]) -> bytes:
    """The workbook: the long sheet, two summaries, a wide sheet per plugin."""
    valued = [cell for cell in cells if not cell.absent]
    long = [
        (cell.plugin, cell.key, cell.instance, *_typed(cell.value))
        for cell in sorted(valued, key=lambda cell: cell[:3])
    ]
    sheets: dict[str, list[Row]] = {LONG_SHEET: [LONG_COLUMNS, *long]}
    sheets[PLUGINS_SHEET] = [
        ("Plugin", "Keys", "Servers", "Rows"),
        *(
            (name, len({cell.key for cell in of}), len({cell.instance for cell in of}), len(of))
            for name, of in _by(valued, "plugin")
        ),
    ]
    sheets[INSTANCES_SHEET] = [
        ("Server", "Plugins", "Rows"),
        *(
            (name, len({cell.plugin for cell in of}), len(of))
            for name, of in _by(valued, "instance")
        ),
    ]
    taken = {name.casefold() for name in sheets}
    for plugin, of in _by(cells, "plugin"):
        name = sheet_of(plugin)
        # Excel knows no case in a sheet's name: TAB and tab have one wide sheet between them.
        if name.casefold() not in taken and any(not cell.absent for cell in of):
            taken.add(name.casefold())
            sheets[name] = _wide(of)
    return spreadsheet(sheets)


def _by(cells: Iterable[Cell], field: str) -> list[tuple[str, list[Cell]]]:
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        found.setdefault(getattr(cell, field), []).append(cell)
    return sorted(found.items())


def _wide(cells: Sequence[Cell]) -> list[Row]:
    """Keys by instances. A blank means that the key is absent there, so a key that some instance
    has no rule for stands on the long sheet only."""
    instances = sorted({cell.instance for cell in cells})
    rows: list[Row] = [(KEYS, *instances)]
    by_key: dict[str, dict[str, Cell]] = {}
    for cell in cells:
        by_key.setdefault(cell.key, {})[cell.instance] = cell
    for key, found in sorted(by_key.items()):
        if len(found) == len(instances):
            texts = (found[name] for name in instances)
            rows.append((key, *("" if each.absent else _typed(each.value)[0] for each in texts)))
    return rows


def _typed(value: Any) -> tuple[str, str]:
    """The text of a value and its `ValueType`: Python's names, as the operator's workbook has."""
    return ("" if value is None else str(value)), type(value).__name__
