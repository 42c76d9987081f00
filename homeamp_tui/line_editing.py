"""A line edit of a file that cannot be read: asked for, shown as old and new line, written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeamp_agent.model.change import ChangeRequest, ChangeStatus
from homeamp_agent.model.deviation import Deviation
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_agent.rpc.protocol.messages import (
    ChangesApplyParams,
    ChangesApplyResult,
    ChangesApproveParams,
    ChangesDecidedResult,
    ChangesPreviewResult,
    ChangesSubmitParams,
    ChangesSubmitResult,
    DeviationsShowParams,
    DeviationsShowResult,
)
from homeamp_tui.acts import Undoable
from homeamp_tui.asking import ask
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.dialogs.line_edit import AskLine, LineWish, unread_summary
from homeamp_tui.links import Link, NotConnected
from homeamp_tui.plans import plan_lines, plan_summary
from homeamp_tui.words import plain

if TYPE_CHECKING:
    from homeamp_tui.app import HomeampApp

REASON = "line edit from the dashboard"


class LineEditing:
    """Line edits of `app`: each a change request, handed in, approved as shown and applied."""

    def __init__(self, app: HomeampApp) -> None:
        self._app = app

    async def edit(self, link: Link, identity: str) -> bool:
        """Ask which line of a deviation's unreadable file shall hold what; True: written."""
        app = self._app
        work = link.call("deviations.show", DeviationsShowParams(id=identity), DeviationsShowResult)
        shown = await ask(app, link, "show the file", work)
        if shown is None:
            return False
        row = shown.deviation
        where = f"{row.host} › {row.instance}  {row.file}"
        summary = unread_summary(where, row.message, shown.mending)
        wish = await app.push_screen_wait(AskLine(summary, shown.mending))
        if wish is None:
            return False
        seen = await self._submit(link, row, wish, dry_run=True)
        if seen is None or not await self._agreed(link, seen):
            return False
        return await self._carry_out(link, row, wish, seen)

    async def _submit(
        self, link: Link, row: Deviation, wish: LineWish, *, dry_run: bool
    ) -> ChangesSubmitResult | None:
        edit = {
            "file": row.file,
            "path": list(wish.path),
            "new": wish.new,
            "instances": [row.instance],
            "line_edit": True,
        }
        params = ChangesSubmitParams(
            request={"reason": REASON, "edits": [edit]}, dry_run=dry_run, source="dashboard"
        )
        work = link.mutate("changes.submit", params, ChangesSubmitResult)
        return await ask(self._app, link, "plan it", work)

    async def _agreed(self, link: Link, seen: ChangesSubmitResult) -> bool:
        preview = [(link.host, ChangesPreviewResult(plan=seen.plan))]
        question = Confirm(
            "Write this one line, unproven?",
            plan_summary(preview),
            plan_lines(preview),
            "Write the line",
            impossible="" if seen.plan.files else "There is nothing that can be written.",
        )
        return await self._app.push_screen_wait(question) is True

    async def _carry_out(
        self, link: Link, row: Deviation, wish: LineWish, seen: ChangesSubmitResult
    ) -> bool:
        app = self._app
        given = await self._submit(link, row, wish, dry_run=False)
        if given is None:
            return False
        change = given.change
        if change.status is ChangeStatus.PENDING_APPROVAL:
            approve = ChangesApproveParams(ids=(change.id,), digest=seen.plan.digest)
            try:
                await link.mutate("changes.approve", approve, ChangesDecidedResult)
            except (NotConnected, RpcError) as error:
                # Where somebody else approves, it waits for them; it is handed in all the same.
                app.tell_wrong("Handed in, not written yet", f"{error}\n\n3: the changes")
                return False
        work = link.mutate("changes.apply", ChangesApplyParams(id=change.id), ChangesApplyResult)
        done = await ask(app, link, "write the line", work)
        return done is not None and self._tell(link, done.change)

    def _tell(self, link: Link, change: ChangeRequest) -> bool:
        app = self._app
        if change.status is not ChangeStatus.APPLIED:
            app.tell_wrong(f"{link.host} did not write the line", plain(change.message))
            return False
        good = ((link, change),)
        app.acts.note(Undoable("line edit", lambda: app.rolling_back.all_of(good)))
        told = [each.line_edit for each in change.files if each.line_edit is not None]
        mended = all(each.readable_after for each in told)
        now = "The file can be read now." if mended else "The file still cannot be read."
        app.tell(f"Wrote line {told[0].line}. {now} z takes it back." if told else now)
        return True
