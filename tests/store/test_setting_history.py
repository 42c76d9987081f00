"""How settings changed, as the database tells it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from homeamp_agent.model.query import SettingChange
from homeamp_agent.store import BadQueryError, Store
from homeamp_agent.store.setting_history import (
    KEEP_CHANGES,
    KEEP_DAYS,
    ChangedPlace,
    add_setting_changes,
    prune_setting_history,
    setting_history,
)

DAY = timedelta(days=1)
A = ChangedPlace("SMP01", file="a.yml", key="a")


def changed(noon: Any, key: str, old: Any, new: Any, after: timedelta) -> SettingChange:
    return SettingChange(
        at=noon + after,
        instance="SMP01",
        plugin="Shop",
        file="a.yml",
        key=key,
        path=(key, 1, True, None),
        old=old,
        new=new,
        by="outside",
    )


async def test_how_a_setting_changed_is_told_newest_first(store: Store, noon: Any) -> None:
    changes = [
        changed(noon, "a", 1, 2, 0 * DAY),
        changed(noon, "a", 2, {"masked": "x"}, DAY),
        changed(noon, "b", None, [], 2 * DAY),
    ]
    await add_setting_changes(store, changes)
    assert (await setting_history(store, A)).changes == (changes[1], changes[0])
    exact = A._replace(key=None, path=("a", 1, True, None))
    assert (await setting_history(store, exact)).changes == (changes[1], changes[0])
    within = exact._replace(path=("a", 1))
    assert (await setting_history(store, within)).changes == (changes[1], changes[0])
    beside = exact._replace(path=("a", 10))
    assert (await setting_history(store, beside)).changes == ()
    assert len((await setting_history(store, ChangedPlace("SMP01", "shop"))).changes) == 3
    assert (await setting_history(store, A._replace(instance="SMP02"))).changes == ()


async def test_a_long_history_comes_in_pages(store: Store, noon: Any) -> None:
    changes = [changed(noon, "a", at, at + 1, at * DAY) for at in range(7)]
    await add_setting_changes(store, changes)
    seen: list[SettingChange] = []
    cursor = None
    while True:
        page = await setting_history(store, A, limit=3, cursor=cursor)
        seen += page.changes
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == changes[::-1]
    with pytest.raises(BadQueryError):
        await setting_history(store, A, cursor="-1")


async def test_what_is_too_old_or_too_much_of_one_setting_is_forgotten(
    store: Store, noon: Any
) -> None:
    minute = timedelta(minutes=1)
    noisy = [changed(noon, "a", at, at + 1, at * minute) for at in range(KEEP_CHANGES + 5)]
    quiet = changed(noon, "b", 1, 2, 0 * DAY)
    await add_setting_changes(store, [quiet, *noisy])
    await prune_setting_history(store, noon + DAY)
    kept = (await setting_history(store, A, limit=1000)).changes
    assert kept == tuple(noisy[:4:-1])
    assert (await setting_history(store, A._replace(key="b"))).changes == (quiet,)

    await prune_setting_history(store, noon + (KEEP_DAYS + 1) * DAY)
    assert (await setting_history(store, ChangedPlace("SMP01"))).changes == ()
