"""`deployment_matrix.csv` or `.xlsx`: where each plugin's updates come from, and where it belongs.

In real life almost every cell is False, so a False is "unknown": only a matrix that the operator
declares authoritative says which plugins must be present or absent.
"""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

from homeamp_agent.baselines.source import SourceReading
from homeamp_agent.model.base import Word
from homeamp_agent.model.rule import Condition, ConditionKind, Scope, ScopeKind

STEM = "deployment_matrix"
COLUMNS = ("plugin_name", "plugin_type", "auto_update", "update_source")
INSTANCE_PREFIX = "server_"
UPDATE_SOURCES = ("manual", "jenkins", "modrinth", "github_releases", "spigot", "hangar", "geyser")
_TRUE = {"true", "yes", "1", "x"}


class MatrixRow(Word):
    """One plugin of the matrix."""

    plugin: str
    plugin_type: str
    auto_update: bool
    update_source: str
    instances: dict[str, bool]
    line: int


def read_matrix(file: str, data: bytes) -> SourceReading:
    """Read the matrix; its rows stand in `declarations["matrix"]` by plugin, the first of each."""
    reading = SourceReading(file, "matrix")
    try:
        rows = _workbook_rows(data) if file.endswith(".xlsx") else _csv_rows(data)
    except (csv.Error, zipfile.BadZipFile, KeyError, ValueError, OSError, TypeError) as error:
        reading.fail(f"cannot be read: {error}")
        return reading
    heading = rows[0][1] if rows else []
    missing = [name for name in COLUMNS if name not in heading]
    if missing:
        reading.fail(f"has no column {', '.join(missing)}", line=1)
        return reading
    found: dict[str, MatrixRow] = {}
    reading.counts["rows"] = 0
    for line, cells in rows[1:]:
        row = _row(reading, line, dict(zip(heading, cells, strict=False)))
        if row is None:
            continue
        reading.counts["rows"] += 1
        if row.plugin in found:
            _note_duplicate(reading, found[row.plugin], row)
        else:
            found[row.plugin] = row
    reading.declarations["matrix"] = found
    return reading


def _csv_rows(data: bytes) -> list[tuple[int, list[str]]]:
    text = data.decode("utf-8-sig", "replace")
    reader = csv.reader(io.StringIO(text, newline=""))
    return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]


def _workbook_rows(data: bytes) -> list[tuple[int, list[str]]]:
    import openpyxl  # noqa: PLC0415  (300 ms that only a workbook is worth)

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    try:
        sheet: Any = book.worksheets[0]
        rows = enumerate(sheet.iter_rows(values_only=True), start=1)
        texts = [
            (line, ["" if cell is None else str(cell) for cell in cells]) for line, cells in rows
        ]
    finally:
        book.close()
    return [(line, cells) for line, cells in texts if any(cell.strip() for cell in cells)]


def _row(reading: SourceReading, line: int, cells: dict[str, str]) -> MatrixRow | None:
    plugin = cells.get("plugin_name", "").strip()
    source = cells.get("update_source", "").strip().lower()
    if not plugin or plugin == "plugin_name" or "://" in plugin:
        reading.problem(f"no plugin in this row ({plugin or 'blank'}); not read", line=line)
        return None
    if source and source not in UPDATE_SOURCES:
        reading.problem(f"{plugin}: unknown update source {source!r}", line=line)
    return MatrixRow(
        plugin=plugin,
        plugin_type=cells.get("plugin_type", "").strip(),
        auto_update=cells.get("auto_update", "").strip().lower() in _TRUE,
        update_source=source or "manual",
        instances={
            name.removeprefix(INSTANCE_PREFIX): cell.strip().lower() in _TRUE
            for name, cell in cells.items()
            if name.startswith(INSTANCE_PREFIX)
        },
        line=line,
    )


def _note_duplicate(reading: SourceReading, first: MatrixRow, again: MatrixRow) -> None:
    differing = [
        name
        for name in ("plugin_type", "auto_update", "update_source", "instances")
        if getattr(first, name) != getattr(again, name)
    ]
    what = f"with another {', '.join(differing)}" if differing else "with the same values"
    reading.problem(
        f"{again.plugin} stands here again {what}; line {first.line} counts", line=again.line
    )


def presence_rules(reading: SourceReading) -> None:
    """Turn the rows into rules of presence: for a matrix that is declared authoritative."""
    rows: dict[str, MatrixRow] = reading.declarations.get("matrix", {})
    for row in rows.values():
        for instance, present in row.instances.items():
            reading.add(
                Condition(kind=ConditionKind.PRESENT if present else ConditionKind.ABSENT),
                plugin=row.plugin,
                scope=Scope(kind=ScopeKind.INSTANCE, target=instance),
                line=row.line,
            )
