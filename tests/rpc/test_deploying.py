"""Looking at a wave, the operator's own commands, and what becomes of a wave that is written."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from homeamp_agent.amp.lifecycle import NoAmp
from homeamp_agent.changes import InstanceBusyError, NotNowError, UnknownChangeError
from homeamp_agent.changes.deployment_action import Action
from homeamp_agent.changes.deployment_events import (
    Applied,
    NotApplied,
    NotBegun,
    PlanChanged,
    RolledBack,
    TakenBack,
)
from homeamp_agent.changes.deployment_requests import DeploymentRequests
from homeamp_agent.changes.keeping import FoundNow, Unreadable
from homeamp_agent.changes.recovery import STOPPED
from homeamp_agent.instances.game_log import LOG
from homeamp_agent.model.change import ChangeRequest, ChangeStatus, FileOutcome, Plan, Reverted
from homeamp_agent.model.deployment import Check, CheckOutcome, Deployment, Wave, WaveState
from homeamp_agent.model.game import GameState, InstanceState
from homeamp_agent.model.request import RequestedChange
from homeamp_agent.rpc.deploying import work, writing
from homeamp_agent.rpc.deploying.checks import AmpIsAway, WaveChecks
from homeamp_agent.rpc.deploying.hooks import run_hook
from homeamp_agent.rpc.deploying.planning import Asked, PlannedDeployment, PlannedWave
from homeamp_agent.rpc.deploying.runner import Deployments
from homeamp_agent.rpc.deploying.work import WaveWork
from homeamp_agent.rpc.deploying.writing import WaveWriter, next_attempt
from homeamp_agent.rpc.events import EventBus
from homeamp_agent.rpc.protocol.errors import Busy
from homeamp_agent.settings.sections import DeploymentHook, DeploymentsSection
from homeamp_agent.store import open_store
from homeamp_agent.store.deployments import list_deployments

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FILE = FileOutcome(
    instance="SURV01", file="a.yml", before_sha256="0", after_sha256="1", state="verified"
)
WAVE = Wave(
    number=2, instances=("SURV01",), change_id="dep-w2", digest="d2", state=WaveState.APPLYING
)
DEPLOYMENT = Deployment(
    id="dep", reason="r", author="mia", host="alder", created_at=NOW, updated_at=NOW,
    waves=(WAVE,), digest="d",
)  # fmt: skip


def change(status: ChangeStatus = ChangeStatus.APPLIED, **facts: Any) -> ChangeRequest:
    return ChangeRequest(
        id="dep-w2", reason="r", author="mia", status=status, created_at=NOW, files=(FILE,),
        digest="d2", **facts,
    )  # fmt: skip


async def run(command: str, timeout_s: float = 10) -> Check:
    hook = DeploymentHook(name="smoke", command=("/bin/sh", "-c", command), timeout_s=timeout_s)
    return await run_hook(hook, DEPLOYMENT, WAVE)


async def test_a_hook_is_told_by_a_clean_environment_and_answers_by_its_exit_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOMEAMP_AMP__PASSWORD", "secret-X9")
    well = await run("env | sort | tr '\\n' ' '; exec 0<&-")
    assert well.name == "hook:smoke"
    assert well.outcome is CheckOutcome.PASSED
    for words in ("HOMEAMP_DEPLOYMENT=dep", "HOMEAMP_WAVE=2", "HOMEAMP_INSTANCES=SURV01"):
        assert words in well.evidence
    assert "secret-X9" not in (await run("env | grep -c . ; env | grep PASSWORD")).evidence
    wrong = await run("echo one; printf 'two\\033[31m\\n\\n' >&2; exit 3")
    assert (wrong.outcome, wrong.evidence) == (CheckOutcome.FAILED, "exit code 3: two[31m")
    killed = await run("kill -9 $$")
    assert (killed.outcome, killed.evidence) == (CheckOutcome.FAILED, "exit code -9")


async def test_a_hook_that_hangs_floods_or_is_not_there_is_a_failed_check(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    late = await run(f"sleep 60 & echo $! > {pid}; wait", timeout_s=0.3)
    assert (late.outcome, late.evidence) == (CheckOutcome.FAILED, "not done after 0.3 s")
    with pytest.raises(ProcessLookupError):
        os.kill(await gone(int(pid.read_text())), 0)
    flood = await run("head -c 1000000 /dev/zero | tr '\\0' x; echo; echo done")
    assert flood.evidence == "exit code 0: done"
    hook = DeploymentHook(name="no", command=("/nowhere/at/all",))
    missing = await run_hook(hook, DEPLOYMENT, WAVE)
    assert missing.evidence == "could not be run: No such file or directory"


async def gone(pid: int) -> int:
    """Once the process is no longer there, or only waits to be collected."""
    async with asyncio.timeout(60):
        while Path(f"/proc/{pid}/stat").exists():
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                raise ProcessLookupError
            await asyncio.sleep(0.01)
    return pid


class Parts:
    """What the checks look at."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / LOG
        self.log.parent.mkdir()
        self.log.write_text("[11:00:00] [main/INFO]: Done\n")
        self.states = [GameState.READY]
        self.change: ChangeRequest | None = change()
        self.found = FoundNow((), ())
        self.folder = folder

    async def ready(self) -> None:
        return

    async def show(self, change_id: str) -> ChangeRequest:
        if self.change is None:
            raise UnknownChangeError(change_id)
        return self.change

    async def state(self, instance: str) -> InstanceState:
        state = self.states.pop(0) if self.states[1:] else self.states[0]
        message = "no answer" if state is GameState.AWAY else ""
        return InstanceState(state=state, message=message)

    def checks(self, lifecycle: Any = None, *hooks: DeploymentHook) -> WaveChecks:
        drift: Any = SimpleNamespace(
            ready=self.ready,
            game_folder_of=lambda name: self.folder,
            masker=SimpleNamespace(key=b"k" * 32),
        )
        room = SimpleNamespace(keeping=SimpleNamespace(now=lambda change: self.found))
        amp = lifecycle or SimpleNamespace(available=True, state=self.state)
        desk: Any = self
        return WaveChecks(drift, desk, lambda: room, amp, 0.2, hooks)  # type: ignore[return-value,arg-type]

    async def look(
        self, *hooks: DeploymentHook, write: str = "", amp: Any = None
    ) -> dict[str, str]:
        """What went otherwise than well: the evidence, by the name of the check."""
        checks = self.checks(amp, *hooks)
        before = await checks.before("SURV01")
        with self.log.open("a") as opened:
            opened.write(write)
        until = datetime.now(UTC) + timedelta(seconds=0.05)
        wave = WAVE.model_copy(update={"before": (before,), "soak_until": until})
        found = await checks.look(DEPLOYMENT, wave)
        return {e.name: e.evidence for e in found if e.outcome is not CheckOutcome.PASSED}


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path)


