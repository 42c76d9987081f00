"""From the inbox folder to the desk: what is dropped there is handed in, and waits for approval.

    await Receiving(Inbox(folder), desk, problems).run()

Nothing that comes this way is ever carried out by itself, whatever `changes.approval` says: a file
shows who owns it, not who approves it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from homeamp_agent.changes import ChangesError, ReadRequest
from homeamp_agent.changes.errors import InboxError, RequestError, plain_reason
from homeamp_agent.changes.inbox import Dropped, Inbox, InboxRetention
from homeamp_agent.changes.reading import parse_request
from homeamp_agent.rpc.access import look_up
from homeamp_agent.rpc.desk import Desk
from homeamp_agent.rpc.dispatch import where_of
from homeamp_agent.rpc.protocol.errors import Busy

LOOK_EVERY_S = 0.25
"""A person who drops a file waits two looks.

Looked at rather than watched, on purpose: a look is needed anyway to see that a file rests, and it
sees what is dropped over a network share, where inotify is silent. Measured on an idle folder, four
looks a second cost 0.2 % of a core; a watch of its own (`drift.watch`) 0.4 %, a thread, and one of
the 128 inotify instances of a user."""

PRUNE_EVERY_S = 3600.0
NAMES_TOLD = 50
"""Of the files that were removed, in the audit log; the others are counted."""

MAX_OPEN_REQUESTS = 1000
"""More that wait for approval came from a script that runs wild: the rest stays in the folder."""

ID_HASH_DIGITS = 16
SOURCE = "inbox:"
PROBLEMS_TOLD = 3
MAX_NAME_CHARACTERS = 80

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Receiving:
    """Takes in what is dropped. `tell` hears what is wrong with the folder; nothing: all is well.

    Without an inbox there is nothing to do.
    """

    inbox: Inbox | None
    desk: Desk
    tell: Callable[..., None]
    look_every_s: float = LOOK_EVERY_S
    retention: InboxRetention = field(default_factory=InboxRetention)
    _prune_at: float = 0.0

    async def run(self) -> None:
        """Look until cancelled."""
        while self.inbox is not None:
            try:
                full = await self._look(self.inbox)
                if (now := time.monotonic()) >= self._prune_at:
                    self._prune_at = now + PRUNE_EVERY_S
                    await self._prune(self.inbox)
            except (InboxError, OSError) as error:
                self.tell(f"inbox: {plain_reason(error)}")
            else:
                self.tell(*full)
            await asyncio.sleep(self.look_every_s)

    async def _look(self, inbox: Inbox) -> tuple[str, ...]:
        for dropped in await asyncio.to_thread(inbox.look):
            if dropped.refusal is not None:
                await self._refuse(inbox, dropped, dropped.refusal)
                continue
            if self._open_requests() >= MAX_OPEN_REQUESTS:
                return (f"inbox: {MAX_OPEN_REQUESTS:,} of its requests wait: approve or reject",)
            try:
                await self._hand_in(inbox, dropped)
            except RequestError as error:
                if not dropped.may_grow:
                    await self._refuse(inbox, dropped, "; ".join(error.problems[:PROBLEMS_TOLD]))
            except InboxError:
                raise
            except ChangesError as error:
                await self._refuse(inbox, dropped, plain_reason(error))
            except Busy:
                return ()  # the instances cannot be looked at now; that is told of elsewhere
            except OSError:
                raise
            except Exception as error:
                # Whatever is in that file, the next one is still read.
                log.error("inbox: %s: %s", _shown(dropped.name), where_of(error))  # noqa: TRY400 - its text may hold a value
                await self._refuse(inbox, dropped, plain_reason(error))
        return ()

    async def _prune(self, inbox: Inbox) -> None:
        """Empty `taken/` and `refused/` of what is old: never silently."""
        for each in await asyncio.to_thread(inbox.prune, self.retention, time.time()):
            if each.left:
                log.warning(
                    "inbox: folders in %s/ (%d) stay: only a person removes them",
                    each.folder,
                    each.left,
                )
            if not each.names:
                continue
            message = f"{len(each.names):,} of {each.folder}/: too old, or more than are kept"
            log.info("inbox: removed %s", message)
            await asyncio.to_thread(
                self.desk.changes().audit.append,
                who="agent",
                action="inbox.pruned",
                subject=each.folder,
                outcome="done",
                removed=len(each.names),
                names=list(each.names[:NAMES_TOLD]),
                message=message,
            )

    async def _hand_in(self, inbox: Inbox, dropped: Dropped) -> None:
        document = await asyncio.to_thread(parse_request, dropped.content)
        read = _with_id(await self.desk.read(document), dropped)
        owner = await asyncio.to_thread(look_up, 0, dropped.uid, 0)
        change, plan = await self.desk.submit(
            read, author=str(owner), source=f"{SOURCE}{dropped.name}", operates=False
        )
        refused = f", {len(plan.refused)} edits refused" if plan.refused else ""
        line = f"{change.id}: {change.status.value}, {len(change.files)} files{refused}"
        log.info("inbox: %s is %s", _shown(dropped.name), line)
        await asyncio.to_thread(inbox.take, dropped, line)

    async def _refuse(self, inbox: Inbox, dropped: Dropped, reason: str) -> None:
        log.warning("inbox: %s is refused: %s", _shown(dropped.name), reason)
        await asyncio.to_thread(inbox.refuse, dropped, reason)

    def _open_requests(self) -> int:
        return sum(
            each.open and each.change.source.startswith(SOURCE) for each in self.desk.book.all()
        )


def _shown(name: str) -> str:
    """A name as anybody may choose it, for the log."""
    shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in name)
    return shown if len(shown) <= MAX_NAME_CHARACTERS else f"{shown[:MAX_NAME_CHARACTERS]}…"


def _with_id(read: ReadRequest, dropped: Dropped) -> ReadRequest:
    """The request under an id of this very file: killed before the file is moved, it is one."""
    if read.request.request_id is not None:
        return read
    what = repr(dropped.identity).encode() + dropped.content
    name = f"inbox-{hashlib.sha256(what).hexdigest()[:ID_HASH_DIGITS]}"
    return replace(read, request=read.request.model_copy(update={"request_id": name}))
