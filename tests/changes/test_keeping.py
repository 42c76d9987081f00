"""What a plugin puts back over a restart is told, once, in the change that wrote it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homeamp_agent.model.change import ChangeStatus, EditOperation
from homeamp_agent.model.snapshot import MISSING
from tests.changes.test_room import CONFIG, House, apply, edit


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def plugin_writes(house: House, before: bytes, after: bytes, instance: str = "A") -> None:
    file = house.file(instance)
    file.write_bytes(file.read_bytes().replace(before, after))


def test_a_value_that_stays_is_looked_at_once_and_nothing_is_said(house: House) -> None:
    change = apply(house, edit())
    assert house.room.keeping.look("A") == []
    plugin_writes(house, b"radius: 32", b"radius: 11")
    assert house.room.keeping.look("A") == []
    assert house.room.show(change.id).reverted == ()


def test_a_value_put_back_is_told_with_what_stands_there_instead(house: House) -> None:
    change = apply(house, edit(), edit("B"))
    plugin_writes(house, b"radius: 32", b"radius: 11")
    assert house.room.keeping.look("A") == [change.id]
    assert house.room.keeping.look("B") == []
    (told,) = house.room.show(change.id).reverted
    assert (told.instance, told.path, told.wanted, told.found) == (
        "A", ("spawn", "radius"), 32, 11,
    )  # fmt: skip
    assert [each.action for each in house.room.audit.entries()][-1] == "change.reverted"
    assert House(house.root).room.show(change.id).reverted == (told,)


def test_a_key_that_comes_back_or_goes_away_is_told_too(house: House) -> None:
    gone = edit(old=True, path=("spawn", "enabled"), operation=EditOperation.UNSET, new=None)
    new = edit(old=MISSING, path=("spawn", "mode"), operation=EditOperation.INSERT, new="safe")
    change = apply(house, gone, new)
    house.file().write_bytes(CONFIG)
    assert house.room.keeping.look("A") == [change.id]
    told = house.room.show(change.id).reverted
    assert [(each.path[-1], each.wanted, each.found) for each in told] == [
        ("enabled", None, True),
        ("mode", "safe", None),
    ]


def test_what_a_newer_change_wrote_is_that_one_s(house: House) -> None:
    first = apply(house, edit())
    second = apply(house, edit(old=32, new=64))
    plugin_writes(house, b"radius: 64", b"radius: 10")
    assert house.room.keeping.look("A") == [second.id]
    assert house.room.show(first.id).reverted == ()


def test_a_rolled_back_change_is_not_looked_for(house: House) -> None:
    change = apply(house, edit())
    house.room.rollback(change.id, author="op", reason="no")
    assert house.room.keeping.look("A") == []


def test_a_secret_put_back_is_told_without_it(house: House) -> None:
    change = apply(house, edit(old="hunter-secret", new="better-secret", path=("password",)))
    assert house.room.keeping.look("A") == []
    again = apply(house, edit(old="better-secret", new="best-secret", path=("password",)))
    plugin_writes(house, b"best-secret", b"worse-secret")
    assert house.room.keeping.look("A") == [again.id]
    told = str(house.room.show(again.id)) + str(list(house.room.audit.entries()))
    assert "worse-secret" not in told
    assert "best-secret" not in told
    assert change.id != again.id


def test_of_a_file_that_is_gone_nothing_was_kept_and_a_broken_one_says_nothing(
    house: House,
) -> None:
    gone = edit(old=True, path=("spawn", "enabled"), operation=EditOperation.UNSET, new=None)
    change = apply(house, edit(), gone, edit("B"))
    house.file("A").unlink()
    house.file("B").write_bytes(b"a: [1")
    assert house.room.keeping.look("A") == [change.id]
    assert house.room.keeping.look("B") == []
    (told,) = house.room.show(change.id).reverted
    assert (told.instance, told.path, told.wanted, told.found) == (
        "A", ("spawn", "radius"), 32, None,
    )  # fmt: skip


def test_what_was_changed_before_the_game_went_down_is_no_plugin_s_doing(house: House) -> None:
    change = apply(house, edit())
    plugin_writes(house, b"radius: 32", b"radius: 11")
    later = datetime.now(UTC) + timedelta(seconds=2)
    assert house.room.keeping.look("A", up_until=later) == []
    assert house.room.show(change.id).status is ChangeStatus.APPLIED


def test_a_change_made_since_the_game_is_up_has_its_restart_to_come(house: House) -> None:
    ready_at = datetime.now(UTC)
    change = apply(house, edit())
    assert house.room.keeping.look("A", ready_at=ready_at) == []
    plugin_writes(house, b"radius: 32", b"radius: 11")
    assert house.room.keeping.look("A", ready_at=datetime.now(UTC)) == [change.id]
    assert house.room.show(change.id).status is ChangeStatus.REVERTED_BY_PLUGIN
    house.room.rollback(change.id, author="op", reason="no", force=True)
    assert house.room.show(change.id).status is ChangeStatus.ROLLED_BACK
