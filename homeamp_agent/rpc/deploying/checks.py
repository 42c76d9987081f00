"""Looking at a wave: is it written and kept, is the game ready, are there new errors in its log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from homeamp_agent.amp.lifecycle import Lifecycle
from homeamp_agent.changes import ChangeRoom
from homeamp_agent.changes.deployment_events import check_text
from homeamp_agent.instances.game_log import LogPosition, new_errors, position_of
from homeamp_agent.model.change import ChangeRequest, ChangeStatus, Reverted
from homeamp_agent.model.deployment import (
    DEV_WAVE,
    Before,
    Check,
    CheckOutcome,
    Deployment,
    Wave,
    WaveState,
)
from homeamp_agent.model.game import GameState
from homeamp_agent.model.setting import dotted
from homeamp_agent.rpc.deploying.hooks import run_hook
from homeamp_agent.rpc.deploying.undoing import known
from homeamp_agent.rpc.desk import Desk
from homeamp_agent.rpc.rooms import DriftRoom
from homeamp_agent.settings.sections import DeploymentHook

LOOKS = 20
"""In a soak time: a game that fails is noticed long before its end."""

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 10.0
MAX_TOLD = 3

PASSED, FAILED, SKIPPED = CheckOutcome.PASSED, CheckOutcome.FAILED, CheckOutcome.SKIPPED


@dataclass(frozen=True, slots=True)
class _Look:
    """A check, and whether a later look may find otherwise."""

    check: Check
    open: bool = False


@dataclass(frozen=True, slots=True)
class WaveChecks:
    """Looks at the instances of a wave. `ready_s` is how long a game may take to start."""

    drift: DriftRoom
    desk: Desk
    changes: Callable[[], ChangeRoom]
    lifecycle: Lifecycle
    ready_s: float
    hooks: tuple[DeploymentHook, ...] = ()

    async def before(self, instance: str) -> Before:
        """How an instance is now, for later looks to compare with."""
        await self.drift.ready()
        position = await asyncio.to_thread(self._position, instance)
        state = await self.lifecycle.state(instance)
        return Before(
            instance=instance,
            game=state.state,
            log_file=position.file,
            log_bytes=position.bytes,
            error_marks=position.marks,
        )

    def known(self, instance: str) -> bool:
        """Whether it is on this host still."""
        return instance in self.drift.snapshots

    async def slipped(self, deployment: Deployment, wave: Wave) -> str:
        """What is no longer well of the waves before this one; empty if nothing is.

        A value that was put back, a file that nobody can read, a game that failed since: a person
        looks, and lets it go on as it is by resuming.
        """
        wrong: list[str] = []
        for earlier in deployment.waves:
            if earlier.state is not WaveState.PASSED or earlier.number >= wave.number:
                continue
            found = await self._files(await known(self.desk, earlier))
            found = [each for each in found if each.instance and self.known(each.instance)]
            for each in earlier.before:
                ready = await self._ready(each)
                found += [] if ready.open else [ready.check]
            failed = [each for each in found if each.outcome is FAILED]
            wrong += [f"{earlier.title} is no longer well: {check_text(each)}" for each in failed]
        return joined(wrong)

    async def look(self, deployment: Deployment, wave: Wave) -> tuple[Check, ...]:
        """Look until the soak time is over, or something is wrong; then let the hooks look."""
        change = await known(self.desk, wave)
        applied = _applied(change)
        if applied.outcome is FAILED:
            return (applied,)
        await self.drift.ready()
        checks = (applied, *await self._soaked(wave), *await self._files(change))
        if any(each.outcome is FAILED for each in checks):
            return checks
        wave_kind = "dev" if wave.number == DEV_WAVE else "waves"
        for hook in self.hooks:
            if hook.where in {"both", wave_kind}:
                checks = (*checks, await run_hook(hook, deployment, wave))
        return checks

    async def _soaked(self, wave: Wave) -> list[Check]:
        """What the last look found: at the end of the soak time, or where something was wrong."""
        began = datetime.now(UTC)
        until = wave.soak_until or began
        patience = max(until, began) + timedelta(seconds=self.ready_s)
        soak_s = (until - began).total_seconds()
        pause_s = min(max(soak_s / LOOKS, SHORTEST_PAUSE_S), LONGEST_PAUSE_S)
        while True:
            looks = [look for each in wave.before for look in await self._look_at(each)]
            now = datetime.now(UTC)
            wrong = any(each.check.outcome is FAILED and not each.open for each in looks)
            waits = any(each.open for each in looks) and now < patience
            if wrong or (now >= until and not waits):
                return [each.check for each in looks]
            left_s = (until - now).total_seconds()
            await asyncio.sleep(min(pause_s, left_s) if left_s > 0 else pause_s)

    async def _look_at(self, before: Before) -> tuple[_Look, _Look]:
        return await self._ready(before), await asyncio.to_thread(self._log, before)

    async def _files(self, change: ChangeRequest | None) -> list[Check]:
        """Whether what was written is still there, and every file can be read."""
        if change is None:
            return []
        return await asyncio.to_thread(self._look_at_files, change)

    def _look_at_files(self, change: ChangeRequest) -> list[Check]:
        found = self.changes().keeping.now(change)
        checks = []
        for instance in sorted({each.instance for each in change.files}):
            reverted = [each for each in found.reverted if each.instance == instance]
            unread = [each for each in found.unreadable if each[0] == instance]
            files = [f"{file}: {reason}" for _, file, reason in unread]
            checks.append(_check("readable", files, "every file can be read", instance))
            keys = [_place(each) for each in reverted]
            checks.append(_check("kept", keys, "every value is there", instance, "not kept: "))
        return checks

    async def _ready(self, before: Before) -> _Look:
        def said(outcome: CheckOutcome, evidence: str, *, waits: bool = False) -> _Look:
            check = Check(
                name="ready", outcome=outcome, evidence=evidence, instance=before.instance
            )
            return _Look(check, waits)

        if not self.lifecycle.available:
            return said(SKIPPED, "no AMP tells whether the game runs")
        if before.game is not GameState.READY:
            return said(SKIPPED, f"it was {before.game.value} before")
        now = await self.lifecycle.state(before.instance)
        if now.state is GameState.READY:
            return said(PASSED, "players can join")
        if now.state is GameState.SLEEPING:
            return said(PASSED, "it sleeps until somebody joins")
        evidence = f"the game is {now.state.value}" + (f": {now.message}" if now.message else "")
        return said(FAILED, evidence, waits=now.state is not GameState.FAILED)

    def _log(self, before: Before) -> _Look:
        since = LogPosition(before.log_file, before.log_bytes, before.error_marks)
        found = new_errors(self._folder(before.instance), since, self._key)
        if not found.looked:
            outcome, evidence = SKIPPED, "there is no logs/latest.log"
        elif found.count:
            lines = "1 new error" if found.count == 1 else f"{found.count} new errors"
            kinds = f" of {found.kinds} kinds" if found.kinds > 1 else ""
            outcome, evidence = FAILED, f"{lines}{kinds}: {'; '.join(found.told)}"
        else:
            cut = " in the last 8 MiB" if found.cut else ""
            outcome, evidence = PASSED, f"no new errors{cut}"
        return _Look(
            Check(name="log", outcome=outcome, evidence=evidence, instance=before.instance)
        )

    def _position(self, instance: str) -> LogPosition:
        return position_of(self._folder(instance), self._key)

    def _folder(self, instance: str) -> Path:
        return self.drift.game_folder_of(instance)

    @property
    def _key(self) -> bytes:
        return self.drift.masker.key


def _applied(change: ChangeRequest | None) -> Check:
    if change is None:
        return Check(name="applied", outcome=PASSED, evidence="there was nothing to write")
    if change.status is ChangeStatus.REVERTED_BY_PLUGIN:
        keys = [f"{each.instance} {_place(each)}" for each in change.reverted]
        return _check("applied", keys, "", "", "a plugin put back: ")
    if change.status is not ChangeStatus.APPLIED:
        evidence = f"{change.id} is {change.status.value}"
        return Check(name="applied", outcome=FAILED, evidence=evidence)
    files = f"{len(change.files)} file" + ("" if len(change.files) == 1 else "s")
    return Check(name="applied", outcome=PASSED, evidence=f"{files} written and verified")


def _place(reverted: Reverted) -> str:
    return f"{reverted.file}: {dotted(reverted.path)}"


def _check(name: str, wrong: Sequence[str], well: str, instance: str, lead: str = "") -> Check:
    if not wrong:
        return Check(name=name, outcome=PASSED, evidence=well, instance=instance)
    evidence = f"{lead}{joined(wrong)}"
    return Check(name=name, outcome=FAILED, evidence=evidence, instance=instance or None)


def joined(wrong: Sequence[str]) -> str:
    """The first few in one line."""
    more = f" and {len(wrong) - MAX_TOLD} more" if len(wrong) > MAX_TOLD else ""
    return f"{'; '.join(wrong[:MAX_TOLD])}{more}"
