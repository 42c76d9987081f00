"""`backups.*`: the bytes that files had before they were changed."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from homeamp_agent.model.base import WireWord, Word
from homeamp_agent.model.change import ChangeRequest
from homeamp_agent.model.query import PageParams
from homeamp_agent.rpc.protocol.messages.base import MutationParams


class BackupRow(WireWord):
    """One file's bytes before one change. `mode` is octal text; `note` says what was unusual."""

    id: str
    at: AwareDatetime
    instance: str
    file: str
    sha256: str
    size: int
    change_id: str
    mode: str
    uid: int
    gid: int
    note: str = ""


class BackupsListParams(PageParams):
    """Backups, newest first."""

    instance: str | None = None
    file: str | None = None
    change_id: str | None = None


class BackupsListResult(WireWord):
    """A page of backups, and how many there are in all."""

    backups: tuple[BackupRow, ...]
    total: int
    next_cursor: str | None = None


class BackupsShowParams(Word):
    """One backup."""

    id: str


class BackupsShowResult(WireWord):
    """The backup, and what restoring it would do to the file (masked; empty: nothing)."""

    backup: BackupRow
    diff: str = ""
    problem: str | None = Field(default=None, description="Why it cannot be restored now")


class BackupsRestoreParams(MutationParams):
    """Write a backup back to where it came from."""

    id: str
    reason: str = Field(default="", max_length=2000)


class BackupsRestoreResult(WireWord):
    """The restoring, as a change of its own that can be rolled back."""

    change: ChangeRequest


class BackupDefect(WireWord):
    """A backup that could not be restored, and why."""

    name: str
    reason: str


class BackupsVerifyResult(WireWord):
    """How many backups are whole, and every one that is not."""

    whole: int
    problems: tuple[BackupDefect, ...] = ()
