"""What every run works with: the write door, the backups, the log, and who wants to be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from homeamp_agent.changes.audit import AuditLog
from homeamp_agent.changes.backup import Backups
from homeamp_agent.changes.disk import Disk
from homeamp_agent.changes.nodes import AmpSettings
from homeamp_agent.configfiles import DEFAULT_LIMITS, Limits

MIN_FREE_BYTES = 100 * 1024 * 1024
"""Below this a game server starts to fail at saving its worlds; the operator's own bound."""


def ignore_step(_step: str) -> None:
    """Nobody wants to hear of steps."""


def ignore_write(_path: Path, _sha256: str, _change_id: str) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Workbench:
    """`on_step` is told each point of `run.STEPS` as it is reached, `on_write` each path of an
    instance just before its content becomes the one with that hash, and the change by its id."""

    disk: Disk
    backups: Backups
    audit: AuditLog
    state_path: Path
    limits: Limits = DEFAULT_LIMITS
    min_free_bytes: int = MIN_FREE_BYTES
    on_step: Callable[[str], None] = ignore_step
    on_write: Callable[[Path, str, str], None] = ignore_write
    amp: AmpSettings | None = None
