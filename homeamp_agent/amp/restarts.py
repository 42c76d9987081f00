"""Which games went down and came back, told from the states that are seen of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from homeamp_agent.model.game import GameState, InstanceState

NOT_DOWN = frozenset({GameState.READY, GameState.UNKNOWN, GameState.AWAY})
"""Of the last two nothing follows: the game may have run all the time."""

SLACK_S = 5.0
"""AMP counts whole seconds, and an answer may take some."""


@dataclass(frozen=True, slots=True)
class Restart:
    """A game that was down and was seen ready again at `ready_at`.

    It was still up at `up_until` (None: unknown).
    """

    instance: str
    up_until: datetime | None
    ready_at: datetime


@dataclass(frozen=True, slots=True)
class _Ready:
    """When a game was last seen ready, and how long it had been up by then."""

    at: datetime
    uptime_s: float | None


@dataclass(slots=True)
class Restarts:
    """Remembers of each game when it was last seen ready, and whether it went down since.

    A restart between two looks, or while AMP did not answer, is told by AMP's own count of the time
    that the game is up: it began anew.
    """

    _ready: dict[str, _Ready] = field(default_factory=dict)
    _down: dict[str, datetime | None] = field(default_factory=dict)

    def seen(self, states: Mapping[str, InstanceState], now: datetime) -> tuple[Restart, ...]:
        """The games that came back between the look before and this one."""
        back = []
        for instance, state in states.items():
            known = self._ready.get(instance)
            if state.state not in NOT_DOWN:
                self._down.setdefault(instance, known.at if known is not None else None)
            elif state.state is GameState.READY:
                if instance in self._down:
                    back.append(Restart(instance, self._down.pop(instance), now))
                elif known is not None and _began_anew(known, state.uptime_s, now):
                    back.append(Restart(instance, known.at, now))
                self._ready[instance] = _Ready(now, state.uptime_s)
        return tuple(back)


def _began_anew(known: _Ready, uptime_s: float | None, now: datetime) -> bool:
    """Whether a game that is up since `uptime_s` started after it was `known` to be ready."""
    if uptime_s is None:
        return False
    if known.uptime_s is not None and uptime_s + SLACK_S < known.uptime_s:
        return True
    return uptime_s + SLACK_S < (now - known.at).total_seconds()
