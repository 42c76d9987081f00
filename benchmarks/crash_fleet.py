"""The small fleet that `benchmarks.crash` breaks changes on, and the write door that fails."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from homeamp_agent.changes import ChangeRoom, NewContent, PlainEdit
from homeamp_agent.changes.disk import Disk
from homeamp_agent.changes.plan import PlannedChange
from homeamp_agent.model.secret import Masker

FILES = {
    (
        "A",
        "plugins/Shop/config.yml",
    ): b"# shop\r\nspawn:\r\n  radius: 10 # blocks\r\n  open: true\r\n",
    ("A", "server.properties"): b"#Minecraft\nmax-players=20\nmotd=Hi\n",
    ("B", "plugins/Shop/config.yml"): b"spawn:\n    radius: 10\nlast: 'x'",
    ("B", "plugins/Shop/broken.yml"): b"spawn:\n  radius: 10 # no reader takes it\nlist: [1, 2\n",
}
CREATED = ("B", "plugins/Shop/new.txt")
CALLS = (
    "create",
    "append_to",
    "make_folder",
    "write",
    "truncate",
    "sync",
    "give_owner",
    "give_mode",
    "exchange",
    "rename",
    "place",
    "remove",
)
NOBODY = 65534


class FaultyDisk(Disk):
    """A write door that calls `fault(number, call, moment)` before and after each of its calls.

    `moment` is `before`, `middle` (a write, half done) or `after`.
    """

    def __init__(
        self, fault: Callable[[int, str, str], None] = lambda *_: None, *, exchange: bool = True
    ) -> None:
        self.calls = 0
        self._fault = fault
        self._exchange = exchange

    def write(self, fd: int, content: bytes) -> None:
        half = len(content) // 2
        super().write(fd, content[:half])
        self._fault(self.calls, "write", "middle")
        super().write(fd, content[half:])

    def exchange(self, folder: int, one: str, other: str) -> bool:
        return self._exchange and super().exchange(folder, one, other)


def _between_faults(name: str) -> Callable[..., Any]:
    inner = getattr(FaultyDisk, name)

    def call(self: FaultyDisk, *arguments: Any) -> Any:
        self.calls += 1
        number = self.calls
        self._fault(number, name, "before")
        result = inner(self, *arguments)
        self._fault(number, name, "after")
        return result

    return call


for _name in CALLS:
    setattr(FaultyDisk, _name, _between_faults(_name))


@dataclass
class Fleet:
    """Two instances in a folder, with the state folder beside them."""

    root: Path
    instances: Path | None = None

    def __post_init__(self) -> None:
        self.instances = self.instances or self.root / "instances"
        for (instance, file), content in FILES.items():
            path = self.path(instance, file)
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                path.chmod(0o640)
                if os.geteuid() == 0:
                    os.chown(path, NOBODY, NOBODY)

    def path(self, instance: str, file: str) -> Path:
        assert self.instances is not None
        return self.instances / instance / file

    def game_folder_of(self, instance: str) -> Path:
        assert self.instances is not None
        return self.instances / instance

    def room(self, disk: Disk | None = None, **more: Any) -> ChangeRoom:
        return ChangeRoom(
            self.root / "state",
            masker=Masker(b"k" * 32),
            game_folder_of=self.game_folder_of,
            min_free_bytes=0,
            lock_wait_seconds=5,
            disk=disk,
            **more,
        )

    def contents(self) -> dict[tuple[str, str], bytes | None]:
        return {
            key: self.path(*key).read_bytes() if self.path(*key).exists() else None
            for key in (*FILES, CREATED)
        }


OLD: dict[tuple[str, str], bytes | None] = {**FILES, CREATED: None}
NEW: dict[tuple[str, str], bytes | None] = {
    **{
        key: content.replace(b"radius: 10", b"radius: 32").replace(b"players=20", b"players=99")
        for key, content in FILES.items()
    },
    CREATED: b"made by the change\n",
}


def planned(room: ChangeRoom) -> PlannedChange:
    """The change that every run makes: three edits, one of a line that no reader takes, a file."""
    shop, broken = "plugins/Shop/config.yml", "plugins/Shop/broken.yml"
    radius = ("spawn", "radius")
    edits = [
        PlainEdit("A", shop, radius, expected_old=10, new=32),
        PlainEdit("A", "server.properties", ("max-players",), expected_old="20", new=99),
        PlainEdit("B", shop, radius, expected_old=10, new=32),
        PlainEdit("B", broken, radius, expected_old=10, new=32, line_edit=True),
    ]
    by_edits = room.plan(edits)
    assert not by_edits.plan.refused, by_edits.plan.refused
    assert {(f.place.instance, f.place.file): f.after for f in by_edits.files} == {
        key: NEW[key] for key in FILES
    }
    created = room.plan_files([NewContent(*CREATED, NEW[CREATED])])
    return replace(by_edits, files=(*by_edits.files, *created.files))


def apply(room: ChangeRoom) -> None:
    room.apply(planned(room), author="op", reason="crash test", change_id="c1")


def rollback(room: ChangeRoom) -> None:
    room.rollback("c1", author="op", reason="crash test")


def recover(room: ChangeRoom) -> None:
    room.recover()


ACTIONS: dict[str, Callable[[ChangeRoom], None]] = {"apply": apply, "rollback": rollback}
