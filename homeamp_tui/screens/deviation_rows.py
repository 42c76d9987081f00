"""The rows of the deviations screen: scope tree, virtual table, detail; filter, look, choose."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.event import Event, Topic
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_tui.choosing import members_of
from homeamp_tui.cursor_row import CursorRow
from homeamp_tui.groups import Group
from homeamp_tui.links import Link, LinkState, NotConnected
from homeamp_tui.looked_at import LookedAt
from homeamp_tui.reader import FRESH_SECONDS, DeviationsReader
from homeamp_tui.screens.deviations_keys import (
    BINDINGS,
    DETAIL,
    DETAIL_ZOOMED,
    LAYOUT,
    TWO_COLUMNS_CELLS,
)
from homeamp_tui.screens.house import HouseScreen
from homeamp_tui.screens.nobody import nobody_answers, nothing_found
from homeamp_tui.selection import Selection, TooMany, key_of
from homeamp_tui.widgets.detail import DeviationDetail
from homeamp_tui.widgets.deviation_table import DeviationTable
from homeamp_tui.widgets.filter_bar import FilterBar
from homeamp_tui.widgets.scope_tree import Place, ScopeTree
from homeamp_tui.words import plain, plural

FRESH_MAX = 20
"""More at once is a first scan or another baseline, where a mark on every row says nothing."""
DETAIL_PAUSE_SECONDS = 0.06
"""Holding an arrow key must not ask for a detail per row."""
TWICE_SECONDS = 0.4
"""`g` groups at once; a second one this soon takes that back and goes to the top, as in vi."""

Chosen = TypeVar("Chosen")


class DeviationRows(HouseScreen):
    """Deviations of every agent, looked at and chosen; a subclass does something with them."""

    NAME = "deviations"
    DEFAULT_CSS = LAYOUT
    BINDINGS: ClassVar[list[BindingType]] = BINDINGS

    def __init__(self) -> None:
        super().__init__()
        self._stood = CursorRow()
        self._look = LookedAt()
        self._shown: tuple[Deviation | Group | None, LinkState | None] = (None, None)
        self._grouped_at = 0.0
        self._problems: dict[str, str] = {}
        self.reader: DeviationsReader
        self.selection: Selection

    def compose_body(self) -> ComposeResult:
        self.reader = DeviationsReader(
            self.dashboard.links,
            window=self._window,
            painted=self._paint,
            problem=self._note_problem,
        )
        self.selection = Selection(self.reader, lambda: self.table.cursor)
        with Horizontal(id="body"):
            yield ScopeTree(id="scope")
            with Vertical(id="middle"):
                yield FilterBar()
                yield DeviationTable(
                    self.reader.row,
                    is_picked=self.selection.is_picked,
                    is_fresh=self.reader.is_fresh,
                    is_gone=self.reader.is_gone,
                    is_lost=self.reader.is_lost,
                    id="table",
                )
                yield Static(id="nothing", markup=False)
                yield DeviationDetail(id="detail")

    def on_mount(self) -> None:
        for pane in (self.scopes, self.table, self.detail):
            pane.add_class("pane")
        self.detail.border_title = DETAIL
        self.scopes.border_title = "Scope"
        self.run_worker(self.reader.run(), group="reader", exit_on_error=False)
        self.table.focus()
        self._paint()

    @property
    def table(self) -> DeviationTable:
        """The rows."""
        return self.query_one("#table", DeviationTable)

    @property
    def detail(self) -> DeviationDetail:
        """The pane of one deviation."""
        return self.query_one("#detail", DeviationDetail)

    @property
    def scopes(self) -> ScopeTree:
        """The pane of places."""
        return self.query_one("#scope", ScopeTree)

    def fitted(self) -> None:
        self.call_after_refresh(self._fit_detail)

    def _fit_detail(self) -> None:
        self.detail.set_class(self.detail.size.width >= TWO_COLUMNS_CELLS, "-two-columns")

    def on_screen_resume(self) -> None:
        self.show_bars()
        self.reader.wake()

    def on_screen_suspend(self) -> None:
        self.reader.rest()

    # What comes from the agents -----------------------------------------------------------------

    def link_changed(self, link: Link) -> None:
        if link.state is LinkState.CONNECTED:
            self.reader.poke(link)
        self._paint()

    def relist(self, link: Link) -> None:
        self.reader.poke(link)

    def event_heard(self, link: Link, event: Event) -> None:
        if event.topic is Topic.CHANGES:
            return
        ids = event.body.get("ids")
        opened = event.topic is Topic.DEVIATIONS and event.name == "opened"
        if opened and isinstance(ids, list) and len(ids) <= FRESH_MAX:
            self.reader.note_fresh(map(str, ids))
            self.set_timer(FRESH_SECONDS, self.table.refresh)
        here = [identity for identity, _ in members_of(self.reader.row(self.table.cursor))]
        told = isinstance(ids, list) and not set(here).isdisjoint(map(str, ids))
        if told or (event.topic, event.name) == (Topic.SCAN, "finished"):  # before: without a file
            self._shown = (None, None)
        self.reader.poke(link)

    def _window(self) -> tuple[int, int, int]:
        table = self.table
        return (*table.window(), table.cursor)

    def _note_problem(self, link: Link, words: str | None) -> None:
        if words is None:
            self._problems.pop(link.url, None)
        else:
            self._problems[link.url] = f"{link.host}: {words}"
        shown = next(iter(self._problems.values()), "")
        self.query_one(FilterBar).show_problem(plain(shown))
        if shown and not self.query_one(FilterBar).text:
            self.dashboard.tell(shown, severity="error")

    # Painting -----------------------------------------------------------------------------------

    def _paint(self) -> None:
        """Bring everything on screen up to date; the cursor stays on its deviation."""
        if not self.standing:
            return
        table = self.table
        links = self.dashboard.links
        table.hosts, table.grouped = len(links), self.reader.grouped
        if self.reader.known:
            table.total = self.reader.total
            moved = self._stood.moved(self.reader.index_of)
            if moved:
                table.put_cursor(table.cursor + moved)
            self.selection.follow(moved)
            table.show_total(self.reader.total)
        if key := key_of(self.reader.row(table.cursor)):
            self._stood.stand_on(key, table.cursor)
        lost = [link.host for link in links if link.state is LinkState.LOST]
        self.scopes.show_counts(self.reader.tree, [link.host for link in links if link.hello], lost)
        self._paint_titles()
        self._paint_nothing()
        self._show_detail()
        self.show_bars()

    def _paint_titles(self) -> None:
        grouped = self.reader.grouped
        parts = [f" {plural(self.reader.total, 'group' if grouped else 'deviation')}"]
        parts += self._look.words(grouped=grouped)
        parts += self.selection.words()
        if self.reader.groups_left_out:
            parts.append(f"{self.reader.groups_left_out:,} smaller ones not listed")
        self.table.border_title = Content(" · ".join(parts) + " ")

    def _paint_nothing(self) -> None:
        words = self._nothing_words()
        self.set_class(words is not None, "-nothing")
        if words is not None:
            self.query_one("#nothing", Static).update(words)
        elif self.focused is None:
            self.table.focus()  # a hidden table loses the focus

    def _nothing_words(self) -> Content | None:
        if self.reader.known:
            narrowed = bool(self.query_one(FilterBar).text) or self._look.narrowed
            return None if self.reader.total else nothing_found(narrowed=narrowed)
        if any(link.state is LinkState.CONNECTED for link in self.dashboard.links):
            return Content.styled("Reading…", "$muted")
        return nobody_answers(self.dashboard.links)

    @work(exclusive=True, exit_on_error=False, group="detail")
    async def _show_detail(self) -> None:
        row = self.reader.row(self.table.cursor)
        members = members_of(row)
        if not members:
            return
        identity, host = members[0]
        link = self.reader.link_of(host)
        seen = (row, link.state if link else None)
        if link is None or seen == self._shown:
            return
        await asyncio.sleep(DETAIL_PAUSE_SECONDS)
        await self.detail.explain(link, identity, row if isinstance(row, Deviation) else None)
        self._shown = seen

    # Moving and looking -------------------------------------------------------------------------

    @on(DeviationTable.CursorMoved)
    def _cursor_moved(self) -> None:
        if self.table.cursor > 0:
            self._stood.hold()
        key = key_of(self.reader.row(self.table.cursor))
        if key is None:
            self.reader.look()
        if self._stood.stand_on(key, self.table.cursor):
            self.detail.scroll_home(animate=False)
            self._show_detail()
        if self.selection.ranging:
            self.table.refresh()
        self.show_bars()

    @on(DeviationTable.RowsInView)
    def _rows_in_view(self) -> None:
        self.reader.look()

    @on(DeviationTable.RowOpened)
    def _row_opened(self) -> None:
        row = self.reader.row(self.table.cursor)
        if isinstance(row, Group):
            self._look_at(group=row)
        else:
            self._zoom(zoomed=True)

    def _zoom(self, *, zoomed: bool) -> None:
        self.set_class(zoomed, "-zoom")
        self.detail.border_title = DETAIL_ZOOMED if zoomed else DETAIL
        (self.detail if zoomed else self.table).focus()

    @on(ScopeTree.PlaceChosen)
    def _place_chosen(self, event: ScopeTree.PlaceChosen) -> None:
        if event.place != self._look.place:
            self._look_at(place=event.place)

    @on(ScopeTree.NodeSelected)
    def _place_entered(self) -> None:
        self._leave_drawer()
        self.table.focus()

    def action_pane(self, step: int) -> None:
        panes: list[Widget] = [self.scopes, self.table, self.detail]
        at = next((at for at, pane in enumerate(panes) if pane.has_focus), 1)
        target = panes[(at + step) % len(panes)]
        if target is self.scopes and not self.has_class("-wide"):
            self.add_class("-drawer")
        else:
            self._leave_drawer()
        target.focus()

    def _leave_drawer(self) -> None:
        self.remove_class("-drawer")

    def action_filter(self) -> None:
        self.query_one(FilterBar).open()

    def filter_by(self, text: str) -> None:
        """Filter as if it had been typed."""
        self.query_one(FilterBar).set_text(text)
        self.table.focus()

    @on(FilterBar.FilterChanged)
    def _filter_changed(self) -> None:
        self._look_at()

    @on(FilterBar.FilterLeft)
    def _filter_left(self) -> None:
        self.table.focus()

    def _look_at(self, *, grouped: bool | None = None, **changed: Any) -> None:
        """Look at something else: `changed` are fields of `LookedAt`."""
        self._look = replace(self._look, **changed)
        if grouped is None:
            grouped = self.reader.grouped and self._look.group is None
        self.selection.drop_range()
        self._stood = CursorRow()
        self._shown = (None, None)
        self.table.cursor = 0
        self.reader.ask(self._look.query(self.query_one(FilterBar).text), grouped=grouped)

    def action_group(self) -> None:
        now = time.monotonic()
        twice = now - self._grouped_at < TWICE_SECONDS
        self._grouped_at = 0.0 if twice else now
        self._look_at(group=None, grouped=not self.reader.grouped)

    def action_sort(self) -> None:
        self._look_at(sort=self._look.next_sort)

    def action_reviewed(self) -> None:
        self._look_at(reviewed=not self._look.reviewed)

    def action_back(self) -> None:
        """Take back the last narrowing: range, zoom, drawer, selection, group, filter, scope."""
        if self.selection.ranging:
            self.selection.drop_range()
        elif self.has_class("-zoom"):
            self._zoom(zoomed=False)
        elif self.has_class("-drawer"):
            self._leave_drawer()
            self.table.focus()
        elif self.selection:
            self.selection.clear()
        elif self._look.group is not None:
            self._look_at(group=None, grouped=True)
        elif self.query_one(FilterBar).text:
            self.query_one(FilterBar).set_text("")
        elif self._look.place != Place():
            self.scopes.move_cursor(self.scopes.root)
        self.table.focus()
        self.table.refresh()
        self._paint_titles()

    # Choosing -----------------------------------------------------------------------------------

    def action_select(self) -> None:
        if self.selection.ranging:
            self._keep_range()
            return
        self.selection.toggle()
        self.table.cursor += 1
        self.choice_changed()

    def action_range(self) -> None:
        if self.selection.ranging:
            self._keep_range()
        else:
            self.action_extend(0)

    def action_extend(self, rows: int) -> None:
        self._stood.hold()  # what comes above must not come between the range and its end
        self.selection.begin_range()
        self.table.cursor += rows
        self.choice_changed()

    @work(exclusive=True, exit_on_error=False, group="choose")
    async def _keep_range(self) -> None:
        await self.choosing(self.selection.keep_range())

    @work(exclusive=True, exit_on_error=False, group="choose")
    async def action_select_all(self) -> None:
        """Everything the filter matches."""
        await self.choosing(self.selection.add_all())

    async def choosing(self, choosing: Awaitable[Chosen]) -> Chosen | None:
        """What was chosen; None where rows could not be read, which is told."""
        try:
            return await choosing
        except TooMany as error:
            self.dashboard.tell(str(error), severity="warning")
        except (NotConnected, RpcError) as error:
            self.dashboard.tell_wrong("Not all rows could be read", str(error))
        finally:
            self.choice_changed()
        return None

    def choice_changed(self) -> None:
        """Others are chosen: show it."""
        self.table.refresh()
        self._paint_titles()
        self.show_bars()
