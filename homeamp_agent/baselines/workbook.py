"""`Master_Variable_Configurations.xlsx`: settings that differ on purpose, instance by instance.

The long sheet `All_Variable_Configs` is authoritative; a blank value there is the empty text. A
blank on a wide sheet `<Plugin>_Variables` without a long row means that the key is absent there.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from itertools import islice
from typing import Any

from homeamp_agent.baselines.source import SourceReading
from homeamp_agent.baselines.values import cell_value
from homeamp_agent.model.rule import Condition, ConditionKind, ProblemSeverity, Scope, ScopeKind

FILE = "Master_Variable_Configurations.xlsx"
LONG_SHEET = "All_Variable_Configs"
LONG_COLUMNS = ("Plugin", "ConfigKey", "Server", "Value", "ValueType")
WIDE_SUFFIX = "_Variables"
SHEET_NAME_MAX = 31
"""Excel cuts a sheet's name off there, so a long plugin's sheet has lost part of its suffix."""
ROWS_MAX = 200_000
"""The operator's has 950; a sheet formatted down to the last row must not hold the agent up."""

_Rows = list[tuple[Any, ...]]
_Place = tuple[str, str, str]


def read_workbook(file: str, data: bytes) -> SourceReading:
    """Read the workbook; a broken one, or one without the long sheet, is one error."""
    reading = SourceReading(file, "workbook")
    try:
        sheets = _sheets(data)
    except _unreadable() as error:
        reading.fail(
            f"cannot be read as a workbook: {str(error) or type(error).__name__}",
        )
        return reading
    long_rows = sheets.get(LONG_SHEET)
    if long_rows is None:
        reading.fail(f"has no sheet {LONG_SHEET}")
        return reading
    known = _read_long(reading, long_rows)
    reading.counts["absent"] = sum(
        _read_wide(reading, name, rows, known)
        for name, rows in sheets.items()
        if name.endswith(WIDE_SUFFIX) or _cut_wide(name)
    )
    _note_mixed_types(reading, long_rows)
    return reading


def _unreadable() -> tuple[type[Exception], ...]:
    return (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError, TypeError, AttributeError)


def _sheets(data: bytes) -> dict[str, _Rows]:
    import openpyxl  # noqa: PLC0415  (300 ms that only a workbook is worth)

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    try:
        return {
            sheet.title: [tuple(row) for row in islice(sheet.iter_rows(values_only=True), ROWS_MAX)]
            for sheet in book.worksheets
        }
    finally:
        book.close()


def _cut_wide(name: str) -> bool:
    return len(name) == SHEET_NAME_MAX and "_V" in name


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _cell(sheet: str, column: int, row: int) -> str:
    letters = ""
    number = column + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{sheet}!{letters}{row}"


def _read_long(reading: SourceReading, rows: _Rows) -> set[_Place]:
    heading = [_text(cell) for cell in rows[0]] if rows else []
    missing = [name for name in LONG_COLUMNS if name not in heading]
    if missing:
        reading.fail(
            f"has no column {', '.join(missing)}",
            cell=_cell(LONG_SHEET, 0, 1),
        )
        return set()
    columns = [heading.index(name) for name in LONG_COLUMNS]
    seen: dict[_Place, Any] = {}
    reading.counts["rows"] = 0
    for number, row in enumerate(rows[1:], start=2):
        cells = [row[column] if column < len(row) else None for column in columns]
        plugin, key, instance = (_text(cell) for cell in cells[:3])
        if not any(cells):
            continue
        at = _cell(LONG_SHEET, columns[3], number)
        if not (plugin and key and instance):
            reading.problem("a row without plugin, key or instance; not read", cell=at)
            continue
        reading.counts["rows"] += 1
        value = cell_value(_text(cells[3]), _text(cells[4]))
        if value.problem:
            reading.problem(f"{plugin} {key} on {instance}: {value.problem}", cell=at)
        place = (plugin, key, instance)
        if place in seen:
            _note_duplicate(reading, place, seen[place], value.value, at)
            continue
        seen[place] = value.value
        reading.add(
            Condition(value=value.value),
            plugin=plugin,
            key=key,
            scope=Scope(kind=ScopeKind.INSTANCE, target=instance),
            cell=at,
        )
    return set(seen)


def _note_duplicate(
    reading: SourceReading, place: _Place, before: Any, value: Any, at: str
) -> None:
    same = before == value and type(before) is type(value)
    what = "with the same value" if same else "with another value; the first counts"
    reading.problem(
        f"{place[0]} {place[1]} on {place[2]} stands here again {what}",
        severity=ProblemSeverity.INFO if same else ProblemSeverity.ERROR,
        cell=at,
    )


def _read_wide(reading: SourceReading, sheet: str, rows: _Rows, known: set[_Place]) -> int:
    """Add an absent rule for every blank without a long row; how many there were."""
    if not rows or not rows[0] or _text(rows[0][0]) != "ConfigKey":
        return 0
    plugin = _plugin_of(sheet, {place[0] for place in known})
    if plugin is None:
        reading.problem(f"the sheet {sheet} is of no plugin that {LONG_SHEET} knows")
        return 0
    absent = 0
    for column, row, key, instance in _blanks(rows):
        if (plugin, key, instance) in known:
            continue
        absent += 1
        reading.add(
            Condition(kind=ConditionKind.ABSENT),
            plugin=plugin,
            key=key,
            scope=Scope(kind=ScopeKind.INSTANCE, target=instance),
            cell=_cell(sheet, column, row),
        )
    return absent


def _blanks(rows: _Rows) -> Iterator[tuple[int, int, str, str]]:
    instances = [_text(cell) for cell in rows[0]]
    for number, row in enumerate(rows[1:], start=2):
        key = _text(row[0]) if row else ""
        if not key:
            continue
        for column in range(1, len(instances)):
            blank = column >= len(row) or row[column] is None or row[column] == ""
            if blank and instances[column]:
                yield column, number, key, instances[column]


def _plugin_of(sheet: str, plugins: set[str]) -> str | None:
    return next(
        (
            plugin
            for plugin in sorted(plugins, key=len, reverse=True)
            if (plugin + WIDE_SUFFIX)[:SHEET_NAME_MAX] == sheet
        ),
        None,
    )


def _note_mixed_types(reading: SourceReading, rows: _Rows) -> None:
    """A key with one odd type among its instances: most often a slip of the hand."""
    heading = [_text(cell) for cell in rows[0]] if rows else []
    if any(name not in heading for name in LONG_COLUMNS):
        return
    columns = [heading.index(name) for name in LONG_COLUMNS]
    types: dict[tuple[str, str], dict[str, list[int]]] = {}
    for number, row in enumerate(rows[1:], start=2):
        if max(columns) < len(row) and row[columns[0]] and row[columns[1]]:
            name = (_text(row[columns[0]]), _text(row[columns[1]]))
            kind = _text(row[columns[4]]).lower()
            types.setdefault(name, {}).setdefault(kind, []).append(number)
    for (plugin, key), kinds in types.items():
        if len(kinds) > 1:
            rare = min(kinds, key=lambda kind: len(kinds[kind]))
            told = ", ".join(f"{len(at)} × {kind or 'none'}" for kind, at in sorted(kinds.items()))
            reading.problem(
                f"{plugin} {key} has values of several types ({told})",
                cell=_cell(LONG_SHEET, columns[3], kinds[rare][0]),
            )
