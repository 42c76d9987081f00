"""How often and how hard the detector looks."""

from __future__ import annotations

from dataclasses import dataclass

from homeamp_agent.configfiles import DEFAULT_LIMITS, Limits


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """Each bound with its reason."""

    rescan_seconds: float = 3600.0
    """A full scan that trusts no stamp: the safety net, as the system before had it."""
    sweep_seconds: float = 60.0
    """A look at every file's stamp (60 ms for 4,800): finds what the watcher missed."""
    blind_sweep_seconds: float = 2.0
    """The same where folders cannot be watched."""
    settle_ms: float = 35.0
    """When a file that is being written to is looked at again."""
    discover_ms: float = 300.0
    """How long jars and instance folders rest before instances are discovered again."""
    limits: Limits = DEFAULT_LIMITS
    workers: int = 2
