"""Lists are filtered, sorted and paged in the database; counts and groups agree with them."""

from __future__ import annotations

import itertools
import random
import time
from typing import Any

import pytest

from homeamp_agent.drift.check import worst_first
from homeamp_agent.model.deviation import URGENCY, DeviationKind, DeviationStatus
from homeamp_agent.model.query import DeviationFilter, DeviationsSort
from homeamp_agent.model.rule import Severity
from homeamp_agent.store import (
    BadQueryError,
    Review,
    Seen,
    Store,
    count_deviations,
    group_deviations,
    list_deviations,
    reconcile,
    review,
)

ALL = Seen("alder")


@pytest.fixture
async def few(store: Store, make: Any, noon: Any) -> Store:
    """Five deviations that differ in everything one can filter by."""
    found = [
        make("spawn.enabled", severity=Severity.HIGH, actual="Überall"),
        make("spawn.radius", instance="SMP02", severity=Severity.LOW, kind=DeviationKind.TYPE),
        make("motd", plugin=None, file="server.properties", instance="HUB01", actual="Hello [x]"),
        make("prefix", plugin="LuckPerms", pattern="typo", severity=Severity.CRITICAL),
        make("minecraft:stone", plugin="Shop", instance="HUB01", actual="50%_off"),
    ]
    await reconcile(store, ALL, found, noon)
    await review(store, [found[3].id], Review(DeviationStatus.FLAGGED), noon)
    return store


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        ({}, {"spawn.enabled", "spawn.radius", "motd", "prefix", "minecraft:stone"}),
        ({"instance": "HUB01"}, {"motd", "minecraft:stone"}),
        ({"instance": "SMP0*"}, {"spawn.enabled", "spawn.radius", "prefix"}),
        ({"plugin": ""}, {"motd"}),
        ({"plugin": "LuckPerms"}, {"prefix"}),
        ({"file": "*.properties"}, {"motd"}),
        ({"key": "spawn.*"}, {"spawn.enabled", "spawn.radius"}),
        ({"kinds": ("type",)}, {"spawn.radius"}),
        ({"severities": ("high", "critical")}, {"spawn.enabled", "prefix"}),
        ({"statuses": ("flagged",)}, {"prefix"}),
        ({"text": "spawn"}, {"spawn.enabled", "spawn.radius"}),
        ({"text": "SPAWN radius"}, {"spawn.radius"}),
        ({"text": "überall"}, {"spawn.enabled"}),
        ({"text": "spawn !radius"}, {"spawn.enabled"}),
        ({"text": '"hello [x]"'}, {"motd"}),
        ({"text": "50%_"}, {"minecraft:stone"}),
        ({"text": "plugin:luckperms"}, {"prefix"}),
        ({"text": "plugin:luck*,shop"}, {"prefix", "minecraft:stone"}),
        ({"text": "!plugin:essentials !kind:value"}, set()),
        ({"text": "severity:crit,hi"}, {"prefix", "spawn.enabled"}),
        ({"text": "!severity:medium !severity:low"}, {"prefix", "spawn.enabled"}),
        ({"text": "pattern:typo"}, {"prefix"}),
        ({"text": "status:flagged"}, {"prefix"}),
        ({"text": "status:resolved"}, set()),
        ({"text": "minecraft:stone"}, {"minecraft:stone"}),
        ({"text": "key:minecraft:stone"}, {"minecraft:stone"}),
        ({"text": "rule:rules.yaml:7 instance:hub"}, {"motd", "minecraft:stone"}),
        ({"text": "'; DROP TABLE deviations; --"}, set()),
        ({"text": "  "}, {"spawn.enabled", "spawn.radius", "motd", "prefix", "minecraft:stone"}),
    ],
)
async def test_a_filter_finds_what_it_says(
    few: Store, wanted: dict[str, Any], keys: set[str]
) -> None:
    page = await list_deviations(few, DeviationFilter(**wanted))
    assert {row.key for row in page.deviations} == keys
    total, counted = await count_deviations(few, DeviationFilter(**wanted))
    assert total == page.total == len(keys)
    if not {"statuses"} & wanted.keys():
        assert sum(node.open for node in counted.tree()) >= len(keys)


@pytest.mark.parametrize(
    ("text", "told"),
    [("kind:nonsense", "there are value, type"), (" ".join(["x"] * 60), "at most 50")],
)
async def test_a_filter_that_means_nothing_is_refused_in_words(
    few: Store, text: str, told: str
) -> None:
    with pytest.raises(BadQueryError, match=told):
        await list_deviations(few, DeviationFilter(text=text))


