"""One look at a host without a daemon and without a database: what `homeamp-agent check` prints."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from homeamp_agent.baselines.loader import Baselines, load_baselines
from homeamp_agent.baselines.resolver import Resolver
from homeamp_agent.configfiles import DEFAULT_LIMITS, Limits
from homeamp_agent.drift.approving import approved
from homeamp_agent.drift.compare import Comparison
from homeamp_agent.drift.defaults import JarDefaults
from homeamp_agent.drift.fleet_view import FleetView
from homeamp_agent.drift.scan import Scanner, Scope
from homeamp_agent.instances import discover
from homeamp_agent.model.base import WireWord
from homeamp_agent.model.deviation import OPEN_STATUSES, Deviation
from homeamp_agent.model.instance import Instance
from homeamp_agent.model.secret import Masker
from homeamp_agent.model.snapshot import InstanceSnapshot

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
    now = now or dt.datetime.now(dt.UTC)
    loaded = load_baselines(baselines)
    discovery = discover(instances, host)
    tagged = tag_instances(loaded, discovery.instances)
    masker = Masker(masker_key or os.urandom(MASKING_KEY_BYTES), loaded.secret_policy)
    scanner = Scanner(masker, limits, workers=workers)
    snapshots, count = scanner.scan(tagged, scope_of(loaded))
    deviations = approved(
        all_deviations(loaded, snapshots, masker, now), loaded.approvals, snapshots, now
    )
    open_ = [each for each in deviations if each.status in OPEN_STATUSES]
    seen = Scanned(
        instances=count.instances,
        files=count.files,
        settings=count.settings,
        seconds=round(time.monotonic() - began, 3),
    )
    return CheckReport(
        host=host,
        scanned=seen,
        deviations=tuple(sorted(open_, key=worst_first)),
        approved=len(deviations) - len(open_),
        problems=(*discovery.problems, *_problems_of(snapshots)),
    )


def all_deviations(
    baselines: Baselines,
    snapshots: dict[str, InstanceSnapshot],
    masker: Masker,
    now: dt.datetime,
) -> list[Deviation]:
    """Every deviation of these snapshots, none approved yet."""
    instances = [snapshot.instance for snapshot in snapshots.values()]
    comparison = Comparison(Resolver(baselines, instances, now), masker)
    view = FleetView(baselines.knowledge)
    for snapshot in snapshots.values():
        for findings in comparison.instance(snapshot):
            view.put(findings)
    defaults = JarDefaults(snapshots, masker)
    return [
        deviation
        for plugin in view.plugins
        for found in view.deviations(plugin, snapshots, defaults).values()
        for deviation in found
    ]


def scope_of(baselines: Baselines) -> Scope:
    """Which files count by what the baselines know and name."""
    named = frozenset(
        rule.file for rule in baselines.rules if rule.plugin is None and rule.file is not None
    )
    return Scope(baselines.knowledge.data_globs, named)


def tag_instances(baselines: Baselines, instances: Sequence[Instance]) -> tuple[Instance, ...]:
    """The instances with the tags that the baselines give them."""
    return tuple(each.model_copy(update={"tags": baselines.tags_of(each)}) for each in instances)


def worst_first(deviation: Deviation) -> tuple[int, str, str, str, str, str]:
    """The order of a report: as the list of the dashboard."""
    return (
        deviation.severity.rank,
        deviation.instance,
        deviation.plugin or "",
        deviation.file or "",
        deviation.key or "",
        deviation.id,
    )


def _problems_of(snapshots: dict[str, InstanceSnapshot]) -> list[str]:
    return [
        f"{name}: {problem}"
        for name, snapshot in sorted(snapshots.items())
        for problem in snapshot.instance.problems
    ]
