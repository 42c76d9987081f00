"""After a restart: whether what changes wrote is still there, told of where a plugin put it back.

after = AfterRestart(rooms, settle_seconds=10)
watch.looked = after.seen                       # restarts that anybody does
await after.look(Restart("SURV01", ...))        # those that we do
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from homeamp_agent.amp.restarts import Restart, Restarts
from homeamp_agent.changes import ChangesError, InstanceBusyError
from homeamp_agent.changes.errors import plain_reason
from homeamp_agent.model.change import ChangeRequest, Reverted
from homeamp_agent.model.deviation import DeviationStatus
from homeamp_agent.model.game import InstanceState
from homeamp_agent.model.query import DeviationFilter
from homeamp_agent.model.secret import is_masked
from homeamp_agent.model.setting import segment_text
from homeamp_agent.rpc.methods.deviations import tell_updated
from homeamp_agent.rpc.methods.settling import tell_change
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_agent.rpc.rooms import Rooms
from homeamp_agent.store import Review, StoreError, list_deviations, review

BUSY_TRIES = 5
BUSY_PAUSE_S = 5.0
"""Somebody writes into the instance just now: files of one request take a few seconds."""

MAX_VALUE_CHARACTERS = 200
"""Of a value in the reason of a review; the change shows it whole."""

_PENDING = frozenset({DeviationStatus.PENDING, DeviationStatus.FLAGGED, DeviationStatus.FIXING})

log = logging.getLogger(__name__)


@dataclass(slots=True)
class AfterRestart:
    """Looks once a restarted game has been ready for `settle_seconds`."""

    rooms: Rooms
    settle_seconds: float
    _restarts: Restarts = field(default_factory=Restarts)

    def seen(self, states: Mapping[str, InstanceState]) -> None:
        """Hear what every game does now; a restart is looked after by itself."""
        for restart in self._restarts.seen(states, datetime.now(UTC)):
            self.restarted(restart)

    def restarted(self, restart: Restart) -> None:
        """Look after a restart that somebody did, later and by itself."""
        self.rooms.later(self._look(restart))

    async def look(self, restart: Restart) -> Sequence[str]:
        """Wait until the game has settled, and look; the ids of changes it did not keep.

        Raises:
            InstanceBusyError: somebody wrote there all the time.
            OSError: a journal could not be written.
        """
        await asyncio.sleep(self.settle_seconds)
        ids = await self._looked(restart)
        for change_id in ids:
            try:
                await self._tell(restart.instance, change_id)
            except (RpcError, StoreError) as error:
                # It stands in the change's journal; a later look at the files shows it as well.
                log.warning("%s: not told everywhere: %s", change_id, error)
        return ids

    async def _look(self, restart: Restart) -> None:
        try:
            await self.look(restart)
        except (ChangesError, OSError) as error:
            log.warning(
                "%s was restarted; whether it kept its changes is not known: %s",
                restart.instance,
                plain_reason(error),
            )

    async def _looked(self, restart: Restart) -> Sequence[str]:
        for left in reversed(range(BUSY_TRIES)):
            try:
                return await asyncio.to_thread(
                    self.rooms.changes().keeping.look,
                    restart.instance,
                    restart.up_until,
                    restart.ready_at,
                )
            except InstanceBusyError:
                if not left:
                    raise
                await asyncio.sleep(BUSY_PAUSE_S)
        return ()

    async def _tell(self, instance: str, change_id: str) -> None:
        rooms = self.rooms
        change = await rooms.desk.show(change_id)
        mine = [each for each in change.reverted if each.instance == instance]
        log.warning("%s did not keep %d settings of change %s", instance, len(mine), change_id)
        await rooms.drift.reread([(instance, file) for file in {each.file for each in mine}])
        await self._reopen(instance, change, mine)
        tell_change(rooms.bus, change)

    async def _reopen(
        self, instance: str, change: ChangeRequest, reverted: Sequence[Reverted]
    ) -> None:
        """The deviations of these settings wait again, and say what the plugin did."""
        by_file: dict[str, dict[tuple[str, ...], Reverted]] = defaultdict(dict)
        for each in reverted:
            by_file[each.file][tuple(map(segment_text, each.path))] = each
        for file, settings in by_file.items():
            wanted = DeviationFilter(host=self.rooms.host, instance=instance, file=file)
            page = await list_deviations(self.rooms.store, wanted, limit=1000)
            for row in page.deviations:
                setting = settings.get(tuple(map(segment_text, row.path or ())))
                if setting is None:
                    continue
                decision = Review(
                    DeviationStatus.PENDING,
                    actor="agent",
                    reason=_reason(setting, change.id),
                    change_id=change.id,
                    from_statuses=_PENDING,
                )
                await review(self.rooms.store, [row.id], decision, datetime.now(UTC))
                await tell_updated(self.rooms, [row.id])


def _reason(setting: Reverted, change_id: str) -> str:
    """One line; a secret's value is not in it."""
    wrote = "it is gone" if setting.found is None else f"it holds {_short(setting.found)}"
    if is_masked(setting.found) or is_masked(setting.wanted):
        return f"reverted_by_plugin: change {change_id} was not kept over a restart"
    return (
        f"reverted_by_plugin: change {change_id} wrote {_short(setting.wanted)}; after the "
        f"restart {wrote}"
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= MAX_VALUE_CHARACTERS else f"{text[:MAX_VALUE_CHARACTERS]}…"
