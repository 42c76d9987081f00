"""The deviations of all agents as one long list, of which only the pages that are looked at exist.

A `Share` is what one agent has of the list: its total, its counts, and the pages read so far. How
the shares become one list is `interleave`'s business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.query import Counts, DeviationFilter, DeviationsSort, ScopeCount
from homeamp_agent.model.rule import Severity
from homeamp_agent.rpc.protocol.messages import (
    DeviationsCountParams,
    DeviationsCountResult,
    DeviationsListParams,
    DeviationsListResult,
)
from homeamp_tui.interleave import Run, by_buckets, by_heads, one_by_one
from homeamp_tui.links import Link
from homeamp_tui.windows import PAGE_ROWS, PAGES_KEPT, whole_page

NOTHING_COUNTED = DeviationsCountResult(total=0, counts=Counts(), tree=())

Pages = dict[int, tuple[Deviation, ...]]


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for: which rows, in which order."""

    filter: DeviationFilter = field(default_factory=DeviationFilter)
    sort: DeviationsSort = DeviationsSort.SEVERITY


@dataclass(slots=True)
class Share:
    """One agent's part of the list, as last read. `tree` counts everywhere, `counted` the query."""

    link: Link
    query: Query | None = None
    total: int = 0
    counted: DeviationsCountResult = NOTHING_COUNTED
    tree: tuple[ScopeCount, ...] = ()
    severities: dict[int, int] = field(default_factory=dict)
    pages: Pages = field(default_factory=dict)

    def row(self, offset: int) -> Deviation | None:
        """A row of this agent's own list, where its page is here."""
        page = self.pages.get(offset // PAGE_ROWS, ())
        at = offset % PAGE_ROWS
        return page[at] if at < len(page) else None

    def offset_of(self, identity: str) -> int | None:
        """Where a deviation stands in this agent's own list, where its page is here."""
        for number, page in self.pages.items():
            for at, row in enumerate(page):
                if row.id == identity:
                    return number * PAGE_ROWS + at
        return None

    def plugins(self) -> dict[str, int]:
        """Rows per plugin, as far as they are open."""
        found: dict[str, int] = {}
        for count in self.counted.tree:
            found[count.plugin or ""] = found.get(count.plugin or "", 0) + count.open
        return found

    def ages(self) -> list[tuple[float, str]]:
        """The sort keys of the first page, newest first."""
        return [
            (-(row.first_seen.timestamp() if row.first_seen else 0.0), row.host)
            for row in self.pages.get(0, ())
        ]


async def read_page(link: Link, query: Query, number: int) -> tuple[Sequence[Deviation], int]:
    """One page of one agent and its total.

    Raises:
        NotConnected, RpcError: as `Link.call`.
    """

    async def ask(offset: int, limit: int) -> tuple[Sequence[Deviation], int]:
        params = DeviationsListParams(
            filter=query.filter, sort=query.sort, offset=offset, limit=limit
        )
        answer = await link.call("deviations.list", params, DeviationsListResult)
        return answer.deviations, answer.total

    return await whole_page(ask, number)


async def read_share(link: Link, query: Query, numbers: Sequence[int]) -> Share:
    """These pages of one agent, and its counts, read afresh.

    Raises:
        NotConnected, RpcError: as `Link.call`.
    """
    wanted = set(numbers) | ({0} if query.sort is DeviationsSort.NEWEST else set())
    numbers = sorted(wanted or {0})
    # A wide view is counted once: with words in the filter, counting looks at every row.
    everywhere = _everywhere(query.filter)
    filters = [query.filter] if everywhere == query.filter else [query.filter, everywhere]
    counts, read = await asyncio.gather(
        asyncio.gather(*(_count(link, each) for each in filters)),
        asyncio.gather(*(read_page(link, query, number) for number in numbers)),
    )
    counted, whole = counts[0], counts[-1]
    pages = {number: tuple(rows) for number, (rows, _) in zip(numbers, read, strict=True)}
    total = read[-1][1]
    severities = {
        each.rank: count for each in Severity if (count := getattr(counted.counts, each.value))
    }
    if query.sort is DeviationsSort.SEVERITY and sum(severities.values()) != total:
        severities = await _count_severities(link, query)
    return Share(link, query, total, counted, whole.tree, severities, pages)


async def _count(link: Link, wanted: DeviationFilter) -> DeviationsCountResult:
    params = DeviationsCountParams(filter=wanted)
    return await link.call("deviations.count", params, DeviationsCountResult)


def _everywhere(wanted: DeviationFilter) -> DeviationFilter:
    """The same wherever it is: the tree counts also what is not looked at."""
    return wanted.model_copy(update={"host": None, "instance": None, "plugin": None})


async def _count_severities(link: Link, query: Query) -> dict[int, int]:
    """Rows per severity where the filter is about more than what is open."""
    found: dict[int, int] = {}
    asked = query.filter.severities or tuple(Severity)
    for severity in asked:
        params = DeviationsListParams(
            filter=query.filter.model_copy(update={"severities": (severity,)}), limit=1, offset=0
        )
        answer = await link.call("deviations.list", params, DeviationsListResult)
        found[severity.rank] = answer.total
    return found


class DeviationRows:
    """The one list over all shares."""

    def __init__(self, links: Sequence[Link]) -> None:
        self.query = Query()
        self._shares = {link.url: Share(link) for link in links}
        self._runs: list[Run] = []

    @property
    def total(self) -> int:
        """How many rows there are over all agents."""
        return sum(run.length for run in self._runs)

    @property
    def known(self) -> bool:
        """Whether any agent has answered the present query."""
        return any(share.query == self.query for share in self._shares.values())

    @property
    def shares(self) -> list[Share]:
        """Every agent's part, by host."""
        return sorted(self._shares.values(), key=lambda share: share.link.host)

    def share_of(self, link: Link) -> Share:
        """One agent's part."""
        return self._shares[link.url]

    def apply(self, share: Share) -> None:
        """Take over what was read of one agent, unless another question was asked meanwhile."""
        if share.query == self.query:
            self._shares[share.link.url] = share
            self._arrange()

    def add_page(self, link: Link, query: Query, number: int, rows: Sequence[Deviation]) -> None:
        """Take over one more page of the same list."""
        share = self._shares[link.url]
        if query == self.query == share.query:
            share.pages.pop(number, None)
            share.pages[number] = tuple(rows)
            while len(share.pages) > PAGES_KEPT:
                del share.pages[next(iter(share.pages))]

    def _arrange(self) -> None:
        shares = [share for share in self.shares if share.query == self.query]
        totals = {share.link.url: share.total for share in shares}
        match self.query.sort:
            case DeviationsSort.SEVERITY:
                severities = {share.link.url: share.severities for share in shares}
                self._runs = by_buckets(totals, severities)
            case DeviationsSort.PLUGIN:
                self._runs = by_buckets(
                    totals, {share.link.url: share.plugins() for share in shares}
                )
            case DeviationsSort.NEWEST:
                self._runs = by_heads(totals, {share.link.url: share.ages() for share in shares})
            case DeviationsSort.INSTANCE:
                self._runs = one_by_one(totals)

    def row(self, index: int) -> Deviation | None:
        """The row, where its page is here."""
        for run in self._runs:
            if index < run.length:
                return self._shares[run.url].row(run.start + index)
            index -= run.length
        return None

    def index_of(self, identity: str) -> int | None:
        """Where a deviation stands now, where its page is here."""
        for share in self._shares.values():
            offset = share.offset_of(identity)
            if offset is not None and share.query == self.query:
                return self._index(share.link.url, offset)
        return None

    def _index(self, url: str, offset: int) -> int | None:
        before = 0
        for run in self._runs:
            if run.url == url and run.start <= offset < run.start + run.length:
                return before + offset - run.start
            before += run.length
        return None

    def spans(self, first: int, last: int) -> list[tuple[Link, int, int]]:
        """The rows from `first` up to `last` as (agent, start, end) in each agent's own list."""
        found: list[tuple[Link, int, int]] = []
        before = 0
        for run in self._runs:
            low, high = max(first, before), min(last, before + run.length)
            if low < high:
                start = run.start + low - before
                found.append((self._shares[run.url].link, start, start + high - low))
            before += run.length
        return found

    def pages(self, link: Link, first: int, last: int) -> set[int]:
        """The pages of one agent that hold the rows from `first` up to `last`."""
        return {
            number
            for owner, start, end in self.spans(first, last)
            if owner is link
            for number in range(start // PAGE_ROWS, (end - 1) // PAGE_ROWS + 1)
        }

    def missing(self, link: Link, first: int, last: int) -> set[int]:
        """Those of `pages` that are not here."""
        return self.pages(link, first, last) - self._shares[link.url].pages.keys()