async def test_a_wave_that_is_well_passes_every_check_and_then_the_hooks(parts: Parts) -> None:
    wrong = DeploymentHook(name="smoke", command=("/bin/false",))
    dev = DeploymentHook(name="dev", command=("/bin/false",), where="dev")
    assert await parts.look() == {}
    assert await parts.look(wrong, dev) == {"hook:smoke": "exit code 1"}
    parts.change = None
    assert await parts.look() == {}


async def test_new_errors_in_the_log_end_the_soak_time_at_once(parts: Parts) -> None:
    error = "[12:00:00] [Server thread/ERROR]: [TAB] secret-X9\n"
    assert await parts.look(write=error) == {"log": "1 new error: 12:00:00 ERROR [TAB]"}
    assert await parts.look() == {}


async def test_a_game_that_fails_or_does_not_come_back_is_not_well(parts: Parts) -> None:
    parts.states = [GameState.READY, GameState.STARTING, GameState.READY]
    assert await parts.look() == {}
    parts.states = [GameState.READY, GameState.FAILED]
    assert await parts.look() == {"ready": "the game is failed"}
    parts.states = [GameState.READY, GameState.STARTING]
    assert await parts.look() == {"ready": "the game is starting"}
    parts.states = [GameState.STOPPED]
    assert await parts.look() == {"ready": "it was stopped before"}
    assert await parts.look(amp=NoAmp()) == {"ready": "no AMP tells whether the game runs"}


