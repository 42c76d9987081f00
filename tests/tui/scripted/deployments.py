"""The part of the stand-in agent that has deployments."""

from __future__ import annotations

import datetime as dt
from typing import Any

from homeamp_agent.model.change import RollbackConflict, RollbackOutcome, RollbackState
from homeamp_agent.model.deployment import (
    Check,
    CheckOutcome,
    Deployment,
    DeploymentLine,
    DeploymentStage,
    Wave,
    WaveState,
)
from homeamp_agent.model.event import Topic
from homeamp_agent.rpc.protocol.errors import NotFound, Refused
from homeamp_agent.rpc.protocol.messages import (
    Access,
    ChangesRollbackManyResult,
    DeploymentsActParams,
    DeploymentsApproveParams,
    DeploymentsListParams,
    DeploymentsListResult,
    DeploymentsPreviewParams,
    DeploymentsPreviewResult,
    DeploymentsResult,
    DeploymentsShowParams,
    DeploymentsShowResult,
    DeploymentsStartParams,
    WavePreview,
)
from homeamp_agent.rpc.registry import Call, Method, method
from tests.tui.scripted.changes import plan_of
from tests.tui.scripted.script import Script

CLOCK = dt.datetime(2026, 3, 1, 12, 0, 5)
WAVES = (("HUB01",), ("LOBBY01",), ("SKY01", "SURV01"))
TEXTS = (
    "started by mira",
    "begins on DEV: HUB01",
    "DEV: written and verified",
    "passed: HUB01: log: no new errors",
    "DEV: found well",
    "waits for an approval",
)


def deployment(host: str, stage: DeploymentStage, *, passed: int = 1) -> Deployment:
    """One of three waves, of which the first have passed."""
    at = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5, seconds=20)
    waves = tuple(
        Wave(
            number=number, instances=names, change_id=f"{host}-d1-w{number}", digest="0", files=1,
            state=WaveState.PASSED if number < passed else WaveState.PENDING,
        )
        for number, names in enumerate(WAVES)
    )  # fmt: skip
    if stage is DeploymentStage.FAILED:
        evidence = "2 new errors: 12:00:04 ERROR [TAB] NullPointerException"
        wrong = Check(
            name="log", outcome=CheckOutcome.FAILED, evidence=evidence, instance="LOBBY01"
        )
        facts = {"state": WaveState.NOT_ROLLED_BACK, "checks": (wrong,)}
        waves = (waves[0], waves[1].model_copy(update=facts), waves[2])
    return Deployment(
        id=f"{host}-d1", reason="calmer chat", author="mira", host=host, stage=stage,
        created_at=at, updated_at=at, waves=waves, digest="0" * 64,
    )  # fmt: skip


def _find(script: Script, identity: str) -> Deployment:
    for each in script.deployments:
        if each.id == identity:
            return each
    raise NotFound(f"there is no deployment {identity}")


def becomes(script: Script, identity: str, stage: DeploymentStage, text: str) -> Deployment:
    """It is at another stage now, and its log says so."""
    moved = _find(script, identity).model_copy(
        update={"stage": stage, "updated_at": dt.datetime.now(dt.UTC)}
    )
    script.deployments = [moved if each.id == identity else each for each in script.deployments]
    script.deployment_texts.append(text)
    body = {"id": identity, "stage": stage.value, "reason": moved.reason}
    script.bus.emit(Topic.DEPLOYMENTS, "updated", body)
    return moved


@method(
    "deployments.list",
    access=Access.READ,
    params=DeploymentsListParams,
    result=DeploymentsListResult,
)
async def list_(call: Call[Script], params: DeploymentsListParams) -> DeploymentsListResult:
    """All of them."""
    del params
    return DeploymentsListResult(deployments=tuple(call.rooms.deployments))


