"""Plan, apply, verify, roll back, recover: on real files, to the byte."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.changes import (
    ChangeRoom,
    NothingPlannedError,
    NotNowError,
    NotRollableError,
    PlainEdit,
    RollbackConflicts,
    UnknownChangeError,
)
from homeamp_agent.changes.run import STEPS
from homeamp_agent.model.change import ChangeStatus, EditOperation
from homeamp_agent.model.secret import Masker
from homeamp_agent.model.snapshot import MISSING
from tests.doomed import exit_code_of

CONFIG = (
    b"# a comment \r\nspawn:\r\n  enabled: true   # why\r\n  radius: 10\r\n"
    b"password: 'hunter-secret'\r\n"
)
FILE = "plugins/Shop/config.yml"


class House:
    """A game folder with two instances, and a room that may write there."""

    def __init__(self, root: Path, content: bytes = CONFIG, **more: Any) -> None:
        self.root = root
        self.state = root / "state"
        for name in ("A", "B"):
            file = self.file(name)
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.exists():
                file.write_bytes(content)
        self.room = ChangeRoom(
            self.state,
            masker=Masker(b"k" * 32),
            game_folder_of=self.folder,
            min_free_bytes=0,
            **more,
        )

    def folder(self, name: str) -> Path:
        if name not in {"A", "B"}:
            raise KeyError(name)
        return self.root / name

    def file(self, name: str = "A") -> Path:
        return self.root / name / FILE

    def leftovers(self) -> list[str]:
        return [each.name for name in "AB" for each in self.file(name).parent.iterdir()
                if each.name != "config.yml"]  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def edit(instance: str = "A", old: Any = 10, new: Any = 32, **more: Any) -> PlainEdit:
    path = more.pop("path", ("spawn", "radius"))
    return PlainEdit(instance, more.pop("file", FILE), path, expected_old=old, new=new, **more)


def apply(house: House, *edits: PlainEdit, key: str | None = None) -> Any:
    planned = house.room.plan(edits)
    return house.room.apply(planned, author="op", reason="because", idempotency_key=key)


def test_only_the_bytes_of_the_value_change_and_a_rollback_brings_all_back(house: House) -> None:
    change = apply(house, edit())
    assert change.status is ChangeStatus.APPLIED
    assert house.file().read_bytes() == CONFIG.replace(b"radius: 10", b"radius: 32")
    back = house.room.rollback(change.id, author="op", reason="no")
    assert back.status is ChangeStatus.ROLLED_BACK
    assert house.file().read_bytes() == CONFIG
    assert house.leftovers() == []


def test_a_plan_writes_nothing_and_shows_the_exact_diff(house: House) -> None:
    planned = house.room.plan([edit()])
    assert house.file().read_bytes() == CONFIG
    (file,) = planned.plan.files
    assert "-  radius: 10" in file.diff
    assert "+  radius: 32" in file.diff


def test_another_value_than_expected_is_a_conflict_and_is_left_alone(house: House) -> None:
    planned = house.room.plan([edit(old=11)])
    assert [each.conflict for each in planned.plan.refused] == [True]
    with pytest.raises(NothingPlannedError):
        house.room.apply(planned, author="op", reason="")
    assert house.file().read_bytes() == CONFIG


def test_a_file_that_changes_after_the_plan_is_never_overwritten(house: House) -> None:
    planned = house.room.plan([edit("A"), edit("B")])
    house.file("B").write_bytes(CONFIG + b"by: hand\r\n")
    change = house.room.apply(planned, author="op", reason="")
    assert change.status is ChangeStatus.FAILED
    assert house.file("A").read_bytes() == CONFIG
    assert house.file("B").read_bytes() == CONFIG + b"by: hand\r\n"
    assert house.leftovers() == []


def test_a_retry_with_the_same_key_applies_once(house: House) -> None:
    planned = house.room.plan([edit()])
    first = house.room.apply(planned, author="op", reason="", idempotency_key="k1")
    again = house.room.apply(planned, author="op", reason="", idempotency_key="k1")
    assert again.id == first.id
    assert len(house.room.list()) == 1


def test_a_rollback_over_a_later_edit_asks_and_forces_only_when_told(house: House) -> None:
    change = apply(house, edit())
    house.file().write_bytes(CONFIG.replace(b"10", b"77"))
    with pytest.raises(RollbackConflicts) as told:
        house.room.rollback(change.id, author="op", reason="")
    (conflict,) = told.value.conflicts
    assert "radius: 77" in conflict.theirs
    assert "radius: 10" in conflict.before
    assert "hunter-secret" not in f"{conflict}"
    house.room.rollback(change.id, author="op", reason="", force=True)
    assert house.file().read_bytes() == CONFIG


def test_a_change_is_rolled_back_once(house: House) -> None:
    change = apply(house, edit())
    house.room.rollback(change.id, author="op", reason="")
    with pytest.raises(NotRollableError, match="is rolled back, not applied"):
        house.room.rollback(change.id, author="op", reason="")


def test_secrets_reach_neither_plan_nor_journal_nor_audit(house: House) -> None:
    secret = edit(path=("password",), old="hunter-secret", new="tell-nobody")
    change = apply(house, secret)
    assert b"tell-nobody" in house.file().read_bytes()
    told = f"{change}{house.room.plan([secret]).plan}"
    for file in (*house.state.rglob("journal/*"), *house.state.rglob("audit/*")):
        told += file.read_text()
    assert "tell-nobody" not in told
    assert "hunter-secret" not in told


def test_a_missing_key_is_inserted_and_an_extra_one_removed(house: House) -> None:
    made = edit(path=("spawn", "delay"), old=MISSING, new=5, operation=EditOperation.INSERT)
    gone = edit(path=("spawn", "enabled"), old=True, operation=EditOperation.UNSET)
    change = apply(house, made, gone)
    assert change.status is ChangeStatus.APPLIED
    assert b"  delay: 5\r\n" in house.file().read_bytes()
    assert b"enabled" not in house.file().read_bytes()
    house.room.rollback(change.id, author="op", reason="")
    assert house.file().read_bytes() == CONFIG


def test_the_audit_log_tells_who_and_why_and_its_chain_holds(house: House) -> None:
    apply(house, edit())
    (entry,) = house.room.audit.entries()
    assert (entry.who, entry.reason, entry.outcome) == ("op", "because", "done")
    assert house.room.audit.verify().whole


def killed_at(root: Path, step: str, action: str) -> int:
    """How a process ends that kills itself at the step of such an action."""

    def on_step(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def act() -> None:
        house = House(root, on_step=on_step)
        if action == "apply":
            apply(house, edit("A"), edit("B"))
        else:
            house.room.rollback(house.room.list()[0].id, author="op", reason="")

    return exit_code_of(act)


APPLY_STEPS = [step for step in STEPS if step not in {"undoing", "undone", "aborted"}]


@pytest.mark.parametrize("step", APPLY_STEPS)
@pytest.mark.parametrize("action", ["apply", "rollback"])
def test_killed_at_any_step_a_restart_finds_all_old_or_all_new(
    tmp_path: Path, step: str, action: str
) -> None:
    house = House(tmp_path)
    new = CONFIG.replace(b"radius: 10", b"radius: 32")
    if action == "rollback":
        apply(house, edit("A"), edit("B"))
    assert killed_at(tmp_path, step, action) == -signal.SIGKILL
    house = House(tmp_path)
    house.room.recover()
    contents = {house.file(name).read_bytes() for name in "AB"}
    assert len(contents) == 1
    assert contents <= {CONFIG, new}
    assert house.leftovers() == []
    for request in house.room.list():
        settled = {ChangeStatus.APPLIED: new, ChangeStatus.FAILED: CONFIG,
                   ChangeStatus.ROLLED_BACK: CONFIG}  # fmt: skip
        assert contents == {settled[request.status]}
    assert list(house.room.recover()) == []
    assert house.room.backups.verify()[1] == []


def test_a_change_may_be_written_instance_by_instance_and_goes_back_as_one(house: House) -> None:
    def write(instance: str) -> Any:
        planned = house.room.plan([edit(instance)])
        return house.room.apply(planned, author="op", reason="r", change_id="c", part=True)

    assert write("A").status is ChangeStatus.APPLIED
    whole = write("B")
    assert [(each.instance, each.state) for each in whole.files] == [
        ("A", "verified"),
        ("B", "verified"),
    ]
    assert len(whole.edits) == 2
    assert [house.room.keeping.look(name) for name in "AB"] == [[], []]
    house.file("B").write_bytes(CONFIG)
    back = house.room.rollback("c", author="op", reason="no")
    assert back.status is ChangeStatus.ROLLED_BACK
    assert [house.file(name).read_bytes() for name in "AB"] == [CONFIG, CONFIG]
    with pytest.raises(NotNowError, match="rolled back: no more of it is written"):
        write("A")


def test_a_part_that_fails_leaves_the_others_as_they_are(house: House) -> None:
    planned = {name: house.room.plan([edit(name)]) for name in "AB"}
    house.room.apply(planned["A"], author="op", reason="r", change_id="c", part=True)
    house.file("B").write_bytes(CONFIG + b"by: hand\r\n")
    change = house.room.apply(planned["B"], author="op", reason="r", change_id="c", part=True)
    assert [each.state for each in change.files] == ["verified", "conflict"]
    assert "changed after the plan" in change.message
    assert house.room.rollback("c", author="op", reason="no").status is ChangeStatus.ROLLED_BACK
    assert house.file("A").read_bytes() == CONFIG
    assert house.file("B").read_bytes() == CONFIG + b"by: hand\r\n"


def test_how_far_it_is_is_told_twice_a_file(house: House) -> None:
    heard: list[tuple[int, int]] = []
    planned = house.room.plan([edit("A"), edit("B")])
    house.room.apply(
        planned, author="op", reason="r", on_file=lambda done, total: heard.append((done, total))
    )
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("damage", ["first line", "all of it", "deep"])
def test_a_damaged_journal_is_kept_and_named_and_an_empty_one_forgotten(
    house: House, damage: str
) -> None:
    change = apply(house, edit())
    folder = house.state / "journal"
    file = folder / f"{change.id}.jsonl"
    lines = file.read_bytes().split(b"\n")
    lines[0] = b"[" * 100_000 if damage == "deep" else b"\xff\0 garbage"
    file.write_bytes(b"\n".join(lines[:1] if damage == "all of it" else lines) + b"\n")
    (folder / "empty.jsonl").write_bytes(b'{"torn')
    (folder / "a-folder.jsonl").mkdir()  # it holds up no other
    before = file.read_bytes()
    room = House(house.root).room
    assert room.recover() == []
    assert (file.read_bytes(), (folder / "empty.jsonl").exists()) == (before, False)
    assert room.damaged_journals() == (change.id, "a-folder")
    assert room.list() == []
    with pytest.raises(NotRollableError, match="damaged: restore its backups"):
        room.rollback(change.id, author="op", reason="")


@pytest.mark.parametrize("change_id", ["\0", "../x", "", "a/b", "x" * 5000])
def test_what_is_no_id_of_a_change_is_an_unknown_change(house: House, change_id: str) -> None:
    for act in (house.room.show, house.room.outline):
        with pytest.raises(UnknownChangeError):
            act(change_id)
    with pytest.raises(UnknownChangeError):
        house.room.rollback(change_id, author="op", reason="")
