"""How a deployment moves: from what happened to where it stands and what is to be done next. Pure.

    step = advance(deployment, Approved("mia", now), now)
    step.deployment, step.lines             # keep both, then
    action_of(step.deployment)              # do this, and tell what came of it as the next event

What is to be done follows from where it stands alone, so an agent that was killed goes on by doing
`action_of` what it had kept. Every action may be done twice.

The events are in `deployment_events`: those of persons (Approved, Paused, ...) and of the work.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import singledispatch
from typing import Any

from homeamp_agent.changes.deployment_action import (
    WRITING,
    Action,
    action_of,
    current_wave,
    to_roll_back,
)
from homeamp_agent.changes.deployment_events import (
    Aborted,
    Applied,
    Approved,
    Checked,
    Event,
    Line,
    NotApplied,
    NotBegun,
    NotLooked,
    Paused,
    PlanChanged,
    Prepared,
    Replanned,
    Resumed,
    RollbackAsked,
    RolledBack,
    Started,
    TakenBack,
    UndoneByHand,
    check_line,
    check_text,
)
from homeamp_agent.changes.deployment_facts import (
    replanned,
    say,
    set_wave,
    stage_of,
    to_stage,
    with_stage,
)
from homeamp_agent.changes.errors import NotNowError
from homeamp_agent.model.deployment import (
    DEV_WAVE,
    CheckOutcome,
    Deployment,
    DeploymentStage,
    WaveState,
)


@dataclass(frozen=True, slots=True)
class Step:
    """Where it stands now, and what the log says of how it got there."""

    deployment: Deployment
    lines: tuple[Line, ...] = ()

    @property
    def action(self) -> Action | None:
        """What is to be done now; None: a person is awaited, or it is over."""
        return action_of(self.deployment)


_STANDING = frozenset({WaveState.PASSED, WaveState.APPLIED, WaveState.NOT_ROLLED_BACK})
_ON_THE_WAY = WRITING | {DeploymentStage.AWAITING_APPROVAL}


def advance(deployment: Deployment, event: Event, at: datetime) -> Step:
    """Where the deployment stands after `event`, with the log's lines.

    An event of work that is no longer wanted changes nothing but what is known of its wave.

    Raises:
        NotNowError: a person asks for what cannot be done now, or not by this person.
    """
    step = _after(event, deployment)
    if step.deployment is deployment:
        return step
    now: dict[str, Any] = {"updated_at": at}
    if step.deployment.over:
        now["finished_at"] = step.deployment.finished_at or at
    return replace(step, deployment=step.deployment.model_copy(update=now))


@singledispatch
def _after(event: Event, deployment: Deployment) -> Step:
    raise TypeError(f"{deployment.id}: no event: {type(event).__name__}")


@_after.register
def _(event: Started, deployment: Deployment) -> Step:
    del event
    if deployment.stage is not DeploymentStage.PLANNED:
        return Step(deployment)
    first = deployment.waves[0]
    if first.number == DEV_WAVE:
        names = ", ".join(first.instances)
        return Step(with_stage(deployment, DeploymentStage.DEV), (Line(f"begins on DEV: {names}"),))
    return _to_approval(deployment, (Line("goes without DEV", "warning"),))


@_after.register
def _(event: Prepared, deployment: Deployment) -> Step:
    wave = deployment.wave(event.wave)
    if wave.state is not WaveState.PENDING or deployment.stage not in WRITING:
        return Step(deployment)
    moved = set_wave(deployment, event.wave, state=WaveState.APPLYING, before=event.before)
    names = ", ".join(wave.instances)
    return Step(moved, (Line(f"{wave.title}: writes {names}", wave=event.wave),))


@_after.register
def _(event: Applied, deployment: Deployment) -> Step:
    wave = deployment.wave(event.wave)
    if wave.state is not WaveState.APPLYING:
        return Step(deployment)
    line = Line(f"{wave.title}: written and verified", wave=event.wave)
    if stage_of(deployment) not in WRITING:
        return Step(set_wave(deployment, event.wave, state=WaveState.APPLIED), (line,))
    facts = {"state": WaveState.CHECKING, "soak_until": event.soak_until, "message": ""}
    moved = set_wave(deployment, event.wave, **facts)
    if event.wave == DEV_WAVE:
        moved = to_stage(moved, DeploymentStage.CHECKING)
    return Step(moved, (line,))


@_after.register
def _(event: NotApplied, deployment: Deployment) -> Step:
    wave = deployment.wave(event.wave)
    if wave.state is not WaveState.APPLYING:
        return Step(deployment)
    moved = set_wave(deployment, event.wave, state=WaveState.FAILED, message=event.reason)
    why = f"{wave.title}: not written: {event.reason}"
    if stage_of(deployment) not in WRITING:
        return Step(moved, (Line(why, "warning", event.wave),))
    return _failed(moved, why, event.wave)


@_after.register
def _(event: NotBegun, deployment: Deployment) -> Step:
    wave = deployment.wave(event.wave)
    early = wave.state is WaveState.PENDING and deployment.stage in WRITING
    if wave.state is not WaveState.APPLYING and not early:
        return Step(deployment)
    facts: dict[str, Any] = {
        "state": WaveState.PENDING,
        "before": (),
        "change_id": event.change_id or wave.change_id,
        "message": event.reason,
    }
    moved = set_wave(deployment, event.wave, **facts)
    why = f"{wave.title}: not begun: {event.reason}"
    return Step(_held(moved, why), (Line(why, "warning", event.wave),))


@_after.register
def _(event: TakenBack, deployment: Deployment) -> Step:
    wave = deployment.wave(event.wave)
    if wave.state is not WaveState.APPLYING:
        return Step(deployment)
    text = f"{wave.title}: was cut short and taken back; written again as {event.change_id}"
    moved = set_wave(deployment, event.wave, change_id=event.change_id)
    return Step(moved, (Line(text, "warning", event.wave),))


@_after.register
def _(event: PlanChanged, deployment: Deployment) -> Step:
    wave = deployment.wave(event.wave)
    if wave.state is not WaveState.APPLYING:
        return Step(deployment)
    why = f"{wave.title}: not written: {event.reason}"
    if stage_of(deployment) not in WRITING:
        moved = set_wave(deployment, event.wave, state=WaveState.FAILED, message=event.reason)
        return Step(moved, (Line(why, "warning", event.wave),))
    if event.wave == DEV_WAVE:
        moved = set_wave(deployment, event.wave, state=WaveState.FAILED, message=event.reason)
        return _failed(moved, why, event.wave)
    moved = replanned(deployment, event.digests, event.digest)
    moved = set_wave(moved, event.wave, state=WaveState.PENDING, before=())
    other = f"{wave.title} would do something else now ({event.reason})"
    message = f"{other}: look at it again and approve it"
    moved = to_stage(moved, DeploymentStage.AWAITING_APPROVAL)
    return Step(say(moved, message), (Line(why, "warning", event.wave), Line(message)))


@_after.register
def _(event: Checked, deployment: Deployment) -> Step:
    wave = deployment.wave(event.wave)
    if wave.state is not WaveState.CHECKING or stage_of(deployment) not in WRITING:
        return Step(deployment)
    lines = tuple(check_line(each, event.wave) for each in event.checks)
    wrong = [each for each in event.checks if each.outcome is CheckOutcome.FAILED]
    if wrong:
        why = f"{wave.title}: {check_text(wrong[0])}"
        moved = set_wave(
            deployment, event.wave, state=WaveState.FAILED, checks=event.checks, message=why
        )
        return _before_it(lines, _failed(moved, why, event.wave))
    # What the log held before is compared with no more; a hundred logs' worth is not kept.
    before = tuple(each.model_copy(update={"error_marks": ()}) for each in wave.before)
    facts = {"state": WaveState.PASSED, "checks": event.checks, "before": before, "message": ""}
    moved = set_wave(deployment, event.wave, **facts)
    if wave.message and deployment.message.endswith(wave.message):  # what held it is over
        moved = say(moved, f"{wave.title}: found well since: resume it to go on")
    lines = (*lines, Line(f"{wave.title}: found well", wave=event.wave))
    return _before_it(lines, _to_next(moved, event.wave))


@_after.register
def _(event: NotLooked, deployment: Deployment) -> Step:
    wave = deployment.wave(event.wave)
    told = deployment.stage is DeploymentStage.PAUSED and wave.message
    if told or wave.state is not WaveState.CHECKING or stage_of(deployment) not in WRITING:
        return Step(deployment)
    moved = set_wave(deployment, event.wave, message=event.reason)
    why = f"{wave.title}: not looked at to the end: {event.reason}"
    return Step(_held(moved, why), (Line(why, "warning", event.wave),))


@_after.register
def _(event: RolledBack, deployment: Deployment) -> Step:
    if deployment.stage is not DeploymentStage.ROLLING_BACK:
        return Step(deployment)
    wave = deployment.wave(event.wave)
    left = "; ".join(event.left)
    state = WaveState.NOT_ROLLED_BACK if event.left else WaveState.ROLLED_BACK
    message = f"left as it is: {left}" if left else event.message
    moved = set_wave(deployment, event.wave, state=state, message=message)
    if left:
        line = Line(f"{wave.title}: not all rolled back: {left}", "error", event.wave)
    else:
        line = Line(f"{wave.title}: {event.message or 'rolled back'}", wave=event.wave)
    return _before_it((line,), _end_of_rollback(moved))


@_after.register
def _(event: Approved, deployment: Deployment) -> Step:
    if deployment.stage is not DeploymentStage.AWAITING_APPROVAL:
        raise _not_now(deployment, "nothing to approve")
    if deployment.approval == "other" and event.who == deployment.author:
        raise NotNowError(
            f"{deployment.id} is {event.who}'s own: somebody else approves it"
            " (deployments.approval)"
        )
    moved = deployment.model_copy(update={"approved_by": event.who, "approved_at": event.at})
    moved = say(to_stage(moved, DeploymentStage.WAVES), "")
    return _before_it((Line(f"approved by {event.who}"),), _done_if_all_passed(moved))


@_after.register
def _(event: Replanned, deployment: Deployment) -> Step:
    moved = replanned(deployment, event.digests, event.digest)
    return Step(say(moved, event.reason), (Line(event.reason, "warning"),))


@_after.register
def _(event: Paused, deployment: Deployment) -> Step:
    held = deployment.stage
    if held not in _ON_THE_WAY | {DeploymentStage.PLANNED}:
        raise _not_now(deployment, "nothing to pause")
    message = f"paused by {event.who}" + _because(event.reason)
    moved = say(with_stage(deployment, DeploymentStage.PAUSED, held=held), message)
    return Step(moved, (Line(message, "warning"),))


@_after.register
def _(event: Resumed, deployment: Deployment) -> Step:
    if deployment.stage is not DeploymentStage.PAUSED or deployment.held is None:
        raise _not_now(deployment, "nothing to go on with")
    moved = say(with_stage(deployment, deployment.held), "")
    return Step(moved, (Line(f"resumed by {event.who}"),))


@_after.register
def _(event: Aborted, deployment: Deployment) -> Step:
    if deployment.over or deployment.stage is DeploymentStage.ROLLING_BACK:
        raise _not_now(deployment, "nothing to abort")
    moved = deployment
    for wave in deployment.waves:
        if wave.state is WaveState.CHECKING:
            moved = set_wave(moved, wave.number, state=WaveState.APPLIED)
    message = f"aborted by {event.who}" + _because(event.reason)
    moved = say(with_stage(moved, DeploymentStage.ABORTED), message)
    stays = "what is written stays" if to_roll_back(moved) else "nothing was written"
    return Step(moved, (Line(f"{message}; {stays}", "warning"),))


@_after.register
def _(event: RollbackAsked, deployment: Deployment) -> Step:
    if deployment.stage in {DeploymentStage.ROLLING_BACK, DeploymentStage.ROLLED_BACK}:
        raise _not_now(deployment, "it is so already")
    moved = deployment
    for wave in deployment.waves:
        if wave.state is WaveState.NOT_ROLLED_BACK:
            moved = set_wave(moved, wave.number, state=WaveState.APPLIED, message="")
    if not to_roll_back(moved):
        raise NotNowError(f"{deployment.id}: nothing of it was written")
    message = f"rolled back by {event.who}" + _because(event.reason)
    moved = say(with_stage(moved, DeploymentStage.ROLLING_BACK), message)
    moved = moved.model_copy(update={"finished_at": None})
    return Step(moved, (Line(message, "warning"),))


@_after.register
def _(event: UndoneByHand, deployment: Deployment) -> Step:
    stand = [each for each in deployment.waves if each.state in _STANDING]
    undone = [each for each in stand if each.change_id in event.change_ids]
    if not undone or not deployment.over:
        return Step(deployment)
    message = f"rolled back by {event.who}" + _because(event.reason)
    moved = deployment
    for wave in undone:
        moved = set_wave(moved, wave.number, state=WaveState.ROLLED_BACK, message=message)
    lines = tuple(Line(f"{each.title}: {message}", "warning", each.number) for each in undone)
    if left := [each.title for each in stand if each not in undone]:
        titles = ", ".join(each.title for each in undone)
        return Step(say(moved, f"{titles}: {message}; {', '.join(left)} stays"), lines)
    return Step(say(with_stage(moved, DeploymentStage.ROLLED_BACK), message), lines)


def _held(deployment: Deployment, why: str) -> Deployment:
    """Paused, unless it is on no way: a person looks, and lets it go on."""
    if deployment.stage not in WRITING:
        return deployment
    return say(with_stage(deployment, DeploymentStage.PAUSED, held=deployment.stage), why)


def _failed(deployment: Deployment, why: str, wave: int) -> Step:
    """Everything that was written is taken back, newest first."""
    moved = with_stage(deployment, DeploymentStage.ROLLING_BACK).model_copy(
        update={"failure": why, "message": why}
    )
    lines = (Line(why, "error", wave), Line("everything of it is rolled back", "warning"))
    return _before_it(lines, _end_of_rollback(moved))


def _end_of_rollback(deployment: Deployment) -> Step:
    if to_roll_back(deployment):
        return Step(deployment)
    incomplete = [each for each in deployment.waves if each.state is WaveState.NOT_ROLLED_BACK]
    if incomplete:
        titles = ", ".join(each.title for each in incomplete)
        message = f"not all rolled back ({titles}): see the waves"
        moved = say(with_stage(deployment, DeploymentStage.FAILED), message)
        return Step(moved, (Line(message, "error"),))
    moved = with_stage(deployment, DeploymentStage.ROLLED_BACK)
    return Step(moved, (Line("rolled back"),))


def _to_next(deployment: Deployment, passed: int) -> Step:
    """Past a wave: to the approval after DEV, else to the next wave or the end."""
    return _to_approval(deployment) if passed == DEV_WAVE else _done_if_all_passed(deployment)


def _to_approval(deployment: Deployment, lines: tuple[Line, ...] = ()) -> Step:
    if current_wave(deployment) is None:
        return _before_it(lines, _done_if_all_passed(deployment))
    if deployment.approval == "at_once":
        moved = to_stage(deployment, DeploymentStage.WAVES)
        return Step(moved, (*lines, Line("goes on to production at once (deployments.approval)")))
    awaited = "somebody else's" if deployment.approval == "other" else "an"
    moved = to_stage(deployment, DeploymentStage.AWAITING_APPROVAL)
    return Step(moved, (*lines, Line(f"waits for {awaited} approval")))


def _done_if_all_passed(deployment: Deployment) -> Step:
    if current_wave(deployment) is not None:
        return Step(deployment)
    return Step(say(with_stage(deployment, DeploymentStage.DONE), ""), (Line("done"),))


def _before_it(lines: tuple[Line, ...], step: Step) -> Step:
    return replace(step, lines=(*lines, *step.lines))


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _not_now(deployment: Deployment, what: str) -> NotNowError:
    return NotNowError(f"{deployment.id} is {deployment.stage.value}: {what}")
