"""What a check found as a workbook, for operators who track drift in spreadsheets."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from homeamp_agent.drift.check import CheckReport
from homeamp_agent.drift.wording import wanted
from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.secret import is_masked
from homeamp_agent.spreadsheet import Row, spreadsheet

EXACT_INTEGER_MAX = 2**53
"""A cell holds numbers as doubles: a longer integer stays itself only as text."""

DEVIATION_COLUMNS = (
    "Severity", "Kind", "Instance", "Plugin", "File", "Line", "Key", "Expected", "Actual",
    "What", "Pattern", "Evidence", "Suggested", "Rule", "Source", "Status", "Id",
)  # fmt: skip
GROUP_COLUMNS = (
    "Severity", "Kind", "Plugin", "File", "Key", "Expected", "Actual", "Count", "Instances",
)  # fmt: skip
_CONDITIONS = frozenset({"one_of", "range", "matches"})
_STATED = ({"present": True}, {"absent": True}, {"unique": True})


def findings_workbook(report: CheckReport) -> bytes:
    """An .xlsx: every deviation, the same one on many instances as one row, and what was seen.

    Secrets are `masked:FINGERPRINT`, as everywhere outside their file.
    """
    groups: dict[str, list[Deviation]] = defaultdict(list)
    for each in report.deviations:
        groups[each.group].append(each)
    return spreadsheet(
        {
            "Deviations": [DEVIATION_COLUMNS, *map(_row, report.deviations)],
            "Groups": [GROUP_COLUMNS, *map(_group_row, groups.values())],
            "Scan": [("What", "Value"), *_scan_rows(report)],
        }
    )


def _row(deviation: Deviation) -> Row:
    pattern, rule = deviation.pattern, deviation.rule
    sighted = (pattern.name, pattern.evidence, pattern.action) if pattern else (None, None, None)
    return (
        deviation.severity.value, deviation.kind.value, deviation.instance, deviation.plugin,
        deviation.file, deviation.line, deviation.key, *_sides(deviation),
        deviation.message,
        *sighted, str(rule.scope) if rule else None, str(rule.source) if rule else None,
        deviation.status.value, deviation.id,
    )  # fmt: skip


def _group_row(group: list[Deviation]) -> Row:
    first = group[0]
    instances = sorted({each.instance for each in group})
    return (
        first.severity.value, first.kind.value, first.plugin, first.file, first.key,
        *_sides(first), len(group), ", ".join(instances),
    )  # fmt: skip


def _scan_rows(report: CheckReport) -> Iterable[Row]:
    seen = report.scanned
    yield "host", report.host
    yield "instances", seen.instances
    yield "files", seen.files
    yield "settings", seen.settings
    yield "seconds", seen.seconds
    yield "deviations", len(report.deviations)
    yield "approved", report.approved
    for problem in report.problems:
        yield "problem", problem


def _sides(deviation: Deviation) -> tuple[Any, Any]:
    """What was expected and what is there; blank where there is none, as of a missing key."""
    return _cell(deviation.expected), _cell(deviation.actual)


def _cell(value: Any) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        exact = math.isfinite(value) and abs(value) <= EXACT_INTEGER_MAX
        return value if exact else str(value)
    if isinstance(value, str):
        return value or '""'
    if isinstance(value, dict) and len(value) == 1 and _CONDITIONS.issuperset(value):
        return wanted(value).removeprefix("expected ")
    if value in _STATED:
        return str(next(iter(value)))
    plain = _masked_out(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, default=str)


def _masked_out(value: Any) -> Any:
    if is_masked(value):
        return f"masked:{value['masked']}"
    if isinstance(value, dict):
        return {str(key): _masked_out(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked_out(item) for item in value]
    return value
