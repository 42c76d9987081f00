"""Keeps the rows that somebody looks at true to the agents, each agent at its own pace.

An agent behind a slow line, or one that hangs, holds up its own share and nobody else's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from homeamp_agent.model.deviation import Deviation, DeviationStatus
from homeamp_agent.model.query import DeviationFilter, ScopeCount
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_agent.rpc.protocol.messages import DeviationsListParams, DeviationsListResult
from homeamp_tui.groups import Group, GroupShare, merged, read_groups
from homeamp_tui.links import Link, LinkState, NotConnected
from homeamp_tui.refresher import Refresher
from homeamp_tui.rows import DeviationRows, Query, Share, read_page, read_share
from homeamp_tui.windows import PAGE_ROWS

FRESH_SECONDS = 6.0
"""How long a row that came is marked: as long as it takes to look up and find it."""
LEAVING_SECONDS = 0.8
"""How long a row that goes is struck through, so that the eye can follow."""
LEAVING_MAX = 30
MARGIN_SCREENS = 2
"""Screens read ahead above and below: who pages on meanwhile meets rows that are there."""
LIST_ROWS = 1_000


class DeviationsReader:
    """The deviations, or groups of them, that match the query, over all links.

    `window` says which rows are in view, `painted` is called when they are to be painted again,
    `problem` when an agent did not understand the question (None: it did).
    """

    def __init__(
        self,
        links: Sequence[Link],
        *,
        window: Callable[[], tuple[int, int, int]],
        painted: Callable[[], None],
        problem: Callable[[Link, str | None], None],
    ) -> None:
        self.links = links
        self.rows = DeviationRows(links)
        self.grouped = False
        self.groups: list[Group] = []
        self._window, self._painted, self._problem = window, painted, problem
        self._group_shares: dict[str, GroupShare] = {}
        self._fresh: dict[str, float] = {}
        self._gone: set[str] = set()
        self._refreshers = {link.url: Refresher(self._read_of(link)) for link in links}

    def _read_of(self, link: Link) -> Callable[[bool], Any]:
        async def read(stale: bool) -> None:
            await self._read(link, stale)

        return read

    async def run(self) -> None:
        """Read whatever is asked for, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for refresher in self._refreshers.values():
                tasks.create_task(refresher.run())

    def poke(self, link: Link, *, stale: bool = True) -> None:
        """This agent's share changed, or (not stale) other rows of it came into view."""
        self._refreshers[link.url].poke(stale=stale)

    def poke_all(self, *, stale: bool = True) -> None:
        """As `poke`, for every agent."""
        for link in self.links:
            self.poke(link, stale=stale)

    def rest(self) -> None:
        """Nobody looks."""
        for refresher in self._refreshers.values():
            refresher.rest()

    def wake(self) -> None:
        """Somebody looks again."""
        for refresher in self._refreshers.values():
            refresher.wake()

    def ask(self, query: Query, *, grouped: bool) -> None:
        """Look at other rows from now on."""
        if grouped != self.grouped or query != self.rows.query:
            self.rows.query, self.grouped = query, grouped
            self._group_shares.clear()
            self.groups = []
        self.poke_all()

    @property
    def total(self) -> int:
        """Rows, or groups where groups are shown."""
        return len(self.groups) if self.grouped else self.rows.total

    @property
    def known(self) -> bool:
        """Whether any agent has answered the present question."""
        return bool(self._group_shares) if self.grouped else self.rows.known

    @property
    def groups_left_out(self) -> int:
        """Groups too many to list."""
        return sum(share.total - len(share.groups) for share in self._group_shares.values())

    @property
    def tree(self) -> list[ScopeCount]:
        """Open deviations by place, whatever place is looked at."""
        return [count for share in self.rows.shares for count in share.tree]

    def row(self, index: int) -> Deviation | Group | None:
        """A row, or a group, where it is here."""
        if self.grouped:
            return self.groups[index] if 0 <= index < len(self.groups) else None
        return self.rows.row(index)

    def index_of(self, key: str) -> int | None:
        """Where a deviation or group stands now, where it is here."""
        if self.grouped:
            return next(
                (at for at, group in enumerate(self.groups) if group.head.group == key), None
            )
        return self.rows.index_of(key)

    def note_fresh(self, identities: Iterable[str]) -> None:
        """These came just now."""
        now = time.monotonic()
        self._fresh = {
            identity: at for identity, at in self._fresh.items() if now - at < FRESH_SECONDS
        }
        self._fresh.update(dict.fromkeys(identities, now))

    def is_fresh(self, identity: str) -> bool:
        """Whether a row came a moment ago."""
        at = self._fresh.get(identity)
        return at is not None and time.monotonic() - at < FRESH_SECONDS

    def is_gone(self, identity: str) -> bool:
        """Whether a row is on its way out."""
        return identity in self._gone

    def link_of(self, host: str) -> Link | None:
        """The agent of a host."""
        return next((link for link in self.links if link.host == host), None)

    def is_lost(self, host: str) -> bool:
        """Whether what is shown of a host may be out of date."""
        link = self.link_of(host)
        return link is not None and link.state is not LinkState.CONNECTED

    async def _read(self, link: Link, stale: bool) -> None:
        if link.state is not LinkState.CONNECTED:
            return
        query, grouped = self.rows.query, self.grouped
        try:
            if stale or self.rows.share_of(link).query != query:
                if grouped:
                    await self._read_groups(link, query.filter)
                await self._read_share(link, query)
            elif not grouped:
                await self._read_missing(link, query)
        except NotConnected:
            return  # the link says so, and pokes when it is back
        except RpcError as error:
            if query == self.rows.query:
                self._problem(link, error.message)
            return
        if query == self.rows.query:
            self._problem(link, None)
            self._painted()
            self._look_for_missing()

    async def _read_groups(self, link: Link, wanted: DeviationFilter) -> None:
        share = await read_groups(link, wanted)
        if self.grouped and wanted == self.rows.query.filter:
            self._group_shares[link.url] = share
            self.groups = merged(list(self._group_shares.values()))

    async def _read_share(self, link: Link, query: Query) -> None:
        before = self.rows.share_of(link)
        same = before.query == query
        share = await read_share(link, query, sorted(self._pages_looked_at(link)) if same else [])
        if same and not self.grouped:
            await self._let_go(before, share)
        self.rows.apply(share)

    async def _read_missing(self, link: Link, query: Query) -> None:
        first, last, _ = self._wide_window()
        for number in sorted(self.rows.missing(link, first, last)):
            rows, total = await read_page(link, query, number)
            self.rows.add_page(link, query, number, rows)
            if total != self.rows.share_of(link).total:
                self.poke(link)
            self._painted()

    async def _let_go(self, before: Share, after: Share) -> None:
        """Strike through what is about to go; not while something new waits to be seen."""
        here = {row.id for page in after.pages.values() for row in page}
        first, last, _ = self._window()
        seen = [self.rows.row(index) for index in range(first, last)]
        gone = {
            row.id
            for row in seen
            if row is not None and row.host == before.link.host and row.id not in here
        }
        waiting = any(self.is_fresh(each) and before.offset_of(each) is None for each in here)
        if not gone or waiting or len(gone) > LEAVING_MAX or after.total >= before.total:
            return
        self._gone |= gone
        self._painted()
        await asyncio.sleep(LEAVING_SECONDS)
        self._gone -= gone

    def _wide_window(self) -> tuple[int, int, int]:
        first, last, cursor = self._window()
        margin = (last - first) * MARGIN_SCREENS
        return max(0, first - margin), last + margin, cursor

    def _pages_looked_at(self, link: Link) -> set[int]:
        first, last, cursor = self._wide_window()
        return self.rows.pages(link, first, last) | self.rows.pages(link, cursor, cursor + 1)

    def look(self) -> None:
        """Other rows came into view."""
        self._look_for_missing()

    def _look_for_missing(self) -> None:
        if self.grouped:
            return
        first, last, _ = self._wide_window()
        for link in self.links:
            if self.rows.missing(link, first, last):
                self.poke(link, stale=False)

    async def members(self, first: int, last: int) -> list[tuple[str, str]]:
        """(id, host) of every row from `first` up to `last`, read where they are not here.

        Raises:
            NotConnected, RpcError: as `Link.call`.
        """
        if self.grouped:
            return [each for group in self.groups[first:last] for each in group.members]
        query = self.rows.query
        found: list[tuple[str, str]] = []
        for link, start, end in self.rows.spans(first, last):
            for number in range(start // PAGE_ROWS, (end - 1) // PAGE_ROWS + 1):
                page: Sequence[Deviation] = self.rows.share_of(link).pages.get(number, ())
                if not page:
                    page, _ = await read_page(link, query, number)
                low = number * PAGE_ROWS
                rows = page[max(0, start - low) : max(0, end - low)]
                found += [(row.id, row.host) for row in rows]
        return found

    async def all_members(self) -> list[tuple[str, str]]:
        """(id, host) of everything that matches.

        Raises:
            NotConnected, RpcError: as `Link.call`.
        """
        found: list[tuple[str, str]] = []
        for share in self.rows.shares:
            cursor: str | None = None
            while share.total:
                params = DeviationsListParams(
                    filter=self.rows.query.filter,
                    sort=self.rows.query.sort,
                    limit=LIST_ROWS,
                    cursor=cursor,
                )
                page = await share.link.call("deviations.list", params, DeviationsListResult)
                found += [(row.id, row.host) for row in page.deviations]
                cursor = page.next_cursor
                if cursor is None:
                    break
        return found

    async def rows_of(self, chosen: Mapping[str, Sequence[str]]) -> list[Deviation]:
        """The deviations of these ids by host, read afresh.

        Raises:
            NotConnected, RpcError: as `Link.call`.
        """
        found: list[Deviation] = []
        for host, ids in chosen.items():
            link = self.link_of(host)
            cursor: str | None = None
            while link is not None:
                params = DeviationsListParams(
                    filter=DeviationFilter(ids=tuple(ids), statuses=tuple(DeviationStatus)),
                    limit=LIST_ROWS,
                    cursor=cursor,
                )
                page = await link.call("deviations.list", params, DeviationsListResult)
                found += page.deviations
                cursor = page.next_cursor
                if cursor is None:
                    break
        return found
