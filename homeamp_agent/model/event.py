"""Events: what changed, in one increasing sequence per agent run."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, Field

from homeamp_agent.model.base import WireWord


class Topic(StrEnum):
    """What an event is about; a subscriber names the topics it wants."""

    DEVIATIONS = "deviations"
    CHANGES = "changes"
    DEPLOYMENTS = "deployments"
    INSTANCES = "instances"
    SCAN = "scan"
    RULES = "rules"
    AGENT = "agent"


class Event(WireWord):
    """One thing that happened.

    `name` is a past-tense fact of its topic: deviations `opened`, `updated`, `closed`; changes
    `updated`; deployments `updated`; instances `updated` (there are others now), `state_changed`
    (what AMP says of their games), `acted` (a start, stop or restart ended); scan `started`,
    `finished`; rules `reloaded`; agent `stopping`.
    """

    cursor: int = Field(description="Increases by one with every event of this epoch")
    topic: Topic
    name: str
    at: AwareDatetime
    body: dict[str, Any] = Field(default_factory=dict)
