"""What screens of long lists share: only the rows in view are read, each agent filters its own."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from textual import on
from textual.content import Content

from homeamp_agent.model.event import Event
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_tui.links import Link, LinkState, NotConnected
from homeamp_tui.screens.paned import Detail, PanedScreen
from homeamp_tui.widgets.virtual_table import VirtualTable
from homeamp_tui.windows import At, Found, Windows

MARGIN_ROWS = 60
"""Read ahead above and below: who pages on meanwhile meets rows that are there."""

Item = TypeVar("Item")


class WindowedScreen(PanedScreen, Generic[Item]):
    """Rows by window; a subclass says what they are."""

    def __init__(self) -> None:
        super().__init__()
        self.windows: Windows[Item] = Windows(self.ask)

    # What a subclass says ------------------------------------------------------------------------

    @abstractmethod
    async def ask(self, link: Link, offset: int, limit: int) -> Found[Item]:
        """Some rows of one agent, and how many there are."""

    @abstractmethod
    async def detail(self, row: At[Item]) -> Detail:
        """The row in full; may ask its agent."""

    @abstractmethod
    def title_parts(self) -> Sequence[str]:
        """What is listed, in a few words each."""

    @property
    def sources(self) -> Sequence[Link]:
        """The agents whose rows are listed."""
        return self.dashboard.links

    async def prepare(self, links: Sequence[Link]) -> None:
        """Ask for what the rows depend on, before they are read."""

    @abstractmethod
    def identity(self, item: Item) -> tuple[Any, ...]:
        """What an item is known by on its agent."""

    def state_of(self, row: At[Item]) -> tuple[Any, ...]:
        """What the detail of the row depends on, as `looked_at`."""
        return ((row.link.url, *self.identity(row.item)), row.item, row.link.state)

    # Reading -------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.windows.forget(self.sources)

    def ask_anew(self) -> None:
        """Something else is to be listed."""
        self.windows.forget(self.sources)
        self._problems.clear()
        self.table.cursor = 0
        self.paint()
        self._refresher.poke()

    def filtered(self) -> None:
        self.ask_anew()

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

    @property
    def known(self) -> bool:
        """Whether an agent has said what there is to list."""
        return self.windows.known

    def paint(self) -> None:
        if not self.is_mounted:
            return
        total = self.windows.total
        self.table.show_total(total)
        self.paint_title(self.title_parts(), self.sources)
        narrowed = bool(self.text) and self.windows.known and not self._problems
        self.paint_nothing(rows=total, known=self.known, narrowed=narrowed)
        self.show_detail()
        self.show_bars()

    @property
    def current(self) -> At[Item] | None:
        """The row under the cursor, where it is known."""
        return self.windows.row(self.table.cursor)

    def looked_at(self) -> tuple[Any, ...] | None:
        row = self.current
        return None if row is None else self.state_of(row)

    async def read_detail(self) -> Detail:
        row = self.current
        return Detail("", Content(""), ()) if row is None else await self.detail(row)

    def why_not(self, action: str) -> str:
        if why := super().why_not(action):
            return why
        return "nothing is listed" if action == "copy" and not self.windows.total else ""
