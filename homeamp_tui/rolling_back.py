"""Rolling back: one change, several, or everything since a time, with one preview of all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from homeamp_agent.model.change import ChangeRequest, ChangeStatus, RollbackState
from homeamp_agent.rpc.protocol.messages import (
    ChangesRollbackManyParams,
    ChangesRollbackManyResult,
    ChangesRollbackParams,
    ChangesRollbackResult,
    ChangesShowParams,
    ChangesShowResult,
)
from homeamp_tui.asking import ask, by_link
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.dialogs.since import AskSince
from homeamp_tui.links import Link, LinkState
from homeamp_tui.plans import change_lines
from homeamp_tui.three_way import conflict_lines
from homeamp_tui.widgets.diff_view import Line, diff_lines, heading_line, note_lines
from homeamp_tui.words import moment_text, plain, plural

if TYPE_CHECKING:
    from homeamp_tui.app import HomeampApp

TYPED_FROM_FILES = 25
"""So many files at once are confirmed by typing their number."""
STANDING = frozenset({ChangeStatus.APPLIED, ChangeStatus.REVERTED_BY_PLUGIN, ChangeStatus.FAILED})
"""What can be rolled back; of a failed one, files may stand that could not be undone at once."""

WELL = frozenset({RollbackState.ROLLED_BACK, RollbackState.ALREADY})

Changes = Sequence[tuple[Link, ChangeRequest]]
Asked = Sequence[tuple[Link, ChangesRollbackManyParams]]
Shown = tuple[Link, ChangesRollbackManyParams, ChangesRollbackManyResult]


def ending_lines(host: str, preview: ChangesRollbackManyResult) -> list[Line]:
    """The files of a host as they would end."""
    lines: list[Line] = []
    for file in preview.files:
        lines.append(heading_line(f"{host} › {file.instance}  {file.file}"))
        lines += [*diff_lines(file.diff), ()]
    return lines


def many_question(shown: Sequence[Shown], what: str, away: Sequence[str]) -> Confirm:
    """What stands in the way first, then the files as they would end, then whose changes."""
    lines: list[Line] = []
    if away:
        lines += note_lines(f"{', '.join(away)}: not asked, left as it is", "diff--warning")
    for link, _, preview in shown:
        for each in preview.changes:
            if each.state is not RollbackState.READY and each.state not in WELL:
                said = "; ".join(
                    f"{one.instance}/{one.file}: {one.reason}" for one in each.conflicts
                )
                name = each.reason or each.id
                words = f"{link.host}: stays as it is: {name}: {said or each.message}"
                lines += note_lines(words, "diff--warning")
    for link, _, preview in shown:
        lines += ending_lines(link.host, preview)
        for each in preview.changes:
            when = moment_text(each.created_at)
            lines += note_lines(f"{when} by {each.author} on {link.host}: {each.reason}")
    files = sum(len(preview.files) for _, _, preview in shown)
    ready = sum(
        each.state is RollbackState.READY for _, _, preview in shown for each in preview.changes
    )
    begin = f"{what}: " if what else ""
    return Confirm(
        f"Roll back {plural(files, 'file')}?",
        Content(plain(f"{begin}{plural(ready, 'change')}, newest first. The files as they end:")),
        lines,
        f"Roll back {plural(files, 'file')}",
        impossible="" if ready else "Nothing of it can be rolled back.",
        typed=str(files) if files >= TYPED_FROM_FILES else "",
    )


class RollingBack:
    """Rollbacks asked for in `app`."""

    def __init__(self, app: HomeampApp) -> None:
        self._app = app

    async def since(self) -> bool:
        """Ask since when, then roll back every change of every host carried out from then on."""
        moment = await self._app.push_screen_wait(AskSince())
        if moment is None:
            return False
        links = self._app.links
        up = [link for link in links if link.state is LinkState.CONNECTED]
        away = [link.host for link in links if link.state is not LinkState.CONNECTED]
        when = moment_text(moment)
        asked = [(link, ChangesRollbackManyParams(since=moment)) for link in up]
        return await self._many(asked, f"Everything changed since {when}", away)

    async def all_of(self, changes: Changes, what: str = "") -> bool:
        """Show what would be put back, ask, and roll back newest first; whether all of it was."""
        ids = by_link((link, change.id) for link, change in changes)
        if len(ids) == len(changes):
            return await self._one_each(changes, what)
        asked = [(link, ChangesRollbackManyParams(ids=tuple(each))) for link, each in ids.items()]
        return await self._many(asked, what, ())

    async def _many(self, asked: Asked, what: str, away: Sequence[str]) -> bool:
        """Several changes of a host as one act: one preview of where all of it ends."""
        shown: list[Shown] = []
        for link, params in asked:
            preview = await self._call_many(link, params, preview=True)
            if preview is None:
                away = [*away, link.host]
            elif preview.changes:
                shown.append((link, params, preview))
        if not shown:
            where = f" {', '.join(away)} could not be asked." if away else ""
            self._app.tell(f"No change stands there.{where}", severity="warning")
            return False
        if not await self._app.push_screen_wait(many_question(shown, what, away)):
            return False
        stuck: list[str] = []
        done = 0
        for link, params, preview in shown:
            answer = await self._call_many(link, params, digest=preview.digest)
            for each in answer.changes if answer is not None else ():
                done += each.state is RollbackState.ROLLED_BACK
                if each.state not in WELL:
                    stuck.append(f"{link.host}: {each.reason or each.id}: {each.message}")
            if answer is None:
                stuck.append(f"{link.host}: nothing")
        if done:
            self._app.tell(f"Rolled back {plural(done, 'change')}.")
        if stuck:
            self._app.tell_wrong(
                "Not all of it was rolled back",
                "\n".join([*stuck, "", "R on one of them alone shows its three sides."]),
            )
        return not stuck

    async def _call_many(
        self,
        link: Link,
        params: ChangesRollbackManyParams,
        *,
        preview: bool = False,
        digest: str | None = None,
    ) -> ChangesRollbackManyResult | None:
        said = params.model_dump(exclude_unset=True)
        reason = "rolled back from the dashboard"
        wanted = ChangesRollbackManyParams(**said, preview=preview, digest=digest, reason=reason)
        work = link.mutate("changes.rollback_many", wanted, ChangesRollbackManyResult)
        return await ask(self._app, link, "roll back", work)

    async def _one_each(self, changes: Changes, what: str) -> bool:
        """One change of each host: where one is in conflict, its three sides are shown."""
        shown = await self._with_diffs(changes)
        if shown is None or not await self._agreed(shown, what):
            return False
        done = sum([await self._one(link, change) for link, change in shown])
        if done:
            self._app.tell(f"Rolled back {plural(done, 'change')}.")
        return done == len(shown)

    async def _with_diffs(self, changes: Changes) -> list[tuple[Link, ChangeRequest]] | None:
        shown: list[tuple[Link, ChangeRequest]] = []
        for link, change in sorted(changes, key=lambda each: each[1].created_at, reverse=True):
            work = link.call("changes.show", ChangesShowParams(id=change.id), ChangesShowResult)
            answer = await ask(self._app, link, "show the change", work)
            if answer is None:
                return None
            shown.append((link, answer.change))
        return shown

    async def _agreed(self, changes: Changes, what: str) -> bool:
        files = sum(len(change.files) for _, change in changes)
        lines: list[Line] = []
        for link, change in changes:
            if len(changes) > 1:
                reason = change.reason or change.id
                when = moment_text(change.created_at)
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
