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
    REPLACE_LIST = "replace_list"


class Priority(StrEnum):
    """How urgent it is: for whoever looks at the list of requests."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class WritePolicy(StrEnum):
    """When the files are written.

    `now`: at once, also under a running game. `on_restart`: at its next stop. `stop_write_start`:
    the game is stopped for it and started again.
    """

    NOW = "now"
    ON_RESTART = "on_restart"
    STOP_WRITE_START = "stop_write_start"


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
    line_edit: bool = Field(default=False, description="One line of a file that nobody reads")


class LineChange(WireWord):
    """A line edit: one line of a file that no reader takes, changed without proof.

    `line` counts from 1; both lines are whole up to 600 characters. `unread` says why the file
    cannot be read; `readable_after`, whether it can be once the line is changed. Then the setting
    was seen to have the wanted value.
    """

    line: int
    old_line: str
    new_line: str
    unread: str
    unread_line: int | None = None
    unread_column: int | None = None
    readable_after: bool = False


class RefusedEdit(WireWord):
    """An edit that the plan leaves out, and why; nothing is written for it.

    `line_edit`: what it would come to as a line edit, if it allowed one.
    """

    edit: Edit
    conflict: bool = Field(description="True: the file holds another value than expected")
    reason: str
    line_edit: LineChange | None = None


class AmpOwnedEdit(WireWord):
    """A setting that AMP owns: it writes it into the file at every start, from its own `node`.

    So AMP's setting is set along with the file. Both values are AMP's, as text.
    """

    path: tuple[str | bool | int | None, ...]
    node: str
    before: str
    after: str


class FilePlan(WireWord):
    """What would happen to one file, and to AMP's own settings that it is written from."""

    instance: str
    file: str
    before_sha256: str
    after_sha256: str
    diff: str = Field(description="Unified diff, secrets masked")
    edits: tuple[Edit, ...]
    restart: bool = Field(default=False, description="Takes effect only after a restart")
    amp_owned: tuple[AmpOwnedEdit, ...] = ()
    line_edit: LineChange | None = Field(default=None, description="Unproven: it is a line edit")


LEFT_OUT = "Files and refused edits that are not shown, where one reply does not hold them all"


class Plan(WireWord):
    """Exactly what a change request would do; `digest` ties an approval to these very bytes."""

    digest: str
    files: tuple[FilePlan, ...] = ()
    refused: tuple[RefusedEdit, ...] = ()
    restarts: tuple[str, ...] = Field(default=(), description="Instances that need a restart")
    left_out: int = Field(default=0, description=LEFT_OUT)


class ChangeStatus(StrEnum):
    """Where a change request stands.

    `waiting`: approved, and held up by what its message says (a window, players, another request).
    `reverted_by_plugin`: it was applied, and over a restart a plugin put back some of it (see
    `reverted`); what it left can be rolled back as that of an applied one.
    """

    PLANNED = "planned"
    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    WAITING = "waiting"
    APPLYING = "applying"
    APPLIED = "applied"
    REVERTED_BY_PLUGIN = "reverted_by_plugin"
    FAILED = "failed"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    REJECTED = "rejected"
    CANCELLED = "cancelled"

    @property
    def words(self) -> str:
        """As a person reads it: `rolled back`."""
        return self.value.replace("_", " ")


STANDING = frozenset({ChangeStatus.APPLIED, ChangeStatus.REVERTED_BY_PLUGIN})
"""What a change wrote is there, but for what a plugin put back itself."""


class FileOutcome(WireWord):
    """What became of one file of a change request."""

    instance: str
    file: str
    before_sha256: str
    after_sha256: str
    state: str = Field(description="pending, written, verified, undone, conflict or failed")
    message: str = ""
    diff: str = ""
    amp_owned: tuple[AmpOwnedEdit, ...] = ()
    line_edit: LineChange | None = None


class Progress(WireWord):
    """How far a change request is: steps done of all, and what is done now."""

    done: int = 0
    total: int = 0
    now: str = ""


class InstanceRestart(WireWord):
    """What became of the restart of one instance.

    `state`: waiting, stopping, stopped, starting, ready, failed, untouched (it did not run), or
    written (as somebody else stopped it). `missed_at`: when it was restarted by others, and was not
    seen stopped; the last few.
    """

    instance: str
    state: str
    message: str = ""
    missed_at: tuple[AwareDatetime, ...] = ()


class Reverted(WireWord):
    """A setting that its plugin did not keep over a restart; both values masked if secret."""

    instance: str
    file: str
    path: tuple[str | bool | int | None, ...]
    wanted: Any = None
    found: Any = None


GOES_ON_AS = "goes on as deployment"
"""How the message of a request begins that a deployment took over."""


class ChangeRequest(WireWord):
    """A change request and its history.

    `source`: `dashboard`, `rpc`, `file:NAME`, `inbox:NAME`, `bucket` or `deployment:ID`. `digest`
    is that of the plan that was approved. `notes`: what was unclear in it when it was handed in.
    """

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
    priority: Priority = Priority.NORMAL
    write_policy: WritePolicy = WritePolicy.NOW
    source: str = "rpc"
    digest: str | None = None
    approved_by: str | None = None
    approved_at: AwareDatetime | None = None
    not_before: AwareDatetime | None = None
    waits_until: AwareDatetime | None = Field(
        default=None, description="When a waiting one goes on, or gives up, at the latest"
    )
    progress: Progress | None = None
    restarts: tuple[InstanceRestart, ...] = ()
    reverted: tuple[Reverted, ...] = ()
    notes: tuple[str, ...] = ()
    deployment_id: str | None = None
    left_out: int = Field(default=0, description=LEFT_OUT)


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


class RollbackState(StrEnum):
    """What becomes of one of several changes that are rolled back together.

    `ready`: it can be. `already`: it was before. `conflict`: files are not as it left them.
    """

    READY = "ready"
    ROLLED_BACK = "rolled_back"
    ALREADY = "already"
    CONFLICT = "conflict"
    REFUSED = "refused"
    FAILED = "failed"


class RollbackOutcome(WireWord):
    """One of several changes that are rolled back together; its conflicts carry no texts."""

    id: str
    reason: str
    author: str
    created_at: AwareDatetime
    state: RollbackState
    message: str = ""
    files: int = Field(default=0, description="Files that it writes")
    conflicts: tuple[RollbackConflict, ...] = ()
