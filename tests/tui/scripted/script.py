"""What a stand-in knows, and what it was asked."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from homeamp_agent.model.change import (
    ChangeRequest,
    RefusedEdit,
    RollbackConflict,
)
from homeamp_agent.model.deployment import Deployment
from homeamp_agent.model.deviation import (
    Deviation,
)
from homeamp_agent.model.event import Topic
from homeamp_agent.model.game import InstanceState
from homeamp_agent.model.query import (
    DeviationFilter,
    DeviationsSort,
    SettingChange,
)
from homeamp_agent.rpc.events import EventBus
from homeamp_agent.rpc.protocol.messages import (
    Access,
)
from tests.tui.scripted import rules
from tests.tui.scripted.rows import MadeUp, matches, order_of


@dataclass
class Script:
    """What the stand-in knows, and what it was asked."""

    host: str
    bus: EventBus
    rows: list[Deviation] = field(default_factory=list)
    made_up: int = 0
    access: Access = Access.OPERATE
    changes: list[ChangeRequest] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    deployment_texts: list[str] = field(default_factory=list)
    no_dev: bool = False
    conflict: RollbackConflict | None = None
    refused: tuple[RefusedEdit, ...] = ()
    problems: tuple[str, ...] = ()
    setting_changes: tuple[SettingChange, ...] = ()
    baseline: rules.Baseline = field(default_factory=rules.Baseline)
    asked: Counter[str] = field(default_factory=Counter)
    games: dict[str, InstanceState] = field(default_factory=dict)
    waits: dict[str, dt.datetime] = field(default_factory=dict)
    rows_sent: int = 0
    mutations: list[tuple[str, Any]] = field(default_factory=list)
    hold: dict[str, asyncio.Event] = field(default_factory=dict)

    def matching(self, wanted: DeviationFilter, sort: DeviationsSort) -> Sequence[Deviation]:
        """The rows of a filter, in order; made-up ones are made as they are read."""
        if self.made_up:
            return MadeUp(self.host, self.made_up)
        found = [row for row in self.rows if matches(row, wanted)]
        return sorted(found, key=lambda row: order_of(row, sort))

    def replace(self, identity: str, **changes: Any) -> Deviation:
        """Change one row, and tell subscribers."""
        at = next(at for at, row in enumerate(self.rows) if row.id == identity)
        self.rows[at] = self.rows[at].model_copy(update=changes)
        self.bus.emit(Topic.DEVIATIONS, "updated", {"count": 1, "ids": [identity]})
        return self.rows[at]

    def open_row(self, row: Deviation) -> None:
        """Another deviation is found."""
        self.rows.append(row)
        self.bus.emit(Topic.DEVIATIONS, "opened", {"count": 1, "ids": [row.id]})

    def close_row(self, identity: str) -> None:
        """A deviation vanishes."""
        self.rows = [row for row in self.rows if row.id != identity]
        self.bus.emit(Topic.DEVIATIONS, "closed", {"count": 1, "ids": [identity]})
