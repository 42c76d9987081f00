"""Fault injection: kill or fail every step of a change, start again, and look at the disk.

    python -m benchmarks.crash [--runs 600] [--named-only] [--seed N] [--folder DIR]

Each run is a process of its own on a small fleet of its own. It is killed (SIGKILL)

- at each named point of a run (`STEPS`), each time the point is passed;
- before, after, and (for writes) in the middle of every single system call of the write door;
- in the same ways during the recovery from such a kill;
- at random instants, from outside;
- at random instants while an editor keeps saving one of the files;

on a file system with an exchange of names and on one without. And it is failed: ENOSPC, EIO,
EACCES and EROFS from every single call of the write door, once or from there on; and for real, on
a tmpfs that is full or is made read-only underneath, where mounting is permitted.

After a restart: every file is wholly old or wholly new and all files agree; the journal says
which; owner and mode are as before; nothing of ours is left behind; every original is in the
backups and every backup is whole; the audit log's chain holds and names each act once; an editor's
last text stands where it saved it. Exit code 1 and one line for each run of which that is not true.
"""

from __future__ import annotations

import argparse
import errno
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homeamp_agent.changes import ChangeRoom, ChangesError, NewContent, PlainEdit
from homeamp_agent.changes.disk import Disk
from homeamp_agent.changes.run import STEPS
from homeamp_agent.changes.safety import TEMP_PREFIX, sha256_of
from homeamp_agent.model.change import ChangeStatus
from homeamp_agent.model.secret import Masker

FILES = {
    (
        "A",
        "plugins/Shop/config.yml",
    ): b"# shop\r\nspawn:\r\n  radius: 10 # blocks\r\n  open: true\r\n",
    ("A", "server.properties"): b"#Minecraft\nmax-players=20\nmotd=Hi\n",
    ("B", "plugins/Shop/config.yml"): b"spawn:\n    radius: 10\nlast: 'x'",
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
ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS)
NOBODY = 65534
RACES = 400
RANDOM_INSTANTS = 200

MEMORY = Path("/dev/shm")  # noqa: S108  (a file system, not a file of a guessable name)
"""A kill cannot tell a disk from memory, and waiting for a disk 2,000 times takes an hour. What a
power cut does to unsynced data is not shown here."""

RUN_SECONDS = 30
"""No run takes a tenth of that; one that does hangs."""


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


def planned(room: ChangeRoom) -> Any:
    """The change that every run makes: three edits and a new file."""
    contents = [NewContent(*key, content) for key, content in NEW.items()]
    shop = "plugins/Shop/config.yml"
    edits = [
        PlainEdit("A", shop, ("spawn", "radius"), expected_old=10, new=32),
        PlainEdit("A", "server.properties", ("max-players",), expected_old="20", new=99),
        PlainEdit("B", shop, ("spawn", "radius"), expected_old=10, new=32),
    ]
    by_edits = room.plan(edits)
    assert not by_edits.plan.refused, by_edits.plan.refused
    assert {f.place.file: f.after for f in by_edits.files} == {
        f.place.file: f.after for f in room.plan_files(contents[:3]).files
    }
    return room.plan_files(contents)


def apply(room: ChangeRoom) -> None:
    room.apply(planned(room), author="op", reason="crash test", change_id="c1")


def rollback(room: ChangeRoom) -> None:
    room.rollback("c1", author="op", reason="crash test")


def recover(room: ChangeRoom) -> None:
    room.recover()


ACTIONS: dict[str, Callable[[ChangeRoom], None]] = {"apply": apply, "rollback": rollback}


@dataclass
class Tally:
    """What happened in all runs."""

    runs: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


