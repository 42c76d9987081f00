"""What should be, and why: the rules with their chains, their problems, what reviews decided."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from homeamp_agent.model.event import Topic
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_agent.rpc.protocol.messages import ApprovalRow
from homeamp_tui.links import Link, LinkState, NotConnected
from homeamp_tui.rule_views import ApprovalsView, ProblemsView, RulesView, View
from homeamp_tui.screens.paned import Detail
from homeamp_tui.screens.windowed import WindowedScreen
from homeamp_tui.widgets.column_table import Cell, Column, ColumnTable
from homeamp_tui.windows import At, Found
from homeamp_tui.words import plain

NARROW_TABLE_CELLS = 100
HOST = Column("HOST", 8, wide_only=True)


class RulesScreen(WindowedScreen[Any]):
    """Three lists, a key each; the row under the cursor in full."""

    NAME = "rules"
    TOPICS = frozenset({Topic.RULES, Topic.DEVIATIONS, Topic.SCAN})
    HINT = "words in the source, scope, plugin, key, reason  !not"
    KEYS = (
        ("slash", "Filter", "filter"),
        ("b", "Rules", "look('b')"),
        ("p", "Problems", "look('p')"),
        ("a", "Approvals", "look('a')"),
        ("o", "Revoke", "revoke"),
        ("d", "Deviations", "deviations"),
        ("h", "Host", "host"),
        ("y", "Copy", "copy"),
        ("r", "Rescan", "rescan"),
    )
    CHANGING = frozenset({"revoke", "rescan"})
    KEYS_HELP = """\
Lists      b: the rules   p: what is wrong with them   a: what reviews decided
           v: the next list   h: one host, or all
Move       j k ↓ ↑   tab: to the detail and back   enter: the detail in full
           esc: back   [ ]: another place of the rule, with its chain
Filter     /   words are and-ed over source, scope, plugin, key, demand, reason
           ! negates   review: made by one   expires: has a term
Act        o: take an approval back (asks first)   d: its deviations
           y: copy the detail
Marks      ● wins   ○ overruled   ✗ conflict, or expired   ✓ stands
           … ends   · covers nothing
