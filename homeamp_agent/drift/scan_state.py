"""How the full scan of a host stands."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(slots=True)
class ScanState:
    """The last full scan, or the one under way."""

    running: bool = False
    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    seconds: float | None = None
    instances: int = 0
    files: int = 0
    settings: int = 0
    error: str | None = None
