"""The requests of deployments as they lie on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeamp_agent.changes import RequestError
from homeamp_agent.changes.deployment_requests import DeploymentRequests
from homeamp_agent.model.request import RequestedChange


def test_the_request_of_a_deployment_is_a_private_file_until_it_is_forgotten(
    tmp_path: Path,
) -> None:
    requests = DeploymentRequests(tmp_path / "state")
    asked = RequestedChange.model_validate(
        {"reason": "r", "edits": [{"file": "a.yml", "path": ["a"], "new": "secret-X9"}]}
    )
    requests.keep("dep", asked)
    assert requests.get("dep") == asked
    file = tmp_path / "state" / "deployments" / "dep.json"
    assert (file.stat().st_mode & 0o077, requests.known()) == (0, frozenset({"dep"}))
    file.write_text('{"reason": "secret-X9"}')
    with pytest.raises(RequestError, match="is damaged") as damaged:
        requests.get("dep")
    assert "secret-X9" not in str(damaged.value)
    requests.forget("dep")
    requests.forget("dep")
    with pytest.raises(RequestError, match="cannot be read"):
        requests.get("dep")
