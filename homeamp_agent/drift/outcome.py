"""What a look at a host changed, for those who keep and tell it."""

from __future__ import annotations

from dataclasses import dataclass, field

from homeamp_agent.drift.fleet_view import Unit
from homeamp_agent.drift.scan import ScanCount
from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.query import SettingChange


@dataclass(frozen=True, slots=True)
class LastLook:
    """A file as it was when the agent last ran."""

    sha256: str
    key: str


@dataclass(slots=True)
class Outcome:
    """What a look changed.

    `units` holds the deviations of each (instance, plugin) whose list is another than before;
    `whole` says that it is all there is of the host. `moving` are files still being written.
    """

    units: dict[Unit, tuple[Deviation, ...]] = field(default_factory=dict)
    whole: bool = False
    changes: list[SettingChange] = field(default_factory=list)
    files: dict[tuple[str, str], LastLook] = field(default_factory=dict)
    gone: list[tuple[str, str]] = field(default_factory=list)
    moving: list[tuple[str, str]] = field(default_factory=list)
    count: ScanCount | None = None
    seconds: float = 0.0
