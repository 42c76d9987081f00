"""The audit log: what its chain detects, and what of it can be asked."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.changes import ANY_VALUE, AuditError, AuditLog, open_audit
from homeamp_agent.changes.acts import Acts, open_acts
from homeamp_agent.changes.audit import TAIL_BLOCK_BYTES, _hash
from homeamp_agent.model.history import Act, ActFilter
from tests.changes.test_room import House, apply, edit


def log_of(state: Path, count: int = 5) -> tuple[AuditLog, Path]:
    file = state / "audit" / "audit.jsonl"
    file.parent.mkdir(parents=True)
    file.touch()
    log = open_audit(state)
    for number in range(count):
        log.append(who="mia", action="change.apply", subject=f"c-{number}", reason="because")
    return log, file


def lines_of(file: Path) -> list[bytes]:
    return file.read_bytes().splitlines(keepends=True)


def _changed(lines: list[bytes]) -> None:
    lines[2] = lines[2].replace(b"because", b"becauze")


def _removed(lines: list[bytes]) -> None:
    del lines[2]


def _put_in(lines: list[bytes]) -> None:
    lines.insert(2, lines[2])


def _swapped(lines: list[bytes]) -> None:
    lines[1], lines[2] = lines[2], lines[1]


def _first_removed(lines: list[bytes]) -> None:
    del lines[0]


def _last_removed(lines: list[bytes]) -> None:
    del lines[-1]


def _forged(lines: list[bytes]) -> None:
    """A line with a right hash over what is no act."""
    entry = {"number": 3, "prev": "", "at": "yesterday", "details": []}
    lines[2] = json.dumps(entry | {"hash": _hash(entry)}).encode() + b"\n"


def _deep(lines: list[bytes]) -> None:
    lines[2] = b"[" * 100_000 + b"\n"


def _emptied(lines: list[bytes]) -> None:
    lines.clear()


def _last_torn(lines: list[bytes]) -> None:
    lines[-1] = lines[-1][:-20]


def _last_replaced(lines: list[bytes]) -> None:
    lines[-1] = lines[-1].replace(b"because", b"becauze")


@pytest.mark.parametrize(
    ("tamper", "broken", "cut"),
    [
        (_changed, 3, 0),
        (_removed, 3, 0),
        (_put_in, 4, 0),
        (_swapped, 2, 0),
        (_first_removed, 1, 0),
        (_last_replaced, 5, 0),
        (_forged, 3, 0),
        (_deep, 3, 0),
        (_last_removed, None, 1),
        (_last_torn, None, 1),
        (_emptied, None, 5),
    ],
)
def test_every_tampering_is_found_at_its_line(
    tmp_path: Path, tamper: Callable[[list[bytes]], None], broken: int | None, cut: int
) -> None:
    log, file = log_of(tmp_path)
    assert log.verify().whole
    lines = lines_of(file)
    tamper(lines)
    file.write_bytes(b"".join(lines))
    verdict = log.verify()
    assert not verdict.whole
    assert verdict.broken_lines[:1] == (() if broken is None else (broken,))
    assert verdict.cut == cut
    assert all(each.who == "mia" for each in log.entries())
    log.append(who="mia", action="change.apply", subject="later")
    assert not log.verify().whole, "the next act would hide it"


def test_a_log_that_is_gone_is_told_from_one_that_never_was(tmp_path: Path) -> None:
    _, file = log_of(tmp_path)
    file.unlink()
    assert open_audit(tmp_path).verify().cut == 5
    with pytest.raises(AuditError, match="there is no audit log"):
        open_audit(tmp_path / "elsewhere")


@pytest.mark.parametrize("head", [None, b"", b"nonsense\n", b"5 " + b"0" * 64, b"-1 x", b"9" * 99])
def test_a_note_of_the_end_that_is_none_proves_nothing(tmp_path: Path, head: bytes | None) -> None:
    log, file = log_of(tmp_path)
    note = file.with_name("audit.head")
    note.unlink() if head is None else note.write_bytes(head)
    verdict = log.verify()
    assert (verdict.whole, verdict.broken_lines) == (False, ())


@pytest.mark.parametrize("count", [0, 5])
def test_a_kill_between_a_line_and_its_note_is_no_tampering(tmp_path: Path, count: int) -> None:
    log, file = log_of(tmp_path, count)
    if count == 0:
        log.append(who="mia", action="change.apply", subject="c-8")
        file.with_name("audit.head").write_text(f"0 {'0' * 64}\n")
    note = file.with_name("audit.head").read_bytes()
    log.append(who="mia", action="change.apply", subject="c-9")
    file.with_name("audit.head").write_bytes(note)
    assert log.verify().whole
    log.append(who="mia", action="change.apply", subject="c-10")
    assert log.verify().entries == (7 if count else 3)
    assert log.verify().whole


@pytest.mark.parametrize("size", [1, 200, TAIL_BLOCK_BYTES, 3 * TAIL_BLOCK_BYTES + 7])
def test_it_is_read_backwards_line_by_line_from_any_place(tmp_path: Path, size: int) -> None:
    log, file = log_of(tmp_path, 0)
    for number in range(7):
        log.append(who="mia", action="x", subject=str(number), reason="r" * (size * (number % 3)))
    with file.open("ab") as torn:
        torn.write(b'{"number": 8')
    places = list(log.newest_first())
    assert [entry.subject for _, entry in places] == list("6543210")
    assert places[-1][0] == 0
    for place, entry in places[:-1]:
        assert next(each.number for _, each in log.newest_first(place)) == entry.number - 1
    with pytest.raises(AuditError, match="cursor"):
        list(log.newest_first(places[0][0] + 1))
    with pytest.raises(AuditError, match="cursor"):
        list(log.newest_first(10**9))


@pytest.fixture
def acts(tmp_path: Path) -> Acts:
    """A change of both instances that is rolled back, one of a secret, one that fails."""
    house = House(tmp_path)
    first = apply(house, edit("A", ANY_VALUE), edit("B", plugin="Sample"))
    apply(house, edit(old=ANY_VALUE, path=("password",), new="s3cret-Word"))
    house.room.rollback(first.id, author="bob", reason="too large", force=True)
    house.room.audit.append(
        who="agent", action="instance.restart", subject="A", outcome="refused", message="2 players"
    )
    return open_acts(house.state)


def asked(acts: Acts, **wanted: Any) -> list[Act]:
    return list(acts.page(ActFilter(**wanted), 100).acts)


def test_an_act_tells_what_it_set_before_and_after_masked(acts: Acts) -> None:
    restart, back, secret, first = asked(acts)
    assert (restart.message, restart.settings) == ("2 players", ())
    assert (back.who, back.reason, back.action) == ("bob", "too large", "change.rollback")
    assert [(each.instance, each.key, each.old, each.new) for each in first.settings] == [
        ("A", "spawn.radius", 10, 32), ("B", "spawn.radius", 10, 32),
    ]  # fmt: skip
    assert [(each.old, each.new) for each in back.settings] == [(32, 10), (32, 10)]
    assert set(secret.settings[0].new) == {"masked"}
    assert "s3cret-Word" not in str(asked(acts))


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({"who": "BO*"}, [3]),
        ({"instance": "B"}, [3, 1]),
        ({"instance": "a"}, [4, 3, 2, 1]),
        ({"plugin": "sample"}, [3, 1]),
        ({"key": "pass*"}, [2]),
        ({"key": "spawn.radius", "instance": "C"}, []),
        ({"action": "change.rollback"}, [3]),
        ({"outcome": "refused"}, [4]),
        ({"since": datetime.now(UTC) + timedelta(hours=1)}, []),
        ({"until": datetime.now(UTC) - timedelta(hours=1)}, []),
        ({"since": datetime(2000, 1, 1, tzinfo=UTC)}, [4, 3, 2, 1]),
    ],
)
def test_acts_are_filtered(acts: Acts, wanted: dict[str, Any], numbers: list[int]) -> None:
    assert [each.number for each in asked(acts, **wanted)] == numbers
    assert [each.number for each in acts.all(ActFilter(**wanted))] == numbers


def test_pages_follow_each_other_while_the_log_grows(acts: Acts) -> None:
    numbers: list[int] = []
    cursor = None
    for _ in itertools.count():
        page = acts.page(ActFilter(), 1, cursor)
        numbers += [each.number for each in page.acts]
        acts.audit.append(who="mia", action="x", subject="y")
        cursor = page.cursor
        if cursor is None:
            break
    assert numbers == [4, 3, 2, 1]