@method(
    "deployments.show",
    access=Access.READ,
    params=DeploymentsShowParams,
    result=DeploymentsShowResult,
)
async def show(call: Call[Script], params: DeploymentsShowParams) -> DeploymentsShowResult:
    """One with its log."""
    texts = (*TEXTS, *call.rooms.deployment_texts)
    lines = tuple(
        DeploymentLine(number=number, at=(CLOCK + dt.timedelta(seconds=number)).astimezone(),
                       text=text)
        for number, text in enumerate(texts, 1)
    )  # fmt: skip
    return DeploymentsShowResult(deployment=_find(call.rooms, params.id), lines=lines)


@method(
    "deployments.preview",
    access=Access.READ,
    params=DeploymentsPreviewParams,
    result=DeploymentsPreviewResult,
)
async def preview(call: Call[Script], params: DeploymentsPreviewParams) -> DeploymentsPreviewResult:
    """Three waves, or the two of production; without DEV only if that is said."""
    script = call.rooms
    if params.change_id is not None and params.dev is None and script.no_dev:
        raise Refused("no DEV instance is known here: name one")
    first = 1 if params.id is not None or params.dev == () else 0
    titles = ("DEV", "canary", "wave 2")
    plan = plan_of(script, [script.rows[0].id])
    waves = tuple(
        WavePreview(number=number, title=titles[number], instances=WAVES[number], plan=plan)
        for number in range(first, 3)
    )
    return DeploymentsPreviewResult(waves=waves, digest="1" * 64)


@method(
    "deployments.start",
    access=Access.OPERATE,
    params=DeploymentsStartParams,
    result=DeploymentsResult,
)
async def start(call: Call[Script], params: DeploymentsStartParams) -> DeploymentsResult:
    """Begun."""
    script = call.rooms
    script.mutations.append(("deployments.start", params))
    begun = deployment(script.host, DeploymentStage.DEV, passed=0)
    script.deployments.append(begun)
    script.bus.emit(Topic.DEPLOYMENTS, "updated", {"id": begun.id})
    return DeploymentsResult(deployment=begun)


@method(
    "deployments.approve",
    access=Access.OPERATE,
    params=DeploymentsApproveParams,
    result=DeploymentsResult,
)
async def approve(call: Call[Script], params: DeploymentsApproveParams) -> DeploymentsResult:
    """Goes on."""
    call.rooms.mutations.append(("deployments.approve", params))
    moved = becomes(call.rooms, params.id, DeploymentStage.WAVES, "approved by root")
    return DeploymentsResult(deployment=moved)


def put_back(script: Script) -> ChangesRollbackManyResult:
    """What of a deployment would be put back: a file, but for one that somebody changed."""
    plan = plan_of(script, [script.rows[0].id])
    conflict = RollbackConflict(
        instance="SKY01", file="a.yml", before="", ours="", theirs="",
        reason="another program changed it since",
    )  # fmt: skip
    outcome = RollbackOutcome(
        id="w1", reason="r", author="mira", created_at=dt.datetime.now(dt.UTC),
        state=RollbackState.CONFLICT, conflicts=(conflict,),
    )  # fmt: skip
    return ChangesRollbackManyResult(digest="1", files=plan.files, changes=(outcome,))


def _acting(name: str, stage: DeploymentStage) -> Method[Any]:
    @method(
        f"deployments.{name}",
        access=Access.OPERATE,
        params=DeploymentsActParams,
        result=DeploymentsResult,
    )
    async def act(call: Call[Script], params: DeploymentsActParams) -> DeploymentsResult:
        """Done."""
        call.rooms.mutations.append((f"deployments.{name}", params))
        return DeploymentsResult(
            deployment=becomes(call.rooms, params.id, stage, f"{name} by root")
        )

    return act


METHODS = (
    list_, show, preview, start, approve,
    _acting("pause", DeploymentStage.PAUSED),
    _acting("resume", DeploymentStage.WAVES),
    _acting("abort", DeploymentStage.ABORTED),
    _acting("rollback", DeploymentStage.ROLLED_BACK),
)  # fmt: skip
