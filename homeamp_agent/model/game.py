"""The game in an instance as AMP sees it: whether it runs, and who plays."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, Field

from homeamp_agent.model.base import WireWord


class GameState(StrEnum):
    """What the game does now. `away`: AMP does not answer; `unknown`: AMP does not say."""

    UNKNOWN = "unknown"
    AWAY = "away"
    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    FAILED = "failed"
    SLEEPING = "sleeping"


class PlayersPolicy(StrEnum):
    """What a restart does with players online: wait until none are, go on, or not restart."""

    WAIT = "wait"
    FORCE = "force"
    REFUSE = "refuse"


class InstanceState(WireWord):
    """One instance's game. A figure that AMP does not give is None.

    `since` is when this state was first seen by the agent; `message` says why a state is `away`,
    `unknown` or `failed`, and what AMP calls a state that has no word of its own here.
    """

    state: GameState = GameState.UNKNOWN
    players: int | None = None
    players_max: int | None = None
    cpu: float | None = Field(default=None, description="Percent")
    memory_mb: float | None = None
    tps: float | None = None
    uptime_s: float | None = Field(default=None, description="Since its start, as AMP counts it")
    since: AwareDatetime | None = None
    message: str = ""

    @property
    def up(self) -> bool:
        """Whether the game runs or may run: False only where AMP says that it does not."""
        return self.state not in {GameState.STOPPED, GameState.FAILED}


class AmpLink(WireWord):
    """How the agent stands with AMP: `off` (not configured), `up`, `away` or `refused` (no access).

    `message` says why it is not up, `since` when that was first seen.
    """

    state: Literal["off", "up", "away", "refused"] = "off"
    message: str = ""
    since: AwareDatetime | None = None
