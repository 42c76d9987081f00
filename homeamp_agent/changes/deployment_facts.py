"""A deployment with one of its facts changed; nothing here decides anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from homeamp_agent.model.deployment import Deployment, DeploymentStage, Wave


def stage_of(deployment: Deployment) -> DeploymentStage:
    """The stage, seen through a pause."""
    return deployment.held or deployment.stage


def to_stage(deployment: Deployment, stage: DeploymentStage) -> Deployment:
    """At that stage; a paused one stays paused and goes on there."""
    if deployment.stage is DeploymentStage.PAUSED:
        return deployment.model_copy(update={"held": stage})
    return with_stage(deployment, stage)


def with_stage(
    deployment: Deployment, stage: DeploymentStage, held: DeploymentStage | None = None
) -> Deployment:
    return deployment.model_copy(update={"stage": stage, "held": held})


def say(deployment: Deployment, message: str) -> Deployment:
    return deployment.model_copy(update={"message": message})


def each_wave(deployment: Deployment, change: Callable[[Wave], Wave]) -> Deployment:
    return deployment.model_copy(update={"waves": tuple(map(change, deployment.waves))})


def set_wave(deployment: Deployment, number: int, **facts: Any) -> Deployment:
    return each_wave(
        deployment,
        lambda wave: wave.model_copy(update=facts) if wave.number == number else wave,
    )


def replanned(deployment: Deployment, digests: dict[int, str], digest: str) -> Deployment:
    moved = each_wave(
        deployment,
        lambda wave: wave.model_copy(update={"digest": digests.get(wave.number, wave.digest)}),
    )
    return moved.model_copy(update={"digest": digest, "approved_by": None, "approved_at": None})
