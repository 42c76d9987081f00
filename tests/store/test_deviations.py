"""A deviation's life: found, changed, reviewed, gone, back again, and all of it remembered."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from homeamp_agent.model.deviation import Deviation, DeviationKind
from homeamp_agent.model.deviation import DeviationStatus as Status
from homeamp_agent.model.query import DeviationFilter
from homeamp_agent.store import (
    Review,
    Seen,
    Store,
    get_deviations,
    history_of,
    list_deviations,
    reconcile,
    release_fixing,
    review,
)

ALL = Seen("alder")


async def look(store: Store, at: dt.datetime, *found: Deviation, seen: Seen = ALL) -> Any:
    return await reconcile(store, seen, list(found), at)


async def row_of(store: Store, deviation: Deviation) -> Deviation:
    return (await get_deviations(store, [deviation.id]))[deviation.id]


async def steps(store: Store, deviation: Deviation) -> list[str]:
    return [step.event for step in await history_of(store, deviation.id)]


async def test_what_is_found_is_kept_whole(store: Store, make: Any, noon: Any) -> None:
    deviation = make(pattern="odd_one_out", actual={"a": [1, None]}, expected={"masked": "abc"})
    changed = await look(store, noon, deviation)
    assert changed.opened == (deviation.id,)
    row = await row_of(store, deviation)
    assert row == deviation.model_copy(update={"first_seen": noon, "last_seen": noon})


async def test_a_deviation_without_plugin_file_and_key_comes_back_so(
    store: Store, make: Any, noon: Any
) -> None:
    deviation = make(plugin=None).model_copy(update={"file": None, "key": None, "path": None})
    await look(store, noon, deviation)
    row = await row_of(store, deviation)
    assert (row.plugin, row.file, row.key, row.path) == (None, None, None, None)


async def test_seeing_the_same_again_changes_nothing_but_when_it_was_seen(
    store: Store, make: Any, noon: Any
) -> None:
    await look(store, noon, make())
    later = noon + dt.timedelta(hours=1)
    assert not await look(store, later, make())
    row = await row_of(store, make())
    assert (row.first_seen, row.last_seen) == (noon, later)
    assert await steps(store, make()) == ["opened"]


async def test_another_value_is_told_a_moved_line_is_no_event(
    store: Store, make: Any, noon: Any
) -> None:
    await look(store, noon, make())
    moved = make().model_copy(update={"line": 30})
    assert (await look(store, noon, moved)).updated == (moved.id,)
    assert await steps(store, make()) == ["opened"]
    assert (await row_of(store, make())).line == 30
    await look(store, noon, make(actual="maybe"))
    assert await steps(store, make()) == ["opened", "changed"]


async def test_one_that_vanishes_is_resolved_and_reopens_with_its_history(
    store: Store, make: Any, noon: Any
) -> None:
    await look(store, noon, make())
    assert (await look(store, noon)).closed == (make().id,)
    assert (await row_of(store, make())).status is Status.RESOLVED
    assert (await list_deviations(store, DeviationFilter())).total == 0
    assert (await look(store, noon, make())).opened == (make().id,)
    assert (await row_of(store, make())).status is Status.PENDING
    assert await steps(store, make()) == ["opened", "resolved", "reopened"]


@pytest.mark.parametrize(
    ("seen", "gone"),
    [
        (ALL, {"a", "b", "c"}),
        (Seen("alder", frozenset({"SMP01"})), {"a", "b"}),
        (Seen("alder", frozenset({"SMP01"}), frozenset({"essentials"})), {"a"}),
        (Seen("alder", None, frozenset({""})), {"b"}),
        (Seen("birch"), set()),
    ],
)
async def test_only_what_was_looked_at_can_vanish(
    store: Store, make: Any, noon: Any, seen: Seen, gone: set[str]
) -> None:
    found = [make("a"), make("b", plugin=None), make("c", instance="SMP02")]
    await look(store, noon, *found)
    changed = await look(store, noon, seen=seen)
    assert {each.key for each in found if each.id in changed.closed} == gone


async def test_an_approved_one_stays_so_until_its_approval_no_longer_fits(
    store: Store, make: Any, noon: Any
) -> None:
    facts = {"status": Status.APPROVED, "reviewed_by": "nell", "review_reason": "agreed"}
    accepted = make().model_copy(update={**facts, "reviewed_at": noon})
    await look(store, noon, make())
    await look(store, noon, accepted)
    row = await row_of(store, accepted)
    assert (row.status, row.reviewed_by, row.review_reason) == (Status.APPROVED, "nell", "agreed")

    await look(store, noon, make(actual="other"))
    row = await row_of(store, accepted)
    assert (row.status, row.reviewed_by) == (Status.PENDING, None)
    assert await steps(store, accepted) == ["opened", "approved", "reopened"]
    assert "no longer what was approved" in (row.review_reason or "")

    await look(store, noon, accepted)
    await look(store, noon, make())
    assert "expired" in ((await row_of(store, accepted)).review_reason or "")


async def test_a_flag_holds_while_the_value_changes(store: Store, make: Any, noon: Any) -> None:
    await look(store, noon, make())
    decision = Review(Status.FLAGGED, "nell", "wrong", replacement={"x": 1})
    await review(store, [make().id], decision, noon)
    await look(store, noon, make(actual="other"))
    row = await row_of(store, make())
    assert (row.status, row.reviewed_by, row.replacement) == (Status.FLAGGED, "nell", {"x": 1})
    assert row.actual == "other"


async def test_a_fix_that_works_and_comes_undone(store: Store, make: Any, noon: Any) -> None:
    await look(store, noon, make())
    await review(store, [make().id], Review(Status.FIXING, "nell", change_id="c1"), noon)
    assert (await row_of(store, make())).change_id == "c1"
    await look(store, noon)
    row = await row_of(store, make())
    assert (row.status, row.change_id) == (Status.FIXED, "c1")
    await look(store, noon, make())
    assert (await row_of(store, make())).status is Status.PENDING
    assert await steps(store, make()) == ["opened", "fixing", "fixed", "reopened"]


async def test_what_an_agent_did_not_get_fixed_is_open_again_more_than_a_page_of_it(
    store: Store, make: Any, noon: Any
) -> None:
    every = [make(f"a.{number}") for number in range(1_001)]
    await look(store, noon, *every, make("b"))
    await review(store, [each.id for each in every], Review(Status.FIXING, change_id="c1"), noon)
    assert await release_fixing(store, "stopped", noon) == 1_001
    assert {(await row_of(store, each)).status for each in every[::100]} == {Status.PENDING}
    assert await steps(store, every[0]) == ["opened", "fixing", "pending"]
    assert await steps(store, make("b")) == ["opened"]


async def test_a_review_says_what_it_left_alone_and_why(store: Store, make: Any, noon: Any) -> None:
    await look(store, noon, make("a"), make("b"))
    await review(store, [make("b").id], Review(Status.FLAGGED), noon)
    done = await review(
        store,
        [make("a").id, make("b").id, "unknown"],
        Review(Status.FLAGGED, from_statuses=frozenset({Status.PENDING})),
        noon,
    )
    assert [row.key for row in done.changed] == ["a"]
    assert dict(done.skipped) == {make("b").id: "it is flagged", "unknown": "no such deviation"}


async def test_a_value_that_turns_into_a_type_problem_is_the_same_deviation(
    store: Store, make: Any, noon: Any
) -> None:
    await look(store, noon, make())
    await look(store, noon, make(kind=DeviationKind.TYPE, actual="true"))
    row = await row_of(store, make())
    assert row.kind is DeviationKind.TYPE
    assert (await list_deviations(store, DeviationFilter(open=False))).total == 1


async def test_the_newest_order_follows_when_it_was_last_opened(
    store: Store, make: Any, noon: Any
) -> None:
    hour = dt.timedelta(hours=1)
    await look(store, noon, make("a"), make("b"))
    await look(store, noon + hour, make("b"))
    await look(store, noon + 2 * hour, make("a"), make("b"))
    from homeamp_agent.model.query import DeviationsSort

    page = await list_deviations(store, DeviationFilter(), DeviationsSort.NEWEST)
    assert [row.key for row in page.deviations] == ["a", "b"]
    assert (await row_of(store, make("a"))).first_seen == noon
