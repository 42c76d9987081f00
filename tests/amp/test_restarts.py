"""Telling from the states that are seen which games were restarted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from homeamp_agent.amp.restarts import Restart, Restarts
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
