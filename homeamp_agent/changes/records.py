"""Every change that has a journal, as its journal tells it, read anew only where it grew."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from threading import Lock

from homeamp_agent.changes.errors import JournalError, UnknownChangeError
from homeamp_agent.changes.history import ChangeRecord, read_record
from homeamp_agent.changes.journal import CHANGE_ID, SUFFIX, journal_ids, read_journal, says_nothing
from homeamp_agent.changes.rollback import FileKey
from homeamp_agent.changes.state import StateFolder
from homeamp_agent.model.change import ChangeRequest


class Records:
    """The changes of one folder of journals, without their diffs. Thread-safe."""

    def __init__(self, journals: StateFolder) -> None:
        self.journals = journals
        self._known: dict[str, tuple[tuple[int, int], ChangeRecord | None]] = {}
        self._lock = Lock()

    def all(self) -> Sequence[ChangeRecord]:
        """Every change whose journal can be read."""
        found = []
        for change_id in journal_ids(self.journals):
            with suppress(UnknownChangeError, JournalError):
                found.append(self.begun(change_id))
        return [record for record in found if record is not None]

    def get(self, change_id: str) -> ChangeRecord:
        """One change.

        Raises:
            UnknownChangeError: there is none.
            JournalError: its journal cannot be read.
        """
        record = self.begun(change_id)
        if record is None:
            raise UnknownChangeError(f"there is no change {change_id}")
        return record

    def begun(self, change_id: str) -> ChangeRecord | None:
        """One change; None if its journal says nothing yet. Raises as `get` without a journal."""
        if not CHANGE_ID.fullmatch(change_id):
            raise UnknownChangeError("a change id is letters, digits, '.', '_' and '-'")
        try:
            facts = (self.journals.path / (change_id + SUFFIX)).stat()
        except OSError as error:
            raise UnknownChangeError(f"there is no change {change_id}") from error
        moment = (facts.st_size, facts.st_mtime_ns)
        with self._lock:
            known = self._known.get(change_id)
        if known is None or known[0] != moment:
            journal = read_journal(self.journals, change_id)
            known = (moment, read_record(change_id, journal, with_diffs=False))
            with self._lock:
                self._known[change_id] = known
        return known[1]

    def find(self, change_id: str) -> ChangeRecord | None:
        """One change, or None."""
        with suppress(UnknownChangeError):
            return self.begun(change_id)
        return None

    def whole(self, change_id: str) -> ChangeRequest:
        """One change with its diffs; raises as `get`."""
        record = read_record(change_id, read_journal(self.journals, change_id))
        if record is None:
            raise UnknownChangeError(f"there is no change {change_id}")
        return record.request()

    def keyed(self, idempotency_key: str) -> ChangeRecord | None:
        """The change that was asked for with this key."""
        return next((each for each in self.all() if each.idempotency_key == idempotency_key), None)

    def writer_of(self, key: FileKey, sha256: str) -> str | None:
        """The newest change that left the file with these bytes."""
        newest_first = sorted(
            self.all(), key=lambda each: str(each.runs[0].begun["at"]), reverse=True
        )
        for record in newest_first:
            for step in (each for part in record.made for each in part.steps()):
                if (step.place.instance, step.place.file, step.after) == (*key, sha256):
                    return record.change_id
        return None

    def damaged(self) -> Sequence[str]:
        """The ids of changes whose journal can no longer be read to its end, or at all."""
        return tuple(each for each in journal_ids(self.journals) if self.is_damaged(each))

    def is_damaged(self, change_id: str) -> bool:
        """Whether its journal can no longer be read to its end, or at all."""
        try:
            record = self.begun(change_id)
            if record is not None:
                return record.damaged_lines > 0
            return not says_nothing(read_journal(self.journals, change_id))
        except UnknownChangeError:
            return False
        except JournalError:
            return True
