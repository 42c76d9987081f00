"""The deployments of an agent, put together from its parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from homeamp_agent.amp.room import AmpRoom
from homeamp_agent.changes import ChangeRoom
from homeamp_agent.changes.deployment_requests import DeploymentRequests
from homeamp_agent.rpc.deploying.checks import WaveChecks
from homeamp_agent.rpc.deploying.runner import Deployments
from homeamp_agent.rpc.deploying.undoing import WaveUndo
from homeamp_agent.rpc.deploying.work import WaveWork
from homeamp_agent.rpc.deploying.writing import WaveWriter
from homeamp_agent.rpc.desk import Desk
from homeamp_agent.rpc.events import EventBus
from homeamp_agent.rpc.rooms import DriftRoom
from homeamp_agent.settings.sections import DeploymentsSection
from homeamp_agent.store import Store


def deployments_of(
    *,
    host: str,
    store: Store,
    state: Path,
    desk: Desk,
    drift: DriftRoom,
    changes: Callable[[], ChangeRoom],
    amp: AmpRoom,
    bus: EventBus,
    section: DeploymentsSection,
    problem: Callable[..., None],
) -> Deployments:
    """The deployments of an agent, from its parts."""
    requests = DeploymentRequests(state)
    return Deployments(
        host=host,
        store=store,
        desk=desk,
        drift=drift,
        changes=changes,
        requests=requests,
        work=WaveWork(
            WaveWriter(desk, requests, section),
            WaveUndo(desk, changes, amp.games),
            WaveChecks(drift, desk, changes, amp.lifecycle, amp.games.ready_seconds, section.hooks),
        ),
        bus=bus,
        section=section,
        problem=problem,
    )
