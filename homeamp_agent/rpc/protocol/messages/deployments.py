"""`deployments.*`."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from homeamp_agent.model.base import WireWord, Word
from homeamp_agent.model.change import Plan, RefusedEdit
from homeamp_agent.model.deployment import Deployment, DeploymentLine, DeploymentStage
from homeamp_agent.model.query import PageParams
from homeamp_agent.model.request import MAX_NAMES
from homeamp_agent.rpc.protocol.messages.base import MutationParams


class DeploymentAsked(Word):
    """What is deployed, and how: a change request, or the id of one that waits.

    `dev` names the DEV instances (without: as the settings say; empty: it goes without DEV),
    `canary` the production instance that comes first, `wave_size` how many follow at a time.
    """

    request: dict[str, Any] | None = None
    change_id: str | None = None
    dev: tuple[str, ...] | None = Field(default=None, max_length=MAX_NAMES)
    canary: str | None = None
    wave_size: int | None = Field(default=None, ge=1, le=MAX_NAMES)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.ways != 1:
            raise ValueError("give one of `request` and `change_id`")
        return self

    @property
    def ways(self) -> int:
        """How many things it names to be deployed; it is to be one."""
        return (self.request is not None) + (self.change_id is not None)


class DeploymentsPreviewParams(DeploymentAsked):
    """What a deployment would do, were it started now; or, with `id`, what one has yet to write."""

    id: str | None = None

    @property
    def ways(self) -> int:
        return super().ways + (self.id is not None)


class WavePreview(WireWord):
    """A wave and exactly what it would write."""

    number: int
    title: str
    instances: tuple[str, ...]
    plan: Plan


class DeploymentsPreviewResult(WireWord):
    """The waves in their order; `digest` ties a start to them."""

    waves: tuple[WavePreview, ...]
    digest: str
    refused: tuple[RefusedEdit, ...] = ()
    notes: tuple[str, ...] = ()


class DeploymentsStartParams(DeploymentAsked, MutationParams):
    """Begin a deployment. With `digest`, only if it would do what that preview showed."""

    digest: str | None = None


class DeploymentsListParams(PageParams):
    """Deployments, newest first; `stages`: only these."""

    stages: tuple[DeploymentStage, ...] = ()


class DeploymentsListResult(WireWord):
    """A page of deployments; their checks and refused edits are left out here."""

    deployments: tuple[Deployment, ...]
    next_cursor: str | None = None


class DeploymentsShowParams(Word):
    """One deployment, and the newest lines of its log with a number above `after`."""

    id: str
    after: int = Field(default=0, ge=0)
    lines: int = Field(default=200, ge=0, le=1000)


class DeploymentsShowResult(WireWord):
    """The deployment and its log, oldest line first."""

    deployment: Deployment
    lines: tuple[DeploymentLine, ...] = ()


class DeploymentsApproveParams(MutationParams):
    """Let it go on to production. With `digest`, only if it would do what was shown as that."""

    id: str
    digest: str | None = None


class DeploymentsActParams(MutationParams):
    """One deployment, and why."""

    id: str
    reason: str = Field(default="", max_length=2000)


class DeploymentsResult(WireWord):
    """The deployment as it stands now."""

    deployment: Deployment
