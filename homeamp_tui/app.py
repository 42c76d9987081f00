"""The app: links to agents, screens, and the acts that change something."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.widgets import Static

from homeamp_agent.model.change import ChangeRequest, ChangeStatus, Plan, RollbackConflict
from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.event import Event
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_agent.rpc.protocol.messages import (
    Access,
    ChangesPreviewParams,
    ChangesPreviewResult,
    ChangesRollbackParams,
    ChangesRollbackResult,
    DeviationsApproveParams,
    DeviationsFixParams,
    DeviationsFixResult,
    DeviationsFlagParams,
    DeviationsReopenParams,
    DeviationsReviewResult,
    RescanParams,
    RescanResult,
)
from homeamp_tui.links import Link, LinkState, NotConnected
from homeamp_tui.screens.ask import (
    AskReview,
    Confirm,
    Told,
    conflicts_text,
    diff_text,
    plan_text,
)
from homeamp_tui.screens.changes import ChangesScreen
from homeamp_tui.screens.deviations import DeviationsScreen
from homeamp_tui.screens.overview import OverviewScreen
from homeamp_tui.words import age_text, plural

HELP = """\
1 overview   2 deviations   3 changes        q quit    ? this help    ctrl+p palette

In the deviations
  j k ↓ ↑ g G     move                       tab     to the tree and back
  /               filter: words are and-ed, field:value narrows, ! negates
                  (host instance plugin file key kind severity status pattern)
  space v A esc   select, range, all, clear
  f               fix: shows the exact diff first
  a x o           approve, flag, reopen
  u               undo the last fix
  s t             sort, show reviewed ones too
  y               copy to the clipboard (also over SSH and tmux)
  r               scan again now

In the changes
  R               roll back the chosen change request
