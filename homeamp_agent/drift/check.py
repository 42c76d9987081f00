"""One look at a host without a daemon and without a database: what `homeamp-agent check` prints."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path

from pydantic import Field

from homeamp_agent.configfiles import DEFAULT_LIMITS, Limits
from homeamp_agent.drift.engine import Engine
from homeamp_agent.drift.outcome import Outcome
from homeamp_agent.model.base import WireWord
from homeamp_agent.model.deviation import OPEN_STATUSES, Deviation, urgency

MASKING_KEY_BYTES = 32


class Scanned(WireWord):
    """How much was looked at."""

    instances: int
    files: int
    settings: int
    seconds: float


class CheckReport(WireWord):
    """What one look found; `deviations` are the open ones, worst first."""

    host: str
    scanned: Scanned
    deviations: tuple[Deviation, ...]
    approved: int = Field(default=0, description="Deviations that approvals cover")
    problems: tuple[str, ...] = Field(default=(), description="What could not be looked at")


def check(
    *,
    host: str,
    instances: Path,
    baselines: Path,
    masker_key: bytes | None = None,
    limits: Limits = DEFAULT_LIMITS,
    workers: int = 2,
    now: dt.datetime | None = None,
) -> CheckReport:
    """Scan once and compare; writes nothing, keeps nothing.

    Without `masker_key` (32 bytes) secrets are masked under a new key: fingerprints of two checks,
    and approvals of secrets, then cannot be compared.
    """
    began = time.monotonic()
    key = masker_key or os.urandom(MASKING_KEY_BYTES)
    engine = Engine(host, instances, baselines, key, limits, workers=workers)
    engine.load()
    outcome = engine.scan(now=now)
    found = [each for deviations in outcome.units.values() for each in deviations]
    open_ = sorted((each for each in found if each.status in OPEN_STATUSES), key=worst_first)
    return CheckReport(
        host=host,
        scanned=_scanned(outcome, time.monotonic() - began),
        deviations=tuple(open_),
        approved=len(found) - len(open_),
        problems=engine.all_problems,
    )


def _scanned(outcome: Outcome, seconds: float) -> Scanned:
    count = outcome.count
    return Scanned(
        instances=count.instances if count else 0,
        files=count.files if count else 0,
        settings=count.settings if count else 0,
        seconds=round(seconds, 3),
    )


def worst_first(deviation: Deviation) -> tuple[int, int, str, str, str, str, str]:
    """The order of a report: as the list of the dashboard."""
    pattern = deviation.pattern.name if deviation.pattern else None
    return (
        deviation.severity.rank,
        urgency(deviation.kind, pattern),
        deviation.instance,
        deviation.plugin or "",
        deviation.file or "",
        deviation.key or "",
        deviation.id,
    )
