"""Deployments and their logs. A transition and the lines that tell of it are one transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import aiosqlite
from pydantic import ValidationError

from homeamp_agent.model.deployment import OVER, Deployment, DeploymentLine, DeploymentStage
from homeamp_agent.store.database import Store
from homeamp_agent.store.errors import BadQueryError
from homeamp_agent.store.moments import from_micros, to_micros

MAX_LINES = 5_000
"""Of one log: a deployment over a hundred instances writes a thousand."""


class NewLine(NamedTuple):
    """A line of a log before it has its number."""

    text: str
    level: str = "info"
    wave: int | None = None


class DeploymentPage(NamedTuple):
    """Deployments, newest first, and the id to go on after (None: these were all)."""

    deployments: tuple[Deployment, ...]
    next_cursor: str | None


class Unfinished(NamedTuple):
    """What an agent that starts finds under way, oldest first; `problems` are for a person."""

    deployments: tuple[Deployment, ...]
    problems: tuple[str, ...]


async def save_deployment(
    store: Store, deployment: Deployment, lines: Sequence[NewLine] = (), at: datetime | None = None
) -> tuple[DeploymentLine, ...]:
    """Keep where a deployment stands, and add to its log; the lines as they were numbered."""
    moment = at or deployment.updated_at

    async def work(db: aiosqlite.Connection) -> tuple[DeploymentLine, ...]:
        await db.execute(
            "INSERT INTO deployments (id, stage, created_at, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET stage = excluded.stage, body = excluded.body",
            (
                deployment.id,
                deployment.stage.value,
                to_micros(deployment.created_at),
                deployment.model_dump_json(),
            ),
        )
        query = "SELECT coalesce(max(number), 0) FROM deployment_lines WHERE deployment = ?"
        async with db.execute(query, (deployment.id,)) as rows:
            row = await rows.fetchone()
        first = (row[0] if row else 0) + 1
        written = tuple(
            DeploymentLine.model_validate({"number": number, "at": moment, **line._asdict()})
            for number, line in enumerate(lines, first)
        )
        await db.executemany(
            "INSERT INTO deployment_lines (deployment, number, at, level, wave, text) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [
                (deployment.id, each.number, to_micros(each.at), each.level, each.wave, each.text)
                for each in written
            ],
        )
        await db.execute(
            "DELETE FROM deployment_lines WHERE deployment = ? AND number <= ?",
            (deployment.id, first + len(written) - 1 - MAX_LINES),
        )
        return written

    return await store.write(work)


async def get_deployment(store: Store, deployment_id: str) -> Deployment | None:
    """One deployment, None if there is none of that id, or what was kept is not understood."""

    async def work(db: aiosqlite.Connection) -> Deployment | None:
        query = "SELECT body FROM deployments WHERE id = ?"
        async with db.execute(query, (deployment_id,)) as rows:
            row = await rows.fetchone()
        return None if row is None else _read(row[0])

    return await store.read(work)


async def unfinished_deployments(store: Store) -> Unfinished:
    """Those that are not over, also an aborted one whose last wave was never settled."""

    async def work(db: aiosqlite.Connection) -> Unfinished:
        settled = [each.value for each in OVER if each is not DeploymentStage.ABORTED]
        query = (
            "SELECT id, body FROM deployments "
            "WHERE stage NOT IN (SELECT value FROM json_each(?)) "
            'AND (stage != ? OR body LIKE \'%"state":"applying"%\') ORDER BY created_at, id'
        )
        found, problems = [], []
        values = (json.dumps(settled), DeploymentStage.ABORTED.value)
        async with db.execute(query, values) as rows:
            async for name, body in rows:
                deployment = _read(body)
                if deployment is not None:
                    found.append(deployment)
                else:
                    problems.append(f"deployment {name}: what was kept of it is not understood")
        return Unfinished(tuple(found), tuple(problems))

    return await store.read(work)


async def list_deployments(
    store: Store,
    *,
    stages: Collection[DeploymentStage] = (),
    limit: int = 100,
    after: str | None = None,
) -> DeploymentPage:
    """Deployments in one of `stages` (none: in any), newest first, from behind `after` on.

    What is not understood is left out; `unfinished_deployments` names it.

    Raises:
        BadQueryError: there is no deployment `after`.
    """

    async def work(db: aiosqlite.Connection) -> DeploymentPage:
        if after is not None:
            async with db.execute("SELECT 1 FROM deployments WHERE id = ?", (after,)) as rows:
                if await rows.fetchone() is None:
                    raise BadQueryError("the cursor is not one that a list gave")
        query = (
            "SELECT id, body FROM deployments "
            "WHERE (:any OR stage IN (SELECT value FROM json_each(:stages))) AND (:after IS NULL "
            "OR (created_at, id) < (SELECT created_at, id FROM deployments WHERE id = :after)) "
            "ORDER BY created_at DESC, id DESC LIMIT :limit"
        )
        wanted = [each.value for each in stages]
        values = {
            "any": not wanted, "stages": json.dumps(wanted), "after": after, "limit": limit + 1
        }  # fmt: skip
        async with db.execute(query, values) as rows:
            found = [(row[0], _read(row[1])) async for row in rows]
        page = tuple(each for _, each in found[:limit] if each is not None)
        return DeploymentPage(page, found[limit - 1][0] if len(found) > limit else None)

    return await store.read(work)


def _read(body: str) -> Deployment | None:
    """A deployment as it was kept; one that is damaged must not take the others with it."""
    try:
        return Deployment.model_validate_json(body)
    except ValidationError:
        return None


async def lines_of(
    store: Store, deployment_id: str, *, after: int = 0, limit: int = 1000
) -> tuple[DeploymentLine, ...]:
    """The newest `limit` lines of a log whose number is above `after`, in order."""

    async def work(db: aiosqlite.Connection) -> tuple[DeploymentLine, ...]:
        query = (
            "SELECT number, at, level, wave, text FROM deployment_lines "
            "WHERE deployment = ? AND number > ? ORDER BY number DESC LIMIT ?"
        )
        async with db.execute(query, (deployment_id, after, limit)) as rows:
            found = [
                DeploymentLine(
                    number=row[0], at=from_micros(row[1]), level=row[2], wave=row[3], text=row[4]
                )
                async for row in rows
            ]
        return tuple(reversed(found))

    return await store.read(work)
