"""Fault injection: kill or fail every step of a change, start again, and look at the disk.

    python -m benchmarks.crash [--runs 600] [--named-only] [--seed N] [--folder DIR]

Each run is a process of its own on a small fleet of its own. It is killed (SIGKILL)

- at each named point of a run (`STEPS`), each time the point is passed;
- before, after, and (for writes) in the middle of every single system call of the write door;
- in the same ways during the recovery from such a kill;
- at random instants, from outside;
- at random instants while an editor keeps saving one of the files;

on a file system with an exchange of names and on one without. And it is failed: ENOSPC, EDQUOT,
EIO, EACCES and EROFS from every single call of the write door, once or from there on; and for real,
on a tmpfs that is full or is made read-only underneath, where mounting is permitted. Each change
holds edits of three formats, a line edit of a file that no reader takes, and a new file.

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
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from benchmarks.crash_editor import race_with_editor
from benchmarks.crash_fleet import ACTIONS, OLD, FaultyDisk, recover
from benchmarks.crash_laboratory import FAILED, Laboratory, Tally, begun_in_child, in_child
from benchmarks.crash_mounts import real_mounts
from homeamp_agent.changes.run import STEPS

ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES, errno.EROFS)
RACES = 400
RANDOM_INSTANTS = 200

MEMORY = Path("/dev/shm")  # noqa: S108  (a file system, not a file of a guessable name)
"""A kill cannot tell a disk from memory, and waiting for a disk 2,000 times takes an hour. What a
power cut does to unsynced data is not shown here."""


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
                yield partial(_kill_twice, laboratory, action, (number, moment), exchange)


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
                yield partial(_fail, laboratory, action, (number, moment), code, lasting)


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
    if ended not in {0, FAILED}:
        what += f" (ended with {ended})"
    laboratory.judged(what, "failing calls", fleet)


def random_instant(laboratory: Laboratory) -> None:
    """Kill from outside after a random time, in the range that an action takes."""
    action = random.choice(tuple(ACTIONS))
    fleet = laboratory.fleet(action)
    exchange = random.random() < 0.7
    child = begun_in_child(lambda: ACTIONS[action](fleet.room(FaultyDisk(exchange=exchange))))
    delay = random.uniform(0, 0.12)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    laboratory.judged(f"{action} killed after {delay * 1000:.1f} ms", "random instants", fleet)


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
