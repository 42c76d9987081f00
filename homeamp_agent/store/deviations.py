"""Writing deviations: what a scan found, and what people decide.

The actual state lives in the files and the approvals in `approved.yaml`; here is what was seen of
it when, so that a deviation has a history and a client a list.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import aiosqlite

from homeamp_agent.model.deviation import Deviation, DeviationStatus
from homeamp_agent.store.database import Store
from homeamp_agent.store.lifecycle import SETTLED, Step, when_found, when_gone
from homeamp_agent.store.moments import maybe_micros, to_micros
from homeamp_agent.store.rows import (
    COLUMNS,
    STATE_COLUMNS,
    WHOLE,
    actual_text,
    body_of,
    deviation_of,
    new_row,
)

_INSERT = (
    f"INSERT INTO deviations ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - names of our own
    " ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(
        f"{name} = excluded.{name}" for name in COLUMNS if name not in {"id", "first_seen", "age"}
    )
)
_BODY = (
    "INSERT INTO deviation_bodies VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body"
)
_UNSETTLED = "status NOT IN ('fixed', 'resolved')"
_HISTORY = "INSERT INTO deviation_history VALUES (?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Seen:
    """The part of the fleet that was looked at: within it, what was not found is gone.

    `instances` None: all of the host; `plugins` None: all of each instance, else only deviations of
    these plugins (in any case; `""` for the game folder's own files).
    """

    host: str
    instances: frozenset[str] | None = None
    plugins: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a look changed, by id."""

    opened: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.opened or self.updated or self.closed)


class Review(NamedTuple):
    """A decision about deviations: by a person (`actor`), or by a change request's progress.

    `from_statuses` None: any; a deviation in another status is skipped.
    """

    status: DeviationStatus
    actor: str | None = None
    reason: str | None = None
    replacement: Any = None
    expires: datetime | None = None
    change_id: str | None = None
    from_statuses: frozenset[DeviationStatus] | None = None


class Reviewed(NamedTuple):
    """What a review did: the rows as they stand now, and (id, reason) of those left alone."""

    changed: tuple[Deviation, ...]
    skipped: tuple[tuple[str, str], ...]


class _Row(NamedTuple):
    status: DeviationStatus
    body: str


async def reconcile(
    store: Store, seen: Seen, found: Sequence[Deviation], at: datetime
) -> Reconciled:
    """Make the rows within `seen` be `found`; history tells each step.

    `found` carries status APPROVED (with reviewer, reason, expiry) where an approval covers it,
    else PENDING.
    """

    bodies = await asyncio.to_thread(lambda: {each.id: body_of(each) for each in found})

    async def work(db: aiosqlite.Connection) -> Reconciled:
        known = await _known(db, seen, found)
        ledger = await asyncio.to_thread(_compared, known, found, bodies, at)
        return await _save(db, seen, ledger)

    return await store.write(work)


def _compared(
    known: Mapping[str, _Row], found: Sequence[Deviation], bodies: Mapping[str, str], at: datetime
) -> _Ledger:
    ledger = _Ledger(at)
    for deviation in found:
        ledger.look(deviation, bodies[deviation.id], known.get(deviation.id))
    for identity, row in known.items():
        if identity not in bodies:
            ledger.miss(identity, row)
    return ledger


async def _save(db: aiosqlite.Connection, seen: Seen, ledger: _Ledger) -> Reconciled:
    await ledger.save(db)
    clause, arguments = _within(seen)
    touch = f"UPDATE deviations SET last_seen = ? WHERE {clause} AND {_UNSETTLED}"  # noqa: S608 - clauses of our own
    await db.execute(touch, (to_micros(ledger.at), *arguments))
    return Reconciled(tuple(ledger.opened), tuple(ledger.updated), tuple(ledger.closed))


