"""Where every request of this host stands: in the book until it is written, then in its journal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from homeamp_agent.changes import (
    ChangeRoom,
    NotNowError,
    PlannedChange,
    RequestBook,
    UnknownChangeError,
)
from homeamp_agent.changes.standing import not_up, outcomes_left, plan_facts, without_diffs
from homeamp_agent.model.change import ChangeRequest, ChangeStatus, Progress
from homeamp_agent.model.request import RequestedChange

PROGRESS_EVERY_S = 0.25
"""A request of a thousand files is told of as it goes on, not once a file."""


@dataclass(slots=True, kw_only=True)
class RequestLedger:
    """What is known of requests. `told` hears of every change of where one stands."""

    book: RequestBook
    changes: Callable[[], ChangeRoom]
    told: Callable[[ChangeRequest], None]
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    _progress: dict[str, Progress] = field(default_factory=dict)

    def under_way(self, change_id: str) -> bool:
        """Whether somebody works on the request, or waits for its games."""
        raise NotImplementedError

    def shown(self, change: ChangeRequest) -> ChangeRequest:
        """What the journal tells of a change, with what the book knows of its request."""
        booked = self.book.find(change.id)
        if booked is None:
            return change
        known = booked.change
        running = (
            known.status in {ChangeStatus.APPLYING, ChangeStatus.WAITING}
            and change.status is not ChangeStatus.ROLLED_BACK
            and self.under_way(change.id)
        )
        left = outcomes_left(known, change) if running else ()
        said = known.message if running else change.message or known.message
        return change.model_copy(
            update={
                **{name: getattr(known, name) for name in _OF_THE_REQUEST},
                "status": known.status if running else change.status,
                "files": (*change.files, *left),
                "progress": self._progress.get(change.id, known.progress),
                "refused": known.refused or change.refused,
                "message": "; ".join(filter(None, (said, not_up(known.restarts)))),
            }
        )

    async def show(self, change_id: str) -> ChangeRequest:
        """One request or change, with its diffs.

        Raises:
            UnknownChangeError: there is none.
        """
        try:
            return self.shown(await asyncio.to_thread(self.changes().show, change_id))
        except UnknownChangeError:
            return self.book.get(change_id).change

    async def all(self) -> Sequence[ChangeRequest]:
        """Every request and change without diffs, newest first."""
        return await asyncio.to_thread(self._all)  # thousands of them, after some years

    def _all(self) -> Sequence[ChangeRequest]:
        written = [self.shown(each) for each in self.changes().list()]
        begun = {each.id for each in written}
        waiting = [
            without_diffs(each.change) for each in self.book.all() if each.change.id not in begun
        ]
        return sorted((*written, *waiting), key=lambda each: (each.created_at, each.id))[::-1]

    async def as_journalled(self, change: ChangeRequest) -> ChangeRequest | None:
        """What the journal says became of it, noted in the book; None if it never began."""
        done = await self.in_journal(change.id)
        if done is not None:
            await self.note_end(change, done)
        return done

    async def over(self, change: ChangeRequest) -> None:
        """What was rolled back is not waited for any more."""
        booked = self.book.find(change.id)
        if booked is not None and booked.open and change.status is ChangeStatus.ROLLED_BACK:
            await self.note_end(booked.change, change)

    async def in_journal(self, change_id: str) -> ChangeRequest | None:
        """What the journal tells of a request; None if nothing of it was ever begun."""
        try:
            return await asyncio.to_thread(self.changes().show, change_id)
        except UnknownChangeError:
            return None

    async def note_end(self, change: ChangeRequest, done: ChangeRequest) -> None:
        """Keep how it ended, as the journal tells."""
        self._progress.pop(change.id, None)
        facts = {"status": done.status, "message": done.message, "finished_at": done.finished_at}
        await self.keep(change, held=True, **facts)

    def opened(self, change_id: str) -> tuple[ChangeRequest, RequestedChange]:
        """A request of which something may still come, and as it was handed in.

        Raises:
            UnknownChangeError: there is none.
            NotNowError: it is over.
        """
        booked = self.book.get(change_id)
        if booked.request is None:
            raise NotNowError(f"{change_id} is {booked.change.status.words}")
        return booked.change, booked.request

    async def replanned(self, change: ChangeRequest, planned: PlannedChange, why: str) -> None:
        """It waits for approval again: what it would do is another plan."""
        await self.keep(
            change,
            status=ChangeStatus.PENDING_APPROVAL,
            message=f"{why}: look at the plan again and approve it",
            approved_by=None,
            approved_at=None,
            waits_until=None,
            digest=planned.plan.digest,
            **plan_facts(planned),
        )

    async def keep(
        self, change: ChangeRequest, *, held: bool = False, **facts: Any
    ) -> ChangeRequest:
        """Note where a request stands, on the medium, and tell of it.

        `held`: a full disk does not keep it from counting; it is written when there is room again.
        """
        change = change.model_copy(update=facts)
        await asyncio.to_thread(partial(self.book.update, change, held=held))
        self.tell(change)
        return change

    async def log_act(self, who: str, act: str, change: ChangeRequest, reason: str) -> None:
        await asyncio.to_thread(
            self.changes().audit.append,
            who=who,
            action=f"change.{act}",
            subject=change.id,
            reason=reason,
            source=change.source,
            digest=change.digest,
        )

    def counting(self, change_id: str) -> Callable[[int, int], None]:
        """Hears, in the working thread, how many steps of how many are done; tells of it."""
        loop = asyncio.get_running_loop()
        last = time.monotonic()

        def counted(done: int, total: int) -> None:
            nonlocal last
            if (now := time.monotonic()) - last >= PROGRESS_EVERY_S:
                last = now
                loop.call_soon_threadsafe(self._counted, change_id, done, total)

        return counted

    def _counted(self, change_id: str, done: int, total: int) -> None:
        booked = self.book.find(change_id)
        if booked is not None and booked.change.status is ChangeStatus.APPLYING:
            progress = Progress(done=done, total=total, now="writing the files")
            self._progress[change_id] = progress
            self.told(booked.change.model_copy(update={"progress": progress}))

    def tell(self, change: ChangeRequest) -> None:
        self.told(change)
        self.wake()

    def wake(self) -> None:
        """Something stands otherwise: whoever waits for it looks again."""
        self.woken.set()
        self.news.set()
        self.news = asyncio.Event()


_OF_THE_REQUEST = (
    "author", "created_at", "priority", "write_policy", "source", "digest", "approved_by",
    "approved_at", "not_before", "waits_until", "progress", "restarts", "notes", "deployment_id",
)  # fmt: skip