async def test_what_nobody_can_tell_is_neither_well_nor_wrong(parts: Parts) -> None:
    ready, away, starting = GameState.READY, GameState.AWAY, GameState.STARTING
    parts.states = [ready, away]
    with pytest.raises(AmpIsAway, match=r"^AMP is away: no answer$"):
        await parts.look()
    parts.states = [ready, away, away, ready]
    assert await parts.look() == {}
    parts.states = [ready, away, away, GameState.FAILED]
    assert await parts.look() == {"ready": "the game is failed"}
    # The time it has to start, 0.2 s at a look each 0.05 s, begins when AMP is back.
    parts.states = [ready, *[away] * 4, *[starting] * 3, ready]
    assert await parts.look() == {}
    parts.states = [ready, away]
    parts.found = FoundNow((), (Unreadable("SURV01", "a.yml", "line 3: no YAML"),))
    assert (await parts.look())["readable"] == "a.yml: line 3: no YAML"


async def test_what_was_not_kept_or_cannot_be_read_is_named_without_its_value(
    parts: Parts,
) -> None:
    reverted = Reverted(instance="SURV01", file="a.yml", path=("a", "b"), wanted=1, found="X9")
    parts.found = FoundNow((reverted,), (Unreadable("SURV01", "a.yml", "line 3: no YAML"),))
    assert await parts.look() == {
        "kept": "not kept: a.yml: a.b",
        "readable": "a.yml: line 3: no YAML",
    }
    parts.change = change(ChangeStatus.REVERTED_BY_PLUGIN, reverted=(reverted,))
    assert await parts.look() == {"applied": "a plugin put back: SURV01 a.yml: a.b"}
    parts.change = change(ChangeStatus.ROLLED_BACK)
    assert await parts.look() == {"applied": "dep-w2 is rolled back"}


class FakeDesk:
    """Answers with the changes it was given, one after the other."""

    def __init__(self, *changes: ChangeRequest, digest: str = "d2", busy: bool = False) -> None:
        self.changes = list(changes)
        self.digest = digest
        self.busy = busy
        self.did: list[str] = []
        self.drift = SimpleNamespace(snapshots={"SURV01": None})

    async def show(self, change_id: str) -> ChangeRequest:
        if not self.changes:
            raise UnknownChangeError(change_id)
        return self.changes.pop(0) if self.changes[1:] else self.changes[0]

    async def ended(self, change_id: str) -> ChangeRequest:
        return await self.show(change_id)

    async def plan(self, request: Any) -> Any:
        files = ["a file"]
        return SimpleNamespace(plan=SimpleNamespace(digest=self.digest), files=files), ()

    async def submit(self, read: Any, **facts: Any) -> None:
        self.did.append("submit")
        self.changes = [
            change(ChangeStatus.PENDING_APPROVAL),
            change(ChangeStatus.APPROVED),
            change(),
        ]

    async def approve(self, *facts: Any, vouched: bool) -> None:
        self.did.append(f"approve {facts[1]} {vouched}")

    async def apply(self, change_id: str, digest: str) -> ChangeRequest:
        if self.busy:
            raise InstanceBusyError("SURV01 is busy")
        self.did.append("apply")
        return await self.show(change_id)


def writer(desk: FakeDesk) -> WaveWriter:
    request = RequestedChange.model_validate(
        {"reason": "r", "edits": [{"file": "a.yml", "path": ["a"], "new": 1}]}
    )
    requests: Any = SimpleNamespace(get=lambda name: request)
    given: Any = desk
    return WaveWriter(given, requests, DeploymentsSection())


async def test_a_wave_is_handed_in_approved_and_carried_out_once() -> None:
    desk = FakeDesk()
    assert isinstance(await writer(desk).apply(DEPLOYMENT, WAVE), Applied)
    assert desk.did == ["submit", "approve mia True", "apply"]
    older = change(ChangeStatus.PENDING_APPROVAL).model_copy(update={"digest": "older"})
    again = FakeDesk(older, change())
    again.changes.insert(0, older)
    assert isinstance(await writer(again).apply(DEPLOYMENT, WAVE), Applied)
    assert again.did == ["approve mia True", "apply"]
    there = FakeDesk(change())
    assert isinstance(await writer(there).apply(DEPLOYMENT, WAVE), Applied)
    assert there.did == []


