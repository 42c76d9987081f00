"""What a request would do on this host now: read, resolved and planned, never written."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from homeamp_agent.changes import (
    FileConflictError,
    PlannedChange,
    ReadRequest,
    Resolved,
    read_request,
    resolve,
)
from homeamp_agent.changes.legacy_lines import line_reader
from homeamp_agent.changes.standing import alike, restarting_all
from homeamp_agent.model.change import ChangeRequest, WritePolicy
from homeamp_agent.model.request import RequestedChange
from homeamp_agent.rpc.request_ledger import RequestLedger
from homeamp_agent.rpc.rooms import DriftRoom

LOOK_AGAIN = "what it would do is another plan now: preview it again"


@dataclass(slots=True, kw_only=True)
class RequestPlanning(RequestLedger):
    """The requests of this host, and what each would do to its instances as they were scanned."""

    drift: DriftRoom

    async def read(self, document: Any) -> ReadRequest:
        """The request that a document holds, also one of the original system's.

        Raises:
            RequestError: it is none.
        """
        await self.drift.ready()
        return await asyncio.to_thread(read_request, document, line_reader(self.drift.snapshots))

    async def plan(
        self, request: RequestedChange, instance: str | None = None
    ) -> tuple[PlannedChange, tuple[str, ...]]:
        """What the request would do on this host now, exactly, and notes. Writes nothing.

        With `instance`, only what it would do there.
        """
        await self.drift.ready()

        def work() -> tuple[PlannedChange, tuple[str, ...]]:
            resolved = self._resolved(request, instance)
            planned = resolved.with_refused(self.changes().plan(resolved.edits))
            if request.write_policy is WritePolicy.STOP_WRITE_START:
                planned = restarting_all(planned)
            return planned, resolved.notes

        return await asyncio.to_thread(work)

    async def plan_of(self, change_id: str) -> tuple[PlannedChange, tuple[str, ...]]:
        """The same of a request that waits.

        Raises:
            UnknownChangeError: there is none.
            NotNowError: it is over.
        """
        return await self.plan(self.opened(change_id)[1])

    async def planned_as_approved(
        self, change: ChangeRequest, request: RequestedChange, *, settings_only: bool = False
    ) -> PlannedChange:
        """What it would do now, if that is what was approved; else it waits for approval again.

        `settings_only`: the files may differ otherwise, as where a game saved them as it stopped.

        Raises:
            FileConflictError: it is another plan.
        """
        planned, _ = await self.plan(request)
        if planned.plan.digest != change.digest and not (settings_only and alike(planned, change)):
            await self.replanned(change, planned, "the files changed since it was approved")
            raise FileConflictError(change.id, LOOK_AGAIN)
        return planned

    def _resolved(self, request: RequestedChange, instance: str | None) -> Resolved:
        knowledge = self.drift.baselines.knowledge
        known = self.drift.snapshots
        return resolve(
            request,
            {name: each for name, each in known.items() if instance in {None, name}},
            self.drift.masker,
            lambda plugin: knowledge.of(plugin).restart,
        )
