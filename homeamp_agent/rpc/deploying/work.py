"""Doing what is to be done next for a deployment, and telling what came of it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from homeamp_agent.changes.deployment_action import Action
from homeamp_agent.changes.deployment_events import (
    Checked,
    Event,
    NotApplied,
    NotBegun,
    NotLooked,
    Prepared,
    RolledBack,
    Started,
)
from homeamp_agent.changes.errors import plain_reason
from homeamp_agent.model.deployment import Before, Check, CheckOutcome, Deployment, Wave
from homeamp_agent.rpc.deploying.checks import AmpIsAway, WaveChecks
from homeamp_agent.rpc.deploying.undoing import WaveUndo
from homeamp_agent.rpc.deploying.writing import WaveWriter
from homeamp_agent.rpc.dispatch import where_of
from homeamp_agent.rpc.protocol.errors import Busy

LONGEST_SLEEP_S = 60.0
"""The clock of a machine may be set: a deployment's time is looked at this often."""

LOOK_AGAIN_S = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WaveWork:
    """Writes, looks at and takes back the waves of deployments."""

    writer: WaveWriter
    undo: WaveUndo
    checks: WaveChecks

    async def do(self, action: Action, deployment: Deployment) -> Event:
        """Do it; what came of it. What nobody foresaw is a failure, never silence."""
        if action.kind == "start":
            return await _its_time(deployment)
        wave = deployment.wave(action.wave)
        await self._first_look()
        try:
            return await self._do_wave(action, deployment, wave)
        except Exception as error:
            why = plain_reason(error)
            log.error("deployment %s: %s", deployment.id, where_of(error))  # noqa: TRY400 - as above
        if action.kind == "roll_back":
            return RolledBack(wave.number, left=(why,))
        if action.kind == "prepare":
            return NotBegun(wave.number, why)
        if action.kind == "check":
            failed = Check(name="check", outcome=CheckOutcome.FAILED, evidence=why)
            return Checked(wave.number, (failed,))
        return NotApplied(wave.number, why)

    async def stop_waiting(self, action: Action, deployment: Deployment) -> None:
        """An action in flight is no longer wanted: what it only waits to begin is withdrawn."""
        if action.kind in {"apply", "settle"}:
            await self.undo.withdraw(deployment, deployment.wave(action.wave))

    async def _first_look(self) -> None:
        """After a start of the agent: until it knows which instances there are."""
        while True:
            try:
                await self.checks.drift.ready()
            except Busy:
                await asyncio.sleep(LOOK_AGAIN_S)
            else:
                return

    async def _do_wave(self, action: Action, deployment: Deployment, wave: Wave) -> Event:
        if action.kind == "prepare":
            slipped = await self.checks.slipped(deployment, wave)
            if slipped and slipped != wave.message:
                return NotBegun(wave.number, slipped)
            here = [each for each in wave.instances if self.checks.known(each)]
            before: list[Before] = [await self.checks.before(each) for each in here]
            return Prepared(wave.number, tuple(before))
        if action.kind == "apply":
            return await self.writer.apply(deployment, wave)
        if action.kind == "check":
            try:
                return Checked(wave.number, await self.checks.look(deployment, wave))
            except AmpIsAway as error:
                return NotLooked(wave.number, str(error))
        if action.kind == "settle":
            await self.undo.withdraw(deployment, wave)
            return await self.writer.settle(deployment, wave)
        return await self.undo.roll_back(deployment, wave)


async def _its_time(deployment: Deployment) -> Started:
    """Once its time has come."""
    while deployment.not_before is not None:
        left_s = (deployment.not_before - datetime.now(UTC)).total_seconds()
        if left_s <= 0:
            break
        await asyncio.sleep(min(left_s, LONGEST_SLEEP_S))
    return Started()
