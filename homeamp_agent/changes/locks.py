"""Locks that hold between threads and between processes, and vanish with their holder.

Each lock is a file under `state/locks`, locked with flock on a descriptor of its own, so two
threads of one process exclude each other as two processes do.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from homeamp_agent.changes.errors import InstanceBusyError
from homeamp_agent.changes.state import StateFolder

POLL_SECONDS = 0.02
"""flock has no time limit of its own; this often a waiting request looks again."""

REQUESTS_LOCK = "requests.lock"
BACKUPS_LOCK = "backups.lock"


@dataclass(frozen=True, slots=True)
class Locks:
    """The locks of one state folder. `wait_seconds` bounds every wait for an instance."""

    folder: StateFolder
    wait_seconds: float = 10.0

    @contextmanager
    def instances(self, names: Iterable[str], *, wait: bool = True) -> Iterator[None]:
        """Hold several instances, always taken in one order, so that two requests never wait
        for each other.

        Raises:
            InstanceBusyError: another request holds one of them.
        """
        deadline = time.monotonic() + (self.wait_seconds if wait else 0)
        with ExitStack() as held:
            for name in sorted(set(names)):
                held.enter_context(self._held(_lock_name(name), name, deadline))
            yield

    @contextmanager
    def requests(self) -> Iterator[None]:
        """Hold the list of requests, for the instant in which a new one is entered."""
        with self._held(REQUESTS_LOCK, "the list of requests", self._deadline()):
            yield

    @contextmanager
    def backups(self, *, exclusive: bool) -> Iterator[None]:
        """Hold the backups: together with others to add, alone to remove."""
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        with self._held(BACKUPS_LOCK, "the backups", self._deadline(), kind):
            yield

    def _deadline(self) -> float:
        return time.monotonic() + self.wait_seconds

    @contextmanager
    def _held(
        self, file: str, what: str, deadline: float, kind: int = fcntl.LOCK_EX
    ) -> Iterator[None]:
        with self.folder.opened() as folder:
            fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600, dir_fd=folder)
        try:
            while not _locked(fd, kind):
                if time.monotonic() >= deadline:
                    raise InstanceBusyError(f"another request is working on {what}")
                time.sleep(POLL_SECONDS)
            yield
        finally:
            os.close(fd)


def _locked(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_name(instance: str) -> str:
    return f"instance-{hashlib.sha256(instance.encode()).hexdigest()[:24]}.lock"