class _Ledger:
    """Collects the rows and the history of one look, to be written at once."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.opened: list[str] = []
        self.updated: list[str] = []
        self.closed: list[str] = []
        self._rows: list[tuple[Any, ...]] = []
        self._bodies: list[tuple[str, str]] = []
        self._history: list[tuple[Any, ...]] = []
        self._gone: list[tuple[Any, ...]] = []
        self._ages: list[tuple[int, str]] = []
        self._reviews: list[tuple[Any, ...]] = []

    def look(self, deviation: Deviation, body: str, row: _Row | None) -> None:
        """A deviation is there."""
        changed = row is not None and row.body != body
        other = row is not None and changed and _meaning(row.body) != _meaning(body)
        step = when_found(row.status if row else None, deviation.status, other)
        if row is not None and not changed and step.event is None:
            return
        if row is None or row.status in SETTLED:
            self.opened.append(deviation.id)
            self._ages.append((-to_micros(self.at), deviation.id))
        else:
            self.updated.append(deviation.id)
        self._rows.append(new_row(deviation, step.status, self.at))
        self._bodies.append((deviation.id, body))
        if row is None or row.status is not step.status:
            self._reviews.append(_review_columns(deviation, step))
        self._tell(deviation.id, step, actual_text(deviation), deviation.reviewed_by)

    def miss(self, identity: str, row: _Row) -> None:
        """A deviation is not there any more."""
        step = when_gone(row.status)
        if step.event is None:
            return
        self.closed.append(identity)
        self._gone.append((step.status.value, to_micros(self.at), identity))
        self._tell(identity, step, None, None)

    def _tell(self, identity: str, step: Step, actual: str | None, actor: str | None) -> None:
        if step.event is not None:
            event = (step.event, step.status.value, actor, step.reason, actual)
            self._history.append((identity, to_micros(self.at), *event))

    async def save(self, db: aiosqlite.Connection) -> None:
        """Write it all."""
        await db.executemany(_INSERT, self._rows)
        await db.executemany(_BODY, self._bodies)
        await db.executemany("UPDATE deviations SET age = ? WHERE id = ?", self._ages)
        await db.executemany(
            "UPDATE deviations SET reviewed_by = ?, reviewed_at = ?, review_reason = ?, "
            "replacement = ?, expires = ?, change_id = ? WHERE id = ?",
            self._reviews,
        )
        await db.executemany(
            "UPDATE deviations SET status = ?, last_seen = ? WHERE id = ?", self._gone
        )
        await db.executemany(_HISTORY, self._history)


def _review_columns(deviation: Deviation, step: Step) -> tuple[Any, ...]:
    """Who approved, for one that is approved; nobody for one that is pending again."""
    if step.status is not DeviationStatus.APPROVED:
        return (None, None, step.reason, None, None, None, deviation.id)
    return (
        deviation.reviewed_by,
        maybe_micros(deviation.reviewed_at),
        deviation.review_reason,
        None,
        maybe_micros(deviation.expires),
        None,
        deviation.id,
    )


def _meaning(body: str) -> Mapping[str, Any]:
    """What an approval is tied to: not the line, the pattern or the wording."""
    found = json.loads(body)
    return {name: found.get(name) for name in ("kind", "expected", "actual")}


async def _known(
    db: aiosqlite.Connection, seen: Seen, found: Iterable[Deviation]
) -> dict[str, _Row]:
    """The rows within `seen` that are not settled, and those of `found` whatever they are."""
    clause, arguments = _within(seen)
    ids = json.dumps([deviation.id for deviation in found])
    query = (
        f"SELECT deviations.id, status, body FROM {WHOLE} WHERE {clause} "  # noqa: S608 - clauses of our own
        f"AND {_UNSETTLED} UNION SELECT deviations.id, status, body FROM {WHOLE} "
        "WHERE deviations.id IN (SELECT value FROM json_each(?))"
    )
    async with db.execute(query, (*arguments, ids)) as rows:
        return {row[0]: _Row(DeviationStatus(row[1]), row[2]) async for row in rows}


def _within(seen: Seen) -> tuple[str, tuple[Any, ...]]:
    clause, arguments = "host = ?", [seen.host]
    if seen.instances is not None:
        clause += " AND instance IN (SELECT value FROM json_each(?))"
        arguments.append(json.dumps(sorted(seen.instances)))
    if seen.plugins is not None:
        clause += " AND plugin COLLATE NOCASE IN (SELECT value FROM json_each(?))"
        arguments.append(json.dumps(sorted(seen.plugins)))
    return clause, tuple(arguments)


async def review(store: Store, ids: Collection[str], decision: Review, at: datetime) -> Reviewed:
    """Give the deviations a status by decision; those that do not take it are skipped."""

    async def work(db: aiosqlite.Connection) -> Reviewed:
        return await _review(db, list(dict.fromkeys(ids)), decision, at)

    return await store.write(work)


async def release_fixing(store: Store, reason: str, at: datetime) -> int:
    """Open again what is being fixed by nobody any more, however much it is; returns how much."""

    async def work(db: aiosqlite.Connection) -> int:
        query = "SELECT id FROM deviations WHERE status = ?"
        async with db.execute(query, (DeviationStatus.FIXING.value,)) as rows:
            ids = [row[0] async for row in rows]
        decision = Review(DeviationStatus.PENDING, reason=reason)
        return len((await _review(db, ids, decision, at)).changed)

    return await store.write(work)


async def _review(
    db: aiosqlite.Connection, ids: Sequence[str], decision: Review, at: datetime
) -> Reviewed:
    rows = await deviations_by_id(db, ids)
    changed: list[str] = []
    skipped: list[tuple[str, str]] = []
    history: list[tuple[Any, ...]] = []
    for identity in ids:
        row = rows.get(identity)
        refusal = _refusal(row, decision)
        if row is None or refusal is not None:
            skipped.append((identity, refusal or "no such deviation"))
            continue
        changed.append(identity)
        told = (decision.status.value, decision.status.value, decision.actor, decision.reason)
        history.append((identity, to_micros(at), *told, actual_text(row)))
    person = (decision.actor, to_micros(at), decision.reason)
    replacement = None if decision.replacement is None else json.dumps(decision.replacement)
    more = (replacement, maybe_micros(decision.expires), decision.change_id)
    await db.executemany(
        "UPDATE deviations SET status = ?, reviewed_by = ?, reviewed_at = ?, review_reason = ?, "
        "replacement = coalesce(?, CASE ? WHEN 'fixing' THEN replacement END), expires = ?, "
        "change_id = coalesce(?, CASE ? WHEN 'fixed' THEN change_id END) WHERE id = ?",
        [
            (
                decision.status.value, *person, more[0], decision.status.value, more[1],
                more[2], decision.status.value, identity,
            )
            for identity in changed
        ],
    )  # fmt: skip
    await db.executemany(_HISTORY, history)
    after = await deviations_by_id(db, changed)
    return Reviewed(tuple(after[identity] for identity in changed), tuple(skipped))


def _refusal(row: Deviation | None, decision: Review) -> str | None:
    if row is None:
        return "no such deviation"
    if decision.from_statuses is not None and row.status not in decision.from_statuses:
        return f"it is {row.status.value}"
    return None


async def deviations_by_id(db: aiosqlite.Connection, ids: Collection[str]) -> dict[str, Deviation]:
    """The deviations of these ids, by id; unknown ids are left out."""
    query = (
        f"SELECT {STATE_COLUMNS} FROM {WHOLE} "  # noqa: S608 - names of our own
        "WHERE deviations.id IN (SELECT value FROM json_each(?))"
    )
    async with db.execute(query, (json.dumps(list(ids)),)) as rows:
        return {row[0]: deviation_of(row) async for row in rows}
