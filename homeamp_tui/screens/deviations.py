"""The deviations: scope tree, virtual table, detail; filter, choose, review, fix, undo."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.query import DeviationFilter, DeviationsSort, ScopeCount
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_agent.rpc.protocol.messages import (
    DeviationsCountParams,
    DeviationsCountResult,
    DeviationsShowParams,
    DeviationsShowResult,
)
from homeamp_tui.clipboard import TooLong, osc52
from homeamp_tui.links import Link, LinkState, NotConnected
from homeamp_tui.rows import DeviationRows
from homeamp_tui.widgets.detail import DeviationDetail
from homeamp_tui.widgets.deviation_table import DeviationTable
from homeamp_tui.widgets.scope_tree import ScopeChoice, ScopeTree
from homeamp_tui.words import place_text, plural, value_text

if TYPE_CHECKING:
    from homeamp_tui.app import HomeampApp

REFRESH_PAUSE_SECONDS = 0.05
"""Events of one save come together; the eye does not see 50 ms."""
DETAIL_PAUSE_SECONDS = 0.08
"""Holding an arrow key must not ask for a detail per row."""
NARROW_CELLS = 110
"""Below this the tree is hidden, so that the table keeps its columns."""
SELECT_ALL_MAX = 10_000
"""What one bulk request may name."""


class DeviationsScreen(Screen[None]):
    """Everything an operator does with deviations happens here."""

    CSS = """
    DeviationsScreen ScopeTree { width: 26; }
    DeviationsScreen #middle { width: 3fr; }
    DeviationsScreen DeviationTable { overflow-x: hidden; }
    DeviationsScreen DeviationDetail { width: 2fr; }
    DeviationsScreen.narrow ScopeTree { display: none; }
    DeviationsScreen.narrow #body { layout: vertical; }
    DeviationsScreen.narrow #middle { width: 1fr; height: 3fr; }
    DeviationsScreen.narrow DeviationDetail { width: 1fr; height: 2fr; border-top: solid $primary; }
    DeviationsScreen #filter { display: none; height: 1; border: none; padding: 0 1; }
    DeviationsScreen #filter.open { display: block; }
    DeviationsScreen #summary { height: 1; padding: 0 1; color: $text-muted; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="deviations.filter"),
        Binding("space", "select", "Select", id="deviations.select"),
        Binding("v", "select_range", "Range", show=False, id="deviations.range"),
        Binding("A", "select_all", "All", show=False, id="deviations.all"),
        Binding("escape", "clear", "Clear", show=False, id="deviations.clear"),
        Binding("f", "fix", "Fix", id="deviations.fix"),
        Binding("a", "approve", "Approve", id="deviations.approve"),
        Binding("x", "flag", "Flag", id="deviations.flag"),
        Binding("o", "reopen", "Reopen", id="deviations.reopen"),
        Binding("u,z", "undo", "Undo fix", id="deviations.undo"),
        Binding("s", "sort", "Sort", show=False, id="deviations.sort"),
        Binding("t", "toggle_reviewed", "Show reviewed", show=False, id="deviations.reviewed"),
        Binding("y", "copy", "Copy", show=False, id="deviations.copy"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._selected: dict[str, Deviation] = {}
        self._anchor: int | None = None
        self._cursor_id: str | None = None
        self._moved = False
        self._known: set[str] = set()
        self._new: set[str] = set()
        self._scope = ScopeChoice()
        self._text = ""
        self._reviewed = False
        self._rows: DeviationRows | None = None

    @property
    def dashboard(self) -> HomeampApp:
        """The app, by its own type."""
        return cast("HomeampApp", self.app)

    @property
    def rows(self) -> DeviationRows:
        """The window on all deviations."""
        if self._rows is None:
            self._rows = DeviationRows(self.dashboard.links)
        return self._rows

    def compose(self) -> ComposeResult:
        yield Static(id="banner", markup=False)
        with Horizontal(id="body"):
            yield ScopeTree(id="scope")
            with Vertical(id="middle"):
                yield Input(placeholder="words, field:value, !not", id="filter")
                yield DeviationTable(
                    self._row_at,
                    lambda row: row.id in self._selected,
                    lambda row: row.id in self._new,
                    id="table",
                )
                yield Static(id="summary", markup=False)
            yield DeviationDetail(id="detail")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one(DeviationTable).focus()
        self.set_class(self.app.size.width < NARROW_CELLS, "narrow")

    def on_resize(self) -> None:
        self.set_class(self.app.size.width < NARROW_CELLS, "narrow")

    def on_screen_resume(self) -> None:
        self.refresh_from_agents()

    @work(exclusive=True, exit_on_error=False, group="rows")
    async def refresh_from_agents(self) -> None:
        """Read what is on screen again; the cursor stays on its deviation."""
        await asyncio.sleep(REFRESH_PAUSE_SECONDS)
        table = self.query_one(DeviationTable)
        pages = self.rows.visible(*table.window())
        if self._cursor_id is not None:
            pages += self.rows.missing(table.cursor, table.cursor + 1)
        pages = list({(link.url, page): (link, page) for link, page in pages}.values())
        await self._load(pages)
        self.rows.keep_only(pages)
        self._paint()
        await self._count()

    async def _load(self, pages: list[tuple[Link, int]]) -> None:
        for link, page in pages:
            try:
                await self.rows.load(link, page)
            except NotConnected:
                continue
            except RpcError as error:
                self.notify(str(error), title=f"{link.host} cannot list", severity="error")

    def _paint(self) -> None:
        table = self.query_one(DeviationTable)
        table.show_total(self.rows.total)
        self._note_new(*table.window())
        if self._cursor_id is not None and self._moved:
            at = self.rows.find(self._cursor_id)
            if at is not None and at != table.cursor:
                table.cursor = at
        row = self.rows.row(table.cursor)
        if row is not None and row.id != self._cursor_id:
            self._cursor_id = row.id
        self._show_detail()
        table.refresh()
        self._summarise()

    def _note_new(self, first: int, last: int) -> None:
        rows = [row for row in (self.rows.row(index) for index in range(first, last)) if row]
        if self._known:
            self._new |= {row.id for row in rows} - self._known
        self._known |= {row.id for row in rows}

    async def _count(self) -> None:
        tree: list[ScopeCount] = []
        for link in self.dashboard.links:
            try:
                scope = DeviationFilter(text=self._text or None)
                answer = await link.call(
                    "deviations.count", DeviationsCountParams(filter=scope), DeviationsCountResult
                )
                tree.extend(answer.tree)
            except (NotConnected, RpcError):
                continue
        lost = [each.host for each in self.dashboard.links if each.state is LinkState.LOST]
        self.query_one(ScopeTree).show_counts(tree, lost)

    def _summarise(self) -> None:
        parts = [plural(self.rows.total, "deviation"), f"by {self.rows.sort.value}"]
        if self._selected:
            parts.insert(1, f"{len(self._selected)} selected")
        if self._text:
            parts.append(f"/{self._text}")
        if self._reviewed:
            parts.append("reviewed shown")
        self.query_one("#summary", Static).update("  ·  ".join(parts))

    @on(DeviationTable.RowsWanted)
    @work(exit_on_error=False, group="window")
    async def _rows_wanted(self, event: DeviationTable.RowsWanted) -> None:
        missing = self.rows.missing(event.first, event.last)
        if missing:
            await self._load(missing)
            self._paint()

    @on(DeviationTable.CursorMoved)
    def _cursor_moved(self) -> None:
        cursor = self.query_one(DeviationTable).cursor
        self._moved = self._moved or cursor > 0
        row = self.rows.row(cursor)
        if row is not None and row.id != self._cursor_id:
            self._cursor_id = row.id
            self._new.discard(row.id)
            self._show_detail()

    @work(exclusive=True, exit_on_error=False, group="detail")
    async def _show_detail(self) -> None:
        await asyncio.sleep(DETAIL_PAUSE_SECONDS)
        detail = self.query_one(DeviationDetail)
        row = self._current()
        link = self.rows.link_of(row) if row is not None else None
        if row is None or link is None:
            detail.show(None, "Nothing deviates here." if self.rows.total == 0 else "")
            return
        try:
            params = DeviationsShowParams(id=row.id)
            detail.show(await link.call("deviations.show", params, DeviationsShowResult))
        except (NotConnected, RpcError) as error:
            detail.show(None, str(error))

    @on(ScopeTree.ScopeChosen)
    def _scope_chosen(self, event: ScopeTree.ScopeChosen) -> None:
        if event.choice != self._scope:
            self._scope = event.choice
            self._refilter()

    def action_filter(self) -> None:
        box = self.query_one("#filter", Input)
        box.add_class("open")
        box.focus()

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        self._text = event.value.strip()
        self._refilter()

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self.query_one("#filter").set_class(bool(self._text), "open")
        self.query_one(DeviationTable).focus()

    def _refilter(self) -> None:
        statuses = ("pending", "flagged", "fixing", "approved", "fixed") if self._reviewed else None
        self.rows.filter = DeviationFilter.model_validate(
            {
                "host": self._scope.host,
                "instance": self._scope.instance,
                "plugin": self._scope.plugin,
                "text": self._text or None,
                "statuses": statuses,
            }
        )
        self.rows.keep_only([])
        self._cursor_id = None
        self._moved = False
        self._known.clear()
        self._new.clear()
        self.refresh_from_agents()

    def action_clear(self) -> None:
        if self._selected:
            self._selected.clear()
        elif self._text:
            self.query_one("#filter", Input).value = ""
            self.query_one("#filter").remove_class("open")
            self.query_one(DeviationTable).focus()
        self._anchor = None
        self.query_one(DeviationTable).refresh()
        self._summarise()

    def action_sort(self) -> None:
        orders = list(DeviationsSort)
        self.rows.sort = orders[(orders.index(self.rows.sort) + 1) % len(orders)]
        self.rows.keep_only([])
        self.refresh_from_agents()

    def action_toggle_reviewed(self) -> None:
        self._reviewed = not self._reviewed
        self._refilter()

    def _row_at(self, index: int) -> Deviation | None:
        return self.rows.row(index)

    def _current(self) -> Deviation | None:
        return self.rows.row(self.query_one(DeviationTable).cursor)

    def action_select(self) -> None:
        table = self.query_one(DeviationTable)
        row = self._current()
        if row is None:
            return
        if row.id in self._selected:
            del self._selected[row.id]
        else:
            self._selected[row.id] = row
        self._anchor = table.cursor
        table.cursor += 1
        table.refresh()
        self._summarise()

    @work(exclusive=True, exit_on_error=False, group="select")
    async def action_select_range(self) -> None:
        """From where the last row was selected to the cursor."""
        table = self.query_one(DeviationTable)
        if self._anchor is None:
            self._anchor = table.cursor
            self.notify("Move, then press v again to select up to there")
            return
        first, last = sorted((self._anchor, table.cursor))
        await self._select_rows(first, last + 1)
        self._anchor = None

    @work(exclusive=True, exit_on_error=False, group="select")
    async def action_select_all(self) -> None:
        """Everything the filter matches."""
        if self.rows.total > SELECT_ALL_MAX:
            self.notify(f"More than {SELECT_ALL_MAX:,} rows: filter first", severity="warning")
            return
        await self._select_rows(0, self.rows.total)

    async def _select_rows(self, first: int, last: int) -> None:
        for index in range(first, last):
            if self.rows.row(index) is None:
                await self._load(self.rows.missing(index, index + 1))
            row = self.rows.row(index)
            if row is not None:
                self._selected[row.id] = row
        self.query_one(DeviationTable).refresh()
        self._summarise()

    def chosen(self) -> list[Deviation]:
        """The selected deviations, else the one under the cursor."""
        if self._selected:
            return list(self._selected.values())
        row = self._current()
        return [row] if row is not None else []

    def forget_selection(self) -> None:
        """After an act on the selection."""
        self._selected.clear()
        self._anchor = None
        self.query_one(DeviationTable).refresh()
        self._summarise()

    def action_fix(self) -> None:
        self.dashboard.fix(self.chosen(), self.forget_selection)

    def action_approve(self) -> None:
        self.dashboard.review(self.chosen(), self.forget_selection, approve=True)

    def action_flag(self) -> None:
        self.dashboard.review(self.chosen(), self.forget_selection, approve=False)

    def action_reopen(self) -> None:
        self.dashboard.reopen(self.chosen(), self.forget_selection)

    def action_undo(self) -> None:
        self.dashboard.undo_last_fix()

    def action_copy(self) -> None:
        lines = [
            f"{row.host}/{row.instance} {row.file or row.plugin or ''} {place_text(row)}: "
            f"should be {value_text(row.expected)}, is {value_text(row.actual)}"
            for row in self.chosen()
        ]
        try:
            sequence = osc52("\n".join(lines), os.environ)
        except TooLong as error:
            self.notify(str(error), severity="warning")
            return
        driver = self.app._driver
        if driver is not None:
            driver.write(sequence)
            driver.flush()
        self.notify(f"Copied {plural(len(lines), 'line')}")

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002  (textual's own signature)
    ) -> bool | None:
        """Grey out what changes something where only looking is allowed."""
        if action in {"fix", "approve", "flag", "reopen", "undo"} and self.dashboard.read_only:
            return None
        return True
