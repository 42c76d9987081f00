"""What the documents say of the tests and of the formats is so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import yaml

from homeamp_agent.model.request import RequestedChange

ROOT = Path(__file__).resolve().parents[2]
CHANGES = (ROOT / "docs" / "changes.md").read_text("utf-8")


def functions_of(file: Path) -> set[str]:
    """The functions that a test file defines."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(file.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_every_test_that_a_document_names_is_there() -> None:
    named = re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", CHANGES)
    assert len(named) > 20
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (ROOT / file).is_file() or (test and test not in functions_of(ROOT / file))
    ]
    assert missing == []


def test_the_example_of_a_change_request_is_one() -> None:
    found = re.search(r"<!-- example -->\n```yaml\n(.*?)```", CHANGES, re.DOTALL)
    assert found
    request = RequestedChange.model_validate(yaml.safe_load(found[1]))
    assert [edit.operation.value for edit in request.edits] == [
        "set", "insert", "unset", "replace_list",
    ]  # fmt: skip
