"""Reading deviations: windows of a list, counts for the scope tree, groups, one with its history.

All filtering, sorting and paging happens in SQLite, over indexes that hold the sort order.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import aiosqlite

from homeamp_agent.model.deviation import (
    OPEN_STATUSES,
    Deviation,
    DeviationGroup,
    DeviationStatus,
)
from homeamp_agent.model.query import (
    Counts,
    DeviationEvent,
    DeviationFilter,
    DeviationsSort,
    PluginCount,
    ScopeCount,
)
from homeamp_agent.store.database import Store
from homeamp_agent.store.deviations import deviations_by_id
from homeamp_agent.store.errors import BadQueryError
from homeamp_agent.store.filters import Where, where_of
from homeamp_agent.store.moments import from_micros
from homeamp_agent.store.rows import SEVERITY_BY_RANK, STATE_COLUMNS, WHOLE, deviation_of

GROUP_IDS_LIMIT = 1000
"""Ids that one group carries: enough for a fleet, bounded for a reply."""

_SORT_COLUMNS = {
    DeviationsSort.SEVERITY: ("severity", "urgency", "place"),
    DeviationsSort.INSTANCE: ("place",),
    DeviationsSort.PLUGIN: ("plugin", "place"),
    DeviationsSort.NEWEST: ("age", "place"),
}


class DeviationPage(NamedTuple):
    """A window of a list; `next_cursor` None: nothing follows."""

    deviations: tuple[Deviation, ...]
    total: int
    next_cursor: str | None


class GroupPage(NamedTuple):
    """A window of the groups."""

    groups: tuple[DeviationGroup, ...]
    total: int
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Tally:
    """Deviations that match a filter, counted per place, status and severity."""

    rows: tuple[tuple[str, str, str, DeviationStatus, int, int], ...]
    """(host, instance, plugin, status, severity's rank, how many)."""

    @property
    def counts(self) -> Counts:
        """Over everything."""
        return _counts(self.rows)

    def by_instance(self) -> dict[tuple[str, str], Counts]:
        """Per (host, instance)."""
        parts = defaultdict(list)
        for row in self.rows:
            parts[row[0], row[1]].append(row)
        return {place: _counts(rows) for place, rows in parts.items()}

    def tree(self) -> tuple[ScopeCount, ...]:
        """Open deviations per (host, instance, plugin), by name."""
        nodes: dict[tuple[str, str, str], tuple[int, int]] = {}
        for host, instance, plugin, status, rank, count in self.rows:
            if status in OPEN_STATUSES:
                before = nodes.get((host, instance, plugin), (0, rank))
                nodes[host, instance, plugin] = (before[0] + count, min(before[1], rank))
        return tuple(
            ScopeCount(
                host=host,
                instance=instance,
                plugin=plugin or None,
                open=count,
                worst=SEVERITY_BY_RANK[rank],
            )
            for (host, instance, plugin), (count, rank) in sorted(nodes.items())
        )

    def plugins(self, limit: int) -> tuple[PluginCount, ...]:
        """The plugins with the most open deviations."""
        open_ = [row for row in self.rows if row[3] in OPEN_STATUSES]
        totals: Counter[str] = Counter()
        places: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for host, instance, plugin, _status, _rank, count in open_:
            totals[plugin] += count
            places[plugin].add((host, instance))
        worst = sorted(totals.items(), key=lambda each: (-each[1], each[0]))[:limit]
        return tuple(
            PluginCount(plugin=plugin or None, open=count, instances=len(places[plugin]))
            for plugin, count in worst
        )


def _counts(rows: Sequence[tuple[str, str, str, DeviationStatus, int, int]]) -> Counts:
    statuses: Counter[str] = Counter()
    severities: Counter[str] = Counter()
    for _host, _instance, _plugin, status, rank, count in rows:
        statuses[status.value] += count
        if status in OPEN_STATUSES:
            severities[SEVERITY_BY_RANK[rank].value] += count
    return Counts(
        open=severities.total(),
        pending=statuses["pending"],
        flagged=statuses["flagged"] + statuses["fixing"],
        approved=statuses["approved"],
        fixed=statuses["fixed"],
        **severities,
    )


async def list_deviations(
    store: Store,
    wanted: DeviationFilter,
    sort: DeviationsSort = DeviationsSort.SEVERITY,
    *,
    limit: int = 100,
    cursor: str | None = None,
    offset: int | None = None,
) -> DeviationPage:
    """A window of the rows that `wanted` matches: after `cursor`, or from `offset`.

    Raises:
        BadQueryError: a text or a cursor that cannot be understood.
    """
    where = where_of(wanted)
    after = None if cursor is None or offset is not None else _decoded(cursor, sort)
    rows, total = await asyncio.gather(
        store.read(lambda db: _window(db, where, sort, limit + 1, after, offset or 0)),
        store.read(lambda db: _total(db, where)),
    )
    page = tuple(deviation_of(row) for row in rows[:limit])
    more = len(rows) > limit
    return DeviationPage(page, total, _encoded(rows[limit - 1], sort) if more else None)


async def _window(
    db: aiosqlite.Connection,
    where: Where,
    sort: DeviationsSort,
    limit: int,
    after: tuple[Any, ...] | None,
    offset: int,
) -> list[Any]:
    order = ", ".join(_SORT_COLUMNS[sort])
    clause, arguments = where.sql, list(where.arguments)
    if after is not None:
        clause += f" AND ({order}) > ({', '.join('?' * len(after))})"
        arguments += after
    # The window is found on the index alone; only its own rows are read whole.
    query = (
        f"SELECT {STATE_COLUMNS}, {order} FROM {WHOLE} WHERE deviations.rowid IN "  # noqa: S608 - names and clauses of our own
        f"(SELECT rowid FROM deviations WHERE {clause} ORDER BY {order} LIMIT ? OFFSET ?) "
        f"ORDER BY {order}"
    )
    async with db.execute(query, (*arguments, limit, offset)) as rows:
        return list(await rows.fetchall())


async def _total(db: aiosqlite.Connection, where: Where) -> int:
    query = f"SELECT count(*) FROM deviations WHERE {where.sql}"  # noqa: S608 - clauses of our own
    async with db.execute(query, where.arguments) as rows:
        row = await rows.fetchone()
    return int(row[0]) if row else 0


def _encoded(row: Sequence[Any], sort: DeviationsSort) -> str:
    text = json.dumps([sort.value, *row[-len(_SORT_COLUMNS[sort]) :]])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _decoded(cursor: str, sort: DeviationsSort) -> tuple[Any, ...]:
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, binascii.Error) as error:
        raise BadQueryError("the cursor is not one that a list gave") from error
    size = len(_SORT_COLUMNS[sort]) + 1
    if not isinstance(parts, list) or parts[:1] != [sort.value] or len(parts) != size:
        raise BadQueryError("the cursor is of a list in another order")
    if any(isinstance(part, (list, dict)) for part in parts):
        raise BadQueryError("the cursor is not one that a list gave")
    return tuple(parts[1:])


