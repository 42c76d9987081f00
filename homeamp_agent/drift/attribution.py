"""By whom a file was saved, by evidence alone: our journal, a start of its instance, or unknown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from homeamp_agent.drift.own_writes import OwnWrites
from homeamp_agent.instances.starting import starting_at
from homeamp_agent.model.instance import Instance
from homeamp_agent.model.query import SettingChange
from homeamp_agent.model.snapshot import FileSnapshot

BY_US = "homeamp"
BY_START = "start"
BY_OTHERS = "outside"
"""A person, or a plugin at any other time: nothing on the disk tells the two apart."""


def nobody_says(instance: str) -> bool:
    """Without AMP: only the logs tell of starts."""
    del instance
    return False


@dataclass(slots=True)
class Attribution:
    """`amp_starting` says whether AMP has an instance starting now; from any thread."""

    own_writes: OwnWrites = field(default_factory=OwnWrites)
    amp_starting: Callable[[str], bool] = nobody_says

    def attributed(
        self,
        changes: list[SettingChange],
        instance: Instance,
        file: FileSnapshot,
        *,
        while_away: bool,
    ) -> list[SettingChange]:
        """The changes of one save, each with whose they are. Blocks, for a look at the log."""
        if not changes:
            return changes
        ours = self.own_writes.of(f"{instance.game_folder}/{file.path}", file.sha256)
        if ours is not None:
            by = BY_US
        elif self._at_start(instance, file, while_away):
            by = BY_START
        else:
            return changes
        return [each.model_copy(update={"by": by, "change_id": ours}) for each in changes]

    def _at_start(self, instance: Instance, file: FileSnapshot, while_away: bool) -> bool:
        if not while_away and self.amp_starting(instance.name):
            return True
        saved = dt.datetime.fromtimestamp(file.mtime_ns / 1e9, dt.UTC)
        return starting_at(Path(instance.game_folder), saved)
