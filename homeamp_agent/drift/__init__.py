"""Drift: what an instance's files say against what the baselines expect, once or live.

What lives here: scanning, comparing, patterns, the detector that keeps a host's deviations true
while files change. What may not: writing below an instance, and talking to clients.

    report = check(host="alder", instances=Path("instances"), baselines=Path("baselines"))
"""

from __future__ import annotations

from homeamp_agent.drift.check import CheckReport, check
from homeamp_agent.drift.scan import Scanner

__all__ = ["CheckReport", "Scanner", "check"]
