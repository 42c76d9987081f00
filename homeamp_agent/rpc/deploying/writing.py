"""One wave written: its change request handed in, approved, carried out and awaited.

The id of a wave's request is known beforehand, so doing it again finds what is there already.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from homeamp_agent.changes import (
    ChangesError,
    FileConflictError,
    InstanceBusyError,
    NotNowError,
    ReadRequest,
)
from homeamp_agent.changes.book import OPEN
from homeamp_agent.changes.deployment_events import (
    Applied,
    Event,
    NotApplied,
    NotBegun,
    PlanChanged,
    TakenBack,
)
from homeamp_agent.changes.deployment_requests import DeploymentRequests
from homeamp_agent.changes.errors import plain_reason
from homeamp_agent.changes.recovery import STOPPED
from homeamp_agent.model.change import STANDING, ChangeRequest, ChangeStatus, Plan
from homeamp_agent.model.deployment import DEV_WAVE, Deployment, Wave, WaveState
from homeamp_agent.model.request import RequestedChange
from homeamp_agent.rpc.deploying.planning import digest_of, wave_request
from homeamp_agent.rpc.deploying.undoing import half_written, known, withdrawn
from homeamp_agent.rpc.desk import STARTABLE, UNDER_WAY, Desk
from homeamp_agent.settings.sections import DeploymentsSection

BUSY_PATIENCE_S = 600.0
"""Another request may be at work on an instance of the wave, or wait there for players to leave."""

BUSY_PAUSE_S = 1.0

MAX_ATTEMPTS = 9
"""At one wave: the agent was stopped in its middle, or its change was withdrawn, so often."""

_WITHDRAWN = frozenset({ChangeStatus.CANCELLED, ChangeStatus.REJECTED})


@dataclass(frozen=True, slots=True)
class WaveWriter:
    """Writes waves through the desk. Nothing here raises for what may happen."""

    desk: Desk
    requests: DeploymentRequests
    section: DeploymentsSection

    async def apply(self, deployment: Deployment, wave: Wave) -> Event:
        """Carry the wave's change out; what became of it."""
        try:
            request = await self._request(deployment, wave)
            change = await self._carried_out(deployment, wave, request)
        except FileConflictError as error:
            return await self._plan_changed(deployment, wave, error.reason)
        except (InstanceBusyError, _NotBegunError) as error:
            return NotBegun(wave.number, str(error))
        except (ChangesError, OSError) as error:
            return NotApplied(wave.number, plain_reason(error))
        return self._outcome(wave, change)

    async def settle(self, deployment: Deployment, wave: Wave) -> Event:
        """What became of a wave's change that nobody wants to begin any more."""
        change = await withdrawn(self.desk, deployment, wave)
        if change is None:
            return NotBegun(wave.number, "held")
        if half_written(change):
            change = await self.desk.ended(change.id)
        return self._outcome(wave, change)

    async def plans_now(self, deployment: Deployment) -> tuple[dict[int, Plan], str]:
        """What production's waves that are to come would do now, and the digest of all waves.

        Raises:
            RequestError: the deployment's request is gone or damaged.
        """
        request = await asyncio.to_thread(self.requests.get, deployment.id)
        plans: dict[int, Plan] = {}
        digests = {each.number: each.digest for each in deployment.waves}
        for wave in deployment.waves:
            if wave.number != DEV_WAVE and wave.state in {WaveState.PENDING, WaveState.APPLYING}:
                wanted = wave_request(request, wave.number, wave.instances)
                plans[wave.number] = (await self.desk.plan(wanted))[0].plan
                digests[wave.number] = plans[wave.number].digest
        return plans, digest_of(digests.items())

    async def _request(self, deployment: Deployment, wave: Wave) -> RequestedChange:
        asked = await asyncio.to_thread(self.requests.get, deployment.id)
        return wave_request(asked, wave.number, wave.instances, wave.change_id)

    async def _carried_out(
        self, deployment: Deployment, wave: Wave, request: RequestedChange
    ) -> ChangeRequest | None:
        """The change at its end; None if there was nothing to write."""
        if await known(self.desk, wave) is None:
            planned, _ = await self.desk.plan(request)
            if planned.plan.digest != wave.digest:
                raise FileConflictError(wave.change_id, self._why_other(wave))
            if not planned.files:
                return None
            await self.desk.submit(
                ReadRequest(request),
                author=deployment.author,
                source=f"deployment:{deployment.id}",
                operates=False,
                deployment_id=deployment.id,
            )
        loop = asyncio.get_running_loop()
        patient_until = loop.time() + BUSY_PATIENCE_S
        while True:
            change = await self.desk.show(wave.change_id)
            if change.status in OPEN - UNDER_WAY:
                try:
                    await self._begin(deployment, wave, change)
                except InstanceBusyError:
                    if loop.time() > patient_until:
                        raise
                    await asyncio.sleep(BUSY_PAUSE_S)
                    continue
                except NotNowError:
                    if (await self.desk.show(change.id)).status in _WITHDRAWN:
                        continue
                    raise
                ended = await self.desk.ended(change.id)
                if ended.status in STARTABLE:
                    raise _NotBegunError(ended.message or "it could not begin")
            elif change.status in OPEN:
                await self.desk.ended(change.id)
            else:
                # Its games may be on their way up still.
                return await self.desk.ended(change.id)

    def _why_other(self, wave: Wave) -> str:
        gone = [each for each in wave.instances if each not in self.desk.drift.snapshots]
        return f"{', '.join(gone)}: not on this host any more" if gone else _CHANGED

    async def _begin(self, deployment: Deployment, wave: Wave, change: ChangeRequest) -> None:
        """Approve what was approved of the deployment, and nothing else, and begin it."""
        if change.status is ChangeStatus.PENDING_APPROVAL:
            who = deployment.approved_by or deployment.author
            await self.desk.approve(change.id, who, wave.digest, vouched=True)
        await self.desk.apply(change.id, wave.digest)

    async def _plan_changed(self, deployment: Deployment, wave: Wave, reason: str) -> Event:
        try:
            plans, digest = await self.plans_now(deployment)
        except (ChangesError, OSError) as error:
            return NotApplied(wave.number, plain_reason(error))
        digests = {number: plan.digest for number, plan in plans.items()}
        return PlanChanged(wave.number, reason, digests, digest)

    def _outcome(self, wave: Wave, change: ChangeRequest | None) -> Event:
        if change is None or change.status in STANDING:
            dev = wave.number == DEV_WAVE
            soak_s = self.section.soak_s if dev else self.section.wave_soak_s
            return Applied(wave.number, datetime.now(UTC) + timedelta(seconds=soak_s))
        again = next_attempt(wave.change_id)
        if change.status in _WITHDRAWN and again:
            return NotBegun(wave.number, change.message or "its change was withdrawn", again)
        if change.status is ChangeStatus.FAILED and STOPPED in change.message and again:
            return TakenBack(wave.number, again)
        if change.status is ChangeStatus.ROLLED_BACK:
            return NotApplied(wave.number, "what was written of it is taken back")
        return NotApplied(wave.number, change.message or f"{change.id} is {change.status.words}")


class _NotBegunError(ChangesError):
    """The desk could not begin it, and would another time."""


_CHANGED = "its files changed since it was approved"


def next_attempt(change_id: str) -> str | None:
    """The id of the next attempt at a wave: `d-w2`, `d-w2.2`, `d-w2.3`, and no more."""
    first, dot, number = change_id.rpartition("-w")[2].partition(".")
    attempt = int(number) + 1 if dot else 2
    if attempt > MAX_ATTEMPTS:
        return None
    return f"{change_id.rpartition('-w')[0]}-w{first}.{attempt}"
