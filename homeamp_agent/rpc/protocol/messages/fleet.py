"""`fleet.*` and `instances.*`: what there is."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from homeamp_agent.model.base import WireWord
from homeamp_agent.model.game import AmpLink, InstanceState
from homeamp_agent.model.instance import Platform
from homeamp_agent.model.query import (
    Counts,
    PageParams,
    PluginCount,
)


class HostOverview(WireWord):
    """One host as this agent sees it. `state`: active, stale or offline."""

    host: str
    state: Literal["active", "stale", "offline"]
    instances: int
    plugins: int
    counts: Counts
    last_seen: AwareDatetime | None = None
    amp: AmpLink = AmpLink()


class OverviewResult(WireWord):
    """The first screen."""

    hosts: tuple[HostOverview, ...]
    counts: Counts
    plugins: tuple[PluginCount, ...] = Field(default=(), description="Worst first, 20 at most")
    variances: int = Field(default=0, description="Documented variances: different on purpose")


class InstancesListParams(PageParams):
    """Filter by host and platform."""

    host: str | None = None
    platform: Platform | None = None


class InstanceRow(WireWord):
    """One instance with its open deviations."""

    host: str
    name: str
    friendly_name: str
    platform: Platform
    tags: tuple[str, ...]
    plugins: int
    files: int
    counts: Counts
    problems: tuple[str, ...] = ()
    amp: InstanceState | None = Field(
        default=None, description="What the game does now; none where the agent asks no AMP"
    )
    doing: str = Field(
        default="", description="What the agent does to its game now, as `stopped` or `changed`"
    )
    waits_until: AwareDatetime | None = Field(
        default=None, description="How long that waits for players to leave, at the most"
    )


class InstancesListResult(WireWord):
    """A page of instances, by name."""

    instances: tuple[InstanceRow, ...]
    next_cursor: str | None = None
