"""What screens of rows with a detail share: the panes, moving between them, the filter, and when
the rows and the detail are read."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from homeamp_agent.model.event import Topic
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_tui.links import Link, LinkState, NotConnected
from homeamp_tui.refresher import Refresher
from homeamp_tui.screens.house import HouseScreen
from homeamp_tui.screens.nobody import nobody_answers
from homeamp_tui.widgets.diff_view import DiffView, Line, note_lines
from homeamp_tui.widgets.filter_bar import FilterBar
from homeamp_tui.widgets.virtual_table import VirtualTable
from homeamp_tui.words import plain

AGES_SECONDS = 20.0
"""How often ages are brought up to date."""
SHOW_PAUSE_SECONDS = 0.06
"""Holding an arrow key must not ask for a detail per row."""


class Detail(NamedTuple):
    """What the pane of one row shows: a title, a few lines that stay, lines to scroll through."""

    title: str
    head: Content
    lines: Sequence[Line]


LAYOUT = """
PanedScreen .pane { border-top: solid $border-blurred; border-title-color: $muted; }
PanedScreen .pane:focus, PanedScreen .pane:focus-within {
    border-top: solid $border; border-title-color: $primary;
}
PanedScreen #lists { layout: vertical; height: 1fr; }
PanedScreen #rows { height: 1fr; }
PanedScreen #right { height: 1fr; }
PanedScreen #head { height: auto; max-height: 6; padding: 0 1; background: $surface; }
PanedScreen #lines { height: 1fr; }
PanedScreen.-wide #lists { layout: horizontal; }
PanedScreen.-wide #rows { width: 1fr; height: 1fr; }
PanedScreen.-wide #right { width: 1fr; height: 1fr; }
PanedScreen.-wide .pane { border: round $border-blurred; border-title-style: bold; }
PanedScreen.-wide .pane:focus, PanedScreen.-wide .pane:focus-within {
    border: round $border; border-title-color: $primary;
}
PanedScreen.-zoom #rows { display: none; }
PanedScreen #nothing {
    display: none; height: 1fr; content-align: center middle; background: $surface;
}
PanedScreen.-nothing #nothing { display: block; }
PanedScreen.-nothing #lists { display: none; }
"""


class PanedScreen(HouseScreen):
    """Rows above or beside the detail of one; a subclass says what the rows are."""

    TOPICS: ClassVar[frozenset[Topic]]
    """An event of these has the rows read again."""
    HINT: ClassVar[str]
    """Which fields the filter knows."""
    DEFAULT_CSS = LAYOUT
    AUTO_FOCUS = ""
    """Else a screen without rows would give the focus to its hidden filter, which eats keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="rows.filter"),
        Binding("escape", "back", "Back", show=False, id="rows.back"),
        Binding("tab,shift+tab", "pane", "List or detail", show=False, id="rows.pane"),
        Binding("y", "copy", "Copy the detail", id="rows.copy"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._refresher = Refresher(self._read)
        self._problems: dict[str, str] = {}
        self._shown: tuple[Any, ...] | None = None

    # What a subclass says ------------------------------------------------------------------------

    @abstractmethod
    def make_table(self) -> VirtualTable:
        """The table, with the id `rows`."""

    @abstractmethod
    async def _read(self, stale: bool) -> None:
        """Read the rows: those that are missing, or all of them anew."""

    @abstractmethod
    def paint(self) -> None:
        """Bring everything up to date."""

    @abstractmethod
    def filtered(self) -> None:
        """Another text is filtered by."""

    @abstractmethod
    def nothing(self) -> Content:
        """What stands here while there is nothing to list."""

    @abstractmethod
    def looked_at(self) -> tuple[Any, ...] | None:
        """What the detail depends on, its row's identity first; None: there is no row."""

    @abstractmethod
    async def read_detail(self) -> Detail:
        """The row under the cursor in full.

        Raises:
            NotConnected, RpcError: as `Link.call`.
        """

    # Reading -------------------------------------------------------------------------------------

    def compose_body(self) -> ComposeResult:
        yield FilterBar(self.HINT)
        with Horizontal(id="lists"):
            yield self.make_table()
            with Vertical(id="right"):
                yield Static(id="head", markup=False)
                yield DiffView(id="lines")
        yield Static(id="nothing", markup=False)

    def on_mount(self) -> None:
        self.table.add_class("pane")
        self.query_one("#right").add_class("pane")
        self.run_worker(self._refresher.run(), group="reading", exit_on_error=False)
        self.set_interval(AGES_SECONDS, self._paint_ages)
        self.table.focus()
        self.paint()
        self._refresher.poke()

    @property
    def table(self) -> VirtualTable:
        """The rows."""
        return self.query_one("#rows", VirtualTable)

    @property
    def view(self) -> DiffView:
        """The lines of the detail."""
        return self.query_one("#lines", DiffView)

    @property
    def text(self) -> str:
        """What is filtered by."""
        return self.query_one(FilterBar).text

    def on_screen_resume(self) -> None:
        self.show_bars()
        self._refresher.wake()

    def on_screen_suspend(self) -> None:
        self._refresher.rest()

    def link_changed(self, link: Link) -> None:
        del link
        self.paint()
        self._refresher.poke()

    def relist(self, link: Link) -> None:
        del link
        self._refresher.poke()

    # Painting ------------------------------------------------------------------------------------

    def _paint_ages(self) -> None:
        """Times are told as ages: they grow also where nothing happens."""
        if self.is_current and self._shown is not None:
            self._shown = (self._shown[0], None)
            self.table.refresh()
            self.show_detail()

    def paint_title(self, parts: Sequence[str], links: Sequence[Link]) -> None:
        """What is listed, whose rows of `links` are old, and what could not be read."""
        lost = [link.host for link in links if link.state is LinkState.LOST]
        every = [*parts, *([f"✗ {', '.join(lost)} lost: as last seen"] if lost else [])]
        every += self._problems.values()
        self.table.border_title = Content(" " + " · ".join(map(plain, every)) + " ")

    def paint_nothing(self, *, rows: int, known: bool, narrowed: bool) -> None:
        """Say why no row stands here; `known`: an agent has answered."""
        self.set_class(not rows, "-nothing")
        if rows:
            self.call_after_refresh(self._focus_rows)
            return
        links = self.dashboard.links
        up = any(link.state is LinkState.CONNECTED for link in links)
        if narrowed:
            words = Content.styled("Nothing matches. esc widens the view again", "$muted")
        elif self._problems:
            words = Content.styled("\n".join(map(plain, self._problems.values())), "$warning")
        elif not up:
            words = nobody_answers(links)
        else:
            words = self.nothing() if known else Content.styled("Reading…", "$muted")
        self.query_one("#nothing", Static).update(words)

    def _focus_rows(self) -> None:
        """A table that was hidden while there was nothing has lost the keys."""
        if self.focused is None:
            self.table.focus()

    @on(VirtualTable.CursorMoved)
    def _moved(self) -> None:
        self.show_detail()
        self.show_bars()

    @work(exclusive=True, exit_on_error=False, group="detail")
    async def show_detail(self) -> None:
        """Read and show the detail, unless it is what stands there."""
        state = self.looked_at()
        if state is None or state == self._shown:
            return
        another = self._shown is None or self._shown[0] != state[0]
        if another:
            await asyncio.sleep(SHOW_PAUSE_SECONDS)
        try:
            shown = await self.read_detail()
        except (NotConnected, RpcError) as error:
            # It is asked again as soon as something moves.
            if not another and isinstance(error, NotConnected):
                self._shown = (state[0], None)  # what was last seen is more than nothing
                return
            state = None
            shown = Detail("Not read", Content(""), note_lines(str(error), "diff--warning"))
        self._shown = state
        self.query_one("#right").border_title = Content(f" {plain(shown.title)} ")
        self.query_one("#head", Static).update(shown.head)
        self.show_lines(shown.lines, another=another)

    def show_lines(self, lines: Sequence[Line], *, another: bool) -> None:
        """Show the lines; those of the same row stay scrolled to where they were."""
        at = self.view.scroll_offset
        self.view.show_lines(lines)
        if not another:
            self.view.scroll_to(at.x, at.y, animate=False)

    # Moving --------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        self.query_one(FilterBar).open()

    @on(FilterBar.FilterChanged)
    def _filter_changed(self) -> None:
        self.filtered()

    @on(FilterBar.FilterLeft)
    def _filter_left(self) -> None:
        self.table.focus()

    @on(VirtualTable.RowOpened)
    def _row_opened(self) -> None:
        self.add_class("-zoom")
        self.view.focus()

    def action_pane(self) -> None:
        (self.table if self.view.has_focus else self.view).focus()

    def action_back(self) -> None:
        """Take back the last narrowing: the detail in full, then what a screen has."""
        if self.has_class("-zoom"):
            self.remove_class("-zoom")
        elif not self.view.has_focus:
            self.widen()
        self.table.focus()

    def widen(self) -> None:
        """Take back what narrows the rows; a subclass may have more."""
        self.query_one(FilterBar).set_text("")

    def action_copy(self) -> None:
        self.dashboard.copy_lines(self.view.text.splitlines())
