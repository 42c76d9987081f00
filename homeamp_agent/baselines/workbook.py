"""`Master_Variable_Configurations.xlsx`: settings that differ on purpose, instance by instance.

The long sheet `All_Variable_Configs` is authoritative; a blank value there is the empty text. A
blank on a wide sheet `<Plugin>_Variables` without a long row means that the key is absent there.
"""

from __future__ import annotations

import re
from typing import Any

from homeamp_agent.baselines.sheets import UNREADABLE, SheetRows, cell_name, cell_text, read_sheets
from homeamp_agent.baselines.source import SourceReading
from homeamp_agent.baselines.values import Reading, cell_value
from homeamp_agent.model.rule import Condition, ConditionKind, ProblemSeverity, Scope, ScopeKind

FILE = "Master_Variable_Configurations.xlsx"
LONG_SHEET = "All_Variable_Configs"
LONG_COLUMNS = ("Plugin", "ConfigKey", "Server", "Value", "ValueType")
WIDE_SUFFIX = "_Variables"
KEYS = "ConfigKey"
"""The heading of a wide sheet's first column."""

SHEET_NAME_MAX = 31
"""Excel cuts a sheet's name off there, so a long plugin's sheet has lost part of its suffix."""

_Place = tuple[str, str, str]


def read_workbook(file: str, data: bytes) -> SourceReading:
    """Read the workbook; a broken one, or one without the long sheet, is one error."""
    reading = SourceReading(file, "workbook")
    try:
        sheets = read_sheets(data)
    except UNREADABLE as error:
        reading.fail(f"cannot be read as a workbook: {str(error) or type(error).__name__}")
        return reading
    rows = sheets.get(LONG_SHEET)
    if rows is None:
        reading.fail(f"has no sheet {LONG_SHEET}")
        return reading
    heading = [cell_text(cell) for cell in rows[0]] if rows else []
    missing = [name for name in LONG_COLUMNS if name not in heading]
    if missing:
        reading.fail(f"has no column {', '.join(missing)}", cell=cell_name(LONG_SHEET, 0, 1))
        return reading
    book = _Workbook(reading, [heading.index(name) for name in LONG_COLUMNS])
    book.read_long(rows)
    for name, wide in sheets.items():
        if name.endswith(WIDE_SUFFIX) or _is_wide(name, wide):
            book.read_wide(name, wide)
    reading.note_mixed_types()
    return reading


def _is_wide(sheet: str, rows: SheetRows) -> bool:
    """Whether it is a wide sheet that has lost its suffix to the bound on names."""
    return len(sheet) == SHEET_NAME_MAX and bool(rows) and cell_text((rows[0] or [""])[0]) == KEYS


def sheet_of(plugin: str) -> str:
    """The name of a plugin's wide sheet; what Excel does not take in one is an underscore."""
    return re.sub(r"[\[\]:*?/\\]", "_", plugin + WIDE_SUFFIX)[:SHEET_NAME_MAX]


class _Workbook:
    """Reads the sheets into `reading`; `columns` are those of the long sheet's five fields."""

    def __init__(self, reading: SourceReading, columns: list[int]) -> None:
        self._reading = reading
        self._columns = columns
        self._texts: dict[_Place, str] = {}
        self._values: dict[_Place, Reading] = {}
        reading.counts.update(rows=0, absent=0)

    def read_long(self, rows: SheetRows) -> None:
        """The rows below the heading, each a rule of one instance."""
        for number, row in enumerate(rows[1:], start=2):
            cells = [row[column] if column < len(row) else None for column in self._columns]
            plugin, key, instance = (cell_text(cell) for cell in cells[:3])
            if all(cell in {None, ""} for cell in cells):
                continue
            at = cell_name(LONG_SHEET, self._columns[3], number)
            if not (plugin and key and instance):
                self._reading.problem("a row without plugin, key or instance; not read", cell=at)
                continue
            self._reading.count("rows")
            self._read_row((plugin, key, instance), cells[3], cell_text(cells[4]), at)

    def _read_row(self, place: _Place, cell: Any, type_: str, at: str) -> None:
        plugin, key, instance = place
        value = cell_value(cell_text(cell), type_)
        if value.problem:
            self._reading.problem(f"{plugin} {key} on {instance}: {value.problem}", cell=at)
        if place in self._values:
            self._note_duplicate(place, value, at)
            return
        self._values[place] = value
        self._texts[place] = cell_text(cell)
        self._reading.add(
            Condition(value=value.value),
            plugin=plugin,
            key=key,
            scope=Scope(kind=ScopeKind.INSTANCE, target=instance),
            cell=at,
        )

    def _note_duplicate(self, place: _Place, again: Reading, at: str) -> None:
        before = self._values[place].value
        same = before == again.value and type(before) is type(again.value)
        what = "with the same value" if same else "with another value; the first counts"
        self._reading.problem(
            f"{place[0]} {place[1]} on {place[2]} stands here again {what}",
            severity=ProblemSeverity.INFO if same else ProblemSeverity.ERROR,
            cell=at,
        )

    def read_wide(self, sheet: str, rows: SheetRows) -> None:
        """Add an absent rule for every blank without a long row; what contradicts is told."""
        if not rows or not rows[0] or cell_text(rows[0][0]) != KEYS:
            self._reading.problem(f"the sheet {sheet} does not begin with {KEYS}; not read")
            return
        plugins = sorted({place[0] for place in self._values}, key=lambda name: (-len(name), name))
        own = [each for each in plugins if sheet_of(each).casefold() == sheet.casefold()]
        plugin = next((each for each in own if sheet_of(each) == sheet), own[0] if own else None)
        if plugin is None:
            self._reading.problem(f"the sheet {sheet} is of no plugin that {LONG_SHEET} knows")
            return
        instances = [cell_text(cell) for cell in rows[0]]
        at_odds: list[str] = []
        for number, row in enumerate(rows[1:], start=2):
            key = cell_text(row[0]) if row else ""
            for column in range(1, len(instances)):
                if not (key and instances[column]):
                    continue
                text = cell_text(row[column]) if column < len(row) else ""
                place = (plugin, key, instances[column])
                cell = cell_name(sheet, column, number)
                if place not in self._texts and not text:
                    self._absent(place, cell)
                elif self._texts.get(place) != text:
                    at_odds.append(cell)
        if at_odds:
            self._reading.problem(
                f"{len(at_odds)} cells of {sheet} are not what {LONG_SHEET} says, which counts",
                cell=at_odds[0],
            )

    def _absent(self, place: _Place, cell: str) -> None:
        self._reading.count("absent")
        self._reading.add(
            Condition(kind=ConditionKind.ABSENT),
            plugin=place[0],
            key=place[1],
            scope=Scope(kind=ScopeKind.INSTANCE, target=place[2]),
            cell=cell,
        )
