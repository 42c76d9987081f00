"""Deployments in the database: kept with their log, found again by the agent that starts next."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.model.deployment import Deployment, DeploymentStage, Wave, WaveState
from homeamp_agent.store import BadQueryError, Store, open_store
from homeamp_agent.store import deployments as stored
from homeamp_agent.store.deployments import (
    NewLine,
    get_deployment,
    lines_of,
    list_deployments,
    save_deployment,
    unfinished_deployments,
)

NOON = datetime(2026, 8, 16, 12, 0, tzinfo=UTC)


def made(number: int = 1, stage: DeploymentStage = DeploymentStage.WAVES) -> Deployment:
    at = NOON + timedelta(minutes=number)
    return Deployment(
        id=f"dep-{number}", reason="r", author="mia", host="alder", stage=stage,
        created_at=at, updated_at=at, digest="d",
        waves=(Wave(number=0, instances=("DEV01",), change_id="x", digest="y"),),
    )  # fmt: skip


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await open_store(tmp_path)
    yield store
    await store.close()


async def test_a_deployment_is_kept_with_its_log(store: Store, monkeypatch: Any) -> None:
    first = made()
    await save_deployment(store, first, [NewLine("begins")])
    moved = first.model_copy(update={"stage": DeploymentStage.PAUSED, "message": "lunch"})
    lines = await save_deployment(
        store, moved, [NewLine("one", wave=1), NewLine("two", "error")], NOON
    )
    assert [(each.number, each.text) for each in lines] == [(2, "one"), (3, "two")]
    assert await get_deployment(store, "dep-1") == moved
    assert await get_deployment(store, "dep-2") is None
    assert (await lines_of(store, "dep-1"))[1:] == lines
    assert await lines_of(store, "dep-1", after=2) == lines[1:]
    assert [each.number for each in await lines_of(store, "dep-1", limit=2)] == [2, 3]
    monkeypatch.setattr(stored, "MAX_LINES", 2)
    await save_deployment(store, moved, [NewLine("three")])
    assert [each.text for each in await lines_of(store, "dep-1")] == ["two", "three"]


async def test_they_are_listed_newest_first_in_pages(store: Store) -> None:
    for number in range(1, 6):
        stage = DeploymentStage.DONE if number % 2 else DeploymentStage.WAVES
        await save_deployment(store, made(number, stage))
    page = await list_deployments(store, limit=3)
    assert [each.id for each in page.deployments] == ["dep-5", "dep-4", "dep-3"]
    rest = await list_deployments(store, limit=3, after=page.next_cursor)
    assert ([each.id for each in rest.deployments], rest.next_cursor) == (["dep-2", "dep-1"], None)
    with pytest.raises(BadQueryError, match="cursor"):
        await list_deployments(store, after="dep-9")
    done = await list_deployments(store, stages=[DeploymentStage.DONE], limit=2)
    assert [each.id for each in done.deployments] == ["dep-5", "dep-3"]


async def test_what_is_under_way_is_found_at_the_next_start(store: Store) -> None:
    for number, stage in enumerate(DeploymentStage):
        await save_deployment(store, made(number, stage))
    aborted = made(99, DeploymentStage.ABORTED)
    wave = aborted.waves[0].model_copy(update={"state": WaveState.APPLYING})
    await save_deployment(store, aborted.model_copy(update={"waves": (wave,)}))

    async def damage(db: Any) -> None:
        await db.execute("UPDATE deployments SET body = '{}' WHERE stage = 'paused'")

    await store.write(damage)
    unfinished = await unfinished_deployments(store)
    assert [each.stage.value for each in unfinished.deployments] == [
        "planned", "dev", "checking", "awaiting_approval", "waves", "rolling_back", "aborted",
    ]  # fmt: skip
    assert unfinished.deployments[-1].id == "dep-99"
    assert unfinished.problems == ("deployment dep-5: what was kept of it is not understood",)
    page = await list_deployments(store, limit=3)
    rest = await list_deployments(store, limit=20, after=page.next_cursor)
    assert len(page.deployments) + len(rest.deployments) == len(DeploymentStage)
    assert await get_deployment(store, "dep-5") is None