async def test_what_keeps_a_wave_from_being_written_is_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed = await writer(FakeDesk(digest="other")).apply(DEPLOYMENT, WAVE)
    assert isinstance(changed, PlanChanged)
    assert changed.digests == {2: "other"}
    cut = FakeDesk(change(ChangeStatus.FAILED, message=STOPPED))
    assert await writer(cut).apply(DEPLOYMENT, WAVE) == TakenBack(2, "dep-w2.2")
    full = FakeDesk(change(ChangeStatus.FAILED, message="the disk is full"))
    assert await writer(full).apply(DEPLOYMENT, WAVE) == NotApplied(2, "the disk is full")
    approved = change(ChangeStatus.APPROVED, message="3 players are online")
    played = await writer(FakeDesk(approved)).apply(DEPLOYMENT, WAVE)
    assert played == NotBegun(2, "3 players are online")
    monkeypatch.setattr(writing, "BUSY_PATIENCE_S", -1.0)
    busy = await writer(FakeDesk(approved, busy=True)).apply(DEPLOYMENT, WAVE)
    assert busy == NotBegun(2, "SURV01 is busy")


async def test_a_wave_whose_change_was_withdrawn_waits_under_another_id() -> None:
    cancelled = change(ChangeStatus.CANCELLED, message="not now")
    for act in (writer(FakeDesk(cancelled)).apply, writer(FakeDesk(cancelled)).settle):
        assert await act(DEPLOYMENT, WAVE) == NotBegun(2, "not now", "dep-w2.2")
    assert await writer(FakeDesk()).settle(DEPLOYMENT, WAVE) == NotBegun(2, "held")
    assert isinstance(await writer(FakeDesk(change())).settle(DEPLOYMENT, WAVE), Applied)


def test_a_wave_is_tried_nine_times() -> None:
    assert next_attempt("a-w1-w12") == "a-w1-w12.2"
    assert next_attempt("a-w1-w12.2") == "a-w1-w12.3"
    assert next_attempt("a-w1-w12.9") is None


async def test_nothing_is_done_before_the_agent_knows_its_instances(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(work, "LOOK_AGAIN_S", 0.0)
    did: list[str] = []

    async def ready() -> None:
        did.append("look")
        if len(did) == 1:
            raise Busy("tried again")

    async def roll_back(deployment: Deployment, wave: Wave) -> RolledBack:
        did.append(f"roll back {wave.number} of {deployment.id}")
        if len(did) > 5:
            raise ValueError("secret-X9")
        return RolledBack(wave.number)

    checks: Any = SimpleNamespace(drift=SimpleNamespace(ready=ready))
    undo: Any = SimpleNamespace(roll_back=roll_back)
    works = WaveWork(writer(FakeDesk()), undo, checks)
    assert await works.do(Action("roll_back", 2), DEPLOYMENT) == RolledBack(2)
    assert did == ["look", "look", "roll back 2 of dep"]
    did += [""] * 3
    failed = await works.do(Action("roll_back", 2), DEPLOYMENT)
    assert failed == RolledBack(2, left=("unexpected error (ValueError)",))


async def test_a_deployment_whose_request_was_begun_meanwhile_ends_with_nothing_written(
    tmp_path: Path,
) -> None:
    async def gone(*facts: Any) -> None:
        raise NotNowError("dep-1 is applying: it stays so")

    async def planned(*facts: Any) -> PlannedDeployment:
        return PlannedDeployment((PlannedWave(1, ("SURV01",), Plan(digest="d")),))

    asked = Asked(
        RequestedChange.model_validate(
            {"reason": "r", "edits": [{"file": "a.yml", "path": ["a"], "new": 1}]}
        )
    )
    book = SimpleNamespace(get=lambda name: SimpleNamespace(change=change()))
    room: Any = SimpleNamespace(audit=SimpleNamespace(append=lambda **facts: None))
    any_: Any = SimpleNamespace(take_over=gone, book=book)
    store, requests = await open_store(tmp_path), DeploymentRequests(tmp_path)
    deployments = Deployments(
        "alder",
        store,
        any_,
        any_,
        lambda: room,
        requests,
        any_,
        EventBus(),
        DeploymentsSection(),
        print,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Deployments, "plan", planned)
        with pytest.raises(NotNowError, match="stays so"):
            await deployments.start(asked, who="mia", change_id="dep-1")
    (row,) = (await list_deployments(store)).deployments
    assert (row.stage.value, row.message) == (
        "aborted", "aborted by agent: dep-1 was begun by itself",
    )  # fmt: skip
    assert requests.known() == frozenset()
    await store.close()
