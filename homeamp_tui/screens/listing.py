"""What screens of rows share: rows of every agent in one table, a filter, picked rows, and the
detail of the row under the cursor, read when somebody looks at it."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from homeamp_agent.model.event import Event, Topic
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_tui.links import Link, LinkState, NotConnected
from homeamp_tui.matching import matches
from homeamp_tui.refresher import Refresher
from homeamp_tui.screens.house import HouseScreen
from homeamp_tui.screens.nobody import nobody_answers
from homeamp_tui.widgets.column_table import Cell, Column, ColumnTable
from homeamp_tui.widgets.diff_view import DiffView, Line, note_lines
from homeamp_tui.widgets.filter_bar import FilterBar
from homeamp_tui.words import plain, plural

SHOW_PAUSE_SECONDS = 0.06
"""Holding an arrow key must not ask for a detail per row."""
NARROW_TABLE_CELLS = 76

Item = TypeVar("Item")
Key = tuple[str, str]
"""A row's own key: the agent's address, and the identity there."""


class Row(NamedTuple, Generic[Item]):
    """Something of one agent."""

    link: Link
    item: Item


class Detail(NamedTuple):
    """What the pane of one row shows: a title, a few lines that stay, lines to scroll through."""

    title: str
    head: Content
    lines: Sequence[Line]


LAYOUT = """
ListingScreen .pane { border-top: solid $border-blurred; border-title-color: $muted; }
ListingScreen .pane:focus, ListingScreen .pane:focus-within {
    border-top: solid $border; border-title-color: $primary;
}
ListingScreen #lists { layout: vertical; height: 1fr; }
ListingScreen #rows { height: 1fr; }
ListingScreen #right { height: 1fr; }
ListingScreen #head { height: auto; max-height: 6; padding: 0 1; background: $surface; }
ListingScreen #lines { height: 1fr; }
ListingScreen.-wide #lists { layout: horizontal; }
ListingScreen.-wide #rows { width: 1fr; height: 1fr; }
ListingScreen.-wide #right { width: 1fr; height: 1fr; }
ListingScreen.-wide .pane { border: round $border-blurred; border-title-style: bold; }
ListingScreen.-wide .pane:focus, ListingScreen.-wide .pane:focus-within {
    border: round $border; border-title-color: $primary;
}
ListingScreen.-zoom #rows { display: none; }
ListingScreen #nothing {
    display: none; height: 1fr; content-align: center middle; background: $surface;
}
ListingScreen.-nothing #nothing { display: block; }
ListingScreen.-nothing #lists { display: none; }
"""


class ListingScreen(HouseScreen, Generic[Item]):
    """Rows above or beside the detail of one; a subclass says what the rows are."""

    NOUN: ClassVar[str]
    TOPICS: ClassVar[frozenset[Topic]]
    """An event of these has the rows read again."""
    COLUMNS: ClassVar[Sequence[Column]]
    HINT: ClassVar[str]
    """Which fields the filter knows."""
    DEFAULT_CSS = LAYOUT

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="listing.filter"),
        Binding("space", "select", "Select", id="listing.select"),
        Binding("A", "select_all", "Select all", id="listing.all"),
        Binding("escape", "back", "Back", show=False, id="listing.back"),
        Binding("tab,shift+tab", "pane", "List or detail", show=False, id="listing.pane"),
        Binding("y", "copy", "Copy the detail", id="listing.copy"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._refresher = Refresher(self._read)
        self._items: dict[str, Sequence[Item]] = {}
        self._problems: dict[str, str] = {}
        self._picked: set[Key] = set()
        self._shown: tuple[Any, ...] | None = None
        self.rows: Sequence[Row[Item]] = ()

    # What a subclass says ------------------------------------------------------------------------

    @abstractmethod
    async def read_from(self, link: Link) -> Sequence[Item]:
        """Everything that one agent has to list."""

    @abstractmethod
    def identity(self, item: Item) -> str:
        """What an item is known by on its agent."""

    @abstractmethod
    def arranged(self, rows: Sequence[Row[Item]]) -> Sequence[Row[Item]]:
        """The rows to list, in order."""

    @abstractmethod
    def fields(self, row: Row[Item]) -> Mapping[str, str]:
        """What the filter looks into."""

    @abstractmethod
    def cells(self, row: Row[Item]) -> Sequence[Cell]:
        """The row in its columns."""

    @abstractmethod
    async def detail(self, row: Row[Item]) -> Detail:
        """The row in full; may ask its agent."""

    @abstractmethod
    def nothing(self) -> Content:
        """What stands here while there is nothing to list."""

    # Reading -------------------------------------------------------------------------------------

    def compose_body(self) -> ComposeResult:
        yield FilterBar(self.HINT)
        with Horizontal(id="lists"):
            yield ColumnTable(
                self.COLUMNS,
                self._cells_at,
                lambda index: self._key(self.rows[index]) in self._picked,
                narrow_below_cells=NARROW_TABLE_CELLS,
                id="rows",
            )
            with Vertical(id="right"):
                yield Static(id="head", markup=False)
                yield DiffView(id="lines")
        yield Static(id="nothing", markup=False)

    def on_mount(self) -> None:
        self.table.add_class("pane")
        self.query_one("#right").add_class("pane")
        self.run_worker(self._refresher.run(), group="listing", exit_on_error=False)
        self.table.focus()
        self._paint()
        self._refresher.poke()

    @property
    def table(self) -> ColumnTable:
        """The rows."""
        return self.query_one("#rows", ColumnTable)

    @property
    def view(self) -> DiffView:
        """The lines of the detail."""
        return self.query_one("#lines", DiffView)

    def on_screen_resume(self) -> None:
        self.show_bars()
        self._refresher.wake()

    def on_screen_suspend(self) -> None:
        self._refresher.rest()

    def link_changed(self, link: Link) -> None:
        del link
        self._paint()
        self._refresher.poke()

    def relist(self, link: Link) -> None:
        del link
        self._refresher.poke()

    def event_heard(self, link: Link, event: Event) -> None:
        del link
        if event.topic in self.TOPICS:
            self._refresher.poke()

    async def _read(self, _stale: bool) -> None:
        links = [link for link in self.dashboard.links if link.state is LinkState.CONNECTED]
        answers = await asyncio.gather(
            *(self.read_from(link) for link in links), return_exceptions=True
        )
        for link, answer in zip(links, answers, strict=True):
            if isinstance(answer, RpcError):
                self._problems[link.url] = f"{link.host}: {answer.message}"
            elif isinstance(answer, NotConnected):
                continue  # its light says so, and its rows stay
            elif isinstance(answer, BaseException):
                raise answer
            else:
                self._problems.pop(link.url, None)
                self._items[link.url] = answer
        self._paint()

    # Painting ------------------------------------------------------------------------------------

    def _key(self, row: Row[Item]) -> Key:
        return (row.link.url, self.identity(row.item))

    def _all(self) -> list[Row[Item]]:
        links = {link.url: link for link in self.dashboard.links}
        return [Row(links[url], item) for url, found in self._items.items() for item in found]

    def _cells_at(self, index: int) -> Sequence[Cell] | None:
        return self.cells(self.rows[index]) if index < len(self.rows) else None

    def _paint(self) -> None:
        """Bring everything up to date; the cursor stays on its row."""
        if not self.is_mounted:
            return
        at = self.current
        known = self.arranged(self._all())
        text = self.query_one(FilterBar).text
        self.rows = [row for row in known if matches(text, self.fields(row))]
        keys = [self._key(row) for row in self.rows]
        self._picked &= {self._key(row) for row in known}
        self.table.total = len(keys)
        if at is not None and self._key(at) in keys:
            self.table.put_cursor(keys.index(self._key(at)))
        self.table.show_total(len(keys))
        self._paint_title(len(known))
        self._paint_nothing(bool(text and known))
        self._show()
        self.show_bars()

    def _paint_title(self, known: int) -> None:
        parts = [plural(len(self.rows), self.NOUN)]
        if len(self.rows) != known:
            parts[0] += f" of {known:,}"
        if self._picked:
            parts.append(f"{len(self._picked):,} selected")
        lost = [link.host for link in self.dashboard.links if link.state is LinkState.LOST]
        if lost:
            parts.append(f"✗ {', '.join(lost)} lost: as last seen")
        parts += self._problems.values()
        self.table.border_title = Content(" " + " · ".join(map(plain, parts)) + " ")

    def _paint_nothing(self, narrowed: bool) -> None:
        self.set_class(not self.rows, "-nothing")
        if self.rows:
            return
        links = self.dashboard.links
        up = any(link.state is LinkState.CONNECTED for link in links)
        if narrowed:
            words = Content.styled("Nothing matches. esc widens the view again", "$muted")
        elif self._problems:
            words = Content.styled("\n".join(map(plain, self._problems.values())), "$warning")
        elif up and not self._items:
            words = Content.styled("Reading…", "$muted")
        else:
            words = self.nothing() if up else nobody_answers(links)
        self.query_one("#nothing", Static).update(words)

    @property
    def current(self) -> Row[Item] | None:
        """The row under the cursor."""
        at = self.table.cursor
        return self.rows[at] if at < len(self.rows) else None

    @on(ColumnTable.CursorMoved)
    def _moved(self) -> None:
        self._show()
        self.show_bars()

    @work(exclusive=True, exit_on_error=False, group="detail")
    async def _show(self) -> None:
        row = self.current
        if row is None or self._state_of(row) == self._shown:
            return
        another = self._shown is None or self._shown[0] != self._key(row)
        if another:
            await asyncio.sleep(SHOW_PAUSE_SECONDS)
        try:
            shown = await self.detail(row)
        except (NotConnected, RpcError) as error:
            lines = note_lines(str(error), "diff--warning")
            shown = Detail(self.identity(row.item), Content(""), lines)
        else:
            self._shown = self._state_of(row)
        self.query_one("#right").border_title = Content(f" {plain(shown.title)} ")
        self.query_one("#head", Static).update(shown.head)
        self.show_lines(shown.lines, another=another)

    def show_lines(self, lines: Sequence[Line], *, another: bool) -> None:
        """Show the lines; those of the same row stay scrolled to where they were."""
        at = self.view.scroll_offset
        self.view.show_lines(lines)
        if not another:
            self.view.scroll_to(at.x, at.y, animate=False)

    def _state_of(self, row: Row[Item]) -> tuple[Any, ...]:
        return (self._key(row), row.item, row.link.state)

    # Moving and choosing -------------------------------------------------------------------------

    def action_filter(self) -> None:
        self.query_one(FilterBar).open()

    @on(FilterBar.FilterChanged)
    def _filter_changed(self) -> None:
        self._paint()

    @on(FilterBar.FilterLeft)
    def _filter_left(self) -> None:
        self.table.focus()

    @on(ColumnTable.RowOpened)
    def _row_opened(self) -> None:
        self.add_class("-zoom")
        self.view.focus()

    def action_pane(self) -> None:
        (self.table if self.view.has_focus else self.view).focus()

    def action_back(self) -> None:
        """Take back the last narrowing: the detail in full, the selection, the filter."""
        if self.has_class("-zoom"):
            self.remove_class("-zoom")
        elif self.view.has_focus:
            pass
        elif self._picked:
            self._picked.clear()
        elif self.query_one(FilterBar).text:
            self.query_one(FilterBar).set_text("")
        self.table.focus()
        self._paint()

    def action_select(self) -> None:
        if (row := self.current) is not None:
            self._picked ^= {self._key(row)}
            self.table.cursor += 1
            self._paint()

    def action_select_all(self) -> None:
        self._picked |= {self._key(row) for row in self.rows}
        self._paint()

    @property
    def chosen(self) -> Sequence[Row[Item]]:
        """The picked rows, also those that the filter hides; without any, that of the cursor."""
        if self._picked:
            return [row for row in self._all() if self._key(row) in self._picked]
        return [row for row in (self.current,) if row is not None]

    def acted(self) -> None:
        """What was chosen is done."""
        self._picked.clear()
        self._refresher.poke()
        self._paint()

    def action_copy(self) -> None:
        self.dashboard.copy_lines(self.view.text.splitlines())

    def why_not(self, action: str) -> str:
        if why := super().why_not(action):
            return why
        if action in {"select", "select_all", "copy"} and not self.rows:
            return f"there is no {self.NOUN}"
        if action not in self.CHANGING or action == "rescan":
            return ""
        return self.why_not_chosen(action)

    def why_not_chosen(self, action: str) -> str:
        """Why an act cannot be done with what is chosen; a subclass says more."""
        del action
        if not self.chosen:
            return f"there is no {self.NOUN}"
        away = {row.link.host for row in self.chosen if row.link.state is not LinkState.CONNECTED}
        return f"{', '.join(sorted(away))} cannot be reached" if away else ""
