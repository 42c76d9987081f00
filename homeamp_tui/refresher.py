"""Reading again when something changed: at once, but never twice at a time and never in a storm.

A worker that is started anew on every event would be cancelled by the next one, and a busy agent
would never be read at all. A refresher has one loop: what comes while it reads is read right after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

PAUSE_SECONDS = 0.03
"""Events of one save come together; nobody sees 30 ms."""


class Refresher:
    """Runs `read` after every `poke`, one at a time; `read` learns whether all of it is stale."""

    def __init__(self, read: Callable[[bool], Awaitable[None]]) -> None:
        self._read = read
        self._poked = asyncio.Event()
        self._stale = False
        self._resting = False

    def poke(self, *, stale: bool = True) -> None:
        """Ask for a reading: of everything, or only of what is not there yet."""
        self._stale = self._stale or stale
        if not self._resting:
            self._poked.set()

    def rest(self) -> None:
        """Nobody looks: what happens is read when somebody does again."""
        self._resting = True
        self._poked.clear()

    def wake(self) -> None:
        """Somebody looks again."""
        self._resting = False
        self.poke()

    async def run(self) -> None:
        """Read when poked, until cancelled."""
        while True:
            await self._poked.wait()
            await asyncio.sleep(PAUSE_SECONDS)
            self._poked.clear()
            stale, self._stale = self._stale, False
            await self._read(stale)