"""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "look('b')", "List the rules", id="rules.rules"),
        Binding("p", "look('p')", "List the problems", id="rules.problems"),
        Binding("a", "look('a')", "List the approvals", id="rules.approvals"),
        Binding("v", "next_list", "Next list", id="rules.next_list"),
        Binding("right_square_bracket", "place(1)", "Next place", id="rules.next_place"),
        Binding("left_square_bracket", "place(-1)", "Place before", id="rules.place_before"),
        Binding("h", "host", "One host, or all", id="rules.host"),
        Binding("o", "revoke", "Take an approval back", id="rules.revoke"),
        Binding("d", "deviations", "Deviations of the row", id="rules.deviations"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._views: tuple[View[Any], ...] = (RulesView(), ProblemsView(), ApprovalsView())
        self._view: View[Any] = self._views[0]
        self._totals: dict[tuple[str, str], int] = {}
        self._place: tuple[Any, int] = (None, 0)
        self._only: Link | None = None

    # Rows ----------------------------------------------------------------------------------------

    def make_table(self) -> ColumnTable:
        return ColumnTable(
            self._columns(),
            self._cells_at,
            lambda _index: False,
            narrow_below_cells=NARROW_TABLE_CELLS,
            id="rows",
        )

    @property
    def _hosts(self) -> bool:
        return len(self.dashboard.links) > 1

    def _columns(self) -> Sequence[Column]:
        return (HOST, *self._view.COLUMNS) if self._hosts else self._view.COLUMNS

    def _cells_at(self, index: int) -> Sequence[Cell] | None:
        row = self.windows.row(index)
        if row is None:
            return None
        cells = self._view.cells(row.item)
        return (Cell(plain(row.link.host), "muted"), *cells) if self._hosts else cells

    @property
    def sources(self) -> Sequence[Link]:
        return self.dashboard.links if self._only is None else [self._only]

    async def prepare(self, links: Sequence[Link]) -> None:
        """How much each list has, filtered or not: its name says so."""
        await asyncio.gather(*(self._count(link, view) for link in links for view in self._views))

    async def _count(self, link: Link, view: View[Any]) -> None:
        try:
            self._totals[link.url, view.KEY] = (await view.ask(link, "", 0, 1))[1]
        except (NotConnected, RpcError):
            return

    async def ask(self, link: Link, offset: int, limit: int) -> Found[Any]:
        return await self._view.ask(link, self.text, offset, limit)

    def identity(self, item: Any) -> tuple[Any, ...]:
        return (self._view.KEY, *self._view.identity(item))

    def title_parts(self) -> Sequence[str]:
        names = [self._name_of(view) for view in self._views]
        return names if self._only is None else [*names, f"on {self._only.host}"]

    def _name_of(self, view: View[Any]) -> str:
        every = sum(self._totals.get((link.url, view.KEY), 0) for link in self.sources)
        if view is not self._view:
            return f"{view.KEY} {view.WORDS.lower()} {every:,}"
        shown = f"{self.windows.total:,} of {every:,}" if self.text else f"{every:,}"
        return f"▸{view.WORDS} {shown}"

    def nothing(self) -> Content:
        return self._view.nothing()

    # The row under the cursor --------------------------------------------------------------------

    def state_of(self, row: At[Any]) -> tuple[Any, ...]:
        key, *rest = super().state_of(row)
        return (key, *rest, self._place if self._place[0] == key else 0)

    async def detail(self, row: At[Any]) -> Detail:
        key = super().state_of(row)[0]
        place = self._place[1] if self._place[0] == key else 0
        shown = await self._view.detail(row.link, row.item, place)
        return shown._replace(title=f"{row.link.host} › {shown.title}") if self._hosts else shown

    def action_place(self, step: int) -> None:
        if (row := self.current) is not None:
            key = super().state_of(row)[0]
            before = self._place[1] if self._place[0] == key else 0
            self._place = (key, before + step)
            self.show_detail()

    # Looking and acting --------------------------------------------------------------------------

    def action_look(self, key: str) -> None:
        view = next(each for each in self._views if key == each.KEY)
        if view is self._view:
            return
        self._view = view
        self.remove_class("-zoom")
        table = self.query_one("#rows", ColumnTable)
        table.show_columns(self._columns())
        table.focus()
        self.ask_anew()

    def action_next_list(self) -> None:
        at = self._views.index(self._view)
        self.action_look(self._views[(at + 1) % len(self._views)].KEY)

    def action_host(self) -> None:
        every = [None, *self.dashboard.links]
        self._only = every[(every.index(self._only) + 1) % len(every)]
        self.ask_anew()

    async def action_deviations(self) -> None:
        if (row := self.current) is not None:
            host = f"host:{row.link.host} " if self._hosts else ""
            await self.dashboard.action_filter_by(host + self._view.deviations_of(row.item))

    def action_revoke(self) -> None:
        row = self.current
        if row is not None and isinstance(row.item, ApprovalRow):
            self.dashboard.act(self.dashboard.ruling.revoke(row.link, row.item))

    def why_not(self, action: str) -> str:
        if why := super().why_not(action):
            return why
        row = self.current
        if action == "host":
            return "" if self._hosts else "there is one host only"
        if action == "place":
            on_rules = isinstance(self._view, RulesView) and row is not None
            return "" if on_rules else "only a rule has places"
        if action == "deviations" and (row is None or not self._view.deviations_of(row.item)):
            return "nothing on the instances belongs to it"
        if action != "revoke":
            return ""
        if row is None or not isinstance(row.item, ApprovalRow):
            return "only what a review decided can be taken back: a lists it"
        return "" if row.link.state is LinkState.CONNECTED else f"{row.link.host} cannot be reached"
