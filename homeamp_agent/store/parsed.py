"""What files held when they were last parsed, so that a restart parses nothing unchanged.

Bodies are opaque here (settings with secrets masked, packed by the scan) and keyed by everything
that they depend on. `files` remembers which body an instance's file had: that is how a change made
while the agent was away is seen.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import aiosqlite

from homeamp_agent.store.database import Store
from homeamp_agent.store.moments import to_micros

KEEP_PARSED_DAYS = 14
"""A body that no file had for two weeks is not worth its room; parsing it again costs 1 ms."""


class KnownFile(NamedTuple):
    """A file of an instance, the hash of its bytes, and the key of the body that they make."""

    instance: str
    file: str
    sha256: str
    parsed: str


async def parsed_bodies(store: Store, keys: Collection[str]) -> dict[str, bytes]:
    """The bodies of those keys that are known."""

    async def work(db: aiosqlite.Connection) -> dict[str, bytes]:
        query = "SELECT key, body FROM parsed WHERE key IN (SELECT value FROM json_each(?))"
        async with db.execute(query, (json.dumps(list(keys)),)) as rows:
            return {row[0]: row[1] async for row in rows}

    return await store.read(work)


async def keep_parsed(store: Store, bodies: Mapping[str, bytes], at: datetime) -> None:
    """Remember bodies by key."""
    moment = to_micros(at)

    async def work(db: aiosqlite.Connection) -> None:
        await db.executemany(
            "INSERT INTO parsed (key, body, used_at) VALUES (?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET used_at = excluded.used_at",
            [(key, body, moment) for key, body in bodies.items()],
        )

    await store.write(work)


async def known_files(store: Store) -> tuple[KnownFile, ...]:
    """Every file as it was at the last look."""

    async def work(db: aiosqlite.Connection) -> tuple[KnownFile, ...]:
        async with db.execute("SELECT instance, file, sha256, parsed FROM files") as rows:
            return tuple([KnownFile(*row) async for row in rows])

    return await store.read(work)


async def remember_files(
    store: Store,
    present: Collection[KnownFile],
    gone: Collection[tuple[str, str]],
    at: datetime,
) -> None:
    """Note which body each file has now, and which (instance, file) are there no more."""
    moment = to_micros(at)

    async def work(db: aiosqlite.Connection) -> None:
        await db.executemany(
            "INSERT INTO files (instance, file, sha256, parsed, seen_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (instance, file) DO UPDATE SET sha256 = excluded.sha256, "
            "parsed = excluded.parsed, seen_at = excluded.seen_at",
            [(*each, moment) for each in present],
        )
        await db.executemany("DELETE FROM files WHERE instance = ? AND file = ?", list(gone))

    await store.write(work)


async def prune_parsed(store: Store, at: datetime) -> int:
    """Forget bodies that no file has and that were not used for a while; returns how many."""
    oldest = to_micros(at - timedelta(days=KEEP_PARSED_DAYS))

    async def work(db: aiosqlite.Connection) -> int:
        query = "DELETE FROM parsed WHERE used_at < ? AND key NOT IN (SELECT parsed FROM files)"
        async with db.execute(query, (oldest,)) as done:
            return done.rowcount

    return await store.write(work)
