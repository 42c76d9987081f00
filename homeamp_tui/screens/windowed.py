"""What screens of long lists share: only the rows in view are read, each agent filters its own."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from homeamp_agent.model.event import Event, Topic
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_tui.links import Link, LinkState, NotConnected
from homeamp_tui.refresher import Refresher
from homeamp_tui.screens.house import HouseScreen
from homeamp_tui.screens.listing import LAYOUT, SHOW_PAUSE_SECONDS, Detail
from homeamp_tui.screens.nobody import nobody_answers
from homeamp_tui.widgets.diff_view import DiffView, note_lines
from homeamp_tui.widgets.filter_bar import FilterBar
from homeamp_tui.widgets.virtual_table import VirtualTable
from homeamp_tui.windows import At, Found, Windows
from homeamp_tui.words import plain

MARGIN_ROWS = 60
"""Read ahead above and below: who pages on meanwhile meets rows that are there."""

Item = TypeVar("Item")


class WindowedScreen(HouseScreen, Generic[Item]):
    """Rows above or beside the detail of one; a subclass says what they are."""

    TOPICS: ClassVar[frozenset[Topic]]
    """An event of these has the rows read again."""
    HINT: ClassVar[str]
    DEFAULT_CSS = LAYOUT.replace("ListingScreen", "WindowedScreen")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="windowed.filter"),
        Binding("escape", "back", "Back", show=False, id="windowed.back"),
        Binding("tab,shift+tab", "pane", "List or detail", show=False, id="windowed.pane"),
        Binding("y", "copy", "Copy the detail", id="windowed.copy"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._refresher = Refresher(self._read)
        self.windows: Windows[Item] = Windows(self.ask)
        self._problems: dict[str, str] = {}
        self._shown: tuple[Any, ...] | None = None

    # What a subclass says ------------------------------------------------------------------------

    @abstractmethod
    def make_table(self) -> VirtualTable:
        """The table, with the id `rows`."""

    @abstractmethod
    async def ask(self, link: Link, offset: int, limit: int) -> Found[Item]:
        """Some rows of one agent, and how many there are."""

    @abstractmethod
    async def detail(self, row: At[Item]) -> Detail:
        """The row in full; may ask its agent."""

    @abstractmethod
    def title_parts(self) -> Sequence[str]:
        """What is listed, in a few words each."""

    @abstractmethod
    def nothing(self) -> Content:
        """What stands here while there is nothing to list."""

    @property
    def sources(self) -> Sequence[Link]:
        """The agents whose rows are listed."""
        return self.dashboard.links

    async def prepare(self, links: Sequence[Link]) -> None:
        """Ask for what the rows depend on, before they are read."""

    def state_of(self, row: At[Item]) -> tuple[Any, ...]:
        """What the detail of the row depends on."""
        return (row.link.url, row.item)

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
        self.run_worker(self._refresher.run(), group="windowed", exit_on_error=False)
        self.table.focus()
        self.ask_anew()

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

    def ask_anew(self) -> None:
        """Something else is to be listed."""
        self.windows.forget(self.sources)
        self._problems.clear()
        self.table.cursor = 0
        self.paint()
        self._refresher.poke()

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

    def event_heard(self, link: Link, event: Event) -> None:
        if event.topic in self.TOPICS and link in self.sources:
            self._refresher.poke()

    @on(VirtualTable.RowsInView)
    def _rows_in_view(self) -> None:
        self._refresher.poke(stale=False)

    async def _read(self, stale: bool) -> None:
        up = [link for link in self.dashboard.links if link.state is LinkState.CONNECTED]
        if stale:
            await self.prepare(up)
        links = [link for link in self.sources if link in up]
        await self._read_from(links, stale=stale)
        # The window may lie over other agents' rows, now that the totals are known.
        await self._read_from(links, stale=False)

    async def _read_from(self, links: Sequence[Link], *, stale: bool) -> None:
        first, last = self.table.window()
        first, last = max(0, first - MARGIN_ROWS), last + MARGIN_ROWS
        answers = await asyncio.gather(
            *(self.windows.read(link, first, last, stale=stale) for link in links),
            return_exceptions=True,
        )
        for link, answer in zip(links, answers, strict=True):
            if isinstance(answer, RpcError):
                self._problems[link.url] = f"{link.host}: {answer.message}"
            elif isinstance(answer, BaseException) and not isinstance(answer, NotConnected):
                raise answer
            elif answer is None and stale:
                self._problems.pop(link.url, None)
        self.paint()

    # Painting ------------------------------------------------------------------------------------

    def paint(self) -> None:
        """Bring everything up to date."""
        if not self.is_mounted:
            return
        self.table.show_total(self.windows.total)
        lost = [link.host for link in self.sources if link.state is LinkState.LOST]
        parts = list(self.title_parts())
        parts += [f"✗ {', '.join(lost)} lost: as last seen"] if lost else []
        parts += self._problems.values()
        self.table.border_title = Content(" " + " · ".join(map(plain, parts)) + " ")
        self._paint_nothing()
        self._show()
        self.show_bars()

    def _paint_nothing(self) -> None:
        self.set_class(not self.windows.total, "-nothing")
        if self.windows.total:
            self.call_after_refresh(self._focus_rows)
            return
        links = self.dashboard.links
        if self._problems:
            words = Content.styled("\n".join(map(plain, self._problems.values())), "$warning")
        elif not any(link.state is LinkState.CONNECTED for link in links):
            words = nobody_answers(links)
        elif not self.windows.known:
            words = Content.styled("Reading…", "$muted")
        elif self.text:
            words = Content.styled("Nothing matches. esc widens the view again", "$muted")
        else:
            words = self.nothing()
        self.query_one("#nothing", Static).update(words)

    def _focus_rows(self) -> None:
        """A table that was hidden while there was nothing has lost the keys."""
        if self.focused is None:
            self.table.focus()

    @property
    def current(self) -> At[Item] | None:
        """The row under the cursor, where it is known."""
        return self.windows.row(self.table.cursor)

    @on(VirtualTable.CursorMoved)
    def _moved(self) -> None:
        self._show()
        self.show_bars()

    @work(exclusive=True, exit_on_error=False, group="detail")
    async def _show(self) -> None:
        row = self.current
        if row is None or self.state_of(row) == self._shown:
            return
        if self._shown is not None:
            await asyncio.sleep(SHOW_PAUSE_SECONDS)
        state: tuple[Any, ...] | None = self.state_of(row)
        try:
            shown = await self.detail(row)
        except (NotConnected, RpcError) as error:
            state = None  # it is asked again as soon as something moves
            shown = Detail(row.link.host, Content(""), note_lines(str(error), "diff--warning"))
        self._shown = state
        self.query_one("#right").border_title = Content(f" {plain(shown.title)} ")
        self.query_one("#head", Static).update(shown.head)
        self.view.show_lines(shown.lines)

    # Moving --------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        self.query_one(FilterBar).open()

    @on(FilterBar.FilterChanged)
    def _filter_changed(self) -> None:
        self.ask_anew()

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
        """Take back the last narrowing: the detail in full, the filter, what a subclass has."""
        if self.has_class("-zoom"):
            self.remove_class("-zoom")
        elif self.view.has_focus:
            pass
        elif self.text:
            self.query_one(FilterBar).set_text("")
        else:
            self.widen()
        self.table.focus()

    def widen(self) -> None:
        """Take back what narrows the view beside the filter."""

    def action_copy(self) -> None:
        self.dashboard.copy_lines(self.view.text.splitlines())

    def why_not(self, action: str) -> str:
        if why := super().why_not(action):
            return why
        return "nothing is listed" if action == "copy" and not self.windows.total else ""
