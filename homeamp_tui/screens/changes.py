"""Change requests, newest first, with their diffs; any of them can be rolled back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from homeamp_agent.model.change import ChangeRequest, ChangeStatus
from homeamp_agent.model.event import Event, Topic
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_agent.rpc.protocol.messages import (
    ChangesListParams,
    ChangesListResult,
    ChangesShowParams,
    ChangesShowResult,
)
from homeamp_tui.links import Link, LinkState, NotConnected
from homeamp_tui.plans import change_lines
from homeamp_tui.refresher import Refresher
from homeamp_tui.screens.house import HouseScreen
from homeamp_tui.screens.nobody import nobody_answers
from homeamp_tui.widgets.diff_view import DiffView, note_lines
from homeamp_tui.widgets.virtual_table import VirtualTable
from homeamp_tui.words import CHANGE_WORDS, age_text, ago_text, fit, plain, plural

CHANGES_PAGE = 200
CHANGES_MAX = 2_000
SHOW_PAUSE_SECONDS = 0.06
STATUS_CELLS = 14

STATUS_STYLES = {
    ChangeStatus.APPLIED: "change--good",
    ChangeStatus.FAILED: "change--bad",
    ChangeStatus.ROLLED_BACK: "change--muted",
}

Row = tuple[Link, ChangeRequest]


class ChangeTable(VirtualTable):
    """One line for each change request."""

    DEFAULT_CSS = """
    ChangeTable {
        & > .change--good { color: $success; }
        & > .change--bad { color: $error; text-style: bold; }
        & > .change--muted { color: $muted; }
    }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"change--good", "change--bad", "change--muted"}

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows: Sequence[Row] = ()

    def _columns(self, width: int) -> tuple[int, int]:
        return 8, max(8, width - STATUS_CELLS - 4 - 8 - 9 - 6)

    def heading(self, width: int) -> list[Segment]:
        host, reason = self._columns(width)
        return [
            Segment(
                f" {fit('STATUS', STATUS_CELLS)} {'AGE':>4}  {fit('HOST', host)} "
                f"{'FILES':>5}  {fit('REASON', reason)}"
            )
        ]

    def line(self, index: int, width: int) -> list[Segment] | None:
        if index >= len(self.rows):
            return None
        link, change = self.rows[index]
        host, reason = self._columns(width)
        muted = self.get_component_rich_style("change--muted", partial=True)
        style = STATUS_STYLES.get(change.status)
        status = self.get_component_rich_style(style, partial=True) if style else None
        return [
            Segment(f" {fit(CHANGE_WORDS[change.status], STATUS_CELLS)} ", status),
            Segment(f"{age_text(change.created_at):>4}  ", muted),
            Segment(f"{fit(plain(link.host), host)} {len(change.files):>5,}  "),
            Segment(fit(plain(change.reason or change.message or change.id), reason)),
        ]


