"""Changes that were cut short, settled as soon as they can be: at the start, and ever after.

    recovering = Recovering(changes, desk, problem)
    await recovering.at_start()             # before anybody looks at the files
    recovering.link = "up"                  # as the AMP watch finds it, at every look
    await recovering.run()                  # as long as the agent runs

A way back may need an AMP that is away, or a disk that is full. It is tried again at once when AMP
is back, and now and then in any case.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from homeamp_agent.changes import ChangeRoom, ChangesError
from homeamp_agent.changes.errors import plain_reason
from homeamp_agent.changes.recovery import Unsettled
from homeamp_agent.model.change import ChangeRequest
from homeamp_agent.rpc.desk import Desk

LOOK_S = 60.0
"""Between looks whether something is left to settle: some milliseconds, for a thousand changes."""

LONGEST_PAUSE_S = 600.0
"""Each try that fails adds lines to a journal, so they become rarer, up to this."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Recovering:
    """Settles what was cut short. `problem` hears what cannot be settled yet; nothing: all is."""

    changes: Callable[[], ChangeRoom]
    desk: Desk
    problem: Callable[..., None]
    look_s: float = LOOK_S
    _link: str = "off"
    _back: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def link(self) -> str:
        """How AMP was last found: `off`, `up`, `away` or `refused`."""
        return self._link

    @link.setter
    def link(self, found: str) -> None:
        if found == "up" != self._link:
            self._back.set()
        self._link = found

    async def at_start(self) -> None:
        """Settle what the last agent left; what cannot be is tried again by `run`."""
        try:
            await self._recover()
        except (ChangesError, OSError) as error:
            self._failed(error)

    async def run(self) -> None:
        """Try again, as long as the agent runs."""
        pause_s = self.look_s
        while True:
            try:
                async with asyncio.timeout(pause_s):
                    await self._back.wait()
            except TimeoutError:
                pass
            self._back.clear()
            pause_s = self.look_s if await self._tried() else min(2 * pause_s, LONGEST_PAUSE_S)

    async def _tried(self) -> bool:
        """Whether a further try can wait for AMP, or for more to do."""
        try:
            left = await asyncio.to_thread(self.changes().unsettled)
            self._tell(left)
            if all(each.needs_amp and self._link != "up" for each in left):
                return True
            settled = await self._recover()
        except (ChangesError, OSError) as error:
            self._failed(error)
            return False
        for change in settled:
            await self._settled(change)
        return len(settled) == len(left)

    async def _recover(self) -> Sequence[ChangeRequest]:
        """Try it; those that are settled now."""
        tried = await asyncio.to_thread(self.changes().recover)
        left = await asyncio.to_thread(self.changes().unsettled)
        self._tell(left)
        open_ones = {each.change_id for each in left}
        settled = [each for each in tried if each.id not in open_ones]
        for change in settled:
            log.warning("change %s was cut short and is now %s", change.id, change.status.value)
        return settled

    async def _settled(self, change: ChangeRequest) -> None:
        """Whoever waits for the request hears of it; its files are looked at again."""
        booked = self.desk.book.find(change.id)
        if booked is not None:
            await self.desk.note_end(booked.change, change)
        await self.desk.settle(self.desk.shown(change))

    def _tell(self, left: Sequence[Unsettled]) -> None:
        away = self._link != "up"
        lines = []
        for each in left:
            waits = ", which waits for AMP" if each.needs_amp and away else ""
            lines.append(f"change {each.change_id} is not settled{waits}: {each.message}")
        self.problem(*lines)

    def _failed(self, error: Exception) -> None:
        reason = plain_reason(error)
        self.problem(f"changes that were cut short are not settled: {reason}")
        log.error("recovery failed: %s", reason)
