"""The published JSON Schema of rules.yaml is the one the reader has."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import yaml

from homeamp_agent.baselines.declarations import rules_schema

ROOT = Path(__file__).resolve().parents[2]


def test_the_published_schema_is_current() -> None:
    published = json.loads((ROOT / "docs" / "rules.schema.json").read_text("utf-8"))
    assert published == rules_schema()


def test_the_fixtures_rules_satisfy_it() -> None:
    text = (ROOT / "fixtures" / "baselines" / "rules.yaml").read_text("utf-8")
    document = json.loads(json.dumps(yaml.safe_load(text), default=str))
    jsonschema.validate(document, rules_schema())
