"""`deployment_matrix.csv` or `.xlsx`: where each plugin's updates come from, and where it belongs.

In real life almost every cell is False, so a False is "unknown": only a matrix that the operator
declares authoritative says which plugins must be present or absent.
"""

from __future__ import annotations

import csv
import io
import re

from homeamp_agent.baselines.sheets import UNREADABLE, cell_text, read_sheets
from homeamp_agent.baselines.source import SourceReading
from homeamp_agent.model.base import Word
from homeamp_agent.model.rule import (
    Condition,
    ConditionKind,
    ProblemSeverity,
    Rule,
    Scope,
    ScopeKind,
)
from homeamp_agent.model.secret import MASK, secret_text

STEM = "deployment_matrix"
COLUMNS = ("plugin_name", "plugin_type", "auto_update", "update_source")
INSTANCE_PREFIX = "server_"
UPDATE_SOURCES = ("manual", "jenkins", "modrinth", "github_releases", "spigot", "hangar", "geyser")
_TRUE = {"true", "yes", "1", "x"}
_PLATFORMS = {"bukkit/paper": "paper", "velocity": "velocity"}

_Lines = list[tuple[int, list[str]]]


class MatrixRow(Word):
    """One plugin of the matrix, for the platforms of its type; `line` from 1."""

    plugin: str
    plugin_type: str
    auto_update: bool
    update_source: str
    instances: dict[str, bool]
    line: int

    @property
    def platform(self) -> str | None:
        """The platform its type names; None where the type is blank or unknown."""
        return _PLATFORMS.get(self.plugin_type)


def read_matrix(file: str, data: bytes) -> SourceReading:
    """Read the matrix; `declarations["matrix"]` holds its rows, the first of each plugin and type.

    `counts["rows"]` is every row below the heading that is not blank, junk and duplicates included.
    """
    reading = SourceReading(file, "matrix")
    try:
        lines = (
            _sheet_lines(reading, data)
            if file.endswith(".xlsx")
            else _csv_lines(reading.text(data))
        )
    except (csv.Error, *UNREADABLE) as error:
        reading.fail(f"cannot be read: {str(error) or type(error).__name__}")
        return reading
    heading = [cell.strip() for cell in lines[0][1]] if lines else []
    missing = [name for name in COLUMNS if name not in heading]
    if missing:
        reading.fail(f"has no column {', '.join(missing)}", line=1)
        return reading
    reading.counts.update(rows=len(lines) - 1, duplicates=0, junk=0)
    found: dict[tuple[str, str], MatrixRow] = {}
    for line, cells in lines[1:]:
        row = _row(reading, line, dict(zip(heading, cells, strict=False)))
        if row is None:
            continue
        key = (row.plugin.casefold(), row.plugin_type)
        if key in found:
            _note_duplicate(reading, found[key], row)
            continue
        if any(plugin == key[0] for plugin, _ in found):
            reading.problem(
                f"{row.plugin} stands here again, for {row.plugin_type or 'no type'}; both count",
                severity=ProblemSeverity.INFO,
                line=line,
            )
        found[key] = row
    reading.declarations["matrix"] = tuple(found.values())
    return reading


def _csv_lines(text: str) -> _Lines:
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]


def _sheet_lines(reading: SourceReading, data: bytes) -> _Lines:
    """The rows of the sheet that has the columns, else of the first."""
    sheets = read_sheets(data)
    fitting = [
        name
        for name, rows in sheets.items()
        if rows and set(COLUMNS) <= {cell_text(cell).strip() for cell in rows[0]}
    ]
    if len(fitting) > 1:
        reading.problem(f"has {len(fitting)} sheets with its columns; {fitting[0]} counts")
    rows = sheets[fitting[0]] if fitting else next(iter(sheets.values()), [])
    lines = [(line, [cell_text(cell) for cell in cells]) for line, cells in enumerate(rows, 1)]
    return [(line, cells) for line, cells in lines if any(cell.strip() for cell in cells)]


def _row(reading: SourceReading, line: int, cells: dict[str, str]) -> MatrixRow | None:
    plugin = cells.get("plugin_name", "").strip()
    says_nothing = not any(cell.strip() for name, cell in cells.items() if name != "plugin_name")
    heading = _plain(plugin) == "pluginname" or all(
        _plain(cells.get(name, "")) == _plain(name) for name in COLUMNS[1:]
    )
    if not plugin or heading or "://" in plugin or says_nothing:
        shown = MASK if secret_text(plugin) else plugin or "blank"
        what = "the heading again" if heading else f"no plugin in this row ({shown})"
        reading.count("junk")
        reading.problem(f"{what}; not read", line=line)
        return None
    source = cells.get("update_source", "").strip().lower()
    if source and source not in UPDATE_SOURCES:
        reading.problem(f"{plugin}: unknown update source {source!r}", line=line)
    plugin_type = cells.get("plugin_type", "").strip().lower()
    if plugin_type and plugin_type not in _PLATFORMS:
        reading.problem(f"{plugin}: unknown plugin type {plugin_type!r}", line=line)
    return MatrixRow(
        plugin=plugin,
        plugin_type=plugin_type,
        auto_update=cells.get("auto_update", "").strip().lower() in _TRUE,
        update_source=source or "manual",
        instances={
            name.removeprefix(INSTANCE_PREFIX): cell.strip().lower() in _TRUE
            for name, cell in cells.items()
            if name.startswith(INSTANCE_PREFIX)
        },
        line=line,
    )


def _plain(text: str) -> str:
    """A heading's words, however they are written: `Plugin Name` is `plugin_name`."""
    return re.sub(r"[^a-z]", "", text.casefold())


def _note_duplicate(reading: SourceReading, first: MatrixRow, again: MatrixRow) -> None:
    differing = [
        name
        for name in ("auto_update", "update_source", "instances")
        if getattr(first, name) != getattr(again, name)
    ]
    what = f"with another {', '.join(differing)}" if differing else "with the same values"
    reading.count("duplicates")
    reading.problem(
        f"{again.plugin} stands here again {what}; line {first.line} counts",
        severity=ProblemSeverity.WARNING if differing else ProblemSeverity.INFO,
        line=again.line,
    )


def presence_rules(reading: SourceReading) -> list[Rule]:
    """The rows as rules of presence: for a matrix that is declared authoritative."""
    presence = SourceReading(reading.file, reading.form)
    for row in reading.declarations.get("matrix", ()):
        for instance, present in row.instances.items():
            presence.add(
                Condition(kind=ConditionKind.PRESENT if present else ConditionKind.ABSENT),
                plugin=row.plugin,
                scope=Scope(kind=ScopeKind.INSTANCE, target=instance),
                line=row.line,
                more={"platform": row.platform} if row.platform else None,
            )
    return presence.rules
