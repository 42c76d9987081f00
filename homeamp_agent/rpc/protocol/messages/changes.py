"""`changes.*`: plans, change requests and their way back."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from homeamp_agent.model.base import Moment, WireWord, Word
from homeamp_agent.model.change import (
    ChangeRequest,
    ChangeStatus,
    FilePlan,
    Plan,
    RollbackConflict,
    RollbackOutcome,
)
from homeamp_agent.model.history import Act, ActFilter
from homeamp_agent.model.query import PageParams
from homeamp_agent.model.request import MAX_EDITS
from homeamp_agent.rpc.protocol.messages.base import MutationParams
from homeamp_agent.rpc.protocol.messages.deviations import Skipped

SOURCE_PATTERN = r"^(rpc|dashboard|file:[^\x00-\x1f\x7f]{1,200})$"
"""A client says what it read a request from; `inbox` and the like only the agent says itself."""

MAX_TEXT_CHARACTERS = 1024 * 1024
MAX_CHANGES = 1000
"""Of one act: more is a restore of another kind."""


class ChangesListParams(PageParams):
    """Change requests, newest first."""

    status: ChangeStatus | None = None
    instance: str | None = None


class ChangesListResult(WireWord):
    """A page of change requests; their files carry no diffs here."""

    changes: tuple[ChangeRequest, ...]
    next_cursor: str | None = None


class ChangesShowParams(Word):
    """One change request."""

    id: str


class ChangesShowResult(WireWord):
    """The change request with its diffs."""

    change: ChangeRequest


class ChangesHistoryParams(PageParams):
    """What was done, newest first. A page may be short, or empty, where `next_cursor` leads on."""

    filter: ActFilter = ActFilter()


class ChangesHistoryResult(WireWord):
    """A page of acts; secrets masked, long values cut."""

    acts: tuple[Act, ...]
    next_cursor: str | None = None


class ChangesRollbackParams(MutationParams):
    """Put the exact bytes back. `force`: also over files that changed since."""

    id: str
    reason: str = Field(default="", max_length=2000)
    force: bool = False


class ChangesRollbackResult(WireWord):
    """The change request as it stands now; conflicts where nothing was rolled back."""

    change: ChangeRequest
    conflicts: tuple[RollbackConflict, ...] = ()


class ChangesRollbackManyParams(MutationParams):
    """Roll changes back, newest first: `ids`, or all carried out `since`, or a deployment's.

    With `preview` nothing is written. With `digest`, only what that preview showed. `force`: also
    over files that changed since.
    """

    ids: tuple[str, ...] = Field(default=(), max_length=MAX_CHANGES)
    since: Moment | None = None
    deployment_id: str | None = Field(default=None, max_length=200)
    preview: bool = False
    digest: str | None = Field(default=None, description="Of a preview")
    reason: str = Field(default="", max_length=2000)
    force: bool = False

    @model_validator(mode="after")
    def _names_one_way(self) -> Self:
        if sum((bool(self.ids), self.since is not None, self.deployment_id is not None)) != 1:
            raise ValueError("give one of `ids`, `since` and `deployment_id`")
        return self


class ChangesRollbackManyResult(WireWord):
    """What became of each, newest first, or would; `files` as they would end, from what stands."""

    digest: str
    files: tuple[FilePlan, ...] = ()
    changes: tuple[RollbackOutcome, ...] = ()


class ChangesSubmitParams(MutationParams):
    """Hand a change request in (docs/schemas/change_request.schema.json); writes no file.

    The whole of it is `request`; or a JSON or YAML file's `text`; or its edits are those that put
    `deviation_ids` right. With the latter two, `request` holds only what is said beside the edits
    (reason, write policy, schedule, restart), and counts over what the text says. `line_edits`
    allows them for every `set` of it, as if each edit said so.
    """

    request: dict[str, Any] = Field(default={})
    text: str | None = Field(default=None, max_length=MAX_TEXT_CHARACTERS)
    deviation_ids: tuple[str, ...] = Field(default=(), max_length=MAX_EDITS)
    dry_run: bool = Field(default=False, description="Only show what would become of it")
    line_edits: bool = Field(default=False, description="Allow them, where a file cannot be read")
    source: str = Field(
        default="rpc", pattern=SOURCE_PATTERN, description="`rpc`, `dashboard` or `file:NAME`"
    )

    @model_validator(mode="after")
    def _has_one_source_of_edits(self) -> Self:
        if self.text is not None and self.deviation_ids:
            raise ValueError("give `text` or `deviation_ids`")
        if not (self.request or self.text is not None or self.deviation_ids):
            raise ValueError("give `request`, `text` or `deviation_ids`")
        return self


class ChangesSubmitResult(WireWord):
    """The request as it stands, what it would do, and what was unclear in it.

    `skipped`: deviations that no edit puts right.
    """

    change: ChangeRequest
    plan: Plan
    notes: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()


class ChangesApproveParams(MutationParams):
    """Approve requests: those very plans that were shown, or the one that `digest` names."""

    ids: tuple[str, ...] = Field(min_length=1, max_length=1000)
    digest: str | None = Field(default=None, description="Of a preview; for one id only")


class ChangesDeclineParams(MutationParams):
    """Say no to requests, or withdraw them."""

    ids: tuple[str, ...] = Field(min_length=1, max_length=1000)
    reason: str = Field(default="", max_length=2000)


class ChangesDecidedResult(WireWord):
    """The requests as they stand now, without diffs, and those that were left alone, with why."""

    changes: tuple[ChangeRequest, ...]
    skipped: tuple[Skipped, ...] = ()


class ChangesApplyParams(MutationParams):
    """Carry an approved request out now. With `digest`, only if that plan was approved."""

    id: str
    digest: str | None = None


class ChangesApplyResult(WireWord):
    """What became of it."""

    change: ChangeRequest
