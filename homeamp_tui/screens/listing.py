"""What screens of short lists share: all rows of every agent in one table, filtered here, and
rows that are picked."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from textual.binding import Binding, BindingType
from textual.content import Content

from homeamp_agent.model.event import Event
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_tui.links import Link, LinkState, NotConnected
from homeamp_tui.matching import matches
from homeamp_tui.screens.paned import Detail, PanedScreen
from homeamp_tui.widgets.column_table import Cell, Column, ColumnTable
from homeamp_tui.words import plural

NARROW_TABLE_CELLS = 76

Item = TypeVar("Item")
Key = tuple[str, str]
"""A row's own key: the agent's address, and the identity there."""


class Row(NamedTuple, Generic[Item]):
    """Something of one agent."""

    link: Link
    item: Item


class ListingScreen(PanedScreen, Generic[Item]):
    """All rows at once; a subclass says what they are."""

    NOUN: ClassVar[str]
    MOST: ClassVar[int] = 0
    """So many of a host are read, the newest; 0: all."""
    COLUMNS: ClassVar[Sequence[Column]]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "select", "Select", id="listing.select"),
        Binding("A", "select_all", "Select all", id="listing.all"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._items: dict[str, Sequence[Item]] = {}
        self._picked: set[Key] = set()
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

    # Reading -------------------------------------------------------------------------------------

    def make_table(self) -> ColumnTable:
        return ColumnTable(
            self.COLUMNS,
            self._cells_at,
            lambda index: self._key(self.rows[index]) in self._picked,
            narrow_below_cells=NARROW_TABLE_CELLS,
            id="rows",
        )

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
        self.paint()

    # Painting ------------------------------------------------------------------------------------

    def _key(self, row: Row[Item]) -> Key:
        return (row.link.url, self.identity(row.item))

    def _all(self) -> list[Row[Item]]:
        links = {link.url: link for link in self.dashboard.links}
        return [Row(links[url], item) for url, found in self._items.items() for item in found]

    def _cells_at(self, index: int) -> Sequence[Cell] | None:
        return self.cells(self.rows[index]) if index < len(self.rows) else None

    def paint(self) -> None:
        """Bring everything up to date; the cursor stays on its row."""
        if not self.is_mounted:
            return
        at = self.current
        known = self.arranged(self._all())
        text = self.text
        self.rows = [row for row in known if matches(text, self.fields(row))]
        keys = [self._key(row) for row in self.rows]
        self._picked &= {self._key(row) for row in known}
        self.table.total = len(keys)
        if at is not None and self._key(at) in keys:
            self.table.put_cursor(keys.index(self._key(at)))
        self.table.show_total(len(keys))
        self.paint_title(self._title_parts(len(known)), self.dashboard.links)
        narrowed = bool(text and known)
        self.paint_nothing(rows=len(keys), known=bool(self._items), narrowed=narrowed)
        self.show_detail()
        self.show_bars()

    def filtered(self) -> None:
        self.paint()

    def _title_parts(self, known: int) -> list[str]:
        parts = [plural(len(self.rows), self.NOUN)]
        if len(self.rows) != known:
            parts[0] += f" of {known:,}"
        if self.MOST and any(len(found) >= self.MOST for found in self._items.values()):
            parts.append(f"the newest {self.MOST:,} of a host")
        if self._picked:
            parts.append(f"{len(self._picked):,} selected")
        return parts

    @property
    def current(self) -> Row[Item] | None:
        """The row under the cursor."""
        at = self.table.cursor
        return self.rows[at] if at < len(self.rows) else None

    def looked_at(self) -> tuple[Any, ...] | None:
        row = self.current
        return None if row is None else (self._key(row), row.item, row.link.state)

    async def read_detail(self) -> Detail:
        row = self.current
        return Detail("", Content(""), ()) if row is None else await self.detail(row)

    # Choosing ------------------------------------------------------------------------------------

    @property
    def picked_any(self) -> bool:
        """Whether rows are picked."""
        return bool(self._picked)

    def widen(self) -> None:
        """Take back the selection, then the filter."""
        if self._picked:
            self._picked.clear()
            self.paint()
        else:
            super().widen()

    def action_select(self) -> None:
        if (row := self.current) is not None:
            self._picked ^= {self._key(row)}
            self.table.cursor += 1
            self.paint()

    def action_select_all(self) -> None:
        self._picked |= {self._key(row) for row in self.rows}
        self.paint()

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
        self.paint()

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
