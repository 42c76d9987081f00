"""Line edits: of a file that no reader takes, one line, unproven, and only where allowed."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.changes import NothingPlannedError, PlainEdit
from homeamp_agent.changes.acts import Acts
from homeamp_agent.changes.edit import ANY_VALUE
from homeamp_agent.changes.line_edits import LinePlanner
from homeamp_agent.changes.standing import alike, plan_facts
from homeamp_agent.configfiles import DEFAULT_LIMITS, ConfigFileError, parse
from homeamp_agent.model.change import ChangeStatus, EditOperation
from homeamp_agent.model.history import ActFilter
from homeamp_agent.model.secret import Masker
from tests.changes.test_room import FILE, House, apply
from tests.doomed import exit_code_of

BROKEN = (
    b"# prices\r\nshop:\r\n  prefix: %shop% &7hi  # shown before\r\n  radius: 10\r\n"
    b"password: 'hunter-secret'\r\nother:\r\n  name: x\r\n"
)
"""The `%` cannot start a text without quotes; else it is a good file."""
MENDED = BROKEN.replace(b"%shop% &7hi", b"'%shop% &7hi'")
HOPELESS = BROKEN + b"late: 'x\r\n"

PREFIX = ("shop", "prefix")


def refusal(house: House, edit: PlainEdit) -> str:
    planned = house.room.plan([edit])
    assert not planned.files
    return planned.plan.refused[0].reason


def edit(path: tuple[Any, ...] = PREFIX, new: Any = "%shop% &7hi", **more: Any) -> PlainEdit:
    return PlainEdit("A", FILE, path, new=new, **{"line_edit": True, **more})


def test_what_does_not_allow_a_line_edit_is_refused_and_shown_the_one_line(tmp_path: Path) -> None:
    house = House(tmp_path, BROKEN)
    with pytest.raises(ConfigFileError):
        parse(FILE, BROKEN)
    planned = house.room.plan([edit(new="Hub", line_edit=False)])
    (refused,) = planned.plan.refused
    assert refused.reason.startswith("not YAML") and "(line 3, column 11)" in refused.reason
    assert "`line_edit: true`" in refused.reason
    offer = refused.line_edit
    assert offer is not None and (offer.line, offer.readable_after) == (3, True)
    assert offer.old_line == "  prefix: %shop% &7hi  # shown before"
    assert offer.new_line == "  prefix: Hub  # shown before"
    assert (offer.unread_line, offer.unread_column) == (3, 11)
    with pytest.raises(NothingPlannedError):
        house.room.apply(planned, author="op", reason="")
    for unclear in (
        edit(("none",), line_edit=False),
        edit(expected_old="other", line_edit=False),
        edit(("password",), "other", expected_old="hunter-secret", line_edit=False),
    ):
        (refused,) = house.room.plan([unclear]).plan.refused
        assert refused.line_edit is None and "line_edit" not in refused.reason
    assert house.file().read_bytes() == BROKEN


def test_a_line_edit_that_mends_the_file_is_told_as_what_it_is_and_goes_back(
    tmp_path: Path,
) -> None:
    house = House(tmp_path, BROKEN)
    planned = house.room.plan([edit()])
    (file,) = planned.plan.files
    assert file.line_edit is not None and file.line_edit.readable_after
    assert file.line_edit.unread.startswith("not YAML")
    assert "-  prefix: %shop% &7hi" in file.diff and "+  prefix: '%shop% &7hi'" in file.diff
    assert "hunter" not in file.diff

    change = house.room.apply(planned, author="op", reason="because")
    assert (change.status, house.file().read_bytes()) == (ChangeStatus.APPLIED, MENDED)
    assert change.files[0].line_edit == file.line_edit
    assert change.edits[0].line_edit and change.edits[0].expected_old == "%shop% &7hi"
    (act,) = Acts(house.room.audit, house.room.edits_of).page(ActFilter(), 10).acts
    assert act.settings[0].line_edit
    (_, entry) = next(iter(house.room.audit.newest_first()))
    assert entry.details["files"][0]["line_edit"] == 3
    assert house.room.keeping.now(change).reverted == ()

    back = house.room.rollback(change.id, author="op", reason="no")
    assert (back.status, house.file().read_bytes()) == (ChangeStatus.ROLLED_BACK, BROKEN)


def test_a_file_that_stays_broken_can_be_changed_line_by_line(tmp_path: Path) -> None:
    house = House(tmp_path, HOPELESS)
    change = apply(house, edit(("shop", "radius"), 32, expected_old=10))
    assert change.status is ChangeStatus.APPLIED
    assert house.file().read_bytes() == HOPELESS.replace(b"radius: 10", b"radius: 32")
    told = change.files[0].line_edit
    assert told is not None and not told.readable_after
    house.room.rollback(change.id, author="op", reason="no")
    assert house.file().read_bytes() == HOPELESS


def test_where_the_file_can_be_read_it_is_an_edit_as_any_other(tmp_path: Path) -> None:
    house = House(tmp_path, MENDED)
    planned = house.room.plan([edit(new="Hub")])
    assert planned.plan.files[0].line_edit is None
    assert not planned.edits[0].line_edit


@pytest.mark.parametrize(
    ("content", "wanted", "reason"),
    [
        (BROKEN, edit(("radius",), 5), "line 4 stands under `shop`"),
        (BROKEN, edit(("other", "radius"), 5), "line 4 stands under `shop`"),
        (BROKEN, edit(("shop", "none"), 5), "no line of the file begins with this key"),
        (BROKEN + b"  prefix: y\r\n", edit(), r"stands in 2 lines \(3, 8\)"),
        (BROKEN, edit(expected_old="other"), "does not hold the expected value"),
        (BROKEN, edit(("password",), "x"), "holds a secret"),
        (BROKEN, edit(new=["a"]), "one text, number, true or false"),
        (BROKEN, edit(("shop", 0), 1), "needs a named key"),
        (BROKEN, edit(operation=EditOperation.UNSET, new=None), "only sets a value"),
        (BROKEN, edit(new="a\nb"), "does not fit on one line"),
        (HOPELESS, edit(("shop", "radius"), 10), "line 4 is already so"),
    ],
)  # fmt: skip
def test_any_doubt_refuses_with_the_place_of_the_error_and_the_reason(
    tmp_path: Path, content: bytes, wanted: PlainEdit, reason: str
) -> None:
    house = House(tmp_path, content)
    told = refusal(house, wanted)
    assert re.search(reason, told), told
    assert told.startswith("not YAML") and "; no line edit: " in told
    assert house.file().read_bytes() == content


def test_a_line_that_turns_out_to_be_another_setting_once_it_is_read_is_refused(
    tmp_path: Path,
) -> None:
    content = b'{\n  "a": {"x": 1},\n  "b": {\n    "name": \'x\n  }\n}\n'
    house = House(tmp_path, content)
    wanted = PlainEdit("A", "f.json", ("a", "name"), new="y", line_edit=True)
    (tmp_path / "A/f.json").write_bytes(content)
    assert "the line is that of another setting" in refusal(house, wanted)
    good = PlainEdit("A", "f.json", ("b", "name"), new="y", line_edit=True)
    (file,) = house.room.plan([good]).plan.files
    assert file.line_edit is not None and file.line_edit.readable_after


def test_two_line_edits_of_one_file_are_one_too_many(tmp_path: Path) -> None:
    house = House(tmp_path, HOPELESS)
    planned = house.room.plan([edit(), edit(("shop", "radius"), 5)])
    assert [each.edits[0].path for each in planned.plan.files] == [PREFIX]
    assert "one line edit of a file at a time" in planned.plan.refused[0].reason


def test_an_approved_line_edit_holds_for_these_bytes_alone(tmp_path: Path) -> None:
    house = House(tmp_path, HOPELESS)
    planned = house.room.plan([edit(("shop", "radius"), 32)])
    change = house.room.apply(planned, author="op", reason="r").model_copy(
        update=plan_facts(planned)
    )
    house.room.rollback(change.id, author="op", reason="no")
    assert alike(house.room.plan([edit(("shop", "radius"), 32)]), change)
    house.file().write_bytes(HOPELESS + b"# more\r\n")
    assert not alike(house.room.plan([edit(("shop", "radius"), 32)]), change)


def test_an_editor_that_saves_after_the_plan_keeps_its_text(tmp_path: Path) -> None:
    house = House(tmp_path, BROKEN)
    planned = house.room.plan([edit()])
    house.file().write_bytes(BROKEN + b"mine: 1\r\n")
    change = house.room.apply(planned, author="op", reason="")
    assert change.status is ChangeStatus.FAILED
    assert house.file().read_bytes() == BROKEN + b"mine: 1\r\n"


@pytest.mark.parametrize(
    ("step", "whole"),
    [("swapped", BROKEN), ("committed", MENDED)],
)
def test_killed_at_any_step_the_file_is_wholly_old_or_wholly_new(
    tmp_path: Path, step: str, whole: bytes
) -> None:
    def die(now: str) -> None:
        if now == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def write() -> None:
        doomed = House(tmp_path, BROKEN, on_step=die)
        doomed.room.apply(doomed.room.plan([edit()]), author="op", reason="r", change_id="c1")

    assert exit_code_of(write) == -signal.SIGKILL
    house = House(tmp_path, BROKEN)
    (settled,) = house.room.recover()
    assert house.file().read_bytes() == whole
    assert settled.files[0].line_edit is not None
    assert [each.name for each in house.file().parent.iterdir()] == ["config.yml"]
    (_, entry) = next(iter(house.room.audit.newest_first()))
    assert entry.details["files"][0]["line_edit"] == 3


def test_any_value_is_not_written_into_a_plan(tmp_path: Path) -> None:
    house = House(tmp_path, BROKEN)
    (made,) = house.room.plan([edit()]).files[0].edits
    assert made.expected_old is not ANY_VALUE


@pytest.mark.parametrize(
    ("content", "path", "new_line"),
    [
        (BROKEN, PREFIX, "  prefix: '%shop% &7hi'  # shown before"),
        (b'a: 1\nb: "open\nc: 2\n', ("b",), 'b: "open"'),
        (b"a: 1\nb: 'open\nc: it's\n", ("b",), "b: 'open'"),
        (b'a: "open\nb: 1\nc: "x"\nd: 2\n', ("a",), 'a: "open"'),
        (b"a: x: y\nc: 1\n", ("a",), "a: 'x: y'"),
        (b"a: 'it's'\nb: 1\n", ("a",), "a: 'it''s'"),
        (b'a: "C:\\Users"\n', ("a",), 'a: "C:\\\\Users"'),
        (b"x:\n  y:\n    z: @x%: u\n", ("x", "y", "z"), "    z: '@x%: u'"),
        (b"a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n", None, ""),
        (b"a:\n\tb: 1\n", None, ""),
        (b"password: %x\nb: 1\n", None, ""),
        (b"a: {x\nb: 1\n", None, ""),
    ],
)
def test_what_a_person_would_try_first_is_proposed_where_it_mends_the_file(
    content: bytes, path: tuple[str, ...] | None, new_line: str
) -> None:
    with pytest.raises(ConfigFileError) as unread:
        parse(FILE, content)
    lines = LinePlanner(content, unread.value, Masker(b"k" * 32), DEFAULT_LIMITS)
    found = lines.mending(FILE, "A", None)
    assert (None if found is None else found[0].path) == path
    if found is not None:
        assert found[1] == lines.offer(found[0])
        assert found[1].new_line == new_line


def test_around_a_line_nothing_is_shown_of_which_nobody_knows_whether_it_is_secret(
    tmp_path: Path,
) -> None:
    house = House(tmp_path, HOPELESS)
    (file,) = house.room.plan([edit(("shop", "radius"), 32)]).plan.files
    assert file.diff.splitlines()[2:] == ["@@ -4 +4 @@", "-  radius: 10", "+  radius: 32"]
