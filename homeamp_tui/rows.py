"""The deviations of all agents as one long list, of which only the pages that are looked at exist.

Rows of different agents are not interleaved: each agent sorts and filters its own in SQLite, and
the list is theirs one after the other by host. Merging by severity would need the head of every
agent's list for each page, and hides which host a lost agent's rows belong to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.query import DeviationFilter, DeviationsSort
from homeamp_agent.rpc.protocol.messages import DeviationsListParams, DeviationsListResult
from homeamp_tui.links import Link

PAGE_ROWS = 100
"""A screen shows 20 to 60 rows: a page and its neighbour always cover it."""
PAGES_KEPT = 40
"""4,000 rows in memory at most, however many there are."""


@dataclass(slots=True)
class DeviationRows:
    """A window on everything the filter matches. Missing pages are fetched with `load`."""

    links: Sequence[Link]
    filter: DeviationFilter = field(default_factory=DeviationFilter)
    sort: DeviationsSort = DeviationsSort.SEVERITY
    _totals: dict[str, int] = field(default_factory=dict)
    _pages: dict[tuple[str, int], tuple[Deviation, ...]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many rows there are over all agents."""
        return sum(self._totals.get(link.url, 0) for link in self.links)

    def row(self, index: int) -> Deviation | None:
        """The row, where its page is here."""
        place = self._place(index)
        if place is None:
            return None
        link, offset = place
        page = self._pages.get((link.url, offset // PAGE_ROWS), ())
        at = offset % PAGE_ROWS
        return page[at] if at < len(page) else None

    def link_of(self, deviation: Deviation) -> Link | None:
        """The agent that knows the deviation."""
        return next((link for link in self.links if link.host == deviation.host), None)

    def missing(self, first: int, last: int) -> list[tuple[Link, int]]:
        """The pages between two rows that are not here."""
        wanted: dict[tuple[str, int], tuple[Link, int]] = {}
        for index in [*range(first, last, PAGE_ROWS), max(first, last - 1)]:
            place = self._place(index)
            if place is not None:
                link, offset = place
                page = offset // PAGE_ROWS
                if (link.url, page) not in self._pages:
                    wanted[link.url, page] = (link, page)
        return list(wanted.values())

    def visible(self, first: int, last: int) -> list[tuple[Link, int]]:
        """The pages between two rows, here or not, and the first of every agent with none."""
        pages = self._pages
        self._pages = {}
        wanted = self.missing(first, last)
        self._pages = pages
        known = {link.url for link, _ in wanted}
        return wanted + [(link, 0) for link in self.links if link.url not in known]

    async def load(self, link: Link, page: int) -> None:
        """Fetch one page from its agent.

        Raises:
            NotConnected, RpcError: as `Link.call`.
        """
        params = DeviationsListParams(
            filter=self.filter, sort=self.sort, offset=page * PAGE_ROWS, limit=PAGE_ROWS
        )
        answer = await link.call("deviations.list", params, DeviationsListResult)
        if self._totals.get(link.url) != answer.total:
            self._totals[link.url] = answer.total
        self._pages.pop((link.url, page), None)
        self._pages[link.url, page] = answer.deviations
        while len(self._pages) > PAGES_KEPT:
            del self._pages[next(iter(self._pages))]

    def keep_only(self, pages: Sequence[tuple[Link, int]]) -> None:
        """Forget every other page: something changed, and only these were read again."""
        wanted = {(link.url, page) for link, page in pages}
        self._pages = {place: rows for place, rows in self._pages.items() if place in wanted}

    def find(self, identity: str) -> int | None:
        """Where a deviation stands now, where its page is here."""
        start = 0
        for link in self.links:
            for (url, page), rows in self._pages.items():
                if url != link.url:
                    continue
                for at, row in enumerate(rows):
                    if row.id == identity:
                        return start + page * PAGE_ROWS + at
            start += self._totals.get(link.url, 0)
        return None

    def _place(self, index: int) -> tuple[Link, int] | None:
        if index < 0:
            return None
        for link in self.links:
            total = self._totals.get(link.url, 0)
            if index < total:
                return link, index
            index -= total
        return None
