"""Deployments: a change request that goes DEV, approval, production in waves; what became of it.

    planned → dev → checking → awaiting_approval → waves → done
                                     any of these → paused, aborted
                                    a failed check → rolling_back → rolled_back | failed

Wave 0 is the DEV instances, wave 1 a single production instance (the canary), the others follow a
few at a time. Each wave is a change request of its own, `<deployment>-w<number>`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from homeamp_agent.model.base import WireWord
from homeamp_agent.model.change import Priority, RefusedEdit, WritePolicy
from homeamp_agent.model.game import GameState

DEV_WAVE = 0
MAX_ERROR_MARKS = 300
"""Kinds of error that a log held before: a game with more of them is no measure of anything."""


class DeploymentStage(StrEnum):
    """Where a deployment stands.

    `dev`: the DEV instances are written. `checking`: they are looked at for the soak time. `waves`:
    production is written and looked at, wave by wave. `failed`: it was to be rolled back, and not
    all of it could be.
    """

    PLANNED = "planned"
    DEV = "dev"
    CHECKING = "checking"
    AWAITING_APPROVAL = "awaiting_approval"
    WAVES = "waves"
    PAUSED = "paused"
    DONE = "done"
    ABORTED = "aborted"
    FAILED = "failed"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"


OVER = frozenset(
    {
        DeploymentStage.DONE,
        DeploymentStage.ABORTED,
        DeploymentStage.FAILED,
        DeploymentStage.ROLLED_BACK,
    }
)
"""Nothing more comes of it by itself."""


class WaveState(StrEnum):
    """Where a wave stands.

    `applied`: written, and not looked at to the end (it was aborted). `not_rolled_back`: files of
    it were left as they are; its message says which and why.
    """

    PENDING = "pending"
    APPLYING = "applying"
    CHECKING = "checking"
    PASSED = "passed"
    APPLIED = "applied"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    NOT_ROLLED_BACK = "not_rolled_back"


class CheckOutcome(StrEnum):
    """What a check found. `skipped`: it could not tell; the evidence says why."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Check(WireWord):
    """One look at a wave.

    `name`: applied, kept, readable, ready, log, or `hook:NAME`. `evidence` is one line for a
    person, without a setting's value. Without an instance it is about the wave as a whole.
    """

    name: str
    outcome: CheckOutcome
    evidence: str
    instance: str | None = None


class Before(WireWord):
    """How an instance was just before its wave: what later looks compare with.

    `log_file` is the log's device and inode, empty if there was none; `log_bytes` its size.
    `error_marks` are hashes of the kinds of error that it held already.
    """

    instance: str
    game: GameState = GameState.UNKNOWN
    log_file: str = ""
    log_bytes: int = 0
    error_marks: tuple[str, ...] = Field(default=(), max_length=MAX_ERROR_MARKS)


class Wave(WireWord):
    """Some instances that are written together. `digest` is that of the plan that was shown."""

    number: int = Field(ge=0, description="0: the DEV instances; 1: the canary")
    instances: tuple[str, ...]
    change_id: str
    digest: str
    files: int = 0
    state: WaveState = WaveState.PENDING
    before: tuple[Before, ...] = ()
    soak_until: AwareDatetime | None = None
    checks: tuple[Check, ...] = ()
    message: str = ""

    @property
    def title(self) -> str:
        """What a person calls it."""
        return {DEV_WAVE: "DEV", 1: "canary"}.get(self.number, f"wave {self.number}")


class Deployment(WireWord):
    """A deployment as it stands. Its log is asked for apart.

    `held` is the stage that a paused one goes on with. `failure` says why it is, or was, rolled
    back by itself. `digest` covers the plans of all waves: an approval is tied to it.
    """

    id: str
    reason: str
    author: str
    host: str
    stage: DeploymentStage = DeploymentStage.PLANNED
    held: DeploymentStage | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    not_before: AwareDatetime | None = None
    waves: tuple[Wave, ...]
    approval: Literal["own", "other", "at_once"] = "own"
    approved_by: str | None = None
    approved_at: AwareDatetime | None = None
    digest: str
    priority: Priority = Priority.NORMAL
    write_policy: WritePolicy = WritePolicy.NOW
    change_id: str | None = Field(default=None, description="The request that it was made of")
    refused: tuple[RefusedEdit, ...] = ()
    notes: tuple[str, ...] = ()
    message: str = ""
    failure: str = ""

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it by itself."""
        return self.stage in OVER

    @property
    def instances(self) -> frozenset[str]:
        """Every instance that it writes."""
        return frozenset(name for wave in self.waves for name in wave.instances)

    def wave(self, number: int) -> Wave:
        """The wave of that number; there is one."""
        return next(each for each in self.waves if each.number == number)

    @property
    def passed(self) -> int:
        """How many of its waves were written and found well."""
        return sum(wave.state is WaveState.PASSED for wave in self.waves)


class DeploymentLine(WireWord):
    """A line of a deployment's log; numbers count from 1 in each."""

    number: int
    at: AwareDatetime
    level: Literal["info", "warning", "error"] = "info"
    wave: int | None = None
    text: str


def deployment_schema() -> dict[str, Any]:
    """The JSON Schema of a deployment, as scripts get it from `deployments.show`."""
    schema = Deployment.model_json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "homeamp deployment"
    return schema
