"""The database opens whole, takes one write at a time, and is never silently lost."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import stat
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from homeamp_agent.model.query import DeviationFilter
from homeamp_agent.store import (
    DATABASE_NAME,
    Seen,
    Store,
    StoreClosedError,
    StoreError,
    StoreNewerError,
    StoreWriteError,
    history_of,
    list_deviations,
    open_store,
    reconcile,
)
from homeamp_agent.store.schema import MIGRATIONS

SAVED = Path(__file__).parent / "saved"


async def titles(db: aiosqlite.Connection) -> list[str]:
    async with db.execute("SELECT id FROM deviations ORDER BY rowid") as rows:
        return [row[0] async for row in rows]


async def test_what_was_written_is_there_after_it_is_opened_again(
    tmp_path: Path, make: Any, noon: Any
) -> None:
    store = await open_store(tmp_path)
    await reconcile(store, Seen("alder"), [make()], noon)
    await store.close()
    store = await open_store(tmp_path)
    assert (await list_deviations(store, DeviationFilter())).deviations[0].key == "spawn.enabled"
    assert store.problems == ()
    await store.close()


async def test_the_file_is_for_its_owner_alone(store: Store) -> None:
    for file in store.path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


@pytest.mark.parametrize("damage", ["garbage", "middle"])
async def test_a_broken_database_is_moved_aside_and_said_loudly(
    tmp_path: Path, make: Any, noon: Any, damage: str
) -> None:
    store = await open_store(tmp_path)
    await reconcile(store, Seen("alder"), [make(f"k{n}") for n in range(500)], noon)
    await store.close()
    path = tmp_path / DATABASE_NAME
    if damage == "garbage":
        path.write_bytes(b"no database at all" * 1000)
    else:
        with path.open("r+b") as file:
            file.seek(8192)
            file.write(b"\xff" * 65536)
    before = path.read_bytes()

    store = await open_store(tmp_path)
    (problem,) = store.problems
    (moved,) = tmp_path.glob(f"{DATABASE_NAME}.broken-*")
    assert moved.name in problem
    assert moved.read_bytes() == before
    assert (await list_deviations(store, DeviationFilter())).total == 0
    await store.close()


async def test_a_database_of_a_newer_homeamp_is_refused_and_left_alone(tmp_path: Path) -> None:
    await (await open_store(tmp_path)).close()
    with sqlite3.connect(tmp_path / DATABASE_NAME) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    before = (tmp_path / DATABASE_NAME).read_bytes()
    with pytest.raises(StoreNewerError, match="newer homeamp"):
        await open_store(tmp_path)
    assert (tmp_path / DATABASE_NAME).read_bytes() == before


async def test_a_folder_that_cannot_be_used_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StoreError, match="cannot be used"):
        await open_store(tmp_path / "state")


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
async def test_a_saved_database_of_every_schema_still_opens(tmp_path: Path, version: int) -> None:
    shutil.copy(SAVED / f"schema-{version}.db", tmp_path / DATABASE_NAME)
    store = await open_store(tmp_path)
    assert store.problems == ()
    page = await list_deviations(store, DeviationFilter(open=False))
    statuses = {row.key: row.status.value for row in page.deviations}
    assert statuses == {"a": "pending", "b.c": "flagged", "gone": "resolved", None: "pending"}
    flagged = next(row for row in page.deviations if row.key == "b.c")
    assert (flagged.replacement, flagged.reviewed_by) == (12, "nell")
    steps = [step.event for step in await history_of(store, flagged.id)]
    assert steps == ["opened", "flagged"]
    await store.close()


async def test_a_work_that_raises_leaves_nothing_behind(store: Store, make: Any, noon: Any) -> None:
    await reconcile(store, Seen("alder"), [make()], noon)

    async def half(db: aiosqlite.Connection) -> None:
        await db.execute("DELETE FROM deviations")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store.write(half)
    assert len(await store.read(titles)) == 1

    async def wrong(db: aiosqlite.Connection) -> None:
        await db.execute("DELETE FROM deviations")
        await db.execute("nonsense")

    with pytest.raises(StoreWriteError):
        await store.write(wrong)
    assert len(await store.read(titles)) == 1


async def test_writes_happen_in_the_order_they_were_asked_for(store: Store) -> None:
    async def put(db: aiosqlite.Connection, number: int) -> None:
        await db.execute("INSERT INTO scans (started_at) VALUES (?)", (number,))

    async def numbers(db: aiosqlite.Connection) -> list[int]:
        async with db.execute("SELECT started_at FROM scans ORDER BY id") as rows:
            return [row[0] async for row in rows]

    asked = [asyncio.create_task(store.write(partial(put, number=n))) for n in range(50)]
    await asyncio.gather(*asked)
    assert await store.read(numbers) == list(range(50))


async def test_a_reader_sees_one_state_while_a_writer_works(
    store: Store, make: Any, noon: Any
) -> None:
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def slow(db: aiosqlite.Connection) -> tuple[int, int]:
        first = len(await titles(db))
        inside.set()
        await go_on.wait()
        return first, len(await titles(db))

    reading = asyncio.create_task(store.read(slow))
    await inside.wait()
    await reconcile(store, Seen("alder"), [make()], noon)
    go_on.set()
    assert await reading == (0, 0)
    assert len(await store.read(titles)) == 1


async def test_closing_finishes_what_was_asked_for_and_takes_no_more(tmp_path: Path) -> None:
    store = await open_store(tmp_path)

    async def put(db: aiosqlite.Connection) -> None:
        await db.execute("INSERT INTO scans (started_at) VALUES (1)")

    asked = [asyncio.create_task(store.write(put)) for _ in range(20)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*asked)
    with pytest.raises(StoreClosedError):
        await store.write(put)
    with pytest.raises(StoreClosedError):
        await store.read(titles)
    await store.close()
    with sqlite3.connect(tmp_path / DATABASE_NAME) as db:
        assert db.execute("SELECT count(*) FROM scans").fetchone() == (20,)
    db.close()


async def test_a_caller_that_goes_away_does_not_stop_its_write(store: Store) -> None:
    started = asyncio.Event()

    async def put(db: aiosqlite.Connection) -> None:
        started.set()
        await db.execute("INSERT INTO scans (started_at) VALUES (1)")

    async def count(db: aiosqlite.Connection) -> int:
        async with db.execute("SELECT count(*) FROM scans") as rows:
            row = await rows.fetchone()
        assert row is not None
        return int(row[0])

    asked = asyncio.create_task(store.write(put))
    await started.wait()
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    await store.write(put)
    assert await store.read(count) == 2
