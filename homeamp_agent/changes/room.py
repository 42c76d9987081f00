"""The door of the package: plan, apply, roll back, recover, list, show, restore."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from homeamp_agent.changes.audit import FOLDER as AUDIT
from homeamp_agent.changes.audit import AuditLog
from homeamp_agent.changes.backup import FOLDER as BACKUPS
from homeamp_agent.changes.backup import Backup, Backups, Retention
from homeamp_agent.changes.begun import begun_entry, lines_of, nodes_of, steps_of
from homeamp_agent.changes.disk import Disk
from homeamp_agent.changes.edit import PlainEdit
from homeamp_agent.changes.errors import (
    JournalError,
    NothingPlannedError,
    NotNowError,
    NotRollableError,
    UnknownChangeError,
)
from homeamp_agent.changes.history import APPLY, RESTORE, ROLLBACK, ChangeRecord
from homeamp_agent.changes.journal import (
    CHANGE_ID,
    SUFFIX,
    Journal,
)
from homeamp_agent.changes.keeping import Keeping
from homeamp_agent.changes.locks import Locks
from homeamp_agent.changes.many import ManyRollbacks, begun_at, plan_rollbacks
from homeamp_agent.changes.nodes import AmpSettings
from homeamp_agent.changes.plan import (
    GameFolderOf,
    NewContent,
    OwnedByAmp,
    PlannedChange,
    Planner,
    nothing_owned,
)
from homeamp_agent.changes.records import Records
from homeamp_agent.changes.recovery import Recovery, Unsettled
from homeamp_agent.changes.rollback import FileKey, RollbackPlan, RollbackPlanner
from homeamp_agent.changes.run import Run, RunFacts, ignore_count
from homeamp_agent.changes.state import StateFolder
from homeamp_agent.changes.swap import FileStep
from homeamp_agent.changes.workbench import MIN_FREE_BYTES, Workbench, ignore_step, ignore_write
from homeamp_agent.configfiles import DEFAULT_LIMITS, Limits
from homeamp_agent.model.change import ChangeRequest, ChangeStatus, Edit
from homeamp_agent.model.secret import Masker

LOCK_WAIT_SECONDS = 10.0
"""A request of hundreds of files takes a few seconds; longer, and something is wrong."""


class ChangeRoom:
    """The only code that writes inside an instance. Synchronous and thread-safe.

    Several rooms, also in several processes, may share one state folder.
    """

    def __init__(
        self,
        state: Path,
        *,
        masker: Masker,
        game_folder_of: GameFolderOf,
        limits: Limits = DEFAULT_LIMITS,
        min_free_bytes: int = MIN_FREE_BYTES,
        lock_wait_seconds: float = LOCK_WAIT_SECONDS,
        on_step: Callable[[str], None] = ignore_step,
        on_write: Callable[[Path, str, str], None] = ignore_write,
        disk: Disk | None = None,
        owned_by_amp: OwnedByAmp = nothing_owned,
        amp: AmpSettings | None = None,
    ) -> None:
        """Use the folder `state` (made if missing, mode 0700). Call `recover` first.

        `game_folder_of` gives the game folder of an instance by name, KeyError if there is none.
        `on_step` hears each point of `run.STEPS`; `on_write` each path of an instance just before
        its content becomes the one with that sha256 (empty: no file), so that a watcher can tell
        our own writes apart, and which change made them. Both are called from the working thread.
        `owned_by_amp` tells which settings AMP owns, `amp` asks and sets them; without it, edits of
        those are refused.
        """
        ours = StateFolder(state, disk or Disk())
        with ours.opened():
            pass
        self._journals = ours.below("journal")
        self._records = Records(self._journals)
        self._locks = Locks(ours.below("locks"), lock_wait_seconds)
        self.backups = Backups(ours.below(BACKUPS), self._locks)
        self.audit = AuditLog(ours.below(AUDIT))
        self._planner = Planner(masker, game_folder_of, limits, owned_by_amp, amp is not None)
        self.keeping = Keeping(
            self._journals, self._locks, self._planner, self.audit, self._records.all
        )
        self._bench = Workbench(
            disk=ours.disk,
            backups=self.backups,
            audit=self.audit,
            state_path=state,
            limits=limits,
            min_free_bytes=min_free_bytes,
            on_step=on_step,
            on_write=on_write,
            amp=amp,
        )
        self._recovery = Recovery(self._records, self._locks, self._planner, self._bench)

    def plan(self, edits: Sequence[PlainEdit]) -> PlannedChange:
        """What the edits would do, exactly; see `Planner.plan`. Writes nothing."""
        return self._planner.plan(edits)

    def plan_files(self, contents: Iterable[NewContent]) -> PlannedChange:
        """The same for whole files; see `Planner.plan_files`."""
        return self._planner.plan_files(contents)

    def apply(
        self,
        planned: PlannedChange,
        *,
        author: str,
        reason: str,
        change_id: str | None = None,
        idempotency_key: str | None = None,
        kind: str = APPLY,
        part: bool = False,
        on_file: Callable[[int, int], None] = ignore_count,
    ) -> ChangeRequest:
        """Carry a plan out, whole or not at all.

        `on_file` hears how many steps of how many are done, two a file. `part`: of a change that
        is written instance by instance; the first one begins it.

        The answer says what became of it: `applied`, or `failed` with everything taken back and
        the file that caused it. A key that was used before returns that change as it is now.

        Raises:
            NothingPlannedError: the plan changes no file.
            InstanceBusyError: another request is working on one of the instances.
            ChangeExistsError: the id is taken.
            NotNowError: the change that it is a part of was taken back.
            OSError: the journal cannot be written; nothing was begun.
        """
        if idempotency_key is not None:
            earlier = self._records.keyed(idempotency_key)
            if earlier is not None:
                return self._recovery.awaited(earlier)
        if not planned.files:
            raise NothingPlannedError("the plan changes no file")
        change_id = change_id or new_change_id()
        begun = self._records.find(change_id) if part else None
        number = 1 if begun is None else begun.runs[-1].number + 1
        facts = RunFacts(change_id, number, kind, author, reason)
        steps = steps_of(planned.files, facts)
        names = {step.place.instance for step in steps}
        names |= frozenset() if begun is None else begun.instances
        with self._locks.instances(names):
            self._recovery.repair(names)
            with self._locks.requests():
                if idempotency_key is not None:
                    earlier = self._records.keyed(idempotency_key)
                    if earlier is not None:
                        return earlier.request()
                if begun is not None:
                    self._refuse_part(begun)
                journal = self._new_journal(
                    facts,
                    steps,
                    planned,
                    idempotency_key=idempotency_key,
                    digest=planned.plan.digest,
                    edits=[each.model_dump(mode="json") for each in planned.edits],
                    refused=[each.model_dump(mode="json") for each in planned.plan.refused],
                )
            with journal:
                run = Run(
                    self._bench,
                    journal,
                    facts,
                    steps,
                    nodes=nodes_of(planned.files),
                    lines=lines_of(planned.files),
                    on_file=on_file,
                )
                run.carry_out(planned.files)
        return self.show(change_id)

    def rollback(
        self,
        change_id: str,
        *,
        author: str,
        reason: str,
        force: bool = False,
        keep: Collection[FileKey] = (),
    ) -> ChangeRequest:
        """Bring the exact bytes back, in all files or in none.

        `force` overwrites what others wrote since (it is kept as a backup); `keep` names
        (instance, file) pairs to leave alone.

        Raises:
            UnknownChangeError: there is no such change.
            NotRollableError: it is not applied (any more), or its backups are gone.
            RollbackConflicts: files are not as the change left them; nothing was written.
            InstanceBusyError: another request is working on one of the instances.
        """
        if self._records.find(change_id) is None and self._records.is_damaged(change_id):
            raise NotRollableError(f"the journal of {change_id} is damaged: restore its backups")
        names = self._records.get(change_id).instances
        with self._locks.instances(names):
            self._recovery.repair(names)
            record = self._records.get(change_id)
            if record.status is not ChangeStatus.APPLIED:
                raise NotRollableError(f"{change_id} is {record.status.words}, not applied")
            planner = RollbackPlanner(self._planner, self.backups, self._records.writer_of)
            plan = planner.plan(record, force=force, keep=keep)
            self._roll_back(record, plan, author, reason)
        return self.show(change_id)

    def plan_rollbacks(self, change_ids: Iterable[str], *, force: bool = False) -> ManyRollbacks:
        """What rolling these back, newest first, would come to. Writes nothing.

        Raises:
            UnknownChangeError: there is no change of one of the ids.
        """
        records = [self._records.get(each) for each in dict.fromkeys(change_ids)]
        planner = RollbackPlanner(self._planner, self.backups, self._records.writer_of)
        return plan_rollbacks(records, planner, force=force)

    def applied_since(self, moment: datetime) -> Sequence[str]:
        """The ids of changes carried out from then on that stand, newest first."""
        found = [
            each
            for each in self._records.all()
            if each.status is ChangeStatus.APPLIED and begun_at(each) >= moment
        ]
        return [each.change_id for each in sorted(found, key=begun_at, reverse=True)]

    def recover(self) -> Sequence[ChangeRequest]:
        """Finish or take back every run that was stopped in the middle; what became of each.

        Safe to call at any time and as often as one likes. Runs that another living process is at
        work on are left to it. What still cannot be settled (a disk that is away) stays as it is,
        and blocks further changes of its instances. A journal that cannot be read holds up no other
        (see `damaged_journals`).
        """
        return self._recovery.recover()

    def unsettled(self) -> Sequence[Unsettled]:
        """What `recover` would have to do now, runs that somebody is at work on left out."""
        return self._recovery.unsettled()

    def damaged_journals(self) -> Sequence[str]:
        """The ids of changes whose journal can no longer be read to its end, or at all."""
        return self._records.damaged()

    def list(
        self,
        *,
        instance: str | None = None,
        status: ChangeStatus | None = None,
        limit: int | None = None,
    ) -> Sequence[ChangeRequest]:
        """Changes without their diffs, newest first; `instance` and `status` filter."""
        requests = [
            record.request()
            for record in self._records.all()
            if (instance is None or instance in record.instances)
            and (status is None or record.status is status)
        ]
        requests.sort(key=lambda each: (each.created_at, each.id), reverse=True)
        return requests[:limit]

    def show(self, change_id: str) -> ChangeRequest:
        """One change as its journal tells it, with its diffs.

        Raises:
            UnknownChangeError: there is none.
        """
        return self._records.whole(change_id)

    def outline(self, change_id: str) -> ChangeRequest:
        """One change without its diffs; raises as `show`."""
        return self._records.get(change_id).request()

    def edits_of(self, change_id: str) -> Sequence[Edit]:
        """What a change set, secrets masked; nothing if no journal tells of it."""
        if not CHANGE_ID.fullmatch(change_id):
            return ()
        with suppress(UnknownChangeError, JournalError):
            record = self._records.begun(change_id)
            return record.edits if record is not None else ()
        return ()

    def restore(
        self, backup_id: str, *, author: str, reason: str, plugin: str | None = None
    ) -> ChangeRequest:
        """Write a backup back to where it came from, as a change of its own.

        `plugin` is whose file it is: what is secret in it may depend on that.

        Raises:
            BackupError: it is gone or damaged.
            NothingPlannedError: the file holds those bytes already.
            UnsafeFileError, InstanceBusyError: as for any change.
        """
        backup = self.backups.show(backup_id)
        content = self.backups.read(backup.sha256)
        planned = self.plan_files(
            [NewContent(backup.instance, backup.file, content, plugin, backup.metadata)]
        )
        return self.apply(planned, author=author, reason=reason, kind=RESTORE)

    def prune_backups(self, retention: Retention, needed: Collection[str] = ()) -> Sequence[Backup]:
        """Remove the backups that `retention` no longer asks for; see `Backups.prune`.

        `needed` are changes that may yet be taken back by themselves: of requests and deployments
        under way.
        """
        open_changes = {each.change_id for each in self._records.all() if each.open_run is not None}
        return self.backups.prune(retention, open_changes | set(needed))

    def _roll_back(
        self, record: ChangeRecord, plan: RollbackPlan, author: str, reason: str
    ) -> None:
        number = record.runs[-1].number + 1
        facts = RunFacts(record.change_id, number, ROLLBACK, author, reason)
        steps = steps_of(plan.files, facts)
        kept = [
            {"instance": instance, "file": file, "message": message}
            for (instance, file), message in plan.kept.items()
        ]
        with Journal(self._journals, record.change_id, new=False) as journal:
            begun = begun_entry(facts, steps, plan.files, plan.nodes)
            journal.append("begun", **begun, kept=kept)
            Run(self._bench, journal, facts, steps, nodes=plan.nodes).carry_out(plan.files)

    def _new_journal(
        self, facts: RunFacts, steps: Sequence[FileStep], planned: PlannedChange, **more: Any
    ) -> Journal:
        journal = Journal(self._journals, facts.change_id, new=facts.number == 1)
        try:
            nodes = nodes_of(planned.files)
            journal.append("begun", **begun_entry(facts, steps, planned.files, nodes), **more)
        except BaseException:
            with journal, suppress(OSError):
                if facts.number == 1:
                    self._journals.remove(facts.change_id + SUFFIX)
            raise
        return journal

    def _refuse_part(self, begun: ChangeRecord) -> None:
        """With its instances held: nobody took it back, and nobody else went on with it."""
        now = self._records.get(begun.change_id)
        if now.status is not ChangeStatus.APPLIED or now.runs[-1].number != begun.runs[-1].number:
            raise NotNowError(f"{begun.change_id} is {now.status.words}: no more of it is written")


def new_change_id() -> str:
    """A change id that sorts by time: `20250131T235959-1a2b3c`."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