async def tally(store: Store, wanted: DeviationFilter) -> Tally:
    """Counts of what `wanted` matches whatever its status (its own statuses are not looked at).

    Raises:
        BadQueryError: a text that cannot be understood.
    """
    where = where_of(wanted, any_status=True)
    # Words need every row anyway; following an index to them would read the table at random.
    unordered = "NOT INDEXED" if wanted.text else ""

    async def work(db: aiosqlite.Connection) -> Tally:
        query = (
            "SELECT host, instance, plugin, status, severity, count(*) FROM deviations "  # noqa: S608 - clauses of our own
            f"{unordered} WHERE {where.sql} GROUP BY host, instance, plugin, status, severity"
        )
        async with db.execute(query, where.arguments) as rows:
            found = [(*row[:3], DeviationStatus(row[3]), *row[4:]) async for row in rows]
        return Tally(tuple(found))

    return await store.read(work)


async def count_deviations(store: Store, wanted: DeviationFilter) -> tuple[int, Tally]:
    """How many rows `wanted` matches, and the tally of the same filter in every status.

    Raises:
        BadQueryError: a text that cannot be understood.
    """
    where = where_of(wanted)
    total, counted = await asyncio.gather(
        store.read(lambda db: _total(db, where)), tally(store, wanted)
    )
    return total, counted


