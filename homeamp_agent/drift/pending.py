"""What the watcher and the timers ask the detector to do, gathered until it comes to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from homeamp_agent.drift.places import Told


@dataclass(slots=True)
class Pending:
    """Work that waits; taken all at once. `files` is by instance, below its game folder."""

    files: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    baselines: bool = False
    instances: bool = False
    sweep: bool = False

    def __bool__(self) -> bool:
        return bool(self.files) or self.baselines or self.instances or self.sweep

    @classmethod
    def of_files(cls, files: Iterable[tuple[str, str]]) -> Pending:
        """These files, as (instance, path), and nothing else."""
        found = cls()
        for instance, path in files:
            found.files[instance].add(path)
        return found

    def add(self, more: Pending) -> None:
        """That too."""
        self.baselines |= more.baselines
        self.instances |= more.instances
        self.sweep |= more.sweep
        for instance, files in more.files.items():
            self.files[instance] |= files

    def add_told(self, told: Told) -> None:
        """What a batch of changed paths asks for, its folders aside."""
        self.add(Pending(told.files, told.baselines, told.instances, told.overflow))
