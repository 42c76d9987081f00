"""Which games went down and came back, told from the states that are seen of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from homeamp_agent.model.game import GameState, InstanceState

NOT_DOWN = frozenset({GameState.READY, GameState.UNKNOWN, GameState.AWAY})
"""Of the last two nothing follows: the game may have run all the time."""


@dataclass(frozen=True, slots=True)
class Restart:
    """A game that was down and was seen ready again at `ready_at`.

    It was still up at `up_until` (None: unknown).
    """

    instance: str
    up_until: datetime | None
    ready_at: datetime


@dataclass(slots=True)
class Restarts:
    """Remembers of each game when it was last seen ready, and whether it went down since."""

    _ready_at: dict[str, datetime] = field(default_factory=dict)
    _down: dict[str, datetime | None] = field(default_factory=dict)

    def seen(self, states: Mapping[str, InstanceState], now: datetime) -> tuple[Restart, ...]:
        """The games that came back between the look before and this one."""
        back = []
        for instance, state in states.items():
            if state.state not in NOT_DOWN:
                self._down.setdefault(instance, self._ready_at.get(instance))
            elif state.state is GameState.READY:
                if instance in self._down:
                    back.append(Restart(instance, self._down.pop(instance), now))
                self._ready_at[instance] = now
        return tuple(back)
