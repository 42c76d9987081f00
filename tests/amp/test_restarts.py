"""Telling from the states that are seen which games were restarted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from homeamp_agent.amp.restarts import Restart, Restarts
from homeamp_agent.amp.words import uptime_seconds
from homeamp_agent.model.game import GameState, InstanceState

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def looks(*states: GameState) -> list[tuple[Restart, ...]]:
    restarts = Restarts()
    return [
        restarts.seen({"A": InstanceState(state=state)}, START + timedelta(seconds=number))
        for number, state in enumerate(states)
    ]


def test_a_game_that_went_down_and_came_back_was_restarted_once() -> None:
    seen = looks(GameState.READY, GameState.STOPPING, GameState.STARTING, GameState.READY)
    restart = Restart("A", START, START + timedelta(seconds=3))
    assert seen == [(), (), (), (restart,)]


def test_a_game_first_seen_down_was_up_nobody_knows_until_when() -> None:
    assert looks(GameState.STOPPED, GameState.READY)[-1] == (
        Restart("A", None, START + timedelta(seconds=1)),
    )


def test_nothing_follows_from_an_amp_that_does_not_answer() -> None:
    away = (GameState.AWAY, GameState.UNKNOWN)
    assert not any(looks(GameState.READY, *away, GameState.READY))
    seen = looks(GameState.READY, GameState.STOPPED, *away, GameState.READY, GameState.READY)
    assert [len(each) for each in seen] == [0, 0, 0, 0, 1, 0]


def ready(uptime_s: float | None) -> dict[str, InstanceState]:
    return {"A": InstanceState(state=GameState.READY, uptime_s=uptime_s)}


def test_a_restart_that_nobody_saw_is_told_by_the_time_that_the_game_is_up() -> None:
    restarts = Restarts()

    def after(seconds: float, uptime_s: float | None) -> tuple[Restart, ...]:
        return restarts.seen(ready(uptime_s), START + timedelta(seconds=seconds))

    assert after(0, 5000) == ()
    assert after(10, 5010) == ()
    assert after(20, 5018) == ()  # an answer that took two seconds
    (restart,) = after(30, 4)
    at = START + timedelta(seconds=20)
    assert restart == Restart("A", at, START + timedelta(seconds=30))
    assert after(40, 14) == ()
    # Away for an hour, and up for longer than it was before, but not for that hour.
    assert restarts.seen({"A": InstanceState(state=GameState.AWAY)}, START) == ()
    (restart,) = after(3640, 1800)
    assert restart.up_until == START + timedelta(seconds=40)
    assert after(3650, None) == ()
    assert after(3655, 3) == ()  # within the slack


def test_one_seen_down_is_told_once_whatever_its_time_says() -> None:
    restarts = Restarts()
    restarts.seen(ready(5000), START)
    restarts.seen({"A": InstanceState(state=GameState.STOPPED)}, START)
    assert len(restarts.seen(ready(1), START + timedelta(seconds=60))) == 1
    assert restarts.seen(ready(11), START + timedelta(seconds=70)) == ()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0:10:29:25", 37765), ("1:0:0:0", 86400), ("10:29:25", 37765), ("2.01:00:00.5", 176400.5),
        ("", None), ("a while", None), ("1:2", None), ("٠:10:29:25", None), ("9" * 40, None),
    ],
)  # fmt: skip
def test_amp_s_time_up_is_read_or_is_none(text: str, seconds: float | None) -> None:
    assert uptime_seconds(text) == seconds
