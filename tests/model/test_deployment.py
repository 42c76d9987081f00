"""The words of deployments: the published shape, and what the settings take."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from homeamp_agent.model.deployment import Deployment, Wave, WaveState, deployment_schema
from homeamp_agent.settings.sections import DeploymentsSection

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_the_published_schema_is_current_and_a_deployment_satisfies_it() -> None:
    published = json.loads((ROOT / "docs/schemas/deployment.schema.json").read_text("utf-8"))
    assert published == deployment_schema()
    waves = (
        Wave(number=0, instances=("DEV01",), change_id="d-w0", digest="a", state=WaveState.PASSED),
        Wave(number=1, instances=("SURV01",), change_id="d-w1", digest="b"),
        Wave(number=2, instances=("SURV02", "SKY01"), change_id="d-w2", digest="c"),
    )
    deployment = Deployment(
        id="d", reason="r", author="mia", host="alder", created_at=NOW, updated_at=NOW,
        waves=waves, digest="abc",
    )  # fmt: skip
    jsonschema.validate(json.loads(deployment.model_dump_json()), published)
    assert [wave.title for wave in waves] == ["DEV", "canary", "wave 2"]
    assert deployment.passed == 1
    assert deployment.instances == {"DEV01", "SURV01", "SURV02", "SKY01"}
    assert not deployment.over


@pytest.mark.parametrize(
    ("hooks", "word"),
    [
        ([{"name": "a", "command": ["curl"]}], "whole path"),
        ([{"name": "a", "command": []}], "at least 1"),
        ([{"name": "a b", "command": ["/bin/true"]}], "pattern"),
        ([{"name": "a", "command": ["/bin/true"]}] * 2, "same name"),
        ([{"name": "a", "command": ["/bin/true"], "timeout_s": 0}], "greater than 0"),
    ],
)
def test_a_hook_that_could_not_run_is_refused_with_the_reason(
    hooks: list[dict[str, Any]], word: str
) -> None:
    with pytest.raises(ValidationError, match=word):
        DeploymentsSection.model_validate({"hooks": hooks})


def test_a_hook_is_shown_in_one_line() -> None:
    section = DeploymentsSection.model_validate(
        {"hooks": [{"name": "smoke", "command": ["/opt/check", "quick"]}]}
    )
    assert str(section.hooks[0]) == "smoke (/opt/check quick)"
