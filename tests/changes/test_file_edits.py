"""Many edits of one file: each is made or refused by itself, however they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.changes.edit import ANY_VALUE, PlainEdit
from homeamp_agent.changes.plan import PlannedChange, Planner
from homeamp_agent.model.change import EditOperation as Operation
from homeamp_agent.model.secret import Masker

FILE = "plugins/Shop/config.yml"


def edit(path: str, new: Any = None, old: Any = ANY_VALUE, how: Operation = Operation.SET) -> Any:
    return PlainEdit(
        instance="SMP01",
        file=FILE,
        path=tuple(path.split(".")),
        operation=how,
        expected_old=old,
        new=new,
        plugin="Shop",
    )


@pytest.fixture
def game(tmp_path: Path) -> Path:
    (tmp_path / FILE).parent.mkdir(parents=True)
    return tmp_path


def plan(game: Path, text: str, *edits: PlainEdit) -> PlannedChange:
    (game / FILE).write_text(text)
    return Planner(Masker(bytes(32)), lambda _: game).plan(edits)


def after(planned: PlannedChange) -> str:
    (file,) = planned.files
    assert file.after is not None
    return file.after.decode()


def test_one_that_cannot_be_made_among_many_is_refused_alone(game: Path) -> None:
    text = "base: &x 1\n" + "".join(f"k{number}: {number}\n" for number in range(50)) + "s: *x\n"
    edits = [edit(f"k{number}", number + 100) for number in range(50)]
    edits[20:20] = [edit("s", 2), edit("k7", 1, old=99), edit("gone", 3)]
    planned = plan(game, text, *edits)
    lines = after(planned).splitlines()
    assert lines[1:51] == [f"k{number}: {number + 100}" for number in range(50)]
    assert (lines[0], lines[51]) == ("base: &x 1", "s: *x")
    told = {each.edit.path: (each.conflict, each.reason) for each in planned.plan.refused}
    assert set(told) == {("s",), ("k7",), ("gone",)}
    assert "shared" in told["s",][1]
    assert told["k7",][0]
    assert told["gone",][0]


def test_each_is_made_in_the_file_as_those_before_it_left_it(game: Path) -> None:
    planned = plan(
        game,
        "a: 1\nb: [1, 2]\nc:\n  d: 4\n",
        edit("a", 2, old=1),
        edit("b", [3], how=Operation.REPLACE_LIST),
        edit("a", 3, old=2),
        edit("a", 4, old=2),
        edit("c.d", how=Operation.UNSET),
        edit("c.e", 5, how=Operation.INSERT),
        edit("c.f", 6, how=Operation.INSERT),
        edit("n.x", 7, how=Operation.INSERT),
        edit("n.y", 8, how=Operation.INSERT),
        edit("n.y", 9, old=8),
    )
    assert after(planned) == "a: 3\nb: [3]\nc:\n  e: 5\n  f: 6\nn:\n  x: 7\n  y: 9\n"
    assert [each.edit.new for each in planned.plan.refused] == [4]
    assert planned.plan.refused[0].conflict


def test_many_new_settings_of_one_new_section_are_made(game: Path) -> None:
    edits = [edit(f"new.k{number}", number, how=Operation.INSERT) for number in range(30)]
    planned = plan(game, "a: 1\n", *edits)
    made = "".join(f"  k{number}: {number}\n" for number in range(30))
    assert after(planned) == f"a: 1\nnew:\n{made}"
    assert not planned.plan.refused
