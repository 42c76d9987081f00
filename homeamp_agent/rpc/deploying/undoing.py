"""One wave taken back: the exact bytes, and the games that ran on the new ones started anew.

A game is stopped for it only where nobody plays; else it goes on, and that is told.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from homeamp_agent.amp.games import Act, Games, Manners
from homeamp_agent.amp.lifecycle import LifecycleError
from homeamp_agent.changes import (
    ChangeRoom,
    ChangesError,
    RollbackConflicts,
    UnknownChangeError,
)
from homeamp_agent.changes.book import OPEN
from homeamp_agent.changes.deployment_events import RolledBack
from homeamp_agent.changes.errors import plain_reason
from homeamp_agent.model.change import STANDING, ChangeRequest, ChangeStatus, WritePolicy
from homeamp_agent.model.deployment import Deployment, DeploymentStage, Wave
from homeamp_agent.model.game import GameState, PlayersPolicy
from homeamp_agent.rpc.desk import CANCELLABLE, Desk

AGENT = "agent"
RETRY_S = 0.05

_ENDING = frozenset({DeploymentStage.PAUSED, DeploymentStage.ABORTED, DeploymentStage.ROLLING_BACK})

_SPARING = Manners(players=PlayersPolicy.REFUSE)


@dataclass(frozen=True, slots=True)
class WaveUndo:
    """Takes waves back. Nothing here raises for what may happen."""

    desk: Desk
    changes: Callable[[], ChangeRoom]
    games: Games

    async def roll_back(self, deployment: Deployment, wave: Wave) -> RolledBack:
        """Take the wave's change back; files that others wrote since are left, and told."""
        change = await withdrawn(self.desk, deployment, wave)
        if change is None:
            return RolledBack(wave.number, "nothing of it was written")
        restarts = change.write_policy is not WritePolicy.NOW and self.games.lifecycle.available
        notes = await self._each(wave, self._stop) if restarts else []
        left: tuple[str, ...] = ()
        message = {ChangeStatus.ROLLED_BACK: "was rolled back already"}.get(
            change.status, "nothing of it stood"
        )
        if change.status in STANDING or half_written(change):
            message = ""
            left = await self._undone(change, f"deployment {deployment.id}: {deployment.message}")
        if restarts:
            notes += await self._each(wave, self._start)
        told = "; ".join((message or "rolled back", *notes)) if notes else message
        return RolledBack(wave.number, told, left)

    async def withdraw(self, deployment: Deployment, wave: Wave) -> None:
        """Let the wave's change not begin, if it still only waits.

        One that waits for the rest of its games is taken back, unless the deployment may go on.
        """
        change = await known(self.desk, wave)
        if change is None or change.status not in CANCELLABLE or deployment.stage not in _ENDING:
            return
        stage = deployment.stage.value.replace("_", " ")
        if half_written(change):
            if deployment.stage is not DeploymentStage.PAUSED:
                await self._undone(change, f"deployment {deployment.id} is {stage}")
            return
        with contextlib.suppress(ChangesError):  # it began just now
            await self.desk.cancel(change.id, AGENT, f"the deployment is {stage}")

    async def _undone(self, change: ChangeRequest, reason: str) -> tuple[str, ...]:
        """Take back what is written; the files that were left, each with the reason."""
        try:
            left = await asyncio.to_thread(self._take_back, change, reason[:2000])
            booked = self.desk.book.find(change.id)
            if booked is not None and booked.open:
                await self.desk.as_journalled(booked.change)
            await self.desk.settle(self.desk.shown(await self.desk.show(change.id)))
        except (ChangesError, OSError) as error:
            return (plain_reason(error),)
        return left

    def _take_back(self, change: ChangeRequest, reason: str) -> tuple[str, ...]:
        """Roll it back, but for files that others wrote since; these, each with the reason."""
        room = self.changes()
        try:
            room.rollback(change.id, author=AGENT, reason=reason)
        except RollbackConflicts as found:
            keep = {(each.instance, each.file) for each in found.conflicts}
            left = tuple(f"{each.instance}/{each.file}: {each.reason}" for each in found.conflicts)
            if len(keep) < len(change.files):
                room.rollback(change.id, author=AGENT, reason=reason, keep=keep)
            return left
        return ()

    async def _each(self, wave: Wave, act: Callable[[str], Coroutine[Any, Any, str]]) -> list[str]:
        """Do it to the games that ran before the wave; what there is to say of some."""
        ran = [each.instance for each in wave.before if each.game is GameState.READY]
        return [told for told in await asyncio.gather(*map(act, ran)) if told]

    async def _stop(self, instance: str) -> str:
        """Stop a game where nobody plays."""
        try:
            if (await self.games.lifecycle.state(instance)).state is GameState.READY:
                await self.games.act(Act.STOP, instance, _SPARING)
        except LifecycleError as error:
            return f"{instance} runs on the new values until its next start: {error}"
        return ""

    async def _start(self, instance: str) -> str:
        """Start a game that is down: stopped for this, also by an agent that was killed in it."""
        try:
            if not (await self.games.lifecycle.state(instance)).up:
                await self.games.act(Act.START, instance, _SPARING)
        except LifecycleError as error:
            return f"{instance} was not started again: {error}"
        return ""


def half_written(change: ChangeRequest) -> bool:
    """Whether some of its games have it already, and it waits for the others to stop."""
    written = any(each.state == "written" for each in change.restarts)
    return change.status is ChangeStatus.WAITING and written


async def known(desk: Desk, wave: Wave) -> ChangeRequest | None:
    """The wave's change; None if it was never handed in."""
    try:
        return await desk.show(wave.change_id)
    except UnknownChangeError:
        return None


async def withdrawn(desk: Desk, deployment: Deployment, wave: Wave) -> ChangeRequest | None:
    """The wave's change at its end: withdrawn, if it had not begun. None: there is none.

    One that is written into some of its games, and waits for the others, is no further than that.
    """
    while (change := await known(desk, wave)) is not None and change.status in OPEN:
        if change.status in CANCELLABLE:
            try:
                await desk.cancel(change.id, AGENT, f"deployment {deployment.id} ended")
                continue
            except ChangesError:
                await asyncio.sleep(RETRY_S)  # it begins just now
                if half_written(change):
                    return change
        await desk.ended(change.id)
    return change
