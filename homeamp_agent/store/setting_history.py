"""How settings changed: from what to what, when, and by whom. Values come here already masked."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import aiosqlite

from homeamp_agent.model.query import SettingChange
from homeamp_agent.model.setting import KeyPath
from homeamp_agent.store.database import Store
from homeamp_agent.store.errors import BadQueryError
from homeamp_agent.store.moments import from_micros, to_micros

KEEP_DAYS = 365
KEEP_CHANGES = 100
"""Of one setting: a timestamp that a plugin writes every minute must not crowd the database."""

_CURSOR_DIGITS = 18
"""What SQLite counts rows with."""


class ChangePage(NamedTuple):
    """A window of a setting's history, newest first; `next_cursor` None: nothing is older."""

    changes: tuple[SettingChange, ...]
    next_cursor: str | None


async def add_setting_changes(store: Store, changes: Collection[SettingChange]) -> None:
    """Remember that settings changed."""

    async def work(db: aiosqlite.Connection) -> None:
        await db.executemany(
            "INSERT INTO setting_history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    to_micros(each.at), each.instance, each.plugin or "", each.file, each.key,
                    json.dumps(each.path), json.dumps(each.old), json.dumps(each.new), each.by,
                    each.change_id, each.while_away,
                )
                for each in changes
            ],
        )  # fmt: skip

    await store.write(work)


class ChangedPlace(NamedTuple):
    """Where a change was: all that is not None has to fit; `plugin` ignores case.

    `path` is a setting, or a list or section with all that is in it.
    """

    instance: str
    plugin: str | None = None
    file: str | None = None
    key: str | None = None
    path: KeyPath | None = None


async def setting_history(
    store: Store, place: ChangedPlace, *, limit: int = 100, cursor: str | None = None
) -> ChangePage:
    """How settings at a place changed, newest first.

    Raises:
        BadQueryError: a cursor that no page gave.
    """
    # Rows are only ever added, so their number is the order of time.
    query = (
        "SELECT rowid, at, instance, plugin, file, key, path, old, new, by, change_id, while_away "
        "FROM setting_history WHERE instance = ?1 AND (?2 IS NULL OR plugin = ?2 COLLATE NOCASE) "
        "AND (?3 IS NULL OR file = ?3) AND (?4 IS NULL OR key = ?4) "
        "AND (?5 IS NULL OR path = ?5 OR substr(path, 1, length(?6)) = ?6) "
        "AND (?7 IS NULL OR rowid < ?7) ORDER BY rowid DESC LIMIT ?8"
    )
    segments = None if place.path is None else json.dumps(place.path)
    inside = None if segments is None else f"{segments.removesuffix(']')}, "
    arguments = (*place[:4], segments, inside, _before(cursor), limit + 1)

    async def work(db: aiosqlite.Connection) -> ChangePage:
        async with db.execute(query, arguments) as rows:
            found = list(await rows.fetchall())
        page = found[:limit]
        more = len(found) > limit
        return ChangePage(tuple(map(_setting_change, page)), str(page[-1][0]) if more else None)

    return await store.read(work)


def _before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > _CURSOR_DIGITS:
        raise BadQueryError("the cursor is not one that a list gave")
    return int(cursor)


def _setting_change(row: Any) -> SettingChange:
    return SettingChange(
        at=from_micros(row[1]),
        instance=row[2],
        plugin=row[3] or None,
        file=row[4],
        key=row[5],
        path=tuple(json.loads(row[6])),
        old=json.loads(row[7]),
        new=json.loads(row[8]),
        by=row[9],
        change_id=row[10],
        while_away=bool(row[11]),
    )


async def prune_setting_history(store: Store, at: datetime) -> None:
    """Forget changes that are too old, and of each setting all but the newest."""
    oldest = to_micros(at - timedelta(days=KEEP_DAYS))

    async def work(db: aiosqlite.Connection) -> None:
        await db.execute("DELETE FROM setting_history WHERE at < ?", (oldest,))
        await db.execute(
            "DELETE FROM setting_history WHERE rowid IN (SELECT rowid FROM ("
            "SELECT rowid, row_number() OVER (PARTITION BY instance, file, key ORDER BY at DESC, "
            "rowid DESC) AS newer FROM setting_history) WHERE newer > ?)",
            (KEEP_CHANGES,),
        )

    await store.write(work)
