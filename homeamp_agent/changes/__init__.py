"""Changes: plan, apply, verify, roll back, and recover from being killed in between.

What lives here: the only code that writes inside an instance, with its backups, its journal and
the audit log. What may not: deciding what a setting should be, talking to AMP or to a socket.

    room = ChangeRoom(state_dir, masker=masker, game_folder_of=folders.__getitem__)
    room.recover()
    planned = room.plan([PlainEdit("SMP101", "plugins/X/config.yml", ("a", "b"), new=5)])
    change = room.apply(planned, author="mia", reason="as in the baseline")
    room.rollback(change.id, author="mia", reason="players complained")
"""

from __future__ import annotations

from homeamp_agent.changes.audit import AuditEntry, AuditLog, AuditVerdict, open_audit
from homeamp_agent.changes.backup import Backup, BackupProblem, Backups, Retention, open_backups
from homeamp_agent.changes.book import BookedRequest, RequestBook
from homeamp_agent.changes.diff import masked_text, shown_file
from homeamp_agent.changes.edit import ANY_VALUE, PlainEdit
from homeamp_agent.changes.errors import (
    AuditError,
    BackupDamagedError,
    BackupError,
    BackupMissingError,
    ChangeExistsError,
    ChangesError,
    FileConflictError,
    InstanceBusyError,
    NothingPlannedError,
    NotNowError,
    NotRollableError,
    RequestError,
    RollbackConflicts,
    UnknownChangeError,
    UnsafeFileError,
)
from homeamp_agent.changes.plan import NewContent, PlannedChange, PlannedFile
from homeamp_agent.changes.reading import ReadRequest, parse_request, read_request
from homeamp_agent.changes.requested import Resolved, resolve
from homeamp_agent.changes.room import ChangeRoom, new_change_id
from homeamp_agent.changes.safety import TEMP_PREFIX

__all__ = [
    "ANY_VALUE",
    "TEMP_PREFIX",
    "AuditEntry",
    "AuditError",
    "AuditLog",
    "AuditVerdict",
    "Backup",
    "BackupDamagedError",
    "BackupError",
    "BackupMissingError",
    "BackupProblem",
    "Backups",
    "BookedRequest",
    "ChangeExistsError",
    "ChangeRoom",
    "ChangesError",
    "FileConflictError",
    "InstanceBusyError",
    "NewContent",
    "NotNowError",
    "NotRollableError",
    "NothingPlannedError",
    "PlainEdit",
    "PlannedChange",
    "PlannedFile",
    "ReadRequest",
    "RequestBook",
    "RequestError",
    "Resolved",
    "Retention",
    "RollbackConflicts",
    "UnknownChangeError",
    "UnsafeFileError",
    "masked_text",
    "new_change_id",
    "open_audit",
    "open_backups",
    "parse_request",
    "read_request",
    "resolve",
    "shown_file",
]
