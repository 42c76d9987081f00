"""Runs that were cut short: finished if they count already, else taken back.

By a kill in the middle, by a disk or an AMP that was away on the way back. Until it is settled, the
instances of such a run take no other change.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from homeamp_agent.changes.errors import (
    ChangesError,
    InstanceBusyError,
    JournalError,
    UnknownChangeError,
)
from homeamp_agent.changes.history import ChangeRecord
from homeamp_agent.changes.journal import SUFFIX, Journal, journal_ids, read_journal, says_nothing
from homeamp_agent.changes.locks import Locks
from homeamp_agent.changes.plan import Planner
from homeamp_agent.changes.records import Records
from homeamp_agent.changes.run import Run
from homeamp_agent.changes.swap import FileStep
from homeamp_agent.changes.workbench import Workbench
from homeamp_agent.model.change import ChangeRequest

STOPPED = "the agent was stopped in the middle; everything was taken back"


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A change in which something is left to do, and nobody is at it; `needs_amp` for it."""

    change_id: str
    message: str
    needs_amp: bool


@dataclass(frozen=True, slots=True)
class Recovery:
    """Settles runs. Synchronous and thread-safe, as the room whose parts these are."""

    records: Records
    locks: Locks
    planner: Planner
    bench: Workbench

    def recover(self) -> Sequence[ChangeRequest]:
        """Settle everything; see `ChangeRoom.recover`."""
        settled = []
        for change_id in journal_ids(self.records.journals):
            with suppress(UnknownChangeError, InstanceBusyError, JournalError):
                record = self.records.begun(change_id)
                if record is None:
                    self._forget_unbegun(change_id)
                elif record.open_run is not None:
                    with self.locks.instances(record.instances, wait=False):
                        self.settle(change_id)
                    settled.append(self.records.whole(change_id))
        return settled

    def unsettled(self) -> Sequence[Unsettled]:
        """What `recover` would have to do. Writes nothing."""
        found = []
        for record in self.records.all():
            if record.open_run is None:
                continue
            with (
                suppress(UnknownChangeError, InstanceBusyError, JournalError),
                self.locks.instances(record.instances, wait=False),
            ):
                now = self.records.get(record.change_id)
                if (run := now.open_run) is not None:
                    needs_amp = bool(run.nodes) and not run.committed
                    found.append(Unsettled(now.change_id, now.request().message, needs_amp))
        return found

    def repair(self, names: Collection[str]) -> None:
        """Settle what a dead process left of instances that we hold now; all of it, or refuse.

        Raises:
            InstanceBusyError: something of it cannot be settled yet.
        """
        for record in self.records.all():
            if record.open_run is None or not record.instances & set(names):
                continue
            with self.locks.instances(record.instances - set(names), wait=False):
                self.settle(record.change_id)
            if self.records.get(record.change_id).open_run is not None:
                raise InstanceBusyError(
                    f"change {record.change_id} could not be settled yet: "
                    f"{self.records.whole(record.change_id).message}"
                )

    def awaited(self, record: ChangeRecord) -> ChangeRequest:
        """The change once nobody is at work on it."""
        if record.open_run is not None:
            with self.locks.instances(record.instances):
                self.settle(record.change_id)
        return self.records.whole(record.change_id)

    def settle(self, change_id: str) -> None:
        """Finish or take back the open run of a change whose instances are locked by us."""
        with Journal(self.records.journals, change_id, new=False) as journal:
            open_run = self.records.get(change_id).open_run
            if open_run is None:
                return
            steps = [self._where_it_is_now(step) for step in open_run.steps()]
            run = Run(
                self.bench,
                journal,
                open_run.facts(change_id),
                steps,
                resumed=True,
                nodes=open_run.nodes,
                touched=open_run.touched,
                lines=open_run.lines,
            )
            if open_run.committed:
                run.finish()
            else:
                run.go_back(STOPPED, staged=open_run.staged)

    def _where_it_is_now(self, step: FileStep) -> FileStep:
        """The step as begun; if its folder is gone, where the instance stands today."""
        if step.place.folder.is_dir():
            return step
        with suppress(ChangesError):
            return replace(step, place=self.planner.place(step.place.instance, step.place.file))
        return step

    def _forget_unbegun(self, change_id: str) -> None:
        """Remove a journal whose maker was killed before it said anything; a damaged one stays."""
        journals = self.records.journals
        with self.locks.requests():
            if says_nothing(read_journal(journals, change_id)):
                journals.remove(change_id + SUFFIX)
