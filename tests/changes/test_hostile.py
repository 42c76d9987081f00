"""What a change never does to anybody's text, files and rights, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from io import BufferedRandom
from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.changes.disk import Disk
from homeamp_agent.changes.run import STEPS
from homeamp_agent.model.change import ChangeRequest, ChangeStatus
from tests.changes.test_room import CONFIG, House, edit
from tests.doomed import exit_code_of

NEW = CONFIG.replace(b"radius: 10", b"radius: 32")
MINE = CONFIG + b"mine: by hand\r\n"
POINTS = [step for step in STEPS if step not in {"undoing", "undone", "aborted"}]
BEFORE_IT_COUNTS = POINTS[: POINTS.index("committed")]
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

Save = Callable[[Path], None]


def in_place(file: Path) -> None:
    file.write_bytes(MINE)


def by_rename(file: Path) -> None:
    beside = file.with_name("config.yml~")
    beside.write_bytes(MINE)
    beside.rename(file)


class Hasty(Disk):
    """Does not wait for the medium: no power fails here, and a hundred changes are made."""

    def sync(self, fd: int) -> None:
        pass


def applied_with(root: Path, point: str, act: Callable[[House], None]) -> tuple[House, Any]:
    """Apply a change of both files, and act the first time that it passes a point."""
    todo = [act]

    def on_step(step: str) -> None:
        if step == point and todo:
            todo.pop()(house)

    house = House(root, on_step=on_step, disk=Hasty())
    planned = house.room.plan([edit("A"), edit("B")])
    change = house.room.apply(planned, author="op", reason="because")
    assert todo == [], f"never at {point}"
    return house, change


@pytest.mark.parametrize("save", [in_place, by_rename], ids=["in place", "by rename"])
@pytest.mark.parametrize("point", POINTS)
def test_what_an_editor_saves_in_the_middle_of_a_change_stands(
    tmp_path: Path, point: str, save: Save
) -> None:
    house, change = applied_with(tmp_path, point, lambda house: save(house.file("B")))
    assert house.file("B").read_bytes() == MINE
    assert house.leftovers() == []
    other = house.file("A").read_bytes()
    outcome = next(file for file in change.files if file.instance == "B")
    if change.status is ChangeStatus.FAILED:
        assert (outcome.state, other) == ("conflict", CONFIG)
    else:
        # It saved over what the change had verified already, as it may a second later.
        assert (change.status, other) == (ChangeStatus.APPLIED, NEW)
        assert point not in BEFORE_IT_COUNTS or POINTS.index(point) >= POINTS.index("verified")


@pytest.mark.parametrize("point", POINTS)
def test_what_an_editor_opened_in_the_middle_of_a_change_can_be_saved_after_it(
    tmp_path: Path, point: str
) -> None:
    opened: list[BufferedRandom] = []
    house, change = applied_with(
        tmp_path, point, lambda house: opened.append(house.file().open("r+b"))
    )
    (file,) = opened
    with file:
        file.truncate(0)
        file.write(MINE)
    assert house.file().read_bytes() == MINE
    assert house.leftovers() == []
    if change.status is ChangeStatus.FAILED:
        assert house.file("B").read_bytes() == CONFIG


def test_a_file_that_an_editor_holds_open_is_left_alone(tmp_path: Path) -> None:
    house = House(tmp_path)
    with house.file().open("r+b"):
        change = house.room.apply(house.room.plan([edit()]), author="op", reason="")
        assert (change.status, change.files[0].state) == (ChangeStatus.FAILED, "conflict")
    assert house.file().read_bytes() == CONFIG


def to_link(house: House) -> None:
    file = house.file()
    file.rename(file.with_name("moved.yml"))
    file.symlink_to(house.root / "outside" / "config.yml")


def to_hard_link(house: House) -> None:
    file = house.file()
    file.rename(file.with_name("moved.yml"))
    file.hardlink_to(house.root / "outside" / "config.yml")


def to_linked_folder(house: House) -> None:
    folder = house.file().parent
    folder.rename(folder.with_name("Moved"))
    folder.symlink_to(house.root / "outside")


@pytest.mark.parametrize("swap", [to_link, to_hard_link, to_linked_folder])
@pytest.mark.parametrize("point", POINTS)
def test_a_link_swapped_in_at_any_moment_leads_nowhere(
    tmp_path: Path, point: str, swap: Callable[[House], None]
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "config.yml").write_bytes(CONFIG)
    before = (outside / "config.yml").stat()
    house, _ = applied_with(tmp_path, point, swap)
    house.room.recover()
    assert [each.name for each in outside.iterdir()] == ["config.yml"]
    assert (outside / "config.yml").read_bytes() == CONFIG
    after = (outside / "config.yml").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def _socket(file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(file))


def _closed(file: Path) -> None:
    file.write_bytes(CONFIG)
    file.chmod(0)


def _read_only(file: Path) -> None:
    file.write_bytes(CONFIG)
    file.chmod(0o444)


def _hard_link(file: Path) -> None:
    (file.parent / "other.txt").write_bytes(CONFIG)
    file.hardlink_to(file.parent / "other.txt")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda file: file.symlink_to("config.yml"), "it is a symbolic link"),
        (_hard_link, "it has 2 names (hard links); a change would split them"),
        (os.mkfifo, "it is a named pipe"),
        (_socket, "it is a socket"),
        (Path.mkdir, "it is a folder"),
        pytest.param(
            lambda file: os.mknod(file, stat.S_IFCHR | 0o666, os.makedev(1, 3)),
            "it is a device", marks=ROOT_ONLY,
        ),
        pytest.param(
            lambda file: os.mknod(file, stat.S_IFBLK | 0o666, os.makedev(7, 0)),
            "it is a device", marks=ROOT_ONLY,
        ),
        (_closed, "it is closed to everyone (mode 0000)"),
        (_read_only, "it is protected by its mode (0444)"),
        (lambda file: None, "there is no such file"),
    ],
)  # fmt: skip
def test_what_may_not_be_written_is_refused_with_its_reason(
    tmp_path: Path, make: Callable[[Path], None], reason: str
) -> None:
    house = House(tmp_path)
    file = house.file().with_name("x.yml")
    make(file)
    planned = house.room.plan([edit(file="plugins/Shop/x.yml")])
    assert planned.files == ()
    assert [each.reason for each in planned.plan.refused] == [reason]


def _ran(*command: str | Path) -> None:
    """Skips the test where it is not permitted or not known here."""
    if not shutil.which(str(command[0])):
        pytest.skip(f"no {command[0]} here")
    ran = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if ran.returncode != 0:
        pytest.skip(ran.stderr.strip())


@ROOT_ONLY
def test_what_chattr_or_a_mount_protects_is_refused_with_its_reason(tmp_path: Path) -> None:
    house = House(tmp_path)
    file = house.file()

    def refused() -> list[str]:
        return [each.reason for each in house.room.plan([edit()]).plan.refused]

    for flag, word in (("i", "immutable"), ("a", "append-only")):
        for place, what in ((file, "it"), (file.parent, "its folder")):
            _ran("chattr", f"+{flag}", place)
            try:
                assert refused() == [f"{what} is {word} (chattr)"]
            finally:
                _ran("chattr", f"-{flag}", place)
    _ran("mount", "--bind", house.file("B"), file)
    try:
        assert refused() == ["it is a mount of its own: it cannot be replaced"]
    finally:
        _ran("umount", file)
    _ran("mount", "-t", "tmpfs", "tmpfs", file.parent)
    try:
        file.write_bytes(CONFIG)  # another file system in the way is none
        planned = house.room.plan([edit()])
        assert house.room.apply(planned, author="op", reason="").status is ChangeStatus.APPLIED
        _ran("mount", "-o", "remount,ro", file.parent)
        planned = house.room.plan([edit(old=32, new=10)])
        assert [each.reason for each in planned.plan.refused] == [
            "the file system is mounted read-only"
        ]
    finally:
        _ran("umount", file.parent)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that another user can come to, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@ROOT_ONLY
@pytest.mark.parametrize(
    ("owner", "mode", "reasons"),
    [
        (12345, 0o600, []),
        (12345, 0, ["it is closed to everyone (mode 0000)"]),
        (0, 0o644, ["the agent may not write it"]),
        (0, 0o600, ["it cannot be read: permission denied"]),
        (0, 0o666, []),
    ],
)
def test_an_agent_that_is_not_root_writes_only_what_its_user_may(
    reachable: Path, owner: int, mode: int, reasons: list[str]
) -> None:
    house = House(reachable)
    for each in [reachable, *reachable.rglob("*")]:
        os.chown(each, 12345, 12345)
    os.chown(house.file(), owner, owner)
    house.file().chmod(mode)

    def work() -> None:
        os.setgroups([])
        os.setgid(12345)
        os.setuid(12345)
        planned = house.room.plan([edit()])
        assert [each.reason for each in planned.plan.refused] == reasons
        if planned.files:
            change = house.room.apply(planned, author="op", reason="")
            kept = owner == 12345  # nobody can give a file to another user
            assert (change.status is ChangeStatus.APPLIED) is kept, change.message
            assert (house.file().read_bytes() == NEW) is kept
            assert kept or "owner" in change.message
        assert house.leftovers() == []

    assert exit_code_of(work) == 0
    assert (house.file().stat().st_uid, stat.S_IMODE(house.file().stat().st_mode)) == (owner, mode)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("../B/plugins/Shop/config.yml", "leads out of the game folder"),
        ("plugins/../../outside.yml", "leads out of the game folder"),
        ("/etc/passwd", "leads out of the game folder"),
        ("plugins//Shop/config.yml", "leads out of the game folder"),
        ("plugins/Shop/./config.yml", "leads out of the game folder"),
        ("plugins/Shop/config.yml\x00.txt", "malformed"),
        ("linked/config.yml", "linked is a symbolic link, not a folder"),
        ("plugins/Shop/config.yml/x", "config.yml is a file, not a folder"),
        ("x" * 300, "too long"),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused_with_its_reason(
    tmp_path: Path, file: str, reason: str
) -> None:
    house = House(tmp_path)
    (tmp_path / "A" / "linked").symlink_to(tmp_path / "B" / "plugins" / "Shop")
    (refused,) = house.room.plan([edit(file=file)]).plan.refused
    assert reason in refused.reason
    assert house.file("B").read_bytes() == CONFIG


def metadata_of(file: Path) -> tuple[Any, ...]:
    facts = file.stat()
    attributes = {name: os.getxattr(file, name) for name in os.listxattr(file)}
    return stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid, attributes


@pytest.mark.parametrize("owner", [None, pytest.param((12345, 23456), marks=ROOT_ONLY)])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o4755])
def test_owner_mode_and_attributes_are_as_before_after_apply_and_rollback(
    tmp_path: Path, owner: tuple[int, int] | None, mode: int
) -> None:
    house = House(tmp_path)
    file = house.file()
    if owner is not None:
        os.chown(file, *owner)
    file.chmod(mode)
    try:
        os.setxattr(file, "user.mark", b"\x00\xff mine")
        if os.geteuid() == 0:
            # An access list: user 12346 may read.
            entries = [(1, 6, -1), (2, 4, 12346), (4, 4, -1), (16, 6, -1), (32, 0, -1)]
            data = b"\x02\x00\x00\x00" + b"".join(
                tag.to_bytes(2, "little") + bits.to_bytes(2, "little")
                + (who & 0xFFFFFFFF).to_bytes(4, "little")
                for tag, bits, who in entries
            )  # fmt: skip
            os.setxattr(file, "system.posix_acl_access", data)
        if os.geteuid() == 0:
            # A folder that hands down its group and its access list, and a capability.
            os.chown(file.parent, -1, 34567)
            file.parent.chmod(0o2775)
            os.setxattr(file.parent, "system.posix_acl_default", data)
            rights = b"\x01\x00\x00\x02\x00\x04" + b"\x00" * 14
            os.setxattr(file, "security.capability", rights)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
    before = metadata_of(file)
    change = house.room.apply(house.room.plan([edit()]), author="op", reason="")
    assert (change.status, file.read_bytes()) == (ChangeStatus.APPLIED, NEW)
    assert metadata_of(file) == before
    house.room.rollback(change.id, author="op", reason="")
    assert (file.read_bytes(), metadata_of(file)) == (CONFIG, before)


class Failing(Hasty):
    """A disk whose `at`-th call fails with `code`, and with `on` every one after it."""

    def __init__(self, at: int, code: int, *, on: bool) -> None:
        self.calls, self._at, self._code, self._on = 0, at, code, on

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or name == "calls":
            return found

        def call(*arguments: Any) -> Any:
            self.calls += 1
            if self.calls == self._at or (self._on and self.calls > self._at):
                raise OSError(self._code, os.strerror(self._code))
            return found(*arguments)

        return call


CODES = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS)


def _applied_on(root: Path, disk: Disk) -> ChangeRequest | None:
    root.mkdir()
    try:
        house = House(root, disk=disk)
        planned = house.room.plan([edit("A"), edit("B")])
        return house.room.apply(planned, author="op", reason="because")
    except OSError:
        return None


@pytest.mark.parametrize("on", [False, True], ids=["once", "from there on"])
@pytest.mark.parametrize("code", CODES, ids=[errno.errorcode[code] for code in CODES])
def test_a_disk_that_fails_at_any_call_leaves_all_old_or_all_new(
    tmp_path: Path, code: int, on: bool
) -> None:
    calls = Failing(-1, code, on=False)
    _applied_on(tmp_path / "counted", calls)
    assert calls.calls > 40
    # Every third call, another third for each code: together every call, in a second.
    for at in range(1 + CODES.index(code) % 3, calls.calls + 1, 3):
        root = tmp_path / str(at)
        change = _applied_on(root, Failing(at, code, on=on))
        house = House(root)  # the disk is well again, and the agent starts
        house.room.recover()
        contents = {house.file(name).read_bytes() for name in "AB"}
        assert len(contents) == 1, at
        known = house.room.list()
        if change is None and not known:
            assert contents == {CONFIG}, at
            continue
        (settled,) = known
        wanted = {ChangeStatus.APPLIED: NEW, ChangeStatus.FAILED: CONFIG}
        assert contents == {wanted[settled.status]}, at
        assert house.leftovers() == [], at
        assert house.room.backups.verify()[1] == [], at
        assert house.room.audit.verify().whole, at
