"""Scans, parsed files, changed settings and answered calls are remembered for their time."""

from __future__ import annotations

import datetime as dt
from typing import Any

from homeamp_agent.model.query import DeviationFilter
from homeamp_agent.store import Seen, Store, history_of, list_deviations, reconcile
from homeamp_agent.store.parsed import (
    KnownFile,
    keep_parsed,
    known_files,
    parsed_bodies,
    prune_parsed,
    remember_files,
)
from homeamp_agent.store.records import (
    ScanRecord,
    begin_call,
    begin_scan,
    finish_call,
    finish_scan,
    forget_call,
    forget_unfinished_calls,
    last_scans,
    prune_history,
)

DAY = dt.timedelta(days=1)


async def test_a_scan_is_noted_when_it_begins_and_when_it_ends(store: Store, noon: Any) -> None:
    number = await begin_scan(store, noon)
    assert (await last_scans(store))[0].finished_at is None
    done = ScanRecord(number, noon, noon + DAY, 10, 248, 6744, 3, 1.5, None)
    await finish_scan(store, done)
    assert await last_scans(store) == (done,)


async def test_parsed_bodies_are_kept_while_a_file_has_them(store: Store, noon: Any) -> None:
    await keep_parsed(store, {"k1": b"one", "k2": b"two"}, noon)
    await remember_files(store, [KnownFile("SMP01", "a.yml", "sha", "k1")], [], noon)
    assert await parsed_bodies(store, ["k1", "k2", "k3"]) == {"k1": b"one", "k2": b"two"}
    assert await prune_parsed(store, noon + 30 * DAY) == 1
    assert await parsed_bodies(store, ["k1", "k2"]) == {"k1": b"one"}
    assert await known_files(store) == (KnownFile("SMP01", "a.yml", "sha", "k1"),)
    await remember_files(store, [], [("SMP01", "a.yml")], noon)
    assert await known_files(store) == ()


async def test_a_retried_call_is_answered_once_and_known_for_a_day(store: Store, noon: Any) -> None:
    assert (await begin_call(store, "k", "fix", "p", noon)).state == "new"
    assert (await begin_call(store, "k", "fix", "p", noon)).state == "running"
    await finish_call(store, "k", {"ok": [1]})
    again = await begin_call(store, "k", "fix", "p", noon)
    assert (again.state, again.outcome) == ("done", {"ok": [1]})
    assert (await begin_call(store, "k", "fix", "other", noon)).state == "other"
    assert (await begin_call(store, "k", "fix", "p", noon + 2 * DAY)).state == "new"


async def test_a_call_that_failed_or_was_cut_short_can_be_made_again(
    store: Store, noon: Any
) -> None:
    await begin_call(store, "failed", "fix", "p", noon)
    await forget_call(store, "failed")
    assert (await begin_call(store, "failed", "fix", "p", noon)).state == "new"
    assert await forget_unfinished_calls(store) == 1
    assert (await begin_call(store, "failed", "fix", "p", noon)).state == "new"


async def test_what_is_settled_for_a_year_is_forgotten_with_its_history(
    store: Store, make: Any, noon: Any
) -> None:
    await reconcile(store, Seen("alder"), [make("old"), make("new")], noon)
    await reconcile(store, Seen("alder"), [make("new")], noon)
    await prune_history(store, noon + 400 * DAY)
    page = await list_deviations(store, DeviationFilter(open=False))
    assert [row.key for row in page.deviations] == ["new"]
    assert await history_of(store, make("old").id) == ()
    assert len(await history_of(store, make("new").id)) == 1
