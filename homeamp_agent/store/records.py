"""What else the agent remembers: its scans, and which calls it answered."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import aiosqlite

from homeamp_agent.store.database import Store
from homeamp_agent.store.moments import from_micros, maybe_micros, maybe_moment, to_micros

KEEP_CALLS_HOURS = 24
"""How long a retried mutation is recognised by its idempotency key."""

KEEP_SCANS = 1000
KEEP_SETTLED_DAYS = 365
"""Deviations that were fixed or went away, with their history."""


class ScanRecord(NamedTuple):
    """One full scan; `finished_at` None: it was cut short by the end of the agent."""

    id: int
    started_at: datetime
    finished_at: datetime | None
    instances: int
    files: int
    settings: int
    parsed: int
    seconds: float | None
    error: str | None


async def begin_scan(store: Store, at: datetime) -> int:
    """Note that a scan began; returns its id."""

    async def work(db: aiosqlite.Connection) -> int:
        query = "INSERT INTO scans (started_at) VALUES (?)"
        async with db.execute(query, (to_micros(at),)) as done:
            number = done.lastrowid or 0
        await db.execute("DELETE FROM scans WHERE id <= ?", (number - KEEP_SCANS,))
        return number

    return await store.write(work)


async def finish_scan(store: Store, scan: ScanRecord) -> None:
    """Note how a scan ended."""
    values = scan._asdict()
    values["finished_at"] = maybe_micros(scan.finished_at)
    del values["started_at"]

    async def work(db: aiosqlite.Connection) -> None:
        await db.execute(
            "UPDATE scans SET finished_at = :finished_at, instances = :instances, files = :files, "
            "settings = :settings, parsed = :parsed, seconds = :seconds, error = :error "
            "WHERE id = :id",
            values,
        )

    await store.write(work)


async def last_scans(store: Store, limit: int = 20) -> tuple[ScanRecord, ...]:
    """The newest scans, newest first."""

    async def work(db: aiosqlite.Connection) -> tuple[ScanRecord, ...]:
        query = (
            "SELECT id, started_at, finished_at, instances, files, settings, parsed, seconds, "
            "error FROM scans ORDER BY id DESC LIMIT ?"
        )
        async with db.execute(query, (limit,)) as rows:
            return tuple(
                [
                    ScanRecord(row[0], from_micros(row[1]), maybe_moment(row[2]), *row[3:])
                    async for row in rows
                ]
            )

    return await store.read(work)


class RememberedCall(NamedTuple):
    """What is known of a mutation's idempotency key.

    `new`: run it, then `finish_call` or `forget_call`. `done`: answer `outcome` again. `running`:
    the first try is still under way. `other`: the key was used for another call.
    """

    state: Literal["new", "done", "running", "other"]
    outcome: Any = None


async def begin_call(
    store: Store, key: str, method: str, params: str, at: datetime
) -> RememberedCall:
    """Claim an idempotency key for a call; `params` is a digest of its parameters."""
    oldest = to_micros(at - timedelta(hours=KEEP_CALLS_HOURS))

    async def work(db: aiosqlite.Connection) -> RememberedCall:
        await db.execute("DELETE FROM idempotency WHERE at < ?", (oldest,))
        query = "SELECT method, params, outcome FROM idempotency WHERE key = ?"
        async with db.execute(query, (key,)) as rows:
            row = await rows.fetchone()
        if row is None:
            await db.execute(
                "INSERT INTO idempotency (key, method, params, at) VALUES (?, ?, ?, ?)",
                (key, method, params, to_micros(at)),
            )
            return RememberedCall("new")
        if (row[0], row[1]) != (method, params):
            return RememberedCall("other")
        if row[2] is None:
            return RememberedCall("running")
        return RememberedCall("done", json.loads(row[2]))

    return await store.write(work)


async def finish_call(store: Store, key: str, outcome: Any) -> None:
    """Remember the answer of a call (JSON, secrets masked) for its retries."""

    async def work(db: aiosqlite.Connection) -> None:
        await db.execute(
            "UPDATE idempotency SET outcome = ? WHERE key = ?", (json.dumps(outcome), key)
        )

    await store.write(work)


async def forget_call(store: Store, key: str) -> None:
    """Give a key free again: the call failed and may be tried anew."""

    async def work(db: aiosqlite.Connection) -> None:
        await db.execute("DELETE FROM idempotency WHERE key = ?", (key,))

    await store.write(work)


async def forget_unfinished_calls(store: Store) -> int:
    """At the start: calls that the end of the last agent cut short; returns how many.

    Whether they did something is for the journal to say, not for a key.
    """

    async def work(db: aiosqlite.Connection) -> int:
        async with db.execute("DELETE FROM idempotency WHERE outcome IS NULL") as done:
            return done.rowcount

    return await store.write(work)


async def prune_history(store: Store, at: datetime) -> None:
    """Forget settled deviations older than their bound."""
    settled = to_micros(at - timedelta(days=KEEP_SETTLED_DAYS))

    async def work(db: aiosqlite.Connection) -> None:
        await db.execute(
            "DELETE FROM deviations WHERE status IN ('fixed', 'resolved') AND last_seen < ?",
            (settled,),
        )
        await db.execute(
            "DELETE FROM deviation_history WHERE at < ? AND deviation NOT IN "
            "(SELECT id FROM deviations)",
            (settled,),
        )

    await store.write(work)