"""


class HomeampApp(App[None]):
    """The dashboard on one or many agents."""

    TITLE = "homeamp"
    CSS = """
    #banner { height: 1; padding: 0 1; background: $primary-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "switch('overview')", "Overview", show=False, id="app.overview"),
        Binding("2", "switch('deviations')", "Deviations", show=False, id="app.deviations"),
        Binding("3", "switch('changes')", "Changes", show=False, id="app.changes"),
        Binding("r", "rescan", "Rescan", id="app.rescan"),
        Binding("question_mark", "help", "Help", id="app.help"),
        Binding("q", "quit", "Quit", id="app.quit"),
    ]
    SCREENS: ClassVar[dict[str, Callable[[], object]]] = {  # type: ignore[assignment]
        "overview": OverviewScreen,
        "deviations": DeviationsScreen,
        "changes": ChangesScreen,
    }

    def __init__(self, urls: Sequence[str], *, read_only: bool = False, note: str = "") -> None:
        super().__init__()
        self.asked_read_only = read_only
        self.note = note
        self.links = [
            Link(url, self._link_changed, self._event_heard, self._relist_wanted) for url in urls
        ]
        self._fixes: list[tuple[Link, ChangeRequest]] = []

    @property
    def read_only(self) -> bool:
        """Whether nothing may be changed: asked for, or every agent grants only to read."""
        granted = [link.hello.access for link in self.links if link.hello is not None]
        return self.asked_read_only or (
            bool(granted) and all(access is not Access.OPERATE for access in granted)
        )

    def on_mount(self) -> None:
        self.push_screen("deviations")
        for link in self.links:
            self.run_worker(link.run(), group="links", exit_on_error=False)
        self.call_after_refresh(self._paint_banner)

    def action_switch(self, name: str) -> None:
        self.switch_screen(name)
        self.call_after_refresh(self._paint_banner)

    def action_help(self) -> None:
        self.push_screen(Told("Keys", Text(HELP)))

    def _link_changed(self, link: Link) -> None:
        if link.state is LinkState.LOST:
            self.notify(f"{link.why}", title=f"{link.host} is lost", severity="warning")
        self._paint_banner()
        self._refresh_screen()

    def _event_heard(self, _link: Link, _event: Event) -> None:
        self._refresh_screen()

    def _relist_wanted(self, _link: Link) -> None:
        self._refresh_screen()

    def _refresh_screen(self) -> None:
        screen = self.screen
        if isinstance(screen, (OverviewScreen, DeviationsScreen, ChangesScreen)):
            screen.refresh_from_agents()

    def _paint_banner(self) -> None:
        text = Text("homeamp  ", style="bold")
        for link in self.links:
            if link.state is LinkState.CONNECTED:
                text.append(f"✓ {link.host}  ", style="green")
            elif link.state is LinkState.LOST:
                text.append(f"✗ {link.host} lost {age_text(link.since)} ago  ", style="bold red")
            else:
                text.append(f"… {link.host}  ", style="yellow")
        if self.read_only:
            text.append("read-only  ", style="bold")
        text.append(self.note, style="dim")
        try:
            self.screen.query_one("#banner", Static).update(text)
        except NoMatches:
            return

    def _by_link(self, rows: Sequence[Deviation]) -> list[tuple[Link, list[str]]]:
        found: list[tuple[Link, list[str]]] = []
        for link in self.links:
            ids = [row.id for row in rows if row.host == link.host]
            if ids:
                found.append((link, ids))
        return found

    @work(exit_on_error=False)
    async def fix(self, rows: Sequence[Deviation], done: Callable[[], None]) -> None:
        """Preview, ask, then fix exactly what was previewed."""
        previews: list[tuple[Link, list[str], ChangesPreviewResult]] = []
        try:
            for link, ids in self._by_link(rows):
                params = ChangesPreviewParams(ids=tuple(ids))
                previews.append(
                    (link, ids, await link.call("changes.preview", params, ChangesPreviewResult))
                )
        except (NotConnected, RpcError) as error:
            self._tell("Cannot plan the fix", error)
            return
        if not previews:
            return
        body = Text()
        for _, _, preview in previews:
            body.append_text(plan_text(preview.plan, preview.skipped))
        files = sum(len(preview.plan.files) for _, _, preview in previews)
        edits = sum(_edits(preview.plan) for _, _, preview in previews)
        title = f"Fix {plural(edits, 'setting')} in {plural(files, 'file')}?"
        yes = f"Fix {plural(files, 'file')}"
        if not await self.push_screen_wait(Confirm(title, body, yes, possible=files > 0)):
            return
        for link, ids, preview in previews:
            if preview.plan.files:
                await self._apply(link, ids, preview.plan)
        done()

    async def _apply(self, link: Link, ids: list[str], plan: Plan) -> None:
        params = DeviationsFixParams(
            ids=tuple(ids), reason="fixed from the dashboard", digest=plan.digest
        )
        try:
            answer = await link.mutate("deviations.fix", params, DeviationsFixResult)
        except (NotConnected, RpcError) as error:
            self._tell(f"{link.host} did not fix", error)
            return
        change = answer.change
        if change.status is ChangeStatus.APPLIED:
            self._fixes.append((link, change))
            self.notify(f"Fixed {plural(len(change.files), 'file')} on {link.host}; u undoes it")
        else:
            self._tell(f"{link.host}: {change.status.value}", change.message)

    @work(exit_on_error=False)
    async def review(
        self, rows: Sequence[Deviation], done: Callable[[], None], *, approve: bool
    ) -> None:
        """Ask for scope, reason and expiry (or another value), then approve or flag."""
        if not rows:
            return
        said = await self.push_screen_wait(AskReview(len(rows), approve=approve))
        if said is None:
            return
        for link, ids in self._by_link(rows):
            try:
                if approve:
                    answer = await link.mutate(
                        "deviations.approve",
                        DeviationsApproveParams(
                            ids=tuple(ids),
                            scope=said.scope,
                            target=said.target,
                            reason=said.reason,
                            expires=said.expires,
                        ),
                        DeviationsReviewResult,
                    )
                else:
                    flag = DeviationsFlagParams(ids=tuple(ids), reason=said.reason)
                    if said.replacement is not None:
                        flag = DeviationsFlagParams(
                            ids=tuple(ids), reason=said.reason, replacement=said.replacement
                        )
                    answer = await link.mutate("deviations.flag", flag, DeviationsReviewResult)
                self._tell_review(link, answer)
            except (NotConnected, RpcError) as error:
                self._tell(f"{link.host} did not take the review", error)
        done()

    @work(exit_on_error=False)
    async def reopen(self, rows: Sequence[Deviation], done: Callable[[], None]) -> None:
        """Back to pending."""
        for link, ids in self._by_link(rows):
            try:
                answer = await link.mutate(
                    "deviations.reopen",
                    DeviationsReopenParams(ids=tuple(ids)),
                    DeviationsReviewResult,
                )
                self._tell_review(link, answer)
            except (NotConnected, RpcError) as error:
                self._tell(f"{link.host} did not reopen", error)
        done()

    def _tell_review(self, link: Link, answer: DeviationsReviewResult) -> None:
        self.notify(f"{plural(len(answer.changed), 'deviation')} on {link.host}")
        if answer.skipped:
            reasons = "\n".join(sorted({each.reason for each in answer.skipped}))
            self._tell(f"{plural(len(answer.skipped), 'deviation')} left alone", reasons)

    @work(exit_on_error=False)
    async def undo_last_fix(self) -> None:
        """Roll back the last fix made from here."""
        if not self._fixes:
            self.notify("No fix to undo; older ones stand under 3 changes", severity="warning")
            return
        link, change = self._fixes[-1]
        if await self._roll_back(link, change):
            self._fixes.pop()

    @work(exit_on_error=False)
    async def roll_back(self, link: Link, change: ChangeRequest) -> None:
        """Ask, then put the exact bytes back."""
        await self._roll_back(link, change)

    async def _roll_back(self, link: Link, change: ChangeRequest) -> bool:
        body = Text()
        for file in change.files:
            body.append(f"{file.instance}  {file.file}\n", style="bold underline")
            body.append_text(diff_text(file.diff))
        title = f"Put {plural(len(change.files), 'file')} back as before “{change.reason}”?"
        if self.read_only or not await self.push_screen_wait(Confirm(title, body, "Roll back")):
            return False
        conflicts = await self._ask_rollback(link, change, force=False)
        if conflicts:
            title = "Changed since: overwrite what is there now?"
            sides = conflicts_text(conflicts)
            if not await self.push_screen_wait(Confirm(title, sides, "Overwrite")):
                return False
            conflicts = await self._ask_rollback(link, change, force=True)
        if conflicts == ():
            self.notify(f"Rolled back on {link.host}")
        return conflicts == ()

    async def _ask_rollback(
        self, link: Link, change: ChangeRequest, *, force: bool
    ) -> tuple[RollbackConflict, ...] | None:
        """The conflicts that kept the agent from it; None where it could not be asked at all."""
        params = ChangesRollbackParams(
            id=change.id, reason="undone from the dashboard", force=force
        )
        try:
            answer = await link.mutate("changes.rollback", params, ChangesRollbackResult)
        except (NotConnected, RpcError) as error:
            self._tell(f"{link.host} did not roll back", error)
            return None
        return answer.conflicts

    @work(exit_on_error=False)
    async def action_rescan(self) -> None:
        """Every agent scans again now."""
        for link in self.links:
            try:
                await link.mutate("agent.rescan", RescanParams(wait=False), RescanResult)
                self.notify(f"{link.host} scans again")
            except (NotConnected, RpcError) as error:
                self._tell(f"{link.host} did not scan", error)

    def _tell(self, title: str, what: object) -> None:
        self.push_screen(Told(title, Text(str(what))))


def _edits(plan: Plan) -> int:
    return sum(len(file.edits) for file in plan.files)