class Laboratory:
    """Makes fleets, breaks changes on them, and judges what is left."""

    def __init__(self, folder: Path, tally: Tally) -> None:
        self._folder = folder
        self._tally = tally
        self._number = 0

    def fleet(self, action: str) -> Fleet:
        self._number += 1
        root = self._folder / f"run{self._number}"
        fleet = Fleet(root)
        if action == "rollback":
            apply(fleet.room())
        return fleet

    def judged(self, what: str, kind: str, fleet: Fleet) -> None:
        """Restart on the fleet with a healthy disk, and look at everything."""
        self._tally.runs[kind] += 1
        problems = list(self._problems(fleet))
        if problems:
            self._tally.failures.append(f"{what}: {'; '.join(problems)} ({fleet.root})")
        else:
            shutil.rmtree(fleet.root)

    def _problems(self, fleet: Fleet) -> Iterator[str]:
        room = fleet.room()
        room.recover()
        changes = room.list()
        status = changes[0].status if changes else None
        self._tally.ends[status.value if status else "nothing begun"] += 1
        contents = fleet.contents()
        wanted = NEW if status is ChangeStatus.APPLIED else OLD
        if status in {ChangeStatus.APPLYING, ChangeStatus.ROLLING_BACK}:
            yield f"still {status.value}: {changes[0].message}"
        yield from (f"{key} is not as {status} says" for key in OLD if contents[key] != wanted[key])
        yield from remains(fleet)
        if [each.id for each in room.recover()]:
            yield "a second recovery finds something to do"
        _, damaged = room.backups.verify()
        yield from (f"backup {each.name}: {each.reason}" for each in damaged)
        kept = {each.sha256 for each in room.backups.list()}
        if status is ChangeStatus.APPLIED and not {sha256_of(c) for c in FILES.values()} <= kept:
            yield "an original is not in the backups"
        yield from audit_problems(room)


def remains(fleet: Fleet) -> Iterator[str]:
    """Files of ours that should be gone, and metadata that changed."""
    assert fleet.instances is not None
    for path in fleet.instances.rglob(f"{TEMP_PREFIX}*"):
        yield f"{path.name} is left behind"
    for key in FILES:
        facts = fleet.path(*key).stat()
        owner = NOBODY if os.geteuid() == 0 else os.geteuid()
        if (stat.S_IMODE(facts.st_mode), facts.st_uid) != (0o640, owner):
            yield f"{key} has another owner or mode"


def audit_problems(room: ChangeRoom) -> Iterator[str]:
    if not room.audit.verify().whole:
        yield "the audit log's chain is broken"
    acts = Counter((e.details["change_id"], e.details["run"]) for e in room.audit.entries())
    yield from (f"audit names {act} {count} times" for act, count in acts.items() if count > 1)


