"""What is kept and what is let go: by age, count and size, never the last, never what is needed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homeamp_agent.changes import Backup, BackupMissingError, Backups, Retention, open_backups
from homeamp_agent.changes.disk import Disk
from homeamp_agent.changes.locks import Locks
from homeamp_agent.changes.safety import FileContent, FilePlace, read_file
from homeamp_agent.changes.state import StateFolder
from tests.changes.test_room import House, apply, edit

FOREVER = Retention(max_age_days=10_000, max_per_file=10_000, max_total_bytes=2**40)
NOW = datetime.now(UTC)


@pytest.fixture
def backups(tmp_path: Path) -> Backups:
    state = StateFolder(tmp_path / "state", Disk())
    return Backups(state.below("backups"), Locks(state.below("locks")))


@pytest.fixture
def keep(backups: Backups, tmp_path: Path) -> Callable[..., Backup]:
    def keep(content: bytes, change_id: str = "c", file: str = "a.yml") -> Backup:
        (tmp_path / file).write_bytes(content)
        place = FilePlace("A", tmp_path, file)
        with place.parent() as folder:
            current: FileContent = read_file(folder, place.name, file, 1_000_000)
        return backups.keep(place, current, change_id)

    return keep


def left(backups: Backups) -> set[str]:
    return {each.id for each in backups.list()}


def test_of_each_file_the_newest_few_stay(backups: Backups, keep: Callable[..., Backup]) -> None:
    of_a = [keep(b"%d" % number) for number in range(4)]
    of_b = keep(b"other", file="b.yml")
    gone = backups.prune(Retention(10_000, 2, 2**40), ())
    assert {each.id for each in gone} == {each.id for each in of_a[:2]}
    assert left(backups) == {of_a[2].id, of_a[3].id, of_b.id}
    assert backups.verify() == (3, [])


def test_what_is_too_old_goes_but_never_the_last_of_a_file(
    backups: Backups, keep: Callable[..., Backup]
) -> None:
    keep(b"1")
    last = keep(b"2")
    only = keep(b"3", file="b.yml")
    backups.prune(Retention(1, 10_000, 2**40), (), NOW + timedelta(days=365))
    assert left(backups) == {last.id, only.id}


def test_over_the_total_size_the_oldest_go_and_the_last_stay(
    backups: Backups, keep: Callable[..., Backup]
) -> None:
    old, middle, new = (keep(bytes([number]) * 1000) for number in range(3))
    backups.prune(Retention(10_000, 10_000, 2500), ())
    assert left(backups) == {middle.id, new.id}
    backups.prune(Retention(10_000, 10_000, 1), ())
    assert left(backups) == {new.id}
    assert old.sha256 not in {each.sha256 for each in backups.list()}


def test_what_a_change_wrote_counts_into_the_total_size(backups: Backups, tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_bytes(b"x" * 100)
    place = FilePlace("A", tmp_path, "a.yml")
    made = []
    for number in range(3):
        (tmp_path / "a.yml").write_bytes(b"%d" % number * 100)
        with place.parent() as folder:
            current = read_file(folder, place.name, "a.yml", 1_000_000)
        made.append(backups.keep(place, current, f"c{number}", replacement=b"y%d" % number * 500))
    backups.prune(Retention(10_000, 10_000, 2 * 1100), ())
    assert left(backups) == {each.id for each in made[1:]}
    stored = [each for each in (tmp_path / "state" / "backups").rglob("*") if each.is_file()]
    assert sum(each.stat().st_size for each in stored if each.suffix != ".json") == 2 * 1100


def test_the_backup_of_a_change_is_found_also_right_after_it_was_made(
    backups: Backups, keep: Callable[..., Backup]
) -> None:
    for number in range(5):
        kept = keep(b"%d" % number, f"c{number}")
        assert backups.of_change("A", "a.yml", f"c{number}", kept.sha256) == kept
        assert backups.of_change("A", "a.yml", "c9", kept.sha256) is None
    backups.prune(Retention(10_000, 1, 2**40), ())
    assert backups.of_change("A", "a.yml", "c0", "0" * 64) is None


def test_a_saved_folder_alone_is_looked_at_and_restored_from_unchanged(
    backups: Backups, keep: Callable[..., Backup], tmp_path: Path
) -> None:
    kept = keep(b"1")
    saved = tmp_path / "saved"
    (tmp_path / "state" / "backups").rename(saved)
    before = sorted(saved.rglob("*"))
    found = open_backups(saved)
    assert found.verify() == (1, [])
    found.restore_copy(kept.id, tmp_path / "restored.yml")
    assert (tmp_path / "restored.yml").read_bytes() == b"1"
    assert sorted(saved.rglob("*")) == before
    with pytest.raises(BackupMissingError):
        open_backups(tmp_path / "state")


def test_what_an_open_request_needs_stays_whatever_the_bounds(
    backups: Backups, keep: Callable[..., Backup]
) -> None:
    needed = keep(b"1" * 1000, "open")
    keep(b"2")
    new = keep(b"3")
    backups.prune(Retention(1, 1, 1), {"open"}, NOW + timedelta(days=365))
    assert left(backups) == {needed.id, new.id}
    assert backups.read(needed.sha256) == b"1" * 1000


def test_bytes_are_kept_once_and_go_with_their_last_entry(
    backups: Backups, keep: Callable[..., Backup], tmp_path: Path
) -> None:
    same = [keep(b"same"), keep(b"same", "d"), keep(b"same", file="b.yml")]
    keep(b"new")
    objects = tmp_path / "state" / "backups" / same[0].sha256[:2]
    assert [each.name for each in objects.iterdir()] == [same[0].sha256]
    backups.prune(Retention(10_000, 1, 2**40), ())
    assert backups.read(same[0].sha256) == b"same"


def test_an_unreadable_entry_lets_nothing_be_thrown_away(
    backups: Backups, keep: Callable[..., Backup], tmp_path: Path
) -> None:
    lost = keep(b"1")
    keep(b"2")
    (tmp_path / "state" / "backups" / "entries" / f"{lost.id}.json").write_text("{")
    backups.prune(FOREVER, ())
    assert backups.read(lost.sha256) == b"1"
    whole, problems = backups.verify()
    assert (whole, [each.name for each in problems]) == (1, [lost.id])


def test_changes_that_may_yet_be_taken_back_keep_their_way_back(tmp_path: Path) -> None:
    house = House(tmp_path)
    ids = [apply(house, edit(old=old, new=old + 1)).id for old in (10, 11, 12)]
    gone = house.room.prune_backups(Retention(10_000, 1, 1), needed={ids[0]})
    assert [each.change_id for each in gone] == [ids[1]]
    (conflict,) = house.room.plan_rollbacks(ids[:1], force=True).steps
    assert conflict.state.value == "ready"
