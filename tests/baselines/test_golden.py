"""Every quirk of the sources: an input file beside the rules and problems that it must give.

`golden/<quirk>.<ending>` lies beside `golden/<quirk>.expected.json`. A workbook is written as
`<quirk>.sheets.json` (rows by sheet) and read as the .xlsx made of it. Changed on purpose, all are
written anew by `python -m tests.baselines.test_golden`; read the difference before it is committed.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from homeamp_agent.baselines.approvals import read_approved
from homeamp_agent.baselines.expectations_file import read_expectations
from homeamp_agent.baselines.markdown import read_markdown
from homeamp_agent.baselines.matrix import read_matrix
from homeamp_agent.baselines.rules_file import read_rules
from homeamp_agent.baselines.source import SourceReading
from homeamp_agent.baselines.workbook import read_workbook

GOLDEN = Path(__file__).with_name("golden")
EXPECTED = ".expected.json"
INPUTS = sorted(path for path in GOLDEN.iterdir() if not path.name.endswith(EXPECTED))


def written(sheets: dict[str, list[list[Any]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
            for cell in sheet[sheet.max_row]:
                if isinstance(cell.value, str):
                    cell.data_type = "s"  # `=====` is a text, no formula
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def read(path: Path) -> SourceReading:
    data = path.read_bytes()
    if path.name.endswith(".sheets.json"):
        return read_workbook("Master_Variable_Configurations.xlsx", written(json.loads(data)))
    if path.suffix == ".md":
        return read_markdown("Shop_universal_config.md", data)
    if path.suffix == ".csv":
        return read_matrix("deployment_matrix.csv", data)
    if path.suffix == ".json":
        return read_expectations(path.name, data)
    reader = read_approved if path.name.startswith("approved") else read_rules
    return reader(path.name, data)


def told(reading: SourceReading) -> dict[str, Any]:
    """What the reading says, without what follows from where and in which order it stands."""
    rules = []
    for rule in reading.rules:
        shown = rule.model_dump(
            mode="json", exclude_defaults=True, exclude={"id", "order", "source"}
        )
        condition = rule.condition.model_dump(mode="json", exclude_defaults=True)
        # A null value is a demand too, and the default of the field.
        condition |= {"value": rule.condition.value} if rule.condition.kind == "equals" else {}
        rules.append({"source": str(rule.source), **shown, "condition": condition})
    document = {
        "form": reading.form,
        "counts": dict(reading.counts),
        "rules": rules,
        "problems": [str(problem) for problem in reading.problems],
    }
    if "matrix" in reading.declarations:
        document["matrix"] = [row.model_dump(mode="json") for row in reading.declarations["matrix"]]
    if "approvals" in reading.declarations:
        document["approvals"] = [
            each.model_dump(mode="json") for each in reading.declarations["approvals"]
        ]
    return document


def expected_of(path: Path) -> Path:
    return path.with_name(path.name.partition(".")[0] + EXPECTED)


def as_text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.name)
def test_a_quirk_is_read_as_its_golden_file_says(path: Path) -> None:
    assert as_text(told(read(path))) == expected_of(path).read_text("utf-8")


def test_a_matrix_says_the_same_as_csv_and_as_xlsx() -> None:
    as_csv = read_matrix("deployment_matrix.csv", (GOLDEN / "matrix_quirks.csv").read_bytes())
    rows = [
        list(row.values())
        for row in (
            {"a": "plugin_name", "b": "plugin_type", "c": "auto_update", "d": "update_source",
             "e": "server_DEV01", "f": "server_HUB01"},
            *(
                {"a": row.plugin, "b": row.plugin_type, "c": str(row.auto_update),
                 "d": row.update_source, **{f"s{n}": str(on) for n, on in row.instances.items()}}
                for row in as_csv.declarations["matrix"]
            ),
        )
    ]  # fmt: skip
    book = written({"Read me": [["Hello"]], "Matrix": rows})
    as_xlsx = read_matrix("deployment_matrix.xlsx", book)
    without_line = [
        [row.model_copy(update={"line": 0}) for row in reading.declarations["matrix"]]
        for reading in (as_csv, as_xlsx)
    ]
    assert without_line[0] == without_line[1] != []


if __name__ == "__main__":
    for each in INPUTS:
        expected_of(each).write_text(as_text(told(read(each))), "utf-8")
