"""The way of a deployment, step by step, without anything being done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from homeamp_agent.changes import NotNowError
from homeamp_agent.changes.deployment import advance
from homeamp_agent.changes.deployment_action import Action, ActionKind, action_of
from homeamp_agent.changes.deployment_events import (
    Aborted,
    Applied,
    Approved,
    Checked,
    Event,
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
)
from homeamp_agent.model.deployment import (
    Before,
    Check,
    CheckOutcome,
    Deployment,
    DeploymentStage,
    Wave,
    WaveState,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
GOOD = Check(name="log", outcome=CheckOutcome.PASSED, evidence="no new errors")
BAD = Check(name="log", outcome=CheckOutcome.FAILED, evidence="3 new errors", instance="SURV01")
WAVES = (("DEV01",), ("SURV01",), ("SURV02", "SURV03"))


def planned(approval: Literal["own", "other", "at_once"] = "own", dev: bool = True) -> Deployment:
    waves = tuple(
        Wave(number=number, instances=names, change_id=f"dep-w{number}", digest=f"d{number}")
        for number, names in enumerate(WAVES)
    )
    return Deployment(
        id="dep", reason="r", author="mia", host="alder", created_at=NOW, updated_at=NOW,
        waves=waves if dev else waves[1:], digest="all", approval=approval,
    )  # fmt: skip


class Way:
    """A deployment on its way; `texts` is its log."""

    def __init__(self, deployment: Deployment) -> None:
        self.now = deployment
        self.texts: list[str] = []

    def tell(self, *events: Event) -> Way:
        for event in events:
            step = advance(self.now, event, LATER)
            self.now = step.deployment
            self.texts += [each.text for each in step.lines]
        return self

    def wave(self, number: int, *, well: bool = True) -> Way:
        """Prepared, written and looked at."""
        return self.begun(number).tell(Checked(number, (GOOD if well else BAD,)))

    def begun(self, number: int) -> Way:
        return self.tell(
            Prepared(number, (Before(instance=WAVES[number][0], error_marks=("a",)),)),
            Applied(number, LATER),
        )

    def approved(self, who: str = "mia") -> Way:
        return self.tell(Approved(who, LATER))

    @property
    def stage(self) -> str:
        return self.now.stage.value

    @property
    def states(self) -> list[str]:
        return [each.state.value for each in self.now.waves]

    @property
    def action(self) -> tuple[str, int] | None:
        action = action_of(self.now)
        return None if action is None else (action.kind, action.wave)


def way(**more: Any) -> Way:
    return Way(planned(**more))


def on_dev() -> Way:
    return way().tell(Started())


def at_approval() -> Way:
    return on_dev().wave(0)


def in_waves() -> Way:
    return at_approval().approved()


def test_the_whole_way_and_what_is_done_at_each_step() -> None:
    trip = way()
    seen = [(trip.stage, trip.action)]
    events: list[Event] = [Started()]
    for number in range(3):
        events += [Prepared(number, ()), Applied(number, LATER), Checked(number, (GOOD,))]
    events.insert(4, Approved("mia", LATER))
    for event in events:
        trip.tell(event)
        seen.append((trip.stage, trip.action))
    assert seen == [
        ("planned", ("start", 0)),
        ("dev", ("prepare", 0)),
        ("dev", ("apply", 0)),
        ("checking", ("check", 0)),
        ("awaiting_approval", None),
        ("waves", ("prepare", 1)),
        ("waves", ("apply", 1)),
        ("waves", ("check", 1)),
        ("waves", ("prepare", 2)),
        ("waves", ("apply", 2)),
        ("waves", ("check", 2)),
        ("done", None),
    ]
    assert trip.now.finished_at == LATER
    assert (trip.now.approved_by, trip.now.approved_at) == ("mia", LATER)
    assert trip.states == ["passed"] * 3
    assert "canary: found well" in trip.texts


def test_what_the_logs_held_is_forgotten_with_the_look_at_them() -> None:
    trip = on_dev().begun(0)
    assert trip.now.waves[0].before[0].error_marks == ("a",)
    (before,) = trip.tell(Checked(0, (GOOD,))).now.waves[0].before
    assert (before.instance, before.error_marks) == ("DEV01", ())


def test_without_dev_and_without_anybody_asked() -> None:
    assert way(dev=False).tell(Started()).stage == "awaiting_approval"
    trip = way(approval="at_once").tell(Started()).wave(0)
    assert (trip.stage, trip.action) == ("waves", ("prepare", 1))
    trip = Way(planned().model_copy(update={"waves": planned().waves[:1]})).tell(Started()).wave(0)
    assert trip.stage == "done"


def test_who_may_approve() -> None:
    trip = way(approval="other").tell(Started()).wave(0)
    with pytest.raises(NotNowError, match="somebody else approves"):
        trip.approved("mia")
    assert trip.approved("ole").stage == "waves"
    assert at_approval().approved("mia").stage == "waves"
    for early in (way(), on_dev(), in_waves()):
        with pytest.raises(NotNowError, match="nothing to approve"):
            early.approved("ole")


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_wave_that_is_not_well_takes_all_back_newest_first(failing: int) -> None:
    trip = on_dev()
    for number in range(failing):
        trip.wave(number)
        trip = trip.approved() if number == 0 else trip
    trip.wave(failing, well=False)
    assert trip.stage == "rolling_back"
    assert "SURV01: log: 3 new errors" in trip.now.failure
    for number in reversed(range(failing + 1)):
        assert trip.action == ("roll_back", number)
        trip.tell(RolledBack(number))
    assert (trip.stage, trip.action) == ("rolled_back", None)
    assert trip.states == ["rolled_back"] * (failing + 1) + ["pending"] * (2 - failing)
    assert trip.now.finished_at == LATER


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_wave_that_is_not_written_takes_the_others_back(failing: int) -> None:
    trip = on_dev()
    for number in range(failing):
        trip.wave(number)
        trip = trip.approved() if number == 0 else trip
    trip.tell(Prepared(failing, ()), NotApplied(failing, "the disk is full"))
    assert trip.stage == "rolling_back"
    assert "the disk is full" in trip.now.failure
    assert trip.action == ("roll_back", failing)


def test_what_could_not_be_rolled_back_is_said_and_can_be_tried_again() -> None:
    trip = in_waves().wave(1, well=False)
    trip.tell(RolledBack(1, left=("SURV01/a.yml: another program changed it",)))
    assert (trip.stage, trip.action) == ("rolling_back", ("roll_back", 0))
    trip.tell(RolledBack(0))
    assert (trip.stage, trip.states[:2]) == ("failed", ["rolled_back", "not_rolled_back"])
    assert "another program" in trip.now.waves[1].message
    trip.tell(RollbackAsked("ole"))
    assert (trip.stage, trip.action) == ("rolling_back", ("roll_back", 1))
    assert trip.now.finished_at is None
    assert trip.tell(RolledBack(1)).stage == "rolled_back"


def test_a_pause_holds_the_next_step_at_every_stage() -> None:
    pairs = [
        (way(), "start"),
        (on_dev(), "prepare"),
        (at_approval(), None),
        (in_waves(), "prepare"),
    ]
    for trip, kind in pairs:
        before, action = trip.now.stage, trip.action
        assert (action[0] if action else None) == kind
        trip.tell(Paused("ole", "lunch"))
        assert (trip.stage, trip.now.held, trip.action) == ("paused", before, None)
        assert trip.now.message == "paused by ole: lunch"
        with pytest.raises(NotNowError):
            trip.approved()
        with pytest.raises(NotNowError):
            trip.tell(Paused("ole"))
        trip.tell(Resumed("ole"))
        assert (trip.now.stage, trip.action, trip.now.held) == (before, action, None)
    with pytest.raises(NotNowError, match="nothing to go on with"):
        in_waves().tell(Resumed("ole"))


def test_what_is_begun_goes_on_during_a_pause_and_its_failure_counts() -> None:
    trip = in_waves().tell(Prepared(1, ()), Paused("ole"))
    assert trip.action == ("settle", 1)
    trip.tell(Applied(1, LATER))
    assert (trip.stage, trip.action) == ("paused", ("check", 1))
    trip.tell(Checked(1, (GOOD,)))
    assert trip.stage == "paused"
    assert trip.action is None
    assert trip.tell(Resumed("ole")).action == ("prepare", 2)

    trip = in_waves().begun(1).tell(Paused("ole"), Checked(1, (BAD,)))
    assert (trip.stage, trip.action) == ("rolling_back", ("roll_back", 1))
    dev = on_dev().begun(0).tell(Paused("ole"), Checked(0, (GOOD,)))
    assert (dev.stage, dev.now.held) == ("paused", DeploymentStage.AWAITING_APPROVAL)
    last = in_waves().wave(1).begun(2).tell(Paused("ole"), Checked(2, (GOOD,)))
    assert last.stage == "done"


def test_an_abort_at_every_stage_writes_nothing_more_and_can_be_rolled_back() -> None:
    trips = [on_dev().begun(0), at_approval(), in_waves(), in_waves().begun(1),
             in_waves().wave(1), in_waves().tell(Paused("ole"))]  # fmt: skip
    for trip in trips:
        trip.tell(Aborted("ole", "wrong value"))
        assert (trip.stage, trip.action) == ("aborted", None)
        assert trip.now.message == "aborted by ole: wrong value"
        assert "checking" not in trip.states
        with pytest.raises(NotNowError, match="nothing to abort"):
            trip.tell(Aborted("ole"))
        for refused in (Paused("ole"), Resumed("ole"), Approved("ole", NOW)):
            with pytest.raises(NotNowError):
                trip.tell(refused)
        assert trip.tell(RollbackAsked("ole")).stage == "rolling_back"
    unwritten = way().tell(Aborted("ole"))
    with pytest.raises(NotNowError, match="nothing of it was written"):
        unwritten.tell(RollbackAsked("ole"))


def test_an_abort_in_the_middle_of_writing_finds_out_what_became_of_it() -> None:
    trip = in_waves().tell(Prepared(1, ()), Aborted("ole"))
    assert (trip.stage, trip.action) == ("aborted", ("settle", 1))
    assert trip.tell(Applied(1, LATER)).states[1] == "applied"
    assert (trip.stage, trip.action) == ("aborted", None)
    trip = in_waves().tell(Prepared(1, ()), Aborted("ole"), NotApplied(1, "withdrawn"))
    assert (trip.stage, trip.action, trip.states[1]) == ("aborted", None, "failed")


def test_a_rollback_in_the_middle_of_writing_takes_that_wave_back_too() -> None:
    trip = in_waves().tell(Prepared(1, ()), RollbackAsked("ole", "not today"))
    assert trip.action == ("roll_back", 1)
    assert trip.tell(Applied(1, LATER)).states[1] == "applied"
    trip.tell(RolledBack(1), RolledBack(0))
    assert (trip.stage, trip.now.message) == ("rolled_back", "rolled back by ole: not today")
    assert trip.now.failure == ""
    with pytest.raises(NotNowError, match="it is so already"):
        trip.tell(RollbackAsked("ole"))


def test_changes_rolled_back_by_themselves_are_seen_once_it_is_over() -> None:
    going = in_waves().wave(1)
    assert going.tell(UndoneByHand("ole", frozenset({"dep-w1"}))).states[1] == "passed"
    done = going.wave(2)
    some = UndoneByHand("ole", frozenset({"dep-w1"}), "too large")
    assert done.tell(some).states == ["passed", "rolled_back", "passed"]
    assert done.now.message == "canary: rolled back by ole: too large; DEV, wave 2 stays"
    assert (done.stage, done.action) == ("done", None)
    done.tell(UndoneByHand("ole", frozenset({"dep-w0", "dep-w1", "dep-w2"})))
    assert (done.stage, set(done.states), done.action) == ("rolled_back", {"rolled_back"}, None)
    lines = len(done.texts)
    assert len(done.tell(some).texts) == lines


def test_a_plan_that_no_longer_holds_waits_for_approval_again() -> None:
    changed = PlanChanged(2, "the files changed", {2: "new"}, "all-new")
    trip = in_waves().wave(1).tell(Prepared(2, ()), changed)
    assert (trip.stage, trip.action) == ("awaiting_approval", None)
    assert (trip.now.digest, trip.now.waves[2].digest) == ("all-new", "new")
    assert "the files changed" in trip.now.message
    assert (trip.now.approved_by, trip.states) == (None, ["passed", "passed", "pending"])
    assert trip.approved("ole").action == ("prepare", 2)
    dev = on_dev().tell(Prepared(0, ()), PlanChanged(0, "the files changed", {}, ""))
    assert dev.stage == "rolling_back"
    held = in_waves().tell(Prepared(1, ()), Paused("ole"), PlanChanged(1, "x", {1: "n"}, "a"))
    assert (held.stage, held.now.held) == ("paused", DeploymentStage.AWAITING_APPROVAL)
    again = at_approval().tell(Replanned({1: "n"}, "other", "the files changed"))
    assert (again.stage, again.now.digest, again.now.waves[1].digest) == (
        "awaiting_approval", "other", "n",
    )  # fmt: skip


def test_a_wave_that_could_not_begin_pauses_it_and_one_cut_short_is_written_again() -> None:
    trip = in_waves().tell(Prepared(1, ()), NotBegun(1, "3 players are online"))
    assert (trip.stage, trip.now.held, trip.action) == ("paused", DeploymentStage.WAVES, None)
    assert trip.now.message == "canary: not begun: 3 players are online"
    assert trip.tell(Resumed("ole")).action == ("prepare", 1)
    trip.tell(Prepared(1, ()), TakenBack(1, "dep-w1.2"))
    assert (trip.action, trip.now.waves[1].change_id) == (("apply", 1), "dep-w1.2")
    held = in_waves().tell(Prepared(1, ()), Paused("ole"), NotBegun(1, "held", "dep-w1.2"))
    assert (held.stage, held.now.held) == ("paused", DeploymentStage.WAVES)
    assert (held.action, held.now.waves[1].change_id) == (None, "dep-w1.2")
    gone = in_waves().tell(Prepared(1, ()), Aborted("ole"), NotBegun(1, "AMP is away"))
    assert (gone.stage, gone.action) == ("aborted", None)
    slipped = in_waves().wave(1).tell(NotBegun(2, "canary is no longer well"))
    assert (slipped.stage, slipped.action) == ("paused", None)
    assert slipped.now.waves[2].message == "canary is no longer well"
    assert slipped.tell(Resumed("ole")).action == ("prepare", 2)
    assert slipped.begun(2).now.waves[2].message == ""


def test_a_wave_whose_games_are_out_of_sight_is_held_and_looked_at_until_amp_is_back() -> None:
    why = "AMP is away: no answer"
    trip = in_waves().begun(1).tell(NotLooked(1, why))
    assert (trip.stage, trip.action) == ("paused", ("check", 1))
    assert trip.now.message == f"canary: not looked at to the end: {why}"
    said = len(trip.texts)
    assert (
        len(trip.tell(NotLooked(1, "AMP is away: HTTP 503")).texts) == said
    )  # once, however long that lasts
    trip.tell(Resumed("ole"))
    assert (trip.stage, trip.action) == ("waves", ("check", 1))
    assert trip.tell(NotLooked(1, why)).stage == "paused"

    trip.tell(Checked(1, (GOOD,)))
    assert (trip.stage, trip.action) == ("paused", None)
    assert trip.now.message == "canary: found well since: resume it to go on"
    assert trip.tell(Resumed("ole")).action == ("prepare", 2)
    wrong = in_waves().begun(1).tell(NotLooked(1, why), Checked(1, (BAD,)))
    assert (wrong.stage, wrong.action) == ("rolling_back", ("roll_back", 1))
    dev = on_dev().begun(0).tell(NotLooked(0, why), Checked(0, (GOOD,)), Resumed("ole"))
    assert dev.stage == "awaiting_approval"
    last = in_waves().wave(1).begun(2).tell(NotLooked(2, why), Checked(2, (GOOD,)))
    assert (last.stage, last.now.message) == ("done", "")
    held = in_waves().begun(1).tell(Paused("ole", "lunch"), NotLooked(1, why))
    assert (held.stage, held.now.message) == ("paused", "paused by ole: lunch")
    assert in_waves().tell(NotLooked(1, why), Aborted("ole"), NotLooked(1, why)).texts[-1:] == [
        "aborted by ole; what is written stays"
    ]


def test_late_news_of_work_that_nobody_wants_changes_nothing() -> None:
    aborted = in_waves().begun(1).tell(Aborted("ole"))
    for late in (Started(), Prepared(2, ()), Checked(1, (BAD,)), RolledBack(1), Applied(1, NOW)):
        assert advance(aborted.now, late, LATER).deployment is aborted.now
    fresh = in_waves()
    for other in (NotApplied(1, "x"), PlanChanged(1, "x", {}, ""), Checked(0, (GOOD,)),
                  TakenBack(1, "y")):  # fmt: skip
        assert advance(fresh.now, other, LATER).deployment is fresh.now


def test_only_waiting_and_looking_may_be_dropped() -> None:
    kinds: tuple[ActionKind, ...] = ("start", "prepare", "apply", "check", "settle", "roll_back")
    assert [each for each in kinds if Action(each).may_be_dropped] == ["start", "check"]
    assert WaveState.PENDING.value == "pending"
