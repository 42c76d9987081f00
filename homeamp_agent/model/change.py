"""Change requests: edits with a reason, their plan, and what became of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, Field

from homeamp_agent.model.base import WireWord


class EditOperation(StrEnum):
    """What an edit does at its key path."""

    SET = "set"
    UNSET = "unset"
    INSERT = "insert"


class Edit(WireWord):
    """One edit of one setting of one instance.

    `file` is relative to the game folder. `expected_old` is the value it means to replace (masked
    for a secret): another value there is a conflict. `new` for a secret is its masked shape; the
    plain value is read from the baseline at the moment of writing.
    """

    instance: str
    file: str
    path: tuple[str | bool | int | None, ...]
    operation: EditOperation = EditOperation.SET
    expected_old: Any = None
    new: Any = None
    plugin: str | None = None
    deviation_id: str | None = None


class RefusedEdit(WireWord):
    """An edit that the plan leaves out, and why; nothing is written for it."""

    edit: Edit
    conflict: bool = Field(description="True: the file holds another value than expected")
    reason: str


class FilePlan(WireWord):
    """What would happen to one file."""

    instance: str
    file: str
    before_sha256: str
    after_sha256: str
    diff: str = Field(description="Unified diff, secrets masked")
    edits: tuple[Edit, ...]
    restart: bool = Field(default=False, description="Takes effect only after a restart")


class Plan(WireWord):
    """Exactly what a change request would do; `digest` ties an approval to these very bytes."""

    digest: str
    files: tuple[FilePlan, ...] = ()
    refused: tuple[RefusedEdit, ...] = ()
    restarts: tuple[str, ...] = Field(default=(), description="Instances that need a restart")


class ChangeStatus(StrEnum):
    """Where a change request stands."""

    PLANNED = "planned"
    APPLYING = "applying"
    APPLIED = "applied"
    FAILED = "failed"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"


class FileOutcome(WireWord):
    """What became of one file of a change request."""

    instance: str
    file: str
    before_sha256: str
    after_sha256: str
    state: str = Field(description="pending, written, verified, undone, conflict or failed")
    message: str = ""
    diff: str = ""


class ChangeRequest(WireWord):
    """A change request and its history, as the journal tells it."""

    id: str
    reason: str
    author: str
    status: ChangeStatus
    created_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    rolled_back_at: AwareDatetime | None = None
    files: tuple[FileOutcome, ...] = ()
    edits: tuple[Edit, ...] = ()
    refused: tuple[RefusedEdit, ...] = ()
    message: str = ""


class RollbackConflict(WireWord):
    """A file that is no longer as the change left it: three sides, for a person to choose.

    The three texts have secrets masked.
    """

    instance: str
    file: str
    before: str
    ours: str
    theirs: str
    reason: str
