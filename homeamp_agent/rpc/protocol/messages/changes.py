"""`changes.*`: plans, change requests and their way back."""

from __future__ import annotations

from pydantic import Field

from homeamp_agent.model.base import WireWord, Word
from homeamp_agent.model.change import ChangeRequest, ChangeStatus, RollbackConflict
from homeamp_agent.model.query import (
    PageParams,
)
from homeamp_agent.rpc.protocol.messages.base import MutationParams


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


class ChangesRollbackParams(MutationParams):
    """Put the exact bytes back. `force`: also over files that changed since."""

    id: str
    reason: str = Field(default="", max_length=2000)
    force: bool = False


class ChangesRollbackResult(WireWord):
    """The change request as it stands now; conflicts where nothing was rolled back."""

    change: ChangeRequest
    conflicts: tuple[RollbackConflict, ...] = ()
