"""What the methods may use of the agent. `agent.py` wires it.

Everything here runs on the event loop; what blocks is done in a thread by whoever owns it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeamp_agent.amp.room import AmpRoom
from homeamp_agent.baselines import (
    Approval,
    ApprovedFileError,
    Baselines,
    Resolver,
    ReviewedRule,
    rewrite_approved,
)
from homeamp_agent.baselines.rule_list import RuleList, RuleLists
from homeamp_agent.changes import ChangeRoom
from homeamp_agent.drift.detector import Detector
from homeamp_agent.drift.setting_matrix import Matrices, SettingMatrix, plugins_of
from homeamp_agent.instances.amp_owned import AmpOwned, amp_owned
from homeamp_agent.model.instance import Instance
from homeamp_agent.model.rule import ProblemSeverity
from homeamp_agent.model.secret import Masker
from homeamp_agent.model.snapshot import InstanceSnapshot
from homeamp_agent.rpc.dispatch import failure_of
from homeamp_agent.rpc.events import EventBus
from homeamp_agent.rpc.protocol.errors import Busy, Refused
from homeamp_agent.rpc.protocol.messages import BaselineStatus, ScanStatus
from homeamp_agent.rpc.registry import Registry
from homeamp_agent.store import Store

if TYPE_CHECKING:
    from homeamp_agent.rpc.deploying import Deployments
    from homeamp_agent.rpc.desk import Desk

log = logging.getLogger(__name__)


@dataclass(slots=True)
class DriftRoom:
    """What is known of the instances and of what they should be; the detector as clients see it.

    `detector` is replaced by a new one if it failed.
    """

    detector: Detector
    baselines_folder: Path
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _matrices: Matrices = field(default_factory=Matrices)
    _rule_lists: RuleLists = field(default_factory=RuleLists)

    @property
    def instances(self) -> tuple[Instance, ...]:
        """As last discovered, tagged, by name."""
        return tuple(each.instance for _, each in sorted(self.snapshots.items()))

    @property
    def snapshots(self) -> Mapping[str, InstanceSnapshot]:
        """As last read, by the instance's name; replaced, never changed."""
        return self.detector.snapshots

    @property
    def baselines(self) -> Baselines:
        """As last loaded."""
        return self.detector.baselines

    @property
    def resolver(self) -> Resolver:
        """Over the baselines and the instances."""
        return self.detector.resolver

    @property
    def masker(self) -> Masker:
        """By the baselines' policy."""
        return self.detector.masker

    @property
    def watched_folders(self) -> int:
        """How many folders are watched; 0: edits are found by sweeps only."""
        return self.detector.watched_folders

    @property
    def variances(self) -> int:
        """Settings that differ on purpose."""
        return self.detector.variances

    @property
    def scan_status(self) -> ScanStatus:
        """The last full scan, or the one under way."""
        state = self.detector.scan_state
        return ScanStatus(
            running=state.running,
            started_at=state.started_at,
            finished_at=state.finished_at,
            seconds=state.seconds,
            instances=state.instances,
            files=state.files,
            settings=state.settings,
            error=state.error,
        )

    @property
    def baseline_status(self) -> BaselineStatus:
        """What the baseline directory holds."""
        baselines = self.baselines
        severities = [each.severity for each in baselines.problems]
        return BaselineStatus(
            directory=str(self.baselines_folder),
            loaded_at=self.detector.baselines_loaded_at,
            rules=len(baselines.rules),
            errors=severities.count(ProblemSeverity.ERROR),
            warnings=severities.count(ProblemSeverity.WARNING),
            stale=tuple(each.file for each in baselines.sources if each.stale),
        )

    def matrix(self, plugin: str | None) -> SettingMatrix:
        """Every setting of a plugin (None: of the game folder) against every instance. Blocks."""
        return self._matrices.of(plugin, self.snapshots, self.resolver, self.detector.deviations_of)

    def rules(self) -> RuleList:
        """Every rule as it may be shown. Blocks."""
        return self._rule_lists.of(self.baselines, self.masker)

    def plugins(self) -> dict[str | None, list[str]]:
        """Every plugin (None: the game folder) with the instances that have it."""
        return plugins_of(self.snapshots.values())

    def files_of(self, instance: str) -> int:
        """How many config files an instance has."""
        return len(self.snapshots[instance].files)

    def game_folder_of(self, instance: str) -> Path:
        """Where an instance's game is; KeyError if there is no such instance, or it has none."""
        folder = self.snapshots[instance].instance.game_folder
        if not folder:
            raise KeyError(instance)
        return Path(folder)

    def owned_by_amp(self, instance: str) -> AmpOwned:
        """What AMP owns in an instance, read now. Blocks."""
        snapshot = self.snapshots.get(instance)
        return AmpOwned() if snapshot is None else amp_owned(snapshot.instance)

    def replace(self, detector: Detector) -> None:
        """Go on with another detector; who waits for the first look of this one is told."""
        failed, self.detector = self.detector, detector
        failed.ready.set()

    async def ready(self) -> Detector:
        """The detector, once its first look is done.

        Raises:
            Busy: it failed meanwhile and is started again.
        """
        detector = self.detector
        await detector.ready.wait()
        if detector is not self.detector:
            raise Busy("looking at the instances failed and is tried again: see agent.status")
        return detector

    async def rescan(self, instances: Sequence[str] | None = None) -> None:
        """Scan all instances or these; returns when the deviations are up to date."""
        await (await self.ready()).rescan(instances)

    async def reread(self, files: Sequence[tuple[str, str]]) -> None:
        """Read (instance, file) again; returns when the deviations are up to date."""
        by_instance: dict[str, list[str]] = defaultdict(list)
        for instance, file in files:
            by_instance[instance].append(file)
        detector = await self.ready()
        for instance, names in by_instance.items():
            await detector.refresh(instance, names)

    async def decide(
        self, add: Sequence[Approval | ReviewedRule], drop: Sequence[str] = ()
    ) -> None:
        """Add and drop decisions in `approved.yaml`; returns when the deviations are up to date.

        Raises:
            Refused: the file cannot be read as a whole, or not be written; it is left as it is.
            Busy: as `ready`.
        """
        detector = await self.ready()
        async with self._writing:
            try:
                await asyncio.to_thread(rewrite_approved, self.baselines_folder, add, drop)
            except ApprovedFileError as error:
                raise Refused(str(error)) from error
        await detector.baselines_changed()


@dataclass(slots=True)
class Rooms:
    """The parts of a running agent. `changes` gives the room as the masker now is."""

    host: str
    started_at: datetime
    bus: EventBus
    store: Store
    drift: DriftRoom
    changes: Callable[[], ChangeRoom]
    desk: Desk
    deployments: Deployments
    amp: AmpRoom
    registry: Registry
    clients: Callable[[], int]
    problems: Callable[[], tuple[str, ...]]
    _later: set[asyncio.Task[Any]] = field(default_factory=set)

    def later(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something after the reply."""
        task = asyncio.create_task(work)
        self._later.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._later.discard(task)
        if where := failure_of(task):
            log.error("what was begun after a reply failed: %s", where)
