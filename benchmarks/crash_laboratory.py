"""Makes fleets for `benchmarks.crash`, and judges what is left of them after a restart."""

from __future__ import annotations

import os
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.crash_fleet import FILES, NEW, NOBODY, OLD, Fleet, apply
from homeamp_agent.changes import ChangeRoom, ChangesError
from homeamp_agent.changes.safety import TEMP_PREFIX, sha256_of
from homeamp_agent.model.change import ChangeStatus
from tests.doomed import begun, exit_code_of


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
        self.tally = tally
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
        self.tally.runs[kind] += 1
        problems = list(self.problems(fleet))
        if problems:
            self.tally.failures.append(f"{what}: {'; '.join(problems)} ({fleet.root})")
        else:
            shutil.rmtree(fleet.root)

    def problems(self, fleet: Fleet) -> Iterator[str]:
        room = fleet.room()
        room.recover()
        changes = room.list()
        status = changes[0].status if changes else None
        self.tally.ends[status.value if status else "nothing begun"] += 1
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


FAILED = 1


def in_child(work: Callable[[], object]) -> int:
    """Run in a process of its own; its exit code, negative for a signal."""
    return exit_code_of(partial(_fails_as_it_may, work))


def begun_in_child(work: Callable[[], object]) -> int:
    """Begin it in a process of its own, whose id this is."""
    return begun(partial(_fails_as_it_may, work))


def _fails_as_it_may(work: Callable[[], object]) -> None:
    try:
        work()
    except (ChangesError, OSError):
        os._exit(FAILED)
