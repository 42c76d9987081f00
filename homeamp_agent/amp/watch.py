"""What the games of a host do, asked regularly.

An AMP that does not answer, or will not, is asked less and less often; every change is told once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from homeamp_agent.amp.lifecycle import Lifecycle, LifecycleAway, LifecycleError
from homeamp_agent.model.game import AmpLink, GameState, InstanceState

POLL_SECONDS = 10.0
AWAITED_SECONDS = 2.0
"""While somebody waits for a game to stop: a heavy game takes longer than this to save."""
LONGEST_PAUSE_SECONDS = 300.0
"""An AMP that came back after a night is seen within five minutes."""
DOUBLINGS = 12
"""From the shortest pause there is (0.1 s) to the longest: an AMP may be away for months."""

NOT_LISTED = "AMP does not list it, or this account may not see it"
_TOLD = ("state", "players", "players_max", "message")
"""What a change is told of; the other figures change with every look."""

Tell = Callable[[str, dict[str, Any]], None]
"""Hears an event of the topic `instances`: its name and its body."""

Looked = Callable[[Mapping[str, InstanceState]], None]
"""Hears of every look: what each game does."""


@dataclass(slots=True)
class AmpWatch:
    """Keeps `states` (by instance) and `link` true by asking `lifecycle`.

    `looked` hears of every look; while `awaited`, it is looked more often.
    """

    lifecycle: Lifecycle
    tell: Tell
    poll_seconds: float = POLL_SECONDS
    link: AmpLink = field(default_factory=AmpLink)
    states: Mapping[str, InstanceState] = field(default_factory=dict)
    looked: Looked = lambda _: None
    awaited: Callable[[], bool] = lambda: False
    _failures: int = 0
    _asked: asyncio.Event = field(default_factory=asyncio.Event)

    def state_of(self, instance: str) -> InstanceState | None:
        """As last seen; None where no AMP is asked, or has not answered yet."""
        if instance in self.states or self.link.state == "off":
            return self.states.get(instance)
        if self.link.state == "up":
            return InstanceState(state=GameState.UNKNOWN, message=NOT_LISTED)
        return InstanceState(state=GameState.AWAY, message=self.link.message)

    def starting(self, instance: str) -> bool:
        """Whether AMP had its game starting at the last look."""
        state = self.states.get(instance)
        return state is not None and state.state is GameState.STARTING

    async def run(self) -> None:
        """Look, wait, and look again; forever."""
        while self.lifecycle.available:
            await self.look()
            often = min(self.poll_seconds, AWAITED_SECONDS) if self.awaited() else self.poll_seconds
            pause = min(often * 2 ** min(self._failures, DOUBLINGS), LONGEST_PAUSE_SECONDS)
            self._asked.clear()
            try:
                async with asyncio.timeout(max(pause, often)):
                    await self._asked.wait()
            except TimeoutError:
                pass

    def look_soon(self) -> None:
        """Something was done: do not wait for the next turn."""
        self._asked.set()

    async def look(self) -> None:
        """Ask once, and tell what changed."""
        try:
            states = await self.lifecycle.states()
        except LifecycleError as error:
            away = isinstance(error, LifecycleAway)
            link = AmpLink(state="away" if away else "refused", message=str(error))
            self._failures += 1
            gone = InstanceState(
                state=GameState.AWAY if away else GameState.UNKNOWN, message=link.message
            )
            states = dict.fromkeys(self.states, gone)
        else:
            link = AmpLink(state="up")
            self._failures = 0
        self._take(link, states)

    def _take(self, link: AmpLink, states: Mapping[str, InstanceState]) -> None:
        now = datetime.now(UTC)
        since = self.link.since if link.state == self.link.state else now
        link = link.model_copy(update={"since": since})
        before, self.states = self.states, _since(self.states, states, now)
        moved = [name for name in self.states if _told(before.get(name)) != _told(states[name])]
        moved += [name for name in before if name not in states]
        if (link.state, link.message) != (self.link.state, self.link.message) or moved:
            self.tell("state_changed", self._body(link, moved))
        self.link = link
        self.looked(self.states)

    def _body(self, link: AmpLink, moved: Iterable[str]) -> dict[str, Any]:
        rows = []
        for name in sorted(moved):
            state = self.states.get(name)
            rows.append(
                {"name": name, "amp": None if state is None else state.model_dump(mode="json")}
            )
        return {"amp": link.model_dump(mode="json"), "instances": rows}


def _told(state: InstanceState | None) -> tuple[object, ...] | None:
    return None if state is None else tuple(getattr(state, name) for name in _TOLD)


def _since(
    before: Mapping[str, InstanceState], after: Mapping[str, InstanceState], now: datetime
) -> dict[str, InstanceState]:
    """The states with the moment each was first seen."""
    known = {name: (state.state, state.since) for name, state in before.items()}
    dated = {}
    for name, state in after.items():
        was, since = known.get(name, (None, None))
        dated[name] = state.model_copy(update={"since": since if was is state.state else now})
    return dated
