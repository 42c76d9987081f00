"""`instances.start`, `.stop`, `.restart` and their like: the games of instances, through AMP."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from homeamp_agent.model.base import WireWord
from homeamp_agent.model.game import InstanceState, PlayersPolicy
from homeamp_agent.rpc.protocol.messages.base import MutationParams

MAX_WAIT_MINUTES = 24 * 60


class InstancesActParams(MutationParams):
    """Which instances, why, and what is to become of players who are online.

    `wait_minutes` bounds the wait for an empty instance (`players: wait`); `announce` is said on
    the console before. Without `wait` the answer comes as soon as it has begun, and the outcome as
    an event `acted` of the topic `instances`.
    """

    instances: tuple[str, ...] = Field(min_length=1, max_length=200)
    reason: str = Field(default="", max_length=2000)
    players: PlayersPolicy = PlayersPolicy.WAIT
    wait_minutes: float = Field(default=10.0, ge=0, le=MAX_WAIT_MINUTES)
    announce: str | None = Field(default=None, max_length=200)
    wait: bool = True


class InstancesCancelParams(MutationParams):
    """Where a stop or a restart that waits for players is withdrawn.

    `announce` is said on the console of the games that go on.
    """

    instances: tuple[str, ...] = Field(min_length=1, max_length=200)
    reason: str = Field(default="", max_length=2000)
    announce: str | None = Field(default=None, max_length=200)


class InstancesBackUpParams(MutationParams):
    """Which instances AMP shall back up as a whole, and what it calls the backup."""

    instances: tuple[str, ...] = Field(min_length=1, max_length=200)
    title: str = Field(default="taken by homeamp", min_length=1, max_length=100)
    reason: str = Field(default="", max_length=2000)


class InstancesConsoleParams(MutationParams):
    """A line for the console of games, as typed there: a command, or `say TEXT` to the players.

    The audit log keeps what was said with `say`; of other commands, only the first word.
    """

    instances: tuple[str, ...] = Field(min_length=1, max_length=200)
    line: str = Field(
        min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$"
    )
    reason: str = Field(default="", max_length=2000)


class InstanceActOutcome(WireWord):
    """What became of one instance: `done`, `begun`, `failed`, or nothing was done: `refused`, or
    `withdrawn` while it waited for players."""

    instance: str
    state: Literal["done", "begun", "refused", "withdrawn", "failed"]
    message: str = ""
    amp: InstanceState | None = Field(default=None, description="What the game does now")


class InstancesActResult(WireWord):
    """One outcome an instance, in the order asked."""

    results: tuple[InstanceActOutcome, ...]
