"""What can go wrong when files of an instance are changed.

ChangesError
├── UnsafeFileError          this file may not be written (link, device, mode, mount, ...)
├── FileConflictError        the file is not, or no longer, what the plan was made against
├── NotKeptError             owner, mode or an attribute could not be kept on the new file
├── NoRoomError              too little disk space to write and to keep the way back
├── NothingPlannedError      the plan changes no file
├── InstanceBusyError        another request holds one of the instances
├── UnknownChangeError       no journal has that change
├── RequestError             a request that says nothing that could be done; each problem a line
├── NotNowError              the request is in no state for that, or not by this person
├── ChangeExistsError        the change id is taken by another request
├── NotRollableError         the change is in no state to be rolled back, or its backup is gone
├── RollbackConflicts        files are no longer as the change left them; a person chooses
├── JournalError             a journal cannot be read
├── AuditError               the audit log cannot be continued
├── InboxError               the inbox is no folder that may be trusted
└── BackupError              a backup cannot be made or used
    ├── BackupMissingError   no such backup, or its bytes are gone
    └── BackupDamagedError   its bytes are not those that were kept
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

from homeamp_agent.model.change import RollbackConflict


class ChangesError(Exception):
    """Base of every error this package raises. Its text never holds a setting's value."""


class UnsafeFileError(ChangesError):
    """This file may not be written; `file` is relative to the game folder."""

    def __init__(self, file: str, reason: str) -> None:
        self.file = file
        self.reason = reason
        super().__init__(f"{file}: {reason}")


class FileConflictError(ChangesError):
    """The file is not what the plan was made against; what stands there was left alone."""

    def __init__(self, file: str, reason: str) -> None:
        self.file = file
        self.reason = reason
        super().__init__(f"{file}: {reason}")


class NotKeptError(ChangesError):
    """Owner, mode or an extended attribute could not be given to the new file."""


class NoRoomError(ChangesError):
    """Too little disk space to write and to keep the way back."""


class NothingPlannedError(ChangesError):
    """The plan changes no file."""


class InstanceBusyError(ChangesError):
    """Another request holds one of the instances, or left one in need of repair."""


class UnknownChangeError(ChangesError):
    """No journal has that change."""


class RequestError(ChangesError):
    """What was handed in is no request; `problems` name each place, never a value."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems[:3]))


class NotNowError(ChangesError):
    """The request is in no state for that, or this person may not do it."""


class ChangeExistsError(ChangesError):
    """The change id is taken by another request."""


class NotRollableError(ChangesError):
    """The change cannot be rolled back: its state, or a backup that is gone."""


class RollbackConflicts(ChangesError):
    """Files are no longer as the change left them. Nothing was written."""

    def __init__(self, conflicts: Sequence[RollbackConflict]) -> None:
        self.conflicts = tuple(conflicts)
        names = ", ".join(f"{each.instance}/{each.file}" for each in self.conflicts)
        super().__init__(f"changed since, not rolled back: {names}")


class JournalError(ChangesError):
    """A journal cannot be read."""


class AuditError(ChangesError):
    """The audit log cannot be continued."""


class InboxError(ChangesError):
    """The inbox is no folder that may be trusted; the text names it and says why."""


class BackupError(ChangesError):
    """A backup cannot be made or used."""


class BackupMissingError(BackupError):
    """No such backup, or its bytes are gone."""


class BackupDamagedError(BackupError):
    """The kept bytes are not those that were given."""


_PLAIN_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "the system does not permit it",
    errno.EIO: "the disk reports an input/output error",
    errno.ENOENT: "it is not there",
    errno.ELOOP: "a symbolic link stands in the way",
}


def plain_reason(error: Exception) -> str:
    """One line for a person, without paths of ours and without a setting's value."""
    if isinstance(error, OSError) and error.errno is not None:
        return _PLAIN_REASONS.get(error.errno) or os.strerror(error.errno).lower()
    if isinstance(error, ChangesError):
        return str(error)
    return f"unexpected error ({type(error).__name__})"
