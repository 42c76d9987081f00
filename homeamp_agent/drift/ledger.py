"""Writing down what a look changed, and telling of it: the detector's hand on the store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from homeamp_agent.drift.outcome import Outcome
from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.event import Topic
from homeamp_agent.store import Reconciled, Seen, Store, get_deviations, reconcile
from homeamp_agent.store.parsed import KnownFile, known_files, prune_parsed, remember_files
from homeamp_agent.store.records import (
    ScanRecord,
    begin_scan,
    finish_scan,
    prune_history,
)
from homeamp_agent.store.setting_history import add_setting_changes, prune_setting_history

EVENT_ROWS = 50
"""Deviations that an event carries whole; of more it names the ids, and clients list again."""

EVENT_IDS = 2_000


class Ledger:
    """Commits outcomes in their order and publishes what they changed."""

    def __init__(
        self, host: str, store: Store, publish: Callable[[Topic, str, dict[str, Any]], None]
    ) -> None:
        self._host = host
        self._store = store
        self._publish = publish
        self._lists: dict[tuple[str, str], tuple[Deviation, ...]] = {}
        self._behind = False

    async def last_look(self) -> tuple[KnownFile, ...]:
        """Every file as it was when the agent last ran."""
        return await known_files(self._store)

    async def commit(self, outcome: Outcome) -> Reconciled:
        """Make the store's rows those of `outcome`, then publish.

        Raises:
            StoreError: nothing was written; the next commit makes up for it.
        """
        if outcome.whole:
            self._lists = dict(outcome.units)
        else:
            self._lists.update(outcome.units)
        at = dt.datetime.now(dt.UTC)
        changed = Reconciled()
        if outcome.whole or outcome.units or self._behind:
            seen, found = self._within(outcome)
            self._behind = True
            changed = await reconcile(self._store, seen, found, at)
            self._behind = False
        await self._remember(outcome, at)
        await self._tell(changed)
        return changed

    async def record_scan(self, started_at: dt.datetime | None, outcome: Outcome) -> None:
        """Note a full scan."""
        if started_at is None or outcome.count is None:
            return
        count = outcome.count
        number = await begin_scan(self._store, started_at)
        await finish_scan(
            self._store,
            ScanRecord(
                number, started_at, dt.datetime.now(dt.UTC), count.instances, count.files,
                count.settings, count.parsed, outcome.seconds, None,
            ),
        )  # fmt: skip

    async def prune(self) -> None:
        """Forget what is too old."""
        now = dt.datetime.now(dt.UTC)
        await prune_parsed(self._store, now)
        await prune_history(self._store, now)
        await prune_setting_history(self._store, now)

    def _within(self, outcome: Outcome) -> tuple[Seen, list[Deviation]]:
        """What the outcome speaks of, and everything found there."""
        plugins = {plugin for _instance, plugin in outcome.units}
        if outcome.whole or self._behind or len(plugins) != 1:
            return Seen(self._host), [each for found in self._lists.values() for each in found]
        instances = frozenset(instance for instance, _plugin in outcome.units)
        found = [each for unit in outcome.units.values() for each in unit]
        return Seen(self._host, instances, frozenset(plugins)), found

    async def _remember(self, outcome: Outcome, at: dt.datetime) -> None:
        if outcome.changes:
            await add_setting_changes(self._store, outcome.changes)
        if outcome.files or outcome.gone:
            present = [
                KnownFile(instance, file, look.sha256, look.key)
                for (instance, file), look in outcome.files.items()
            ]
            await remember_files(self._store, present, outcome.gone, at)

    async def _tell(self, changed: Reconciled) -> None:
        for name, ids in (
            ("opened", changed.opened),
            ("updated", changed.updated),
            ("closed", changed.closed),
        ):
            if ids:
                self._publish(Topic.DEVIATIONS, name, await self._body(ids))

    async def _body(self, ids: Sequence[str]) -> dict[str, Any]:
        rows = await get_deviations(self._store, ids[:EVENT_ROWS])
        return {
            "count": len(ids),
            "ids": list(ids[:EVENT_IDS]),
            "deviations": [row.model_dump(mode="json") for row in rows.values()],
        }
