"""What a check found, read back from the workbook as a spreadsheet program reads it."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest

from homeamp_agent.commands.findings import findings_workbook
from homeamp_agent.drift.check import CheckReport, Scanned
from homeamp_agent.drift.wording import wanted
from homeamp_agent.model.deviation import Deviation, DeviationKind, OwningRule, Pattern
from homeamp_agent.model.rule import RuleSource, Scope, Severity

SECRET = {"masked": "0123456789ab"}


def deviation(instance: str = "SURV01", **more: Any) -> Deviation:
    says: dict[str, Any] = {
        "id": f"id-{instance}", "host": "alder", "instance": instance, "plugin": "Sample",
        "file": "plugins/Sample/config.yml", "key": "spawn.radius", "path": ("spawn", "radius"),
        "kind": DeviationKind.VALUE, "severity": Severity.HIGH, "line": 7, "group": "g",
        "expected": 16, "actual": 24, "message": "spawn.radius is 24, expected 16",
    }  # fmt: skip
    return Deviation(**{**says, **more})


def read(*deviations: Deviation, problems: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    seen = Scanned(instances=2, files=9, settings=40, seconds=0.1)
    report = CheckReport(host="alder", scanned=seen, deviations=deviations, problems=problems)
    book = openpyxl.load_workbook(io.BytesIO(findings_workbook(report)))
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
    assert "f" not in {cell.data_type for cell in cells}
    return {
        sheet.title: [tuple(cell.value for cell in row) for row in sheet.iter_rows()]
        for sheet in book.worksheets
    }


def test_every_deviation_is_a_row_and_the_same_on_two_instances_is_one_group() -> None:
    rule = OwningRule(scope=Scope(), source=RuleSource(file="rules.yaml", line=3))
    pattern = Pattern(name="typo", evidence="one letter off", confidence=0.9, action="fix 1")
    first = deviation(rule=rule, pattern=pattern)
    sheets = read(first, deviation("CREA01"), deviation(group="h"), problems=("no access: a",))
    heading, row, *others = sheets["Deviations"]
    assert dict(zip(heading, row, strict=True)) == {
        "Severity": "high", "Kind": "value", "Instance": "SURV01", "Plugin": "Sample",
        "File": "plugins/Sample/config.yml", "Line": 7, "Key": "spawn.radius",
        "Expected": 16, "Actual": 24, "What": "spawn.radius is 24, expected 16",
        "Pattern": "typo", "Evidence": "one letter off", "Suggested": "fix 1",
        "Rule": "global", "Source": "rules.yaml:3", "Status": "pending", "Id": "id-SURV01",
    }  # fmt: skip
    assert len(others) == 2
    assert [row[-2:] for row in sheets["Groups"][1:]] == [(2, "CREA01, SURV01"), (1, "SURV01")]
    assert ("problem", "no access: a") in sheets["Scan"]
    assert ("deviations", 3) in sheets["Scan"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "=1+1"),
        ("", '""'),
        (None, None),
        (True, True),
        (2**53 + 1, str(2**53 + 1)),
        (float("inf"), "inf"),
        (["a", SECRET], '["a", "masked:0123456789ab"]'),
        (SECRET, "masked:0123456789ab"),
        ({"one_of": [1, 2]}, "one of 1, 2"),
        ({"unique": True}, "unique"),
        ("a\x00b", "a\\x00b"),
    ],
)
def test_a_cell_holds_a_value_and_never_a_formula_or_a_secret(value: Any, shown: Any) -> None:
    sheet = read(deviation(expected=value, actual="x"))["Deviations"]
    assert sheet[1][sheet[0].index("Expected")] == shown
    assert sheet[1][sheet[0].index("Actual")] == "x"


def test_a_mapping_with_one_key_called_range_is_no_condition() -> None:
    for detail in ([1], [None, None], ["a", "b"]):
        assert wanted({"range": detail}).startswith('expected {"range": ')
