"""The agent's description of itself is a valid OpenRPC 1.3 document, and complete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry as Schemas
from referencing.jsonschema import DRAFT7

from homeamp_agent.rpc.methods import all_methods
from homeamp_agent.rpc.openrpc import document_of
from homeamp_agent.rpc.protocol.messages import Access
from homeamp_agent.rpc.registry import Registry

SCHEMAS = Path(__file__).parent / "openrpc"


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(json.dumps(document_of(Registry(all_methods()))))


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft7Validator:
    meta = json.loads((SCHEMAS / "meta-schema.json").read_text("utf-8"))
    schema = DRAFT7.create_resource(json.loads((SCHEMAS / "json-schema.json").read_text("utf-8")))
    # The meta-schema refers to the other one without its closing slash.
    schemas: Schemas[Any] = Schemas().with_resources(
        [
            ("https://meta.json-schema.tools", schema),
            ("https://meta.json-schema.tools/", schema),
            ("https://meta.open-rpc.org/", DRAFT7.create_resource(meta)),
        ]
    )
    return jsonschema.Draft7Validator(meta, registry=schemas)


def test_it_is_valid_by_the_meta_schema(document: Any, validator: Any) -> None:
    assert [error.message for error in validator.iter_errors(document)] == []
    assert document["openrpc"].startswith("1.3.")


def test_the_meta_schema_would_notice_a_fault(document: Any, validator: Any) -> None:
    broken = {**document, "methods": [{"name": "x", "params": [{"name": "no schema"}]}]}
    assert list(validator.iter_errors(broken))


def test_every_reference_in_it_leads_somewhere(document: Any) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [each for value in node.values() for each in references(value)]
        return (
            [each for item in node for each in references(item)] if isinstance(node, list) else []
        )

    schemas = document["components"]["schemas"]
    found = references(document)
    assert found
    assert [
        each for each in found if each.removeprefix("#/components/schemas/") not in schemas
    ] == []


def test_required_params_come_before_optional_ones(document: Any) -> None:
    for method in document["methods"]:
        required = [each["required"] for each in method["params"]]
        assert required == sorted(required, reverse=True), method["name"]


def test_every_method_says_in_one_line_what_it_does(document: Any) -> None:
    for method in document["methods"]:
        assert method["summary"].endswith("."), method["name"]
        assert len(method["summary"]) < 100, method["name"]


def test_what_changes_anything_needs_operate_and_takes_an_idempotency_key(document: Any) -> None:
    changing = [each for each in document["methods"] if each["x-access"] == "operate"]
    assert {each["name"] for each in changing} == {
        "agent.rescan",
        "backups.restore",
        "changes.apply",
        "changes.approve",
        "changes.cancel",
        "changes.reject",
        "changes.rollback",
        "changes.rollback_many",
        "changes.submit",
        "deployments.abort",
        "deployments.approve",
        "deployments.pause",
        "deployments.resume",
        "deployments.rollback",
        "deployments.start",
        "deviations.approve",
        "deviations.fix",
        "deviations.flag",
        "deviations.ignore",
        "deviations.mark_unique",
        "deviations.promote",
        "deviations.reopen",
        "instances.backup",
        "instances.cancel",
        "instances.console",
        "instances.restart",
        "instances.start",
        "instances.stop",
        "rules.revoke",
    }
    for method in changing:
        assert "idempotency_key" in {each["name"] for each in method["params"]}, method["name"]


def test_a_name_can_be_registered_once() -> None:
    methods = all_methods()
    with pytest.raises(ValueError, match=r"two methods are named"):
        Registry([*methods, methods[0]])
    assert {each.access for each in methods} == {Access.READ, Access.OPERATE}