def in_child(work: Callable[[], None]) -> int:
    """Run in a process of its own; its exit code, negative for a signal."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            work()
            code = 0
        except (ChangesError, OSError):
            code = 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def suicide() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(number: int, moment: str) -> Callable[[int, str, str], None]:
    def fault(call: int, _name: str, when: str) -> None:
        if (call, when) == (number, moment):
            suicide()

    return fault


def calls_of(laboratory: Laboratory, action: str, exchange: bool) -> list[tuple[int, str]]:
    """Every place at which the write door can be stopped during an undisturbed action."""
    places: list[tuple[int, str]] = []
    fleet = laboratory.fleet(action)
    disk = FaultyDisk(lambda call, _name, when: places.append((call, when)), exchange=exchange)
    ACTIONS[action](fleet.room(disk))
    shutil.rmtree(fleet.root)
    return places


def named_points(laboratory: Laboratory) -> None:
    """Kill at each named point, each time it is passed, of apply, rollback and the way back."""
    for action in (*ACTIONS, "undo"):
        for step in STEPS:
            for count in range(1, len(OLD) + 1):
                if not _kill_at_point(laboratory, action, step, count):
                    break


def _kill_at_point(laboratory: Laboratory, action: str, step: str, count: int) -> bool:
    """Whether the point was passed that often."""
    fleet = laboratory.fleet(action)
    seen = Counter[str]()

    def on_step(name: str) -> None:
        seen[name] += 1
        if (name, seen[name]) == (step, count):
            suicide()
        if action == "undo" and name == "verified":
            raise OSError(errno.EIO, "planted")

    work = ACTIONS["apply" if action == "undo" else action]
    code = in_child(lambda: work(fleet.room(on_step=on_step)))
    killed = code == -signal.SIGKILL
    laboratory.judged(f"{action} killed at {step} #{count}", "named points", fleet)
    return killed


def every_call(laboratory: Laboratory) -> Iterable[Callable[[], None]]:
    """Kill at every system call of the write door, and once more during the recovery."""
    for exchange in (True, False):
        for action in ACTIONS:
            for number, moment in calls_of(laboratory, action, exchange):
                yield lambda a=action, n=number, m=moment, e=exchange: _kill_twice(
                    laboratory, a, (n, m), e
                )


def _kill_twice(
    laboratory: Laboratory, action: str, place: tuple[int, str], exchange: bool
) -> None:
    fleet = laboratory.fleet(action)
    disk = FaultyDisk(kill_at(*place), exchange=exchange)
    code = in_child(lambda: ACTIONS[action](fleet.room(disk)))
    what = f"{action} killed {place[1]} call {place[0]}{'' if exchange else ', no exchange'}"
    if code != -signal.SIGKILL:
        laboratory.judged(f"{what} (was not reached)", "every call", fleet)
        return
    again = random.randint(1, 12)
    moment = random.choice(("before", "middle", "after"))
    disk = FaultyDisk(kill_at(again, moment), exchange=exchange)
    in_child(lambda: recover(fleet.room(disk)))
    laboratory.judged(f"{what}, recovery killed {moment} call {again}", "every call", fleet)


def failing_calls(laboratory: Laboratory) -> Iterable[Callable[[], None]]:
    """Fail every call of the write door, once or from there on."""
    for action in ACTIONS:
        for number, moment in calls_of(laboratory, action, True):
            if moment == "after":
                continue
            for lasting in (False, True):
                code = random.choice(ERRORS)
                yield lambda a=action, n=number, m=moment, c=code, x=lasting: _fail(
                    laboratory, a, (n, m), c, x
                )


def _fail(
    laboratory: Laboratory, action: str, place: tuple[int, str], code: int, lasting: bool
) -> None:
    fleet = laboratory.fleet(action)

    def fault(call: int, _name: str, when: str) -> None:
        if (call, when) == place or (lasting and call > place[0] and when == "before"):
            raise OSError(code, os.strerror(code))

    ended = in_child(lambda: ACTIONS[action](fleet.room(FaultyDisk(fault))))
    what = f"{action} failed with {errno.errorcode[code]} {place[1]} call {place[0]}"
    what += " and ever after" if lasting else ""
    if ended not in {0, 1}:
        what += f" (ended with {ended})"
    laboratory.judged(what, "failing calls", fleet)


def random_instant(laboratory: Laboratory) -> None:
    """Kill from outside after a random time, in the range that an action takes."""
    action = random.choice(tuple(ACTIONS))
    fleet = laboratory.fleet(action)
    exchange = random.random() < 0.7
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            ACTIONS[action](fleet.room(FaultyDisk(exchange=exchange)))
        finally:
            os._exit(0)
    delay = random.uniform(0, 0.12)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    laboratory.judged(f"{action} killed after {delay * 1000:.1f} ms", "random instants", fleet)


def editor(path: Path, texts: list[bytes], pause_seconds: float) -> None:
    """Save each text in turn, as editors do: in place, or beside and renamed."""
    for text in texts:
        time.sleep(random.uniform(0, pause_seconds))
        if random.random() < 0.5:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o640)
            time.sleep(random.uniform(0, pause_seconds))
            os.write(fd, text)
            os.ftruncate(fd, len(text))
            os.close(fd)
        else:
            temp = path.with_suffix(".swp")
            temp.write_bytes(text)
            temp.chmod(0o640)
            temp.rename(path)


def linger(_call: int, name: str, _moment: str) -> None:
    """Make the instants wider in which names are swapped, or an editor would hardly meet them."""
    if name in {"exchange", "place", "rename"}:
        time.sleep(random.uniform(0, 0.003))


def race_with_editor(laboratory: Laboratory, *, kill: bool) -> None:
    """An editor saves one of the files while the change is made: its last text must stand."""
    fleet = laboratory.fleet("apply")
    key = ("A", "plugins/Shop/config.yml")
    path = fleet.path(*key)
    exchange = random.random() < 0.7
    room = fleet.room(FaultyDisk(linger, exchange=exchange))
    plan = planned(room)
    texts = [f"spawn: {{radius: {number}}} # mine\n".encode() for number in range(3)]
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            random.seed(os.getpid())
            room.apply(plan, author="op", reason="race", change_id="c1")
        finally:
            os._exit(0)
    writer = os.fork()
    if writer == 0:
        try:
            random.seed(os.getpid())
            editor(path, texts, 0.02)
        finally:
            os._exit(0)
    if kill:
        time.sleep(random.uniform(0, 0.09))
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.waitpid(writer, 0)
    again = fleet.room()
    again.recover()
    _judge_race(laboratory, fleet, again, key, texts[-1], f"exchange={exchange} kill={kill}")


def _judge_race(
    laboratory: Laboratory,
    fleet: Fleet,
    room: ChangeRoom,
    key: tuple[str, str],
    last: bytes,
    what: str,
) -> None:
    tally = laboratory._tally
    tally.runs["races with an editor"] += 1
    changes = room.list()
    applied = bool(changes) and changes[0].status is ChangeStatus.APPLIED
    tally.ends["race: " + (changes[0].status.value if changes else "nothing begun")] += 1
    contents = fleet.contents()
    problems = []
    if contents[key] != last:
        problems.append(f"the editor's last text is lost: {contents[key]!r}")
    others = NEW if applied else OLD
    problems += [
        f"{each} is mixed" for each in OLD if each != key and contents[each] != others[each]
    ]
    problems += [each for each in remains(fleet) if str(key) not in each]
    if problems:
        tally.failures.append(f"race {what}: {'; '.join(problems)} ({fleet.root})")
    else:
        shutil.rmtree(fleet.root)


def real_mounts(laboratory: Laboratory, tally: Tally) -> str:
    """A full and a read-only tmpfs under the instances; says why not, where not permitted."""
    for fault in ("full", "read-only"):
        for step in (
            "begun",
            "backed_up",
            "staged_file",
            "staged",
            "swapped",
            "written",
            "verified",
        ):
            for count in (1, 2):
                fleet = laboratory.fleet("mount")
                mount = fleet.root / "mounted"
                mount.mkdir()
                done = subprocess.run(
                    ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mount)],
                    check=False,
                    capture_output=True,
                    timeout=RUN_SECONDS,
                )
                if done.returncode != 0:
                    return f"not permitted here: {done.stderr.decode().strip()}"
                try:
                    _on_mount(laboratory, Fleet(fleet.root, mount), fault, step, count)
                finally:
                    subprocess.run(["umount", "-l", str(mount)], check=False, timeout=RUN_SECONDS)
                shutil.rmtree(fleet.root, ignore_errors=True)
    return f"{tally.runs['real mounts']} runs"


def _on_mount(laboratory: Laboratory, fleet: Fleet, fault: str, step: str, count: int) -> None:
    mount = fleet.instances
    assert mount is not None
    seen = Counter[str]()
    filler = mount / "filler"

    def on_step(name: str) -> None:
        seen[name] += 1
        if (name, seen[name]) != (step, count):
            return
        if fault == "read-only":
            _remount(mount, "ro")
        else:
            _fill(filler)

    in_child(lambda: apply(fleet.room(on_step=on_step)))
    if fault == "read-only":
        fleet.room().recover()
        _remount(mount, "rw")
    what = f"tmpfs {fault} at {step} #{count}"
    room = fleet.room()
    room.recover()
    filler.unlink(missing_ok=True)
    laboratory._tally.runs["real mounts"] += 1
    problems = list(laboratory._problems(fleet))
    if problems:
        laboratory._tally.failures.append(f"{what}: {'; '.join(problems)}")


def _remount(mount: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", str(mount)], check=True, timeout=RUN_SECONDS)


def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as out:
        for size in (4096, 1):
            try:
                while True:
                    out.write(b"x" * size)
            except OSError:
                continue


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=600, help="at least so many kills (600)")
    parser.add_argument("--named-only", action="store_true", help="only the named points, quickly")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--folder", type=Path, help="where to work (memory, if there is a /dev/shm)"
    )
    options = parser.parse_args()
    random.seed(options.seed)
    tally = Tally()
    started = time.monotonic()
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=options.folder or memory) as folder:
        laboratory = Laboratory(Path(folder), tally)
        named_points(laboratory)
        mounts = "not tried"
        if not options.named_only:
            for work in (*every_call(laboratory), *failing_calls(laboratory)):
                work()
            missing = options.runs - sum(tally.runs.values()) + tally.runs["failing calls"]
            for _ in range(max(RANDOM_INSTANTS, missing)):
                random_instant(laboratory)
            for number in range(RACES):
                race_with_editor(laboratory, kill=number % 2 == 0)
            mounts = real_mounts(laboratory, tally)
        return report(tally, mounts, time.monotonic() - started)


def report(tally: Tally, mounts: str, seconds: float) -> int:
    print(f"{sum(tally.runs.values())} runs in {seconds:.0f} s")
    for kind, count in tally.runs.items():
        print(f"  {kind:22} {count:5}")
    print(f"  real mounts: {mounts}")
    print("after the restart: " + ", ".join(f"{c} {end}" for end, c in tally.ends.most_common()))
    for failure in tally.failures:
        print(f"FAILED {failure}")
    print("all whole" if not tally.failures else f"{len(tally.failures)} FAILED")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
