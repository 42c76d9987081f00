"""Which contents we wrote ourselves, so that they do not come back as somebody's drift."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

KEEP_SECONDS = 600
"""A write of ours is seen within a second; a restart of a busy host may take minutes."""


@dataclass(slots=True)
class OwnWrites:
    """Contents by absolute path and hash; noted from one thread, asked from another."""

    _noted: dict[tuple[str, str], tuple[str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, path: str, sha256: str, change_id: str = "") -> None:
        """We are about to make the file at `path` have these bytes."""
        now = time.monotonic()
        with self._lock:
            self._noted = {
                each: noted for each, noted in self._noted.items() if now - noted[1] < KEEP_SECONDS
            }
            self._noted[path, sha256] = (change_id, now)

    def of(self, path: str, sha256: str) -> str | None:
        """The change request that made these bytes; None where it was not us."""
        with self._lock:
            noted = self._noted.get((path, sha256))
        return noted[0] if noted is not None else None
