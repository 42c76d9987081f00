"""The room where changes are made: plan, apply, roll back, recover, and tell what was done."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from homeamp_agent.changes.audit import AuditLog
from homeamp_agent.changes.backup import Backups
from homeamp_agent.changes.diff import masked_text, shown_file
from homeamp_agent.changes.disk import Disk
from homeamp_agent.changes.edit import PlainEdit
from homeamp_agent.changes.errors import (
    BackupError,
    ChangeExistsError,
    ChangesError,
    InstanceBusyError,
    JournalError,
    NothingPlannedError,
    NotRollableError,
    RollbackConflicts,
    UnknownChangeError,
)
from homeamp_agent.changes.history import APPLY, ROLLBACK, RunRecord, request_of, runs_of
from homeamp_agent.changes.journal import Entry, Journal, journal_ids, read_journal
from homeamp_agent.changes.locks import Locks
from homeamp_agent.changes.plan import (
    GameFolderOf,
    NewContent,
    PlannedChange,
    PlannedFile,
    Planner,
)
from homeamp_agent.changes.run import Run, RunFacts
from homeamp_agent.changes.safety import ABSENT, sha256_of
from homeamp_agent.changes.state import StateFolder
from homeamp_agent.changes.swap import FileStep, temp_name
from homeamp_agent.changes.workbench import MIN_FREE_BYTES, Workbench
from homeamp_agent.configfiles import DEFAULT_LIMITS, Limits
from homeamp_agent.model.change import ChangeRequest, ChangeStatus, RollbackConflict
from homeamp_agent.model.secret import Masker

KEYED_ID_HEX_DIGITS = 24
"""A change made under an idempotency key is named by it, so that a retry finds the first one."""


class ChangeRoom:
    """Everything that writes inside instances goes through here; safe to use from any thread.

    `state` is our own folder; `game_folder_of` finds an instance's game folder by its name.
    `on_step` hears each point of `run.STEPS`, `on_write` each path just before its content changes.
    """

    def __init__(
        self,
        state: Path,
        *,
        masker: Masker,
        game_folder_of: GameFolderOf,
        limits: Limits = DEFAULT_LIMITS,
        min_free_bytes: int = MIN_FREE_BYTES,
        on_step: Callable[[str], None] = lambda _step: None,
        on_write: Callable[[Path, str], None] = lambda _path, _sha256: None,
        disk: Disk | None = None,
    ) -> None:
        root = StateFolder(state, disk or Disk())
        self._masker = masker
        self._locks = Locks(root.below("locks"))
        self._journals = root.below("journal")
        self.backups = Backups(root.below("backups"), self._locks)
        self.audit = AuditLog(root.below("audit"))
        self._planner = Planner(masker, game_folder_of, limits)
        with root.opened():
            pass
        self._bench = Workbench(
            disk=root.disk,
            backups=self.backups,
            audit=self.audit,
            state_path=state,
            limits=limits,
            min_free_bytes=min_free_bytes,
            on_step=on_step,
            on_write=on_write,
        )

    def plan(self, edits: Sequence[PlainEdit]) -> PlannedChange:
        """What the edits would do; writes nothing. See `Planner.plan`."""
        return self._planner.plan(edits)

    def apply(
        self,
        planned: PlannedChange,
        *,
        author: str,
        reason: str,
        idempotency_key: str | None = None,
    ) -> ChangeRequest:
        """Do what was planned, all of it or nothing. The same key again returns the first result.

        Raises:
            NothingPlannedError: the plan changes no file.
            InstanceBusyError: another request holds one of the instances, or left one unsettled.
            OSError: not even the journal could be begun; nothing was changed.
        """
        if not planned.files:
            raise NothingPlannedError("the plan changes no file")
        change_id = _change_id(idempotency_key)
        names = {each.place.instance for each in planned.files}
        with self._locks.instances(names):
            self._refuse_unsettled(names)
            try:
                journal = Journal(self._journals, change_id, new=True)
            except ChangeExistsError:
                earlier = self._request(change_id)
                if earlier is not None:
                    return earlier
                journal = Journal(self._journals, change_id, new=False)
            with journal:
                facts = RunFacts(change_id, 1, APPLY, author, reason)
                more = {
                    "edits": [edit.model_dump(mode="json") for edit in planned.edits],
                    "refused": [each.model_dump(mode="json") for each in planned.plan.refused],
                }
                self._carry_out(journal, facts, planned.files, more)
        return self.show(change_id)

    def rollback(
        self, change_id: str, *, author: str, reason: str, force: bool = False
    ) -> ChangeRequest:
        """Put the exact bytes back, of all files or of none.

        Raises:
            UnknownChangeError: there is no such change.
            NotRollableError: it is not applied, or a backup of it is gone.
            RollbackConflicts: files are no longer as the change left them (and no `force`).
            InstanceBusyError: another request holds one of the instances.
        """
        applied = self._rollable(change_id)
        names = {step.place.instance for step in applied.steps}
        with self._locks.instances(names):
            self._refuse_unsettled(names)
            applied = self._rollable(change_id)
            files = self._way_back(change_id, applied, force=force)
            number = len(runs_of(read_journal(self._journals, change_id).entries)) + 1
            with Journal(self._journals, change_id, new=False) as journal:
                facts = RunFacts(change_id, number, ROLLBACK, author, reason)
                self._carry_out(journal, facts, files, {})
        return self.show(change_id)

    def recover(self) -> Sequence[ChangeRequest]:
        """At start: finish or undo every run that was stopped in the middle. Safe to repeat.

        Returns the change requests that were settled, or could not be settled yet.
        """
        touched: list[ChangeRequest] = []
        for change_id in journal_ids(self._journals):
            for run in self._runs(change_id):
                if run.open:
                    self._settle(change_id, run)
                    request = self._request(change_id)
                    touched += [request] if request is not None else []
        return touched

    def list(self) -> Sequence[ChangeRequest]:
        """All change requests without their diffs, newest first."""
        found = [
            request
            for change_id in journal_ids(self._journals)
            if (request := self._request(change_id, with_diffs=False)) is not None
        ]
        return sorted(found, key=lambda each: (each.created_at, each.id), reverse=True)

    def show(self, change_id: str) -> ChangeRequest:
        """One change request with its diffs.

        Raises:
            UnknownChangeError: there is none.
        """
        request = request_of(change_id, read_journal(self._journals, change_id).entries)
        if request is None:
            raise UnknownChangeError(f"there is no change {change_id}")
        return request

    def _carry_out(
        self,
        journal: Journal,
        facts: RunFacts,
        files: Sequence[PlannedFile],
        more: Entry,
    ) -> None:
        steps = [
            FileStep(
                place=each.place,
                temp=temp_name(facts.change_id, facts.number, index),
                before=sha256_of(each.before),
                after=sha256_of(each.after),
            )
            for index, each in enumerate(files)
        ]
        journal.append(
            "begun",
            run=facts.number,
            kind=facts.kind,
            author=facts.author,
            reason=facts.reason,
            steps=[step.wire() for step in steps],
            diffs=[each.diff for each in files],
            **more,
        )
        Run(self._bench, journal, facts, steps).carry_out(files)

    def _settle(self, change_id: str, run: RunRecord) -> None:
        names = {step.place.instance for step in run.steps}
        facts = RunFacts(change_id, run.number, run.kind, run.author, run.reason)
        with (
            self._locks.instances(names),
            Journal(self._journals, change_id, new=False) as journal,
        ):
            settling = Run(self._bench, journal, facts, run.steps)
            if run.committed:
                settling.finish()
            else:
                reason = run.message or "the agent was stopped in the middle"
                settling.go_back(reason, staged=run.staged)

    def _refuse_unsettled(self, names: set[str]) -> None:
        """Raise if an earlier run on one of the instances is still open; its lock is ours now."""
        for change_id in journal_ids(self._journals):
            for run in self._runs(change_id):
                if run.open and names & {step.place.instance for step in run.steps}:
                    raise InstanceBusyError(
                        f"change {change_id} was not settled yet: restart the agent to finish it"
                    )

    def _rollable(self, change_id: str) -> RunRecord:
        request = self.show(change_id)
        if request.status is not ChangeStatus.APPLIED:
            raise NotRollableError(f"change {change_id} is {request.status.value}, not applied")
        return self._runs(change_id)[0]

    def _way_back(
        self, change_id: str, applied: RunRecord, *, force: bool
    ) -> tuple[PlannedFile, ...]:
        planned = self._planner.plan_files(
            self._original(change_id, step) for step in applied.steps
        )
        ours = {(step.place.instance, step.place.file): step for step in applied.steps}
        conflicts = []
        for file in planned.files:
            step = ours[file.place.instance, file.place.file]
            if sha256_of(file.before) != step.after:
                conflicts.append(self._conflict(change_id, step, file))
        if conflicts and not force:
            raise RollbackConflicts(conflicts)
        return planned.files

    def _original(self, change_id: str, step: FileStep) -> NewContent:
        place = step.place
        if step.before == ABSENT:
            return NewContent(place.instance, place.file, None)
        try:
            content = self.backups.read(step.before)
        except BackupError as error:
            raise NotRollableError(f"{place.file}: {error}") from error
        kept = next(
            (
                backup
                for backup in self.backups.list(place.instance, place.file)
                if backup.change_id == change_id and backup.sha256 == step.before
            ),
            None,
        )
        metadata = kept.metadata if kept is not None else None
        return NewContent(place.instance, place.file, content, metadata=metadata)

    def _conflict(self, change_id: str, step: FileStep, now: PlannedFile) -> RollbackConflict:
        place = step.place
        diffs = dict(zip(self._steps_of(change_id), self._runs(change_id)[0].diffs, strict=False))
        return RollbackConflict(
            instance=place.instance,
            file=place.file,
            before=self._masked(place.file, now.after),
            ours=diffs.get((place.instance, place.file), ""),
            theirs=self._masked(place.file, now.before),
            reason="it was changed after this change was applied",
        )

    def _steps_of(self, change_id: str) -> Sequence[tuple[str, str]]:
        return [(step.place.instance, step.place.file) for step in self._runs(change_id)[0].steps]

    def _masked(self, file: str, content: bytes | None) -> str:
        document = self._planner.document(file, content)
        return masked_text(shown_file(content, document, self._masker, None))

    def _runs(self, change_id: str) -> Sequence[RunRecord]:
        try:
            return runs_of(read_journal(self._journals, change_id).entries)
        except (JournalError, UnknownChangeError):
            return []

    def _request(self, change_id: str, *, with_diffs: bool = True) -> ChangeRequest | None:
        try:
            entries = read_journal(self._journals, change_id).entries
        except ChangesError:
            return None
        return request_of(change_id, entries, with_diffs=with_diffs)


def _change_id(idempotency_key: str | None) -> str:
    if idempotency_key is not None:
        digest = hashlib.sha256(idempotency_key.encode("utf-8", "surrogatepass")).hexdigest()
        return f"key-{digest[:KEYED_ID_HEX_DIGITS]}"
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
