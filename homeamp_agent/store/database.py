"""The SQLite file: one writer task, a few readers, opened only when it is whole.

All writing goes through one queue, each piece of work in a transaction of its own, in the order it
was asked for. Readers see the last committed state and never wait for the writer (WAL).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from homeamp_agent.store.errors import StoreClosedError, StoreError, StoreWriteError
from homeamp_agent.store.schema import migrate

DATABASE_NAME = "homeamp.db"
READERS = 2
"""A list and its count can be read at once; more would only share two cores."""

BUSY_TIMEOUT_MS = 5_000
"""Another process (a copy for a backup, sqlite3 in a shell) may hold the file for a moment."""

CACHE_KIB = 16 * 1024
"""Pages of one connection kept in memory: the indexes of 100,000 deviations fit."""

_SIDE_FILES = ("", "-wal", "-shm")
_BROKEN = ("malformed", "not a database", "file is encrypted", "unsupported file format")

Result = TypeVar("Result")
Work = Callable[[aiosqlite.Connection], Awaitable[Result]]


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    done: asyncio.Future[Any]


@dataclass(slots=True)
class Store:
    """The agent's database. Make it with `open_store`, end it with `close`.

    `problems` says what was wrong at the start, one line each (a broken database moved aside).
    `generation` increases with every committed write.
    """

    path: Path
    problems: tuple[str, ...]
    _writer: aiosqlite.Connection
    _readers: asyncio.Queue[aiosqlite.Connection]
    _jobs: asyncio.Queue[_Job | None] = field(default_factory=asyncio.Queue)
    _task: asyncio.Task[None] | None = None
    _closed: bool = False
    generation: int = 0

    async def write(self, work: Work[Result]) -> Result:
        """Run `work` in a write transaction; commits when it returns, rolls back when it raises.

        A caller that is cancelled while waiting does not stop the work.

        Raises:
            StoreClosedError: the store is closed.
            StoreWriteError: the database could not take it.
        """
        if self._closed:
            raise StoreClosedError("the database is closed")
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="store writer")
        job = _Job(work, asyncio.get_running_loop().create_future())
        self._jobs.put_nowait(job)
        result: Result = await asyncio.shield(job.done)
        return result

    async def read(self, work: Work[Result]) -> Result:
        """Run `work` over one consistent state of the database; it may not write.

        Raises:
            StoreClosedError: the store is closed.
        """
        if self._closed:
            raise StoreClosedError("the database is closed")
        reader = await self._readers.get()
        try:
            await reader.execute("BEGIN")
            try:
                return await work(reader)
            finally:
                await reader.rollback()
        finally:
            self._readers.put_nowait(reader)

    async def close(self) -> None:
        """Finish what was asked for, then close. May be called twice."""
        if self._closed:
            return
        self._closed = True
        if self._task is not None:
            self._jobs.put_nowait(None)
            await self._task
        for _ in range(READERS):
            await (await self._readers.get()).close()
        await self._writer.close()

    async def _run(self) -> None:
        while (job := await self._jobs.get()) is not None:
            try:
                outcome = await self._transaction(job.work)
            except BaseException as error:
                if not job.done.cancelled():
                    job.done.set_exception(error)
                    job.done.exception()  # an abandoned caller is no reason for a warning
                if not isinstance(error, Exception):
                    raise
            else:
                self.generation += 1
                if not job.done.cancelled():
                    job.done.set_result(outcome)

    async def _transaction(self, work: Work[Result]) -> Result:
        try:
            await self._writer.execute("BEGIN IMMEDIATE")
            outcome = await work(self._writer)
            await self._writer.commit()
        except sqlite3.Error as error:
            await self._writer.rollback()
            raise StoreWriteError(f"{self.path}: {error}") from error
        except BaseException:
            await self._writer.rollback()
            raise
        return outcome


async def open_store(folder: Path) -> Store:
    """Open the database in `folder` (made if missing), today's schema, checked to be whole.

    A database that SQLite finds broken is moved aside under a name that says so and a new one is
    begun; `Store.problems` tells.

    Raises:
        StoreNewerError: a newer version wrote it.
        StoreError: the folder cannot be used.
    """
    path = folder / DATABASE_NAME
    try:
        _make_private(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be used: {error.strerror}") from error
    try:
        return await _open(path, ())
    except sqlite3.DatabaseError as error:
        if not any(mark in str(error) for mark in _BROKEN):
            raise StoreError(f"{path}: cannot be opened: {error}") from error
        moved = _move_aside(path)
        why = " ".join(str(error).split())  # SQLite's findings are lines of their own
        line = f"{path}: is broken ({why}); moved to {moved.name}, a new one is begun"
        return await _open(path, (line,))


def _make_private(path: Path) -> None:
    """Make the file for its owner alone; SQLite gives its side files the same mode."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


async def _open(path: Path, problems: tuple[str, ...]) -> Store:
    opened: list[aiosqlite.Connection] = []
    try:
        writer = await _connect(path, opened)
        await writer.execute("PRAGMA journal_mode = WAL")
        await _check(writer)
        await migrate(writer)
        readers: asyncio.Queue[aiosqlite.Connection] = asyncio.Queue()
        for _ in range(READERS):
            reader = await _connect(path, opened)
            await reader.execute("PRAGMA query_only = ON")
            readers.put_nowait(reader)
    except BaseException:
        for connection in opened:
            await connection.close()
        raise
    return Store(path, problems, writer, readers)


async def _connect(path: Path, opened: list[aiosqlite.Connection]) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, isolation_level=None)
    opened.append(connection)
    await connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    await connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    # With WAL a crash of the machine can lose the last commits, never the database; all of it can
    # be found again by a scan.
    await connection.execute("PRAGMA synchronous = NORMAL")
    return connection


async def _check(db: aiosqlite.Connection) -> None:
    async with db.execute("PRAGMA quick_check(1)") as rows:
        row = await rows.fetchone()
    if row is None or row[0] != "ok":
        raise sqlite3.DatabaseError(f"malformed: {row[0] if row else 'no answer'}")


def _move_aside(path: Path) -> Path:
    """Rename the database and its side files; returns the new name of the database."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = path.with_name(f"{path.name}.broken-{stamp}")
    for number in range(1, 1000):
        if not target.exists():
            break
        target = path.with_name(f"{path.name}.broken-{stamp}-{number}")
    for side in _SIDE_FILES:
        source = path.with_name(path.name + side)
        if source.exists():
            source.rename(target.with_name(target.name + side))
    return target