async def group_deviations(
    store: Store, wanted: DeviationFilter, *, limit: int = 100, cursor: str | None = None
) -> GroupPage:
    """The same deviation over instances as one line each, the largest group first.

    Raises:
        BadQueryError: a text or a cursor that cannot be understood.
    """
    where = where_of(wanted)
    offset = _group_offset(cursor)

    async def work(db: aiosqlite.Connection) -> GroupPage:
        query = (
            "SELECT group_id, count(*), min(severity), count(*) OVER () FROM deviations "  # noqa: S608 - clauses of our own
            f"WHERE {where.sql} GROUP BY group_id "
            "ORDER BY count(*) DESC, min(severity), group_id LIMIT ? OFFSET ?"
        )
        async with db.execute(query, (*where.arguments, limit, offset)) as rows:
            heads = list(await rows.fetchall())
        members = await _members(db, where, [head[0] for head in heads])
        firsts = await deviations_by_id(db, [rows[0][0] for rows in members.values()])
        groups = [_group(head, members[head[0]], firsts) for head in heads]
        total = heads[0][3] if heads else 0
        more = offset + len(heads) < total
        return GroupPage(tuple(groups), total, str(offset + len(heads)) if more else None)

    return await store.read(work)


def _group_offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 12:
        raise BadQueryError("the cursor is not one that a list gave")
    return int(cursor)


async def _members(
    db: aiosqlite.Connection, where: Where, groups: Sequence[str]
) -> dict[str, list[tuple[str, str]]]:
    """(id, instance) of the rows of each group, in the order of a list."""
    query = (
        "SELECT group_id, id, instance, severity, urgency, place FROM deviations "  # noqa: S608 - clauses of our own
        f"WHERE +({where.sql}) AND group_id IN (SELECT value FROM json_each(?))"
    )
    members = defaultdict(list)
    async with db.execute(query, (*where.arguments, json.dumps(groups))) as rows:
        for row in sorted(await rows.fetchall(), key=lambda row: tuple(row)[3:]):
            members[row[0]].append((row[1], row[2]))
    return members


def _group(
    head: Sequence[Any], members: Sequence[tuple[str, str]], firsts: Mapping[str, Deviation]
) -> DeviationGroup:
    first = firsts[members[0][0]]
    return DeviationGroup(
        group=head[0],
        plugin=first.plugin,
        file=first.file,
        key=first.key,
        kind=first.kind,
        severity=first.severity,
        expected=first.expected,
        actual=first.actual,
        pattern=first.pattern,
        count=head[1],
        instances=tuple(dict.fromkeys(instance for _id, instance in members)),
        ids=tuple(identity for identity, _instance in members[:GROUP_IDS_LIMIT]),
    )


async def get_deviations(store: Store, ids: Sequence[str]) -> dict[str, Deviation]:
    """The deviations of these ids, by id, in the order asked for; unknown ids are left out."""
    found = await store.read(lambda db: deviations_by_id(db, ids))
    return {identity: found[identity] for identity in ids if identity in found}


async def history_of(store: Store, identity: str, limit: int = 200) -> tuple[DeviationEvent, ...]:
    """The newest `limit` steps in a deviation's life, oldest of them first."""

    async def work(db: aiosqlite.Connection) -> tuple[DeviationEvent, ...]:
        query = (
            "SELECT at, event, status, actor, reason, actual FROM deviation_history "
            "WHERE deviation = ? ORDER BY at DESC, rowid DESC LIMIT ?"
        )
        async with db.execute(query, (identity, limit)) as rows:
            steps = [
                DeviationEvent(
                    at=from_micros(row[0]),
                    event=row[1],
                    status=DeviationStatus(row[2]),
                    actor=row[3],
                    reason=row[4],
                    actual=None if row[5] is None else json.loads(row[5]),
                )
                async for row in rows
            ]
        return tuple(reversed(steps))

    return await store.read(work)
