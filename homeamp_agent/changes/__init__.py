"""Changes: the only code that writes inside an instance.

What lives here: plan → backup → atomic write → verify → journal, the way back, and what was done.
What may not: deciding what should be changed.
"""

from __future__ import annotations

from homeamp_agent.changes.audit import AuditEntry, AuditLog, AuditVerdict
from homeamp_agent.changes.backup import Backup, BackupProblem, Backups, Retention
from homeamp_agent.changes.diff import masked_text, shown_file
from homeamp_agent.changes.edit import ANY_VALUE, PlainEdit
from homeamp_agent.changes.errors import (
    BackupError,
    ChangesError,
    InstanceBusyError,
    NothingPlannedError,
    NotRollableError,
    RollbackConflicts,
    UnknownChangeError,
    UnsafeFileError,
)
from homeamp_agent.changes.plan import NewContent, PlannedChange, PlannedFile
from homeamp_agent.changes.room import ChangeRoom

__all__ = [
    "ANY_VALUE",
    "AuditEntry",
    "AuditLog",
    "AuditVerdict",
    "Backup",
    "BackupError",
    "BackupProblem",
    "Backups",
    "ChangeRoom",
    "ChangesError",
    "InstanceBusyError",
    "NewContent",
    "NotRollableError",
    "NothingPlannedError",
    "PlainEdit",
    "PlannedChange",
    "PlannedFile",
    "Retention",
    "RollbackConflicts",
    "UnknownChangeError",
    "UnsafeFileError",
    "masked_text",
    "shown_file",
]