class ChangesScreen(HouseScreen):
    """A list, and the chosen change request with its diffs."""

    NAME = "changes"
    KEYS = (
        ("R", "Roll back", "rollback"),
        ("z", "Undo last", "undo"),
        ("tab", "List/diff", "pane"),
        ("y", "Copy diff", "copy"),
        ("r", "Rescan", "rescan"),
    )
    CHANGING = frozenset({"rollback", "undo", "rescan"})
    KEYS_HELP = """\
Move       j k ↓ ↑   tab: to the diff and back   h l: sideways in the diff
Act        R: put the exact bytes back that were there before (asks first)
           z: take back the last fix made from here
           y: copy the diff
"""

    DEFAULT_CSS = """
    ChangesScreen .pane { border-top: solid $border-blurred; border-title-color: $muted; }
    ChangesScreen .pane:focus { border-top: solid $border; border-title-color: $primary; }
    ChangesScreen #lists { layout: vertical; }
    ChangesScreen #changes { height: 2fr; }
    ChangesScreen #right { height: 3fr; }
    ChangesScreen #change-head { height: auto; max-height: 5; padding: 0 1; background: $surface; }
    ChangesScreen #change-diff { height: 1fr; }
    ChangesScreen.-wide #lists { layout: horizontal; }
    ChangesScreen.-wide #changes { width: 1fr; height: 1fr; }
    ChangesScreen.-wide #right { width: 1fr; height: 1fr; }
    ChangesScreen.-wide .pane { border: round $border-blurred; border-title-style: bold; }
    ChangesScreen.-wide .pane:focus, ChangesScreen.-wide .pane:focus-within {
        border: round $border; border-title-color: $primary;
    }
    ChangesScreen #nothing {
        display: none; height: 1fr; content-align: center middle; background: $surface;
    }
    ChangesScreen.-nothing #nothing { display: block; }
    ChangesScreen.-nothing #lists { display: none; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("R", "rollback", "Roll back", id="changes.rollback"),
        Binding("z,u", "undo", "Undo the last fix", id="changes.undo"),
        Binding("tab,shift+tab", "pane", "List or diff", show=False, id="changes.pane"),
        Binding("y", "copy", "Copy the diff", id="changes.copy"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._refresher = Refresher(self._read)
        self._lists: dict[str, tuple[ChangeRequest, ...]] = {}
        self._shown: Row | None = None

    def compose_body(self) -> ComposeResult:
        with Horizontal(id="lists"):
            yield ChangeTable(id="changes")
            with Vertical(id="right"):
                yield Static(id="change-head", markup=False)
                yield DiffView(id="change-diff")
        yield Static(id="nothing", markup=False)

    def on_mount(self) -> None:
        self.table.add_class("pane")
        self.table.border_title = "Changes"
        self.query_one("#right").add_class("pane")
        self.query_one("#right").border_title = "Change"
        self.run_worker(self._refresher.run(), group="changes", exit_on_error=False)
        self.table.focus()
        self._refresher.poke()

    @property
    def table(self) -> ChangeTable:
        """The list."""
        return self.query_one("#changes", ChangeTable)

    def on_screen_resume(self) -> None:
        self.show_bars()
        self._refresher.wake()

    def on_screen_suspend(self) -> None:
        self._refresher.rest()

    def link_changed(self, link: Link) -> None:
        del link
        self._refresher.poke()

    def relist(self, link: Link) -> None:
        del link
        self._refresher.poke()

    def event_heard(self, link: Link, event: Event) -> None:
        del link
        if event.topic is Topic.CHANGES:
            self._refresher.poke()

    async def _read(self, _stale: bool) -> None:
        links = self.dashboard.links
        answers = await asyncio.gather(
            *(_list(link) for link in links if link.state is LinkState.CONNECTED),
            return_exceptions=True,
        )
        for answer in answers:
            if isinstance(answer, tuple):
                self._lists[answer[0].url] = answer[1]
            elif isinstance(answer, RpcError):
                self.dashboard.tell(answer.message, severity="error")
            elif not isinstance(answer, NotConnected):
                raise answer
        self._paint()

    def _paint(self) -> None:
        links = {link.url: link for link in self.dashboard.links}
        rows = [(links[url], change) for url, found in self._lists.items() for change in found]
        rows.sort(key=lambda row: row[1].created_at, reverse=True)
        chosen = self._current()
        self.table.rows = rows
        self.table.border_title = f"{plural(len(rows), 'change')}"
        if chosen is not None:
            ids = [(link.url, change.id) for link, change in rows]
            at = (chosen[0].url, chosen[1].id)
            self.table.total = len(rows)
            self.table.put_cursor(ids.index(at) if at in ids else self.table.cursor)
        self.table.show_total(len(rows))
        self._paint_nothing(bool(rows))
        self._show()
        self.show_bars()

    def _paint_nothing(self, any_rows: bool) -> None:
        self.set_class(not any_rows, "-nothing")
        if not any_rows:
            links = self.dashboard.links
            up = any(link.state is LinkState.CONNECTED for link in links)
            words = Content.assemble(
                ("No change request yet.\n\n", "bold"),
                (
                    "Fix something in the deviations (2, then f): it stands here, with its diff,\n"
                    "and can be rolled back byte for byte.",
                    "$muted",
                ),
            )
            self.query_one("#nothing", Static).update(words if up else nobody_answers(links))

    def _current(self) -> Row | None:
        rows = self.table.rows
        return rows[self.table.cursor] if self.table.cursor < len(rows) else None

    @on(ChangeTable.CursorMoved)
    def _moved(self) -> None:
        self._show()
        self.show_bars()

    @work(exclusive=True, exit_on_error=False, group="change")
    async def _show(self) -> None:
        row = self._current()
        if row is None or row == self._shown:
            return
        await asyncio.sleep(SHOW_PAUSE_SECONDS)
        link, change = row
        view = self.query_one("#change-diff", DiffView)
        try:
            answer = await link.call(
                "changes.show", ChangesShowParams(id=change.id), ChangesShowResult
            )
        except (NotConnected, RpcError) as error:
            view.show_lines(note_lines(str(error), "diff--warning"))
            return
        self._shown = row
        self.query_one("#right").border_title = Content(f"Change {plain(change.id)}")
        self.query_one("#change-head", Static).update(_head(link, answer.change))
        view.show_lines(change_lines(link.host, answer.change))

    def action_pane(self) -> None:
        view = self.query_one("#change-diff")
        (self.table if view.has_focus else view).focus()

    def action_rollback(self) -> None:
        row = self._current()
        if row is not None:
            self.dashboard.act(self.dashboard.acts.roll_back(*row))

    def action_undo(self) -> None:
        self.dashboard.act(self.dashboard.acts.undo())

    def action_copy(self) -> None:
        self.dashboard.copy_lines(self.query_one("#change-diff", DiffView).text.splitlines())

    def why_not(self, action: str) -> str:
        if why := super().why_not(action):
            return why
        row = self._current()
        if action == "undo":
            return "" if self.dashboard.acts.undoable else "nothing was changed from here yet"
        if action in {"rollback", "copy"} and row is None:
            return "there is no change"
        if action == "rollback" and row is not None:
            link, change = row
            if link.state is not LinkState.CONNECTED:
                return f"{link.host} cannot be reached"
            if change.status not in {ChangeStatus.APPLIED, ChangeStatus.FAILED}:
                return f"it is {change.status.value.replace('_', ' ')}"
        return ""


async def _list(link: Link) -> tuple[Link, tuple[ChangeRequest, ...]]:
    found: list[ChangeRequest] = []
    cursor: str | None = None
    while len(found) < CHANGES_MAX:
        params = ChangesListParams(limit=CHANGES_PAGE, cursor=cursor)
        page = await link.call("changes.list", params, ChangesListResult)
        found += page.changes
        cursor = page.next_cursor
        if cursor is None:
            break
    return link, tuple(found)


def _head(link: Link, change: ChangeRequest) -> Content:
    style = {
        ChangeStatus.APPLIED: "bold $success",
        ChangeStatus.FAILED: "bold $error",
    }.get(change.status, "bold $muted")
    lines = [
        Content.assemble(
            (CHANGE_WORDS[change.status], style),
            (
                f"  {ago_text(change.created_at)} on {plain(link.host)} by {plain(change.author)}",
                "$muted",
            ),
        )
    ]
    if change.reason:
        lines.append(Content.styled(plain(change.reason), "bold"))
    if change.rolled_back_at:
        lines.append(Content.styled(f"rolled back {ago_text(change.rolled_back_at)}", "$muted"))
    if change.message:
        lines.append(Content.styled(plain(change.message), "$warning"))
    return Content("\n").join(lines)
