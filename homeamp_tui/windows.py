"""A list that agents hold, of which only the pages that are looked at are here.

The rows of one agent follow those of the one before it; each agent filters and counts its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from homeamp_tui.links import Link

PAGE_ROWS = 100
"""A screen shows 10 to 60 rows: a page and its neighbour always cover it."""
PAGES_KEPT = 20
"""2,000 rows of each agent in memory at most, however many there are."""

Item = TypeVar("Item")

Found = tuple[Sequence[Item], int]
"""Some rows, and how many there are in all."""


class At(NamedTuple, Generic[Item]):
    """A row and the agent it is of."""

    link: Link
    item: Item


async def whole_page(ask: Callable[[int, int], Awaitable[Found[Item]]], number: int) -> Found[Item]:
    """One page and the total; `ask` is given offset and limit.

    A reply too large for its bound comes in parts.
    """
    rows: list[Item] = []
    while True:
        found, total = await ask(number * PAGE_ROWS + len(rows), PAGE_ROWS - len(rows))
        rows += found
        end = min(total, (number + 1) * PAGE_ROWS)
        if not found or number * PAGE_ROWS + len(rows) >= end:
            return rows, total


@dataclass(slots=True)
class _Share(Generic[Item]):
    """What one agent has, as last read."""

    link: Link
    total: int = 0
    pages: dict[int, tuple[Item, ...]] = field(default_factory=dict)

    def row(self, offset: int) -> Item | None:
        page = self.pages.get(offset // PAGE_ROWS, ())
        at = offset % PAGE_ROWS
        return page[at] if at < len(page) else None


class Windows(Generic[Item]):
    """The rows by index, over the agents that were read from, in the order of `links`.

    `ask(link, offset, limit)` reads some rows of one agent, and its total.
    """

    def __init__(self, ask: Callable[[Link, int, int], Awaitable[Found[Item]]]) -> None:
        self._ask = ask
        self._question = 0
        self._shares: dict[str, _Share[Item]] = {}
        self._order: list[str] = []

    def forget(self, links: Iterable[Link]) -> None:
        """Another question is asked, of these agents."""
        self._question += 1
        self._shares = {}
        self._order = [link.url for link in links]

    @property
    def known(self) -> bool:
        """Whether any agent has answered."""
        return bool(self._shares)

    @property
    def total(self) -> int:
        """How many rows there are."""
        return sum(share.total for share in self._shares.values())

    def row(self, index: int) -> At[Item] | None:
        """The row, where its page is here."""
        for share in self._ordered():
            if index < share.total:
                item = share.row(index)
                return None if item is None else At(share.link, item)
            index -= share.total
        return None

    def rows(self) -> Iterable[tuple[int, At[Item]]]:
        """Every row that is here, with its index."""
        before = 0
        for share in self._ordered():
            for number, page in share.pages.items():
                for at, item in enumerate(page):
                    yield before + number * PAGE_ROWS + at, At(share.link, item)
            before += share.total

    async def read(self, link: Link, first: int, last: int, *, stale: bool) -> None:
        """Read what is missing of the rows from `first` up to `last`; `stale`: all of them.

        Raises:
            NotConnected, RpcError: as `Link.call`.
        """
        question = self._question
        share = self._shares.get(link.url)
        wanted = self._pages(link.url, first, last)
        if share is not None and not stale:
            wanted -= share.pages.keys()
        if not wanted and share is not None and not stale:
            return
        numbers = sorted(wanted or {0})

        async def page(number: int) -> Found[Item]:
            return await whole_page(lambda offset, limit: self._ask(link, offset, limit), number)

        found = await asyncio.gather(*map(page, numbers))
        if question != self._question:
            return
        pages = {} if share is None or stale else share.pages
        for number, (rows, _) in zip(numbers, found, strict=True):
            pages[number] = tuple(rows)
        while len(pages) > PAGES_KEPT:
            del pages[next(iter(pages))]
        self._shares[link.url] = _Share(link, found[-1][1], pages)

    def _ordered(self) -> list[_Share[Item]]:
        return [self._shares[url] for url in self._order if url in self._shares]

    def _pages(self, url: str, first: int, last: int) -> set[int]:
        before = 0
        for share in self._ordered():
            if share.link.url == url:
                low, high = max(first - before, 0), min(last - before, share.total)
                return (
                    set(range(low // PAGE_ROWS, (high - 1) // PAGE_ROWS + 1))
                    if low < high
                    else set()
                )
            before += share.total
        return set()
