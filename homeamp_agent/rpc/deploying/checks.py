"""Looking at a wave: is it written and kept, is the game ready, are there new errors in its log."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
LONGEST_WAITING_S = 1.0
"""Between two looks once only a game's start is awaited."""
MAX_TOLD = 3

PASSED, FAILED, SKIPPED = CheckOutcome.PASSED, CheckOutcome.FAILED, CheckOutcome.SKIPPED


class AmpIsAway(Exception):
    """A game is out of sight still, after its time: how it is nobody can tell. One line, why."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A check, and whether a later look may find otherwise; `away`: AMP did not answer it."""

    check: Check
    open: bool = False
    away: bool = False

    @property
    def wrong(self) -> bool:
        return self.check.outcome is FAILED and not self.open


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
        """Look until the soak time is over, or something is wrong; then let the hooks look.

        Raises:
            AmpIsAway: nothing is known to be wrong, but AMP was away for `ready_s` beyond it.
        """
        change = await known(self.desk, wave)
        applied = _applied(change)
        if applied.outcome is FAILED:
            return (applied,)
        await self.drift.ready()
        looks = await self._soaked(wave)
        away = next((each.check.evidence for each in looks if each.away), "")
        # A game that AMP did not call failed had not the time it is given, when AMP went away.
        looked = [each.check for each in looks if not (away and each.open)]
        checks = (applied, *looked, *await self._files(change))
        if any(each.outcome is FAILED for each in checks):
            return checks
        if away:
            raise AmpIsAway(away)
        wave_kind = "dev" if wave.number == DEV_WAVE else "waves"
        for hook in self.hooks:
            if hook.where in {"both", wave_kind}:
                checks = (*checks, await run_hook(hook, deployment, wave))
        return checks

    async def _soaked(self, wave: Wave) -> list[_Look]:
        """What the last look found: at the end of the soak time, or where something was wrong."""
        began = datetime.now(UTC)
        until = wave.soak_until or began
        ready = timedelta(seconds=self.ready_s)
        patience = longest = max(until, began) + ready
        pause_s = _between((until - began).total_seconds(), LONGEST_PAUSE_S)
        waiting_s = _between(self.ready_s, LONGEST_WAITING_S)
        while True:
            found = await asyncio.gather(*map(self._look_at, wave.before))
            looks = list(itertools.chain.from_iterable(found))
            now = datetime.now(UTC)
            away = any(each.away for each in looks)
            if away:  # the time of a game that starts begins when somebody tells of it
                patience = max(patience, now + ready)
            waits = any(each.open for each in looks) and now < (longest if away else patience)
            if any(each.wrong for each in looks) or (now >= until and not waits):
                return looks
            left_s = (until - now).total_seconds()
            await asyncio.sleep(min(pause_s, left_s) if left_s > 0 else waiting_s)

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
        if now.state is GameState.AWAY:
            why = f"AMP is away: {now.message}" if now.message else "AMP is away"
            return replace(said(SKIPPED, why, waits=True), away=True)
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


def _between(seconds: float, longest_s: float) -> float:
    """How long to wait between the looks of so many seconds."""
    return min(max(seconds / LOOKS, SHORTEST_PAUSE_S), longest_s)


def _applied(change: ChangeRequest | None) -> Check:
    if change is None:
        return Check(name="applied", outcome=PASSED, evidence="there was nothing to write")
    if change.status is ChangeStatus.REVERTED_BY_PLUGIN:
        keys = [f"{each.instance} {_place(each)}" for each in change.reverted]
        return _check("applied", keys, "", "", "a plugin put back: ")
    if change.status is not ChangeStatus.APPLIED:
        evidence = f"{change.id} is {change.status.words}"
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