@pytest.mark.parametrize("sort", list(DeviationsSort))
async def test_pages_by_cursor_and_by_offset_give_the_whole_list_in_order(
    store: Store, make: Any, noon: Any, sort: DeviationsSort
) -> None:
    pick = random.Random(7)  # noqa: S311 - the same rows every time
    found = [
        make(
            f"key-{number}",
            instance=f"SMP0{pick.randrange(4)}",
            plugin=pick.choice(["A", "B", None]),
            severity=pick.choice(list(Severity)),
            kind=pick.choice(list(DeviationKind)),
            pattern=pick.choice([None, "odd_one_out", *URGENCY]),
        )
        for number in range(100)
    ]
    await reconcile(store, ALL, found, noon)
    whole = (await list_deviations(store, DeviationFilter(), sort, limit=1000)).deviations
    assert len(whole) == 100
    by_cursor: list[str] = []
    cursor = None
    for _ in itertools.count():
        page = await list_deviations(store, DeviationFilter(), sort, limit=7, cursor=cursor)
        by_cursor += [row.id for row in page.deviations]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert by_cursor == [row.id for row in whole]
    window = await list_deviations(store, DeviationFilter(), sort, limit=10, offset=45)
    assert window.deviations == whole[45:55]
    assert window.total == 100
    if sort is DeviationsSort.SEVERITY:
        assert list(whole) == sorted(whole, key=worst_first), "as `check` has them"


@pytest.mark.parametrize("cursor", ["", "nonsense", "WzFd", "é"])
async def test_a_cursor_that_no_list_gave_is_refused(few: Store, cursor: str) -> None:
    with pytest.raises(BadQueryError, match="cursor"):
        await list_deviations(few, DeviationFilter(), cursor=cursor)
    with pytest.raises(BadQueryError, match="cursor"):
        await group_deviations(few, DeviationFilter(), cursor=f"{cursor}x")


async def test_a_cursor_of_another_order_is_refused(few: Store) -> None:
    page = await list_deviations(few, DeviationFilter(), limit=1)
    with pytest.raises(BadQueryError, match="another order"):
        await list_deviations(
            few, DeviationFilter(), DeviationsSort.NEWEST, cursor=page.next_cursor
        )


async def test_the_tree_counts_what_is_open_and_names_the_worst(few: Store) -> None:
    _total, counted = await count_deviations(few, DeviationFilter())
    nodes = {(node.instance, node.plugin): (node.open, node.worst) for node in counted.tree()}
    assert nodes[("SMP01", "LuckPerms")] == (1, Severity.CRITICAL)
    assert nodes[("HUB01", None)] == (1, Severity.MEDIUM)
    assert counted.counts.open == 5
    assert (counted.counts.pending, counted.counts.flagged) == (4, 1)
    assert counted.by_instance()[("alder", "HUB01")].open == 2
    assert counted.plugins(1)[0].plugin == "Essentials"


async def test_the_same_deviation_on_many_instances_is_one_group(
    store: Store, make: Any, noon: Any
) -> None:
    found = [make("a", instance=f"SMP0{number}") for number in range(5)]
    found += [make("a", instance="SMP09", actual="other"), make("b")]
    await reconcile(store, ALL, found, noon)
    page = await group_deviations(store, DeviationFilter(), limit=2)
    assert page.total == 3
    assert (page.groups[0].count, page.groups[0].instances) == (
        5,
        tuple(f"SMP0{number}" for number in range(5)),
    )
    rest = await group_deviations(store, DeviationFilter(), limit=2, cursor=page.next_cursor)
    assert [group.count for group in rest.groups] == [1]
    assert rest.next_cursor is None
    members = await list_deviations(store, DeviationFilter(group=page.groups[0].group))
    assert {row.id for row in members.deviations} == set(page.groups[0].ids)


async def test_a_window_does_not_get_slower_with_the_rows_before_it(
    store: Store, make: Any, noon: Any
) -> None:
    found = [make(f"key-{number}", instance=f"SMP{number % 20:02}") for number in range(5_000)]
    await reconcile(store, ALL, found, noon)

    async def seconds(offset: int) -> float:
        best = []
        for _ in range(5):
            began = time.perf_counter()
            await list_deviations(store, DeviationFilter(), limit=50, offset=offset)
            best.append(time.perf_counter() - began)
        return min(best)

    assert await seconds(4_900) < 5 * await seconds(0) + 0.02
