"""The folders of a host that are watched, and why some cannot be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from homeamp_agent.drift.watch import FolderWatch, WatchError

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Watching:
    """Sets and drops watches one at a time, off the loop it was made on; ends with `close`.

    `problem` is why folders cannot be watched now, one line.
    """

    watch: FolderWatch = field(default_factory=FolderWatch)
    problem: str | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def folders(self) -> int:
        """How many folders are watched."""
        return self.watch.folders

    async def changes(self) -> frozenset[str]:
        """The next batch of changed paths."""
        return await self.watch.changes.get()

    async def more(self, folders: Iterable[str], *, only: bool = False) -> frozenset[str]:
        """Watch these folders too (or only these); returns those that were not yet watched."""
        wanted = list(folders)
        async with self._turn:
            try:
                if only:
                    await asyncio.to_thread(self.watch.keep, wanted)
                new = await asyncio.to_thread(self.watch.add, wanted)
            except WatchError as error:
                if self.problem is None:
                    log.warning("%s", error)
                self.problem = str(error)
                return frozenset()
        self.problem = None
        return new

    async def forget(self, folder: str) -> None:
        """A folder is gone: when it comes back it is new."""
        async with self._turn:
            self.watch.forget(folder)

    def close(self) -> None:
        """Stop watching; bounded by the watch's step."""
        self.watch.close()
