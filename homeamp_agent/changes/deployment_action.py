"""What is to be done next for a deployment: it follows from where it stands, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from homeamp_agent.model.deployment import (
    DEV_WAVE,
    Deployment,
    DeploymentStage,
    Wave,
    WaveState,
)

WRITING = frozenset({DeploymentStage.DEV, DeploymentStage.CHECKING, DeploymentStage.WAVES})
"""The stages in which waves are written and looked at."""

_NOT_BEGUN = frozenset({WaveState.PENDING, WaveState.ROLLED_BACK})


ActionKind = Literal["start", "prepare", "apply", "check", "settle", "roll_back"]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do; its outcome is the next event.

    `start`: wait for `not_before` (Started). `prepare`: note how the wave's instances are
    (Prepared; NotBegun where an earlier wave is no longer well). `apply`: carry the wave's change
    out (Applied, NotApplied, NotBegun, TakenBack, PlanChanged). `check`: look at the wave
    until its soak time is over (Checked; NotLooked while AMP is away). `settle`: wait for the end
    of a change under way that is not to be begun any more, or withdraw it (Applied, NotApplied,
    NotBegun). `roll_back`: take the wave's change back (RolledBack).
    """

    kind: ActionKind
    wave: int = DEV_WAVE

    @property
    def may_be_dropped(self) -> bool:
        """Whether it only waits and looks: it ends at once when it is no longer wanted."""
        return self.kind in {"start", "check"}


def action_of(deployment: Deployment) -> Action | None:
    """What is to be done where a deployment stands so."""
    stage, wave = deployment.stage, current_wave(deployment)
    if stage is DeploymentStage.PLANNED:
        return Action("start")
    if stage is DeploymentStage.ROLLING_BACK:
        left = to_roll_back(deployment)
        return Action("roll_back", left[0].number) if left else None
    if wave is None:
        return None
    if stage is DeploymentStage.ABORTED:
        return Action("settle", wave.number) if wave.state is WaveState.APPLYING else None
    if stage is DeploymentStage.PAUSED:
        # What is begun is finished and looked at: a pause does not switch the safety off.
        if wave.state is WaveState.APPLYING:
            return Action("settle", wave.number)
        return _of_wave(wave) if wave.state is WaveState.CHECKING else None
    return _of_wave(wave) if stage in WRITING else None


def current_wave(deployment: Deployment) -> Wave | None:
    """The first wave that has not passed; None once all have."""
    return next((each for each in deployment.waves if each.state is not WaveState.PASSED), None)


def _of_wave(wave: Wave) -> Action | None:
    if wave.state is WaveState.PENDING:
        return Action("prepare", wave.number)
    if wave.state is WaveState.APPLYING:
        return Action("apply", wave.number)
    if wave.state is WaveState.CHECKING:
        return Action("check", wave.number)
    return None


def to_roll_back(deployment: Deployment) -> list[Wave]:
    """The waves of which something may stand, newest first; each is tried once a rollback."""
    tried = {*_NOT_BEGUN, WaveState.NOT_ROLLED_BACK}
    return [each for each in reversed(deployment.waves) if each.state not in tried]


def rests(deployment: Deployment) -> bool:
    """Whether nothing more comes of it by itself, nor needs its request."""
    return deployment.over and action_of(deployment) is None
