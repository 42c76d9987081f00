"""A real agent over the small host of tests/agent, for the commands to talk to."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_HOST = Path(__file__).resolve().parents[1] / "agent" / "conftest.py"


def _host_module() -> Any:
    spec = importlib.util.spec_from_file_location("homeamp_test_host", _HOST)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name.
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A running agent, shared by a module's tests, which do not change what it knows."""
    module = _host_module()
    host = module.Host(tmp_path_factory.mktemp("host"))
    host.baselines.mkdir()
    (host.baselines / "rules.yaml").write_text(module.RULES, "utf-8")
    host.add_instance("LOBBY01", enabled="false", password="right-secret-A1")
    host.add_instance("SURV01", password="wrong-secret-B2")
    with host.running():
        yield host
