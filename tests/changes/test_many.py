"""Several changes rolled back as one act: the preview is what becomes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homeamp_agent.changes import UnknownChangeError
from homeamp_agent.changes.many import ManyRollbacks
from homeamp_agent.model.change import RollbackState
from tests.changes.test_room import CONFIG, House, apply, edit


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def states(plan: ManyRollbacks) -> list[tuple[str, RollbackState]]:
    return [(each.change_id, each.state) for each in plan.steps]


def carry_out(house: House, plan: ManyRollbacks) -> None:
    for step in plan.steps:
        if step.state is RollbackState.READY:
            house.room.rollback(step.change_id, author="op", reason="")


def test_a_chain_on_one_file_is_one_diff_from_what_stands_to_the_first(house: House) -> None:
    ids = [
        apply(house, edit(old=10, new=32)).id,
        apply(house, edit(old=32, new=64), edit("B", new=7)).id,
        apply(house, edit(old=True, new=False, path=("spawn", "enabled"))).id,
    ]
    plan = house.room.plan_rollbacks(ids)
    assert states(plan) == [(each, RollbackState.READY) for each in reversed(ids)]
    diffs = {each.instance: each.diff for each in plan.files}
    assert {name: diff.count("radius") for name, diff in diffs.items()} == {"A": 2, "B": 2}
    assert ("-  radius: 64" in diffs["A"], "+  radius: 10" in diffs["A"]) == (True, True)
    assert "32" not in diffs["A"]
    assert house.room.plan_rollbacks(reversed(ids)).digest == plan.digest
    carry_out(house, plan)
    assert house.file("A").read_bytes() == house.file("B").read_bytes() == CONFIG
    again = house.room.plan_rollbacks(ids)
    assert {state for _, state in states(again)} == {RollbackState.ALREADY}
    assert (again.files, again.digest == plan.digest) == ((), False)


def test_what_cannot_be_rolled_back_holds_up_only_what_it_stands_on(house: House) -> None:
    first = apply(house, edit(old=10, new=32), edit("B")).id
    other = apply(house, edit("B", old=32, new=64)).id
    newest = apply(house, edit(old=32, new=64)).id
    house.file("A").write_bytes(house.file("A").read_bytes() + b"# mine\r\n")
    before = house.file("A").read_bytes()
    plan = house.room.plan_rollbacks([first, other, newest])
    assert states(plan) == [
        (newest, RollbackState.CONFLICT),
        (other, RollbackState.READY),
        (first, RollbackState.CONFLICT),
    ]
    assert [(each.instance, each.theirs) for each in plan.steps[0].conflicts] == [("A", "")]
    assert [each.instance for each in plan.files] == ["B"]
    carry_out(house, plan)
    assert house.file("A").read_bytes() == before
    assert b"radius: 32" in house.file("B").read_bytes()
    forced = house.room.plan_rollbacks([first, newest], force=True)
    assert {state for _, state in states(forced)} == {RollbackState.READY}
    assert b"-# mine" in forced.files[0].diff.encode()


def test_part_of_a_chain_names_what_stands_on_it(house: House) -> None:
    first = apply(house, edit(old=10, new=32)).id
    later = apply(house, edit(old=32, new=64)).id
    (step,) = house.room.plan_rollbacks([first]).steps
    assert step.state is RollbackState.CONFLICT
    assert f"change {later} wrote it since; roll that back first" in step.conflicts[0].reason
    with pytest.raises(UnknownChangeError):
        house.room.plan_rollbacks([first, "none"])


def test_since_counts_from_when_a_change_was_carried_out(house: House) -> None:
    began = datetime.now(UTC)
    ids = [apply(house, edit(old=10, new=32)).id, apply(house, edit(old=32, new=64)).id]
    assert house.room.applied_since(began - timedelta(seconds=1)) == ids[::-1]
    assert house.room.applied_since(datetime.now(UTC) + timedelta(seconds=1)) == []
    house.room.rollback(ids[1], author="op", reason="")
    assert house.room.applied_since(began - timedelta(seconds=1)) == ids[:1]
