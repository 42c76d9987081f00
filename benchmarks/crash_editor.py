"""An editor that saves one of the files in the middle of a change, for `benchmarks.crash`."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path

from benchmarks.crash_fleet import NEW, OLD, FaultyDisk, Fleet, planned
from benchmarks.crash_laboratory import Laboratory, begun_in_child, remains
from homeamp_agent.changes import ChangeRoom
from homeamp_agent.model.change import ChangeStatus


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

    def change() -> None:
        random.seed(os.getpid())
        room.apply(plan, author="op", reason="race", change_id="c1")

    def edit() -> None:
        random.seed(os.getpid())
        editor(path, texts, 0.02)

    child, writer = begun_in_child(change), begun_in_child(edit)
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
    tally = laboratory.tally
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
