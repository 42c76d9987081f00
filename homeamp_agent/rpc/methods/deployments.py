"""`deployments.*`: a change request through DEV, approval and production in waves."""

from __future__ import annotations

from homeamp_agent.changes.deployment_events import Aborted, Paused, Resumed, RollbackAsked
from homeamp_agent.model.deployment import Deployment
from homeamp_agent.rpc.deploying import Asked
from homeamp_agent.rpc.methods.fitting import (
    ROOM_BYTES,
    fitted_plan,
    page_that_fits,
    size_of,
)
from homeamp_agent.rpc.protocol.errors import Busy, Conflict, InvalidParams, NotFound, Refused
from homeamp_agent.rpc.protocol.messages import (
    Access,
    DeploymentAsked,
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
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import Rooms
from homeamp_agent.store.deployments import lines_of, list_deployments


@method(
    "deployments.preview",
    access=Access.READ,
    params=DeploymentsPreviewParams,
    result=DeploymentsPreviewResult,
    errors=(InvalidParams, NotFound, Refused),
)
async def preview(call: Call[Rooms], params: DeploymentsPreviewParams) -> DeploymentsPreviewResult:
    """The waves of a deployment and the exact plan of each; nothing is written."""
    deployments = call.rooms.deployments
    if params.id is not None:
        planned, digest = await deployments.plan_rest(params.id)
    else:
        planned = await deployments.plan(await _asked(call, params))
        digest = planned.digest
    room = ROOM_BYTES // max(len(planned.waves), 1)
    waves = tuple(
        WavePreview(
            number=each.number,
            title=wave.title,
            instances=each.instances,
            plan=fitted_plan(each.plan, room),
        )
        for each, wave in zip(planned.waves, planned.as_waves("new"), strict=True)
    )
    shown = DeploymentsPreviewResult(
        waves=waves, digest=digest, refused=planned.refused, notes=planned.notes
    )
    if size_of(shown) <= ROOM_BYTES:
        return shown
    return shown.model_copy(update={"refused": planned.refused[:100]})


@method(
    "deployments.start",
    access=Access.OPERATE,
    params=DeploymentsStartParams,
    result=DeploymentsResult,
    errors=(InvalidParams, NotFound, Conflict, Refused, Busy),
)
async def start(call: Call[Rooms], params: DeploymentsStartParams) -> DeploymentsResult:
    """Begin a deployment: DEV is written and looked at, production waits."""
    deployment = await call.rooms.deployments.start(
        await _asked(call, params),
        who=str(call.peer),
        digest=params.digest,
        change_id=params.change_id,
    )
    return DeploymentsResult(deployment=_whole(deployment))


@method(
    "deployments.list",
    access=Access.READ,
    params=DeploymentsListParams,
    result=DeploymentsListResult,
)
async def list_(call: Call[Rooms], params: DeploymentsListParams) -> DeploymentsListResult:
    """A page of deployments, newest first."""

    async def page(limit: int) -> DeploymentsListResult:
        found = await list_deployments(
            call.rooms.store, stages=params.stages, limit=limit, after=params.cursor
        )
        rows = tuple(map(_row, found.deployments))
        return DeploymentsListResult(deployments=rows, next_cursor=found.next_cursor)

    return await page_that_fits(params.limit, page)


@method(
    "deployments.show",
    access=Access.READ,
    params=DeploymentsShowParams,
    result=DeploymentsShowResult,
    errors=(NotFound,),
)
async def show(call: Call[Rooms], params: DeploymentsShowParams) -> DeploymentsShowResult:
    """One deployment with its checks and its log."""
    deployment = _whole(await call.rooms.deployments.show(params.id))

    async def page(limit: int) -> DeploymentsShowResult:
        lines = await lines_of(call.rooms.store, params.id, after=params.after, limit=limit)
        return DeploymentsShowResult(deployment=deployment, lines=lines if params.lines else ())

    return await page_that_fits(max(params.lines, 1), page)


@method(
    "deployments.approve",
    access=Access.OPERATE,
    params=DeploymentsApproveParams,
    result=DeploymentsResult,
    errors=(NotFound, Conflict, Refused),
)
async def approve(call: Call[Rooms], params: DeploymentsApproveParams) -> DeploymentsResult:
    """Let a deployment go on from DEV to production."""
    deployments, who = call.rooms.deployments, str(call.peer)
    return DeploymentsResult(
        deployment=_whole(await deployments.approve(params.id, who, params.digest))
    )


@method(
    "deployments.pause",
    access=Access.OPERATE,
    params=DeploymentsActParams,
    result=DeploymentsResult,
    errors=(NotFound, Refused),
)
async def pause(call: Call[Rooms], params: DeploymentsActParams) -> DeploymentsResult:
    """Begin no further step; what is begun is finished and looked at."""
    who = str(call.peer)
    return await _told(call, params, Paused(who, params.reason), "paused")


@method(
    "deployments.resume",
    access=Access.OPERATE,
    params=DeploymentsActParams,
    result=DeploymentsResult,
    errors=(NotFound, Refused),
)
async def resume(call: Call[Rooms], params: DeploymentsActParams) -> DeploymentsResult:
    """Go on with a deployment that was paused."""
    return await _told(call, params, Resumed(str(call.peer)), "resumed")


@method(
    "deployments.abort",
    access=Access.OPERATE,
    params=DeploymentsActParams,
    result=DeploymentsResult,
    errors=(NotFound, Refused),
)
async def abort(call: Call[Rooms], params: DeploymentsActParams) -> DeploymentsResult:
    """End a deployment; what is written stays, and can be rolled back."""
    who = str(call.peer)
    return await _told(call, params, Aborted(who, params.reason), "abort asked")


@method(
    "deployments.rollback",
    access=Access.OPERATE,
    params=DeploymentsActParams,
    result=DeploymentsResult,
    errors=(NotFound, Refused),
)
async def rollback(call: Call[Rooms], params: DeploymentsActParams) -> DeploymentsResult:
    """Take back everything that a deployment wrote, newest wave first."""
    who = str(call.peer)
    return await _told(call, params, RollbackAsked(who, params.reason), "rollback asked")


async def _told(
    call: Call[Rooms],
    params: DeploymentsActParams,
    event: Paused | Resumed | Aborted | RollbackAsked,
    act: str,
) -> DeploymentsResult:
    deployment = await call.rooms.deployments.tell(
        params.id, event, who=str(call.peer), act=act, reason=params.reason
    )
    return DeploymentsResult(deployment=_whole(deployment))


async def _asked(call: Call[Rooms], params: DeploymentAsked) -> Asked:
    desk = call.rooms.desk
    if params.change_id is not None:
        request = desk.waiting(params.change_id)
    else:
        request = (await desk.read(params.request)).request
    return Asked(request, params.dev, params.canary, params.wave_size)


def _whole(deployment: Deployment) -> Deployment:
    """Without what only a look at a log compares with."""
    waves = tuple(each.model_copy(update={"before": ()}) for each in deployment.waves)
    shown = deployment.model_copy(update={"waves": waves})
    return shown if size_of(shown) <= ROOM_BYTES // 2 else _row(deployment)


def _row(deployment: Deployment) -> Deployment:
    """As a list shows it."""
    bare = {"before": (), "checks": ()}
    waves = tuple(each.model_copy(update=bare) for each in deployment.waves)
    return deployment.model_copy(update={"waves": waves, "refused": ()})


METHODS = (preview, start, list_, show, approve, pause, resume, abort, rollback)
