"""Deviations to store, and a store to keep them in."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.model.deviation import (
    Deviation,
    DeviationKind,
    OwningRule,
    Pattern,
    deviation_id,
    group_id,
)
from homeamp_agent.model.rule import RuleSource, Scope, Severity
from homeamp_agent.store import Store, open_store

NOON = dt.datetime(2026, 8, 16, 12, 0, tzinfo=dt.UTC)

Make = Callable[..., Deviation]


def made(
    key: str = "spawn.enabled",
    *,
    instance: str = "SMP01",
    plugin: str | None = "Essentials",
    file: str | None = "plugins/Essentials/config.yml",
    kind: DeviationKind = DeviationKind.VALUE,
    severity: Severity = Severity.MEDIUM,
    expected: Any = True,
    actual: Any = False,
    pattern: str | None = None,
    **facts: Any,
) -> Deviation:
    """A deviation as a scan finds it."""
    path = tuple(key.split("."))
    return Deviation(
        id=deviation_id("alder", instance, plugin, file, path, kind),
        host="alder",
        instance=instance,
        plugin=plugin,
        file=file,
        key=key,
        path=path,
        kind=kind,
        severity=severity,
        expected=expected,
        actual=actual,
        line=3,
        rule=OwningRule(scope=Scope(), source=RuleSource(file="rules.yaml", line=7), id="r1"),
        pattern=Pattern(name=pattern, evidence="seen", confidence=0.5, action="fix 1")
        if pattern
        else None,
        message=f"{key} is {actual}, expected {expected}",
        group=group_id(plugin, file, path, kind, expected, actual),
        **facts,
    )


@pytest.fixture
def make() -> Make:
    return made


@pytest.fixture
def noon() -> dt.datetime:
    return NOON


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await open_store(tmp_path / "state")
    yield store
    await store.close()
