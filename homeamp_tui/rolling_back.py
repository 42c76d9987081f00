"""Rolling back: one change, several, or everything since a time, with one preview of all of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from homeamp_agent.model.change import ChangeRequest, ChangeStatus
from homeamp_agent.rpc.protocol.messages import (
    ChangesListParams,
    ChangesListResult,
    ChangesRollbackParams,
    ChangesRollbackResult,
    ChangesShowParams,
    ChangesShowResult,
)
from homeamp_tui.asking import ask
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.dialogs.since import AskSince
from homeamp_tui.links import Link, LinkState
from homeamp_tui.plans import change_lines
from homeamp_tui.three_way import conflict_lines
from homeamp_tui.widgets.diff_view import note_lines
from homeamp_tui.words import plain, plural

if TYPE_CHECKING:
    from homeamp_tui.app import HomeampApp

TYPED_FROM_FILES = 25
"""So many files at once are confirmed by typing their number."""
PAGE = 200
STANDING = frozenset({ChangeStatus.APPLIED, ChangeStatus.REVERTED_BY_PLUGIN, ChangeStatus.FAILED})
"""What can be rolled back; of a failed one, files may stand that could not be undone at once."""

Changes = Sequence[tuple[Link, ChangeRequest]]


class RollingBack:
    """Rollbacks asked for in `app`."""

    def __init__(self, app: HomeampApp) -> None:
        self._app = app

    async def since(self) -> bool:
        """Ask since when, then roll back every change of every host that was made from then on."""
        moment = await self._app.push_screen_wait(AskSince())
        if moment is None:
            return False
        found: list[tuple[Link, ChangeRequest]] = []
        unread: list[str] = []
        for link in self._app.links:
            if link.state is not LinkState.CONNECTED:
                unread.append(link.host)
                continue
            changes = await self._made_since(link, moment)
            if changes is None:
                unread.append(link.host)
            else:
                found += [(link, change) for change in changes]
        when = f"{moment.astimezone():%Y-%m-%d %H:%M}"
        if not found:
            where = f" {', '.join(unread)} could not be asked." if unread else ""
            self._app.tell(f"No change since {when} stands.{where}", severity="warning")
            return False
        return await self.all_of(found, f"Everything changed since {when}", unread)

    async def _made_since(self, link: Link, moment: dt.datetime) -> list[ChangeRequest] | None:
        """A host's changes since then that stand, newest first."""
        found: list[ChangeRequest] = []
        cursor: str | None = None
        while True:
            params = ChangesListParams(limit=PAGE, cursor=cursor)
            work = link.call("changes.list", params, ChangesListResult)
            page = await ask(self._app, link, "list its changes", work)
            if page is None:
                return None
            found += [each for each in page.changes if each.created_at >= moment]
            cursor = page.next_cursor
            if cursor is None or (page.changes and page.changes[-1].created_at < moment):
                return [each for each in found if each.status in STANDING]

    async def all_of(self, changes: Changes, what: str = "", left_out: Sequence[str] = ()) -> bool:
        """Show what would be put back, ask, and roll back newest first; whether all of it was.

        Of one host nothing older is touched after one that could not be rolled back: its files may
        stand on top. `left_out`: hosts that could not be asked.
        """
        shown = await self._with_diffs(changes)
        if shown is None or not await self._agreed(shown, what, left_out):
            return False
        stopped: dict[str, int] = {}
        for link, change in shown:
            if link.host in stopped or not await self._one(link, change):
                stopped[link.host] = stopped.get(link.host, 0) + 1
        done = len(shown) - sum(stopped.values())
        if done:
            self._app.tell(f"Rolled back {plural(done, 'change')}.")
        older = {host: count - 1 for host, count in stopped.items() if count > 1}
        if older:
            self._app.tell_wrong(
                "Not all of it was rolled back",
                "\n".join(
                    f"{host}: {plural(count, 'older change')} left as they are, because a newer one"
                    " could not be rolled back and may stand on top."
                    for host, count in older.items()
                ),
            )
        return not stopped

    async def _with_diffs(self, changes: Changes) -> list[tuple[Link, ChangeRequest]] | None:
        shown: list[tuple[Link, ChangeRequest]] = []
        for link, change in sorted(changes, key=lambda each: each[1].created_at, reverse=True):
            work = link.call("changes.show", ChangesShowParams(id=change.id), ChangesShowResult)
            answer = await ask(self._app, link, "show the change", work)
            if answer is None:
                return None
            shown.append((link, answer.change))
        return shown

    async def _agreed(self, changes: Changes, what: str, left_out: Sequence[str]) -> bool:
        files = sum(len(change.files) for _, change in changes)
        lines = note_lines(f"{', '.join(left_out)}: not asked, left as it is", "diff--warning")
        lines = lines if left_out else []
        for link, change in changes:
            if len(changes) > 1:
                reason = change.reason or change.id
                when = f"{change.created_at.astimezone():%Y-%m-%d %H:%M}"
                lines += note_lines(f"{when} by {change.author} on {link.host}: {reason}")
            lines += change_lines(link.host, change, undo=True)
        summary = "The exact bytes from before are put back"
        if what:
            summary = f"{what}: {plural(len(changes), 'change')}. {summary}, newest change first"
        question = Confirm(
            f"Roll back {plural(files, 'file')}?",
            Content(plain(summary) + ":"),
            lines,
            f"Roll back {plural(files, 'file')}",
            impossible="" if files else "No file was changed.",
            typed=str(files) if files >= TYPED_FROM_FILES else "",
        )
        agreed = await self._app.push_screen_wait(question)
        return agreed is True

    async def _one(self, link: Link, change: ChangeRequest) -> bool:
        answer = await self._call(link, change, force=False)
        if answer is not None and answer.conflicts:
            lines = [line for each in answer.conflicts for line in conflict_lines(each)]
            question = Confirm(
                "Changed since by somebody else",
                Content(
                    "These files are no longer as the change left them. "
                    "Overwriting loses what is there now."
                ),
                lines,
                "Overwrite",
                typed="overwrite",
            )
            if not await self._app.push_screen_wait(question):
                return False
            answer = await self._call(link, change, force=True)
        if answer is None:
            return False
        if answer.change.status is not ChangeStatus.ROLLED_BACK:
            self._app.tell_wrong(
                f"{link.host} did not roll back: {answer.change.status.value}",
                answer.change.message,
            )
            return False
        return True

    async def _call(
        self, link: Link, change: ChangeRequest, *, force: bool
    ) -> ChangesRollbackResult | None:
        params = ChangesRollbackParams(
            id=change.id, reason="rolled back from the dashboard", force=force
        )
        work = link.mutate("changes.rollback", params, ChangesRollbackResult)
        return await ask(self._app, link, "roll back", work)
