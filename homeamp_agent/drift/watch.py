"""Watching folders: batches of changed paths, from the moment a folder is given.

Each folder is watched by itself, never with what lies below it: a world or a map's tiles below a
plugin's folder would cost the system's watches and say nothing. watchfiles is used through its
`RustNotify`, since only that says when the watches are set: what happens after `add` returns is
told, so a caller who then walks the folder misses nothing (its own recursion misses 9 to 65 % of
files written at once into new nested folders).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from watchfiles._rust_notify import RustNotify

STEP_MS = 10
"""How long to wait for one more change before telling: the latency, for 0.6 % of an idle core."""

DEBOUNCE_MS = 100
"""A stream of changes is told at least this often."""

WAKE_MS = 1_000
"""How often a watch without changes looks whether it is to end."""

NOTIFIERS_MAX = 4
"""Watches added later are kept apart until there are this many, then made one again: each costs a
thread and one of 128 inotify instances of a user."""

USER_WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")


class WatchError(Exception):
    """Folders cannot be watched; one line says why and what helps."""


@dataclass(slots=True)
class FolderWatch:
    """Watches folders and queues what changed in them for the loop it was made on.

    `add`, `keep` and `forget` block and may be called on any thread, one at a time.
    """

    changes: asyncio.Queue[frozenset[str]] = field(default_factory=asyncio.Queue)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _notifiers: list[_Notifier] = field(default_factory=list)
    _folders: set[str] = field(default_factory=set)

    @property
    def folders(self) -> int:
        """How many folders are watched."""
        return len(self._folders)

    def add(self, folders: Iterable[str]) -> frozenset[str]:
        """Watch these folders too; returns those that were not yet watched.

        Blocks for some 0.1 ms a folder. Folders that are gone are passed over.

        Raises:
            WatchError: the system's bound on watches, or the like; what was watched still is.
        """
        new = frozenset(folders) - self._folders
        if new:
            self._start(new)
            self._folders |= new
            if len(self._notifiers) > NOTIFIERS_MAX:
                self._merge()
        return new

    def keep(self, folders: Collection[str]) -> None:
        """Forget folders that are not among these (they are gone, or no longer of interest)."""
        if not self._folders <= set(folders):
            self._folders &= set(folders)
            self._merge()

    def forget(self, folder: str) -> None:
        """A folder is gone: when it comes back it is new."""
        below = folder + "/"
        self._folders = {
            each for each in self._folders if each != folder and not each.startswith(below)
        }

    def close(self) -> None:
        """Stop watching; bounded by `STEP_MS`."""
        for notifier in self._notifiers:
            notifier.stop()
        self._notifiers.clear()
        self._folders.clear()

    def _merge(self) -> None:
        """One watch instead of several; the old ones end when the new one stands."""
        before = self._notifiers
        self._notifiers = []
        try:
            if self._folders:
                self._start(self._folders)
        except WatchError:
            self._notifiers = before
            raise
        for notifier in before:
            notifier.stop()

    def _start(self, folders: Collection[str]) -> None:
        notifier = _Notifier(sorted(folders), self.changes, self._loop)
        notifier.start()
        self._notifiers.append(notifier)


class _Notifier(threading.Thread):
    """One inotify instance and the thread that listens to it."""

    def __init__(
        self,
        folders: list[str],
        changes: asyncio.Queue[frozenset[str]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(name="folder watch", daemon=True)
        self._loop = loop
        self._changes = changes
        self._ending = threading.Event()
        try:
            self._notify = RustNotify(folders, False, False, 0, False, True)
        except (OSError, RuntimeError) as error:
            raise WatchError(_why(error, len(folders))) from error

    def run(self) -> None:
        while not self._ending.is_set():
            seen = self._notify.watch(DEBOUNCE_MS, STEP_MS, WAKE_MS, self._ending)
            if isinstance(seen, set) and seen and not self._ending.is_set():
                paths = frozenset(path for _kind, path in seen)
                try:
                    self._loop.call_soon_threadsafe(self._changes.put_nowait, paths)
                except RuntimeError:
                    break  # the loop has ended, and with it who would listen
        self._notify.close()

    def stop(self) -> None:
        self._ending.set()


def _why(error: Exception, folders: int) -> str:
    try:
        bound = USER_WATCHES.read_text().strip()
    except OSError:
        bound = "unknown"
    return (
        f"{folders:,} folders cannot be watched ({error}); they are looked at every few seconds "
        f"instead. Raise fs.inotify.max_user_watches (now {bound}) or max_user_instances"
    )
