"""Change requests as they are handed in: the published shape, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from homeamp_agent.model.instance import Instance, Platform, Plugin
from homeamp_agent.model.request import (
    RequestedChange,
    RequestedEdit,
    RequestTargets,
    change_request_schema,
)

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = json.loads((ROOT / "fixtures/samples/change_request.json").read_text("utf-8"))

SURVIVAL = Instance(
    host="alder",
    name="SURV01",
    platform=Platform.PAPER,
    tags=("paper", "survival"),
    plugins=(Plugin(name="Essentials"),),
)


def test_the_published_schema_is_current() -> None:
    published = ROOT / "docs/schemas/change_request.schema.json"
    assert json.loads(published.read_text("utf-8")) == change_request_schema()


def test_the_sample_satisfies_the_schema_and_reads_back_as_it_was() -> None:
    jsonschema.validate(SAMPLE, change_request_schema())
    request = RequestedChange.model_validate(SAMPLE)
    again = RequestedChange.model_validate_json(request.model_dump_json())
    assert again == request
    assert [edit.expects for edit in again.edits] == [True, False, True, True]


def test_null_is_a_value_to_expect_and_to_write() -> None:
    edit = RequestedEdit.model_validate(
        {"file": "a.yml", "path": ["a"], "expected_old": None, "new": None}
    )
    assert edit.expects
    assert json.loads(edit.model_dump_json())["new"] is None


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"operation": "set", "new": ...}, "`set` needs `new`"),
        ({"operation": "unset"}, "`unset` has no `new`"),
        ({"operation": "replace_list", "new": 1}, "needs a list"),
        ({"operation": "insert", "expected_old": 1}, "nothing may stand there"),
        ({"expected-old": 1}, "expected-old"),
        ({"path": []}, "path"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(change: dict[str, Any], word: str) -> None:
    edit = {"file": "a.yml", "path": ["a"], "new": 2, **change}
    edit = {name: value for name, value in edit.items() if value is not ...}
    with pytest.raises(ValidationError) as error:
        RequestedChange.model_validate({"reason": "r", "edits": [edit]})
    first = error.value.errors()[0]
    assert first["loc"][:2] == ("edits", 0)
    assert word in f"{first['loc']} {first['msg']}"


@pytest.mark.parametrize(
    ("targets", "meant"),
    [
        ({}, True),
        ({"instances": ["SURV01", "SURV02"]}, True),
        ({"tags": ["creative", "survival"], "platforms": ["paper"]}, True),
        ({"tags": ["survival"], "platforms": ["velocity"]}, False),
        ({"hosts": ["birch"]}, False),
        ({"plugins": ["essentials"]}, True),
        ({"plugins": ["Vault"]}, False),
        ({"tags": ["survival"], "exclude_instances": ["SURV01"]}, False),
    ],
)
def test_targets_name_instances_by_all_kinds_that_are_given(
    targets: dict[str, Any], meant: bool
) -> None:
    assert RequestTargets.model_validate(targets).match(SURVIVAL) is meant
