"""The inbox: what rests is read with bounds, whatever it is; what is hostile is refused."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from homeamp_agent.changes.errors import InboxError, RequestError
from homeamp_agent.changes.inbox import (
    DAY_S,
    MAX_FILES_OF_A_LOOK,
    OTHER_REST_S,
    REST_S,
    YAML_REST_S,
    Dropped,
    Inbox,
    InboxRetention,
)
from homeamp_agent.changes.legacy import ReadLine
from homeamp_agent.changes.reading import MAX_REQUEST_BYTES, parse_request, read_request

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir(mode=0o770)
    return folder


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inbox(folder: Path, clock: Clock) -> Inbox:
    return Inbox(folder, clock=clock)


def rested(inbox: Inbox, clock: Clock, seconds: float = 1.0) -> list[Dropped]:
    inbox.look()
    clock.now += seconds
    return list(inbox.look())


def names(folder: Path) -> set[str]:
    return {each.relative_to(folder).as_posix() for each in folder.rglob("*")}


def test_a_file_is_read_once_two_looks_find_it_the_same(
    inbox: Inbox, clock: Clock, folder: Path
) -> None:
    (folder / "a.json").write_bytes(b"{")
    assert inbox.look() == []
    with (folder / "a.json").open("ab") as growing:
        growing.write(b'"reason": ')
        growing.flush()
        clock.now += 1
        assert inbox.look() == []
        growing.write(b"1}")
    clock.now += 1
    assert inbox.look() == []
    clock.now += 1
    (dropped,) = inbox.look()
    assert (dropped.content, dropped.refusal, dropped.uid) == (
        b'{"reason": 1}', None, os.geteuid(),
    )  # fmt: skip


def test_what_cannot_be_understood_yet_may_grow_for_a_while(
    inbox: Inbox, clock: Clock, folder: Path
) -> None:
    (folder / "a.json").write_bytes(b"{")
    assert rested(inbox, clock)[0].may_grow
    clock.now += REST_S
    assert not inbox.look()[0].may_grow


def test_taken_and_refused_files_move_with_a_line_beside_them(
    inbox: Inbox, clock: Clock, folder: Path
) -> None:
    for content in (b"{1", b"{2"):
        (folder / "a.json").write_bytes(content)
        (dropped,) = rested(inbox, clock)
        inbox.take(dropped, "c-1: pending_approval")
    (folder / "b.json").write_bytes(b"reason: 3")  # by its text it is YAML
    assert rested(inbox, clock, YAML_REST_S - 0.1) == []
    clock.now += 0.1
    (dropped,) = inbox.look()
    inbox.refuse(dropped, "two\nlines \udcff")
    assert names(folder) == {
        "taken", "taken/a.json", "taken/a.json.txt", "taken/a.json.1", "taken/a.json.1.txt",
        "refused", "refused/b.json", "refused/b.json.txt",
    }  # fmt: skip
    assert (folder / "taken" / "a.json.1").read_bytes() == b"{2"
    assert (folder / "taken" / "a.json.txt").read_text("utf-8") == "c-1: pending_approval\n"
    assert (folder / "refused" / "b.json.txt").read_text("utf-8") == "two lines \\udcff\n"
    assert (folder / "taken").stat().st_mode & 0o777 == 0o700


def test_another_file_put_in_its_place_meanwhile_is_not_moved(
    inbox: Inbox, clock: Clock, folder: Path
) -> None:
    (folder / "a.json").write_bytes(b"{read}")
    (dropped,) = rested(inbox, clock)
    (folder / "new").write_bytes(b"other")
    (folder / "new").rename(folder / "a.json")
    inbox.take(dropped, "c-1")
    assert (folder / "a.json").read_bytes() == b"other"
    (folder / "a.json").unlink()
    inbox.take(dropped, "c-1")


def _symlink(file: Path) -> None:
    secret = file.parent.parent / "secret"
    secret.write_bytes(b'{"reason": "stolen"}')
    file.symlink_to(secret)


def _hard_link(file: Path) -> None:
    secret = file.parent.parent / "secret"
    secret.write_bytes(b"{}")
    file.hardlink_to(secret)


def _huge(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(1024**4)


def _socket(file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(file))


def _closed(file: Path) -> None:
    file.write_bytes(b"{}")
    file.chmod(0)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_symlink, "a symbolic link"),
        (lambda file: file.symlink_to("/nowhere"), "a symbolic link"),
        (_hard_link, "2 names (hard links)"),
        (os.mkfifo, "a named pipe"),
        (_socket, "a socket"),
        (Path.mkdir, "a folder"),
        (_huge, f"at most {MAX_REQUEST_BYTES:,}"),
        (_closed, "mode 0000"),
    ],
)
def test_what_is_no_plain_file_of_that_size_is_refused_unread(
    inbox: Inbox, clock: Clock, folder: Path, make: Callable[[Path], None], reason: str
) -> None:
    make(folder / "x.json")
    (dropped,) = rested(inbox, clock)
    assert dropped.refusal is not None
    assert reason in dropped.refusal
    assert dropped.content == b""
    inbox.refuse(dropped, dropped.refusal)
    assert not (folder / "x.json").is_symlink()
    assert not (folder / "x.json").exists()
    assert reason in (folder / "refused" / "x.json.txt").read_text("utf-8")


def test_hidden_and_unfinished_names_are_left_and_others_refused_late(
    inbox: Inbox, clock: Clock, folder: Path
) -> None:
    for name in (".a.json.swp", "a.json~", "a.json.part", "x" * 220 + ".yml"):
        (folder / name).write_bytes(b"{}")
    (long,) = rested(inbox, clock)
    assert "more than 200 bytes" in str(long.refusal)
    inbox.refuse(long, "too long")
    clock.now += OTHER_REST_S
    (part,) = inbox.look()
    assert (part.name, str(part.refusal).startswith("only .json")) == ("a.json.part", True)


def test_a_flood_is_taken_in_parts_the_oldest_first(
    inbox: Inbox, clock: Clock, folder: Path
) -> None:
    for number in range(MAX_FILES_OF_A_LOOK + 20):
        file = folder / f"{number:03}.json"
        file.write_bytes(b"{}")
        os.utime(file, (10_000 - number, 10_000 - number))
    found = rested(inbox, clock)
    assert (len(found), found[0].name) == (MAX_FILES_OF_A_LOOK, "119.json")


@pytest.mark.parametrize("place", ["", "taken"])
def test_a_folder_that_everybody_may_write_in_is_no_inbox(
    inbox: Inbox, clock: Clock, folder: Path, place: str
) -> None:
    (folder / "a.json").write_bytes(b"{}")
    (dropped,) = rested(inbox, clock)
    (folder / "taken").mkdir(exist_ok=True)
    (folder / place).chmod(0o1777)
    with pytest.raises(InboxError, match=r"everybody may write in it \(mode 1777\)"):
        inbox.take(dropped, "c-1")
    assert (folder / "a.json").exists()


@ROOT_ONLY
def test_a_folder_of_another_user_is_no_inbox(inbox: Inbox, folder: Path) -> None:
    os.chown(folder, 12345, -1)
    with pytest.raises(InboxError, match="belongs to uid 12345"):
        inbox.look()


def test_a_link_is_no_inbox_nor_is_one_in_place_of_taken(
    tmp_path: Path, inbox: Inbox, clock: Clock, folder: Path
) -> None:
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(InboxError, match="no folder that may be an inbox"):
        Inbox(tmp_path / "link").look()
    (tmp_path / "elsewhere").mkdir()
    (folder / "taken").symlink_to(tmp_path / "elsewhere")
    (folder / "a.json").write_bytes(b"{}")
    (dropped,) = rested(inbox, clock)
    with pytest.raises(InboxError, match="taken: is no folder"):
        inbox.take(dropped, "c-1")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_missing_inbox_is_made_private(tmp_path: Path) -> None:
    assert Inbox(tmp_path / "new").look() == []
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 500_000,
        b'{"a":' * 150_000,
        b"a: &a [x, x]\n" + b"".join(
            b"%c: &%c [*%c, *%c, *%c, *%c]\n" % (i + 1, i + 1, i, i, i, i) for i in range(97, 121)
        ),
        b"\x00" * 1000,
        os.urandom(2000),
        b"- " * 100_000,
        b"!!python/object/apply:os.system [id]",
        b'{"a": 1e999999}',
    ],
    ids=["brackets", "objects", "aliases", "zeros", "noise", "lists", "tags", "infinity"],
)  # fmt: skip
def test_hostile_texts_end_as_a_request_error_or_as_no_mapping(content: bytes) -> None:
    try:
        document = parse_request(content)
    except RequestError:
        return
    assert not isinstance(document, dict) or "edits" not in document


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"edits": [{"new": %s}]}' % (b"1" * 5000), "a number of thousands of digits"),
        (b"new: " + b"1" * 5000, "a value does not fit its type"),
        (b"new: !!int hunter2", "a value does not fit its type"),
        (b'{"reason": "a", "edits": [{"new": 1, "new": 2}]}', "'new' stands twice"),
        (b"reason: a\nedits: []\nreason: b\n", "line 3: 'reason' stands twice"),
        (b'{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_what_would_be_read_otherwise_than_it_looks_is_refused(content: bytes, told: str) -> None:
    with pytest.raises(RequestError, match=told) as error:
        parse_request(content)
    assert "hunter2" not in str(error.value)


def moved(folder: Path, name: str, days: float, *, line: bool = True) -> None:
    """As if taken or refused so many days after 1970."""
    file = folder / name
    file.parent.mkdir(exist_ok=True, mode=0o700)
    file.write_text("{}", "utf-8")
    if line:
        file.with_name(f"{file.name}.txt").write_text("line\n", "utf-8")
        os.utime(f"{file}.txt", (days * DAY_S,) * 2)


def test_what_was_taken_or_refused_long_ago_is_removed_with_its_line(
    inbox: Inbox, folder: Path
) -> None:
    for name, days in (("old.json", 5), ("young.json", 30), ("edge.json", 10)):
        moved(folder, f"taken/{name}", days)
        # Its own times are those of whoever wrote it.
        os.utime(folder / "taken" / name, (40 * DAY_S,) * 2)
    moved(folder, "refused/stray.txt", 5, line=False)  # a line whose file is gone
    moved(folder, "refused/late.json", 39)
    (folder / "refused" / "a-folder").mkdir()
    (folder / "refused" / "link.json").symlink_to(folder / "kept.json")
    moved(folder, "kept.json", 0, line=False)
    os.utime(folder / "refused" / "stray.txt", (5 * DAY_S,) * 2)

    taken, refused = inbox.prune(InboxRetention(max_age_days=30), 40 * DAY_S)
    assert (taken.folder, taken.names, taken.left) == ("taken", ("old.json",), 0)
    # What has no line is as old as its move, which was just now.
    assert (refused.folder, refused.names, refused.left) == ("refused", (), 1)
    assert {"taken/young.json", "taken/young.json.txt", "taken/edge.json"} <= names(folder)
    assert not {"taken/old.json", "taken/old.json.txt"} & names(folder)

    later = time.time() + 31 * DAY_S
    _, refused = inbox.prune(InboxRetention(max_age_days=30), later)
    assert set(refused.names) == {"stray.txt", "late.json", "link.json"}
    assert names(folder) == {"taken", "refused", "refused/a-folder", "kept.json"}


def test_only_the_newest_of_each_stay(inbox: Inbox, folder: Path) -> None:
    for day in range(1, 6):
        moved(folder, f"taken/{day}.json", day)
        moved(folder, f"refused/{day}.json", 10 - day)
    taken, refused = inbox.prune(InboxRetention(max_files=2), 10 * DAY_S)
    assert (taken.names, refused.names) == (
        ("1.json", "2.json", "3.json"), ("5.json", "4.json", "3.json"),
    )  # fmt: skip
    assert inbox.prune(InboxRetention(max_files=2), 10 * DAY_S)[0].names == ()


def test_an_inbox_without_anything_yet_has_nothing_to_remove(inbox: Inbox) -> None:
    assert inbox.prune(InboxRetention(), 0) == []


def test_what_is_wrong_is_told_once_and_a_name_is_not_told_at_length() -> None:
    edit = {"file": "a.yml", "path": ["a"], "new": 1, "operation": "frob", "x" * 10_000: 1}
    late = {"not_before": "9999-12-31T23:59:59-14:00"}  # in UTC it is in no calendar
    with pytest.raises(RequestError) as error:
        read_request({"reason": "r", "schedule": late, "edits": [edit]}, lambda *_: ReadLine())
    problems = error.value.problems
    assert problems[0] == "schedule.not_before: a year from 2000 to 2199"
    assert [each.rpartition(": ")[0] for each in problems[1:]] == [
        "edit 1: operation", f"edit 1: {'x' * 80}",
    ]  # fmt: skip
    assert problems[2].endswith(": is not known here")
