"""The deviations: scope tree, virtual table, detail; filter, choose, review, fix, undo."""

from __future__ import annotations

import asyncio
import glob
import time
from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from homeamp_agent.model.deviation import FIXABLE_KINDS, Deviation, DeviationStatus
from homeamp_agent.model.event import Event, Topic
from homeamp_agent.model.query import DeviationFilter, DeviationsSort
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_agent.rpc.protocol.messages import DeviationsShowParams, DeviationsShowResult
from homeamp_tui.choosing import Choice, by_host
from homeamp_tui.groups import Group
from homeamp_tui.links import Link, LinkState, NotConnected
from homeamp_tui.reader import FRESH_SECONDS, DeviationsReader
from homeamp_tui.rows import Query
from homeamp_tui.screens.house import HouseScreen
from homeamp_tui.screens.nobody import nobody_answers
from homeamp_tui.widgets.detail import DeviationDetail
from homeamp_tui.widgets.deviation_table import DeviationTable
from homeamp_tui.widgets.filter_bar import FilterBar
from homeamp_tui.widgets.scope_tree import Place, ScopeTree
from homeamp_tui.words import plain, plural, row_text

DETAIL_PAUSE_SECONDS = 0.06
"""Holding an arrow key must not ask for a detail per row."""
SELECT_MAX = 10_000
"""What one bulk request may name."""
TWICE_SECONDS = 0.4
"""`g` groups at once; a second one this soon takes that back and goes to the top, as in vi."""
TWO_COLUMNS_CELLS = 84

OPEN_AND_REVIEWED = (
    DeviationStatus.PENDING,
    DeviationStatus.FLAGGED,
    DeviationStatus.FIXING,
    DeviationStatus.APPROVED,
    DeviationStatus.FIXED,
)


class DeviationsScreen(HouseScreen):
    """Everything an operator does with deviations happens here."""

    NAME = "deviations"
    KEYS = (
        ("slash", "Filter", "filter"),
        ("space", "Select", "select"),
        ("f", "Fix", "fix"),
        ("a", "Approve", "approve"),
        ("x", "Flag", "flag"),
        ("z", "Undo", "undo"),
        ("g", "Group", "group"),
        ("s", "Sort", "sort"),
        ("t", "Reviewed", "reviewed"),
        ("o", "Reopen", "reopen"),
        ("y", "Copy", "copy"),
        ("r", "Rescan", "rescan"),
    )
    CHANGING = frozenset({"fix", "approve", "flag", "reopen", "undo", "rescan"})
    KEYS_HELP = """\
Move       j k ↓ ↑   page up/down   ctrl+d ctrl+u   gg first   G last
Panes      tab, shift+tab: tree, rows, detail   enter: detail in full
Filter     /   words are and-ed, field:value narrows, ! negates, "two words"
           host instance plugin file key kind severity status pattern rule
Select     space: one   v or shift+↑↓: a range   A: all that the filter shows
Groups     g: the same deviation on many instances is one line; enter opens it
Act        f fix (shows the exact diff)   a approve   x flag   o reopen
Undo       z or u takes back the last fix, approval or flag
View       s sort   t approved and fixed ones too   r scan again   y copy
Marks      ● selected   + new   ⚑ flagged   ✓ approved   ✔ fixed   … fixing
"""

    DEFAULT_CSS = """
    DeviationsScreen { layers: base drawer; }
    DeviationsScreen #middle { width: 1fr; }
    DeviationsScreen .pane {
        border-top: solid $border-blurred; border-title-color: $muted;
        border-title-style: bold; border-subtitle-color: $muted;
    }
    DeviationsScreen .pane:focus { border-top: solid $border; border-title-color: $primary; }
    DeviationsScreen #table { height: 5fr; }
    DeviationsScreen #detail { height: 4fr; }
    DeviationsScreen #scope { display: none; }
    DeviationsScreen.-drawer #scope {
        display: block; layer: drawer; dock: left; width: 38; height: 1fr; margin: 1 0;
        border-right: tall $border;
    }
    DeviationsScreen.-wide #scope { display: block; width: 30; }
    DeviationsScreen.-wide .pane {
        border: round $border-blurred; border-title-color: $muted; border-title-style: bold;
    }
    DeviationsScreen.-wide .pane:focus { border: round $border; border-title-color: $primary; }
    DeviationsScreen.-wide #table { height: 1fr; }
    DeviationsScreen.-wide #detail { height: 40%; min-height: 12; max-height: 22; }
    DeviationsScreen.-zoom #detail { height: 1fr; max-height: 100%; }
    DeviationsScreen.-zoom #table, DeviationsScreen.-zoom #scope { display: none; }
    DeviationsScreen #nothing {
        display: none; height: 1fr; content-align: center middle; background: $surface;
    }
    DeviationsScreen.-nothing #nothing { display: block; }
    DeviationsScreen.-nothing #table, DeviationsScreen.-nothing #detail { display: none; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="deviations.filter"),
        Binding("space", "select", "Select", id="deviations.select"),
        Binding("v", "range", "Select a range", id="deviations.range"),
        Binding(
            "shift+down,J", "extend(1)", "Extend down", show=False, id="deviations.extend_down"
        ),
        Binding("shift+up,K", "extend(-1)", "Extend up", show=False, id="deviations.extend_up"),
        Binding("A", "select_all", "Select all", id="deviations.all"),
        Binding("escape", "back", "Back", show=False, id="deviations.back"),
        Binding("f", "fix", "Fix", id="deviations.fix"),
        Binding("a", "approve", "Approve", id="deviations.approve"),
        Binding("x", "flag", "Flag", id="deviations.flag"),
        Binding("o", "reopen", "Reopen", id="deviations.reopen"),
        Binding("z,u", "undo", "Undo", id="deviations.undo"),
        Binding("g", "group", "Group", id="deviations.group"),
        Binding("s", "sort", "Sort", id="deviations.sort"),
        Binding("t", "reviewed", "Show reviewed", id="deviations.reviewed"),
        Binding("y", "copy", "Copy", id="deviations.copy"),
        Binding("tab", "pane(1)", "Next pane", show=False, id="deviations.next_pane"),
        Binding(
            "shift+tab", "pane(-1)", "Previous pane", show=False, id="deviations.previous_pane"
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._choice = Choice()
        self._range_from: int | None = None
        self._cursor_key: str | None = None
        self._held = False
        self._place = Place()
        self._group: Group | None = None
        self._reviewed = False
        self._sort = DeviationsSort.SEVERITY
        self._shown: tuple[Deviation | None, LinkState | None] = (None, None)
        self._grouped_at = 0.0
        self._problems: dict[str, str] = {}
        self.reader: DeviationsReader

    def compose_body(self) -> ComposeResult:
        self.reader = DeviationsReader(
            self.dashboard.links,
            window=self._window,
            painted=self._paint,
            problem=self._note_problem,
        )
        with Horizontal(id="body"):
            yield ScopeTree(id="scope")
            with Vertical(id="middle"):
                yield FilterBar()
                yield DeviationTable(
                    self.reader.row,
                    is_picked=self._is_picked,
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
        self.detail.border_title = "Detail"
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
        if event.topic is Topic.DEVIATIONS and event.name == "opened" and isinstance(ids, list):
            self.reader.note_fresh(map(str, ids))
            self.set_timer(FRESH_SECONDS, self.table.refresh)
        if self._cursor_key is not None and isinstance(ids, list) and self._cursor_key in ids:
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
        if not self.is_mounted:
            return
        table = self.table
        links = self.dashboard.links
        table.hosts, table.grouped = len(links), self.reader.grouped
        at = self.reader.index_of(self._cursor_key) if self._cursor_key and self._held else None
        if self.reader.known:
            table.total = self.reader.total
            if at is not None and at != table.cursor:
                self._shift_range(at - table.cursor)
                table.put_cursor(at)
            table.show_total(self.reader.total)
        self._cursor_key = self._key(self.reader.row(table.cursor)) or self._cursor_key
        lost = [link.host for link in links if link.state is LinkState.LOST]
        self.scopes.show_counts(self.reader.tree, [link.host for link in links if link.hello], lost)
        self._paint_titles()
        self._paint_nothing()
        self._show_detail()
        self.show_bars()

    def _shift_range(self, moved: int) -> None:
        if self._range_from is not None:
            self._range_from = max(0, self._range_from + moved)

    def _paint_titles(self) -> None:
        noun = "group" if self.reader.grouped else "deviation"
        parts = [f" {plural(self.reader.total, noun)}"]
        if self._group is not None:
            parts.append(f"of one group: {plain(self._group.head.key or '')}")
        if self._place != Place():
            place = self._place
            names = (place.host, place.instance, place.plugin or "game folder")
            parts.append(" › ".join(names[: 1 + bool(place.instance) + (place.plugin is not None)]))
        if not self.reader.grouped:
            parts.append(f"by {self._sort.value}")
        if self._reviewed:
            parts.append("reviewed too")
        if self._choice or self._range_from is not None:
            parts.append(f"{len(self._choice):,} selected")
        if self._range_from is not None:
            parts.append("RANGE: move, v keeps it")
        if self.reader.groups_left_out:
            parts.append(f"{self.reader.groups_left_out:,} smaller ones not listed")
        self.table.border_title = Content(plain(" · ".join(parts) + " "))

    def _paint_nothing(self) -> None:
        words = self._nothing_words()
        self.set_class(words is not None, "-nothing")
        if words is not None:
            self.query_one("#nothing", Static).update(words)
        elif self.focused is None:
            self.table.focus()  # a hidden table loses the focus

    def _nothing_words(self) -> Content | None:
        links = self.dashboard.links
        if self.reader.known:
            if self.reader.total:
                return None
            if self.query_one(FilterBar).text or self._place != Place() or self._group:
                return Content.assemble(
                    ("Nothing matches.\n\n", "bold"), ("esc widens the view again", "$muted")
                )
            return Content.assemble(
                ("✓ Everything is as it should be\n\n", "bold $success"),
                ("t shows what was approved or fixed, r scans again", "$muted"),
            )
        if any(link.state is LinkState.CONNECTED for link in links):
            return Content.styled("Reading…", "$muted")
        return nobody_answers(links)

    @work(exclusive=True, exit_on_error=False, group="detail")
    async def _show_detail(self) -> None:
        row = self.reader.row(self.table.cursor)
        if row is None:
            return
        if isinstance(row, Group):
            await self._show_one(row.members[0], None)
            return
        link = self.reader.link_of(row.host)
        seen = (row, link.state if link else None)
        if seen != self._shown:
            await self._show_one((row.id, row.host), row)
            self._shown = seen

    async def _show_one(self, member: tuple[str, str], row: Deviation | None) -> None:
        await asyncio.sleep(DETAIL_PAUSE_SECONDS)
        identity, host = member
        link = self.reader.link_of(host)
        if link is None:
            return
        try:
            shown = await link.call(
                "deviations.show", DeviationsShowParams(id=identity), DeviationsShowResult
            )
        except (NotConnected, RpcError) as error:
            if row is not None:
                self.detail.show_row(row, str(error))
            return
        self.detail.show(shown)

    # Moving and looking -------------------------------------------------------------------------

    @on(DeviationTable.CursorMoved)
    def _cursor_moved(self) -> None:
        # Until somebody moves, the cursor is on the worst row, whichever host it comes from.
        self._held = self._held or self.table.cursor > 0
        key = self._key(self.reader.row(self.table.cursor))
        if key is None:
            self.reader.look()
        if key != self._cursor_key:
            self._cursor_key = key
            self.detail.scroll_home(animate=False)
            self._show_detail()
        if self._range_from is not None:
            self.table.refresh()
        self.show_bars()

    @on(DeviationTable.RowsInView)
    def _rows_in_view(self) -> None:
        self.reader.look()

    @on(DeviationTable.RowOpened)
    def _row_opened(self) -> None:
        row = self.reader.row(self.table.cursor)
        if isinstance(row, Group):
            self._group = row
            self._ask()
        else:
            self._zoom(zoomed=True)

    def _zoom(self, *, zoomed: bool) -> None:
        self.set_class(zoomed, "-zoom")
        (self.detail if zoomed else self.table).focus()

    @on(ScopeTree.PlaceChosen)
    def _place_chosen(self, event: ScopeTree.PlaceChosen) -> None:
        if event.place != self._place:
            self._place = event.place
            self._ask()

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
        self._ask()

    @on(FilterBar.FilterLeft)
    def _filter_left(self) -> None:
        self.table.focus()

    def _ask(self, *, grouped: bool | None = None) -> None:
        """Look at what scope, filter and sort say now."""
        place = self._place
        wanted = DeviationFilter(
            host=glob.escape(place.host) or None,
            instance=glob.escape(place.instance) or None,
            plugin=None if place.plugin is None else glob.escape(place.plugin),
            text=self.query_one(FilterBar).text or None,
            group=self._group.head.group if self._group else None,
            statuses=OPEN_AND_REVIEWED if self._reviewed else None,
        )
        if grouped is None:
            grouped = self.reader.grouped and self._group is None
        self._range_from = None
        self._cursor_key = None
        self._held = False
        self._shown = (None, None)
        self.table.cursor = 0
        self.reader.ask(Query(wanted, self._sort), grouped=grouped)

    def action_group(self) -> None:
        now = time.monotonic()
        twice = now - self._grouped_at < TWICE_SECONDS
        self._grouped_at = 0.0 if twice else now
        self._group = None
        self._ask(grouped=not self.reader.grouped)

    def action_sort(self) -> None:
        orders = list(DeviationsSort)
        self._sort = orders[(orders.index(self._sort) + 1) % len(orders)]
        self._ask()

    def action_reviewed(self) -> None:
        self._reviewed = not self._reviewed
        self._ask()

    def action_back(self) -> None:
        """Take back the last narrowing: range, zoom, drawer, selection, group, filter, scope."""
        if self._range_from is not None:
            self._range_from = None
        elif self.has_class("-zoom"):
            self._zoom(zoomed=False)
        elif self.has_class("-drawer"):
            self._leave_drawer()
            self.table.focus()
        elif self._choice:
            self._choice.clear()
        elif self._group is not None:
            self._group = None
            self._ask(grouped=True)
        elif self.query_one(FilterBar).text:
            self.query_one(FilterBar).set_text("")
        elif self._place != Place():
            self.scopes.move_cursor(self.scopes.root)
        self.table.focus()
        self.table.refresh()
        self._paint_titles()

    # Choosing -----------------------------------------------------------------------------------

    def _key(self, row: Deviation | Group | None) -> str | None:
        if isinstance(row, Group):
            return row.head.group
        return row.id if row is not None else None

    def _is_picked(self, index: int) -> bool:
        if self._range_from is not None:
            low, high = sorted((self._range_from, self.table.cursor))
            if low <= index <= high:
                return True
        row = self.reader.row(index)
        if isinstance(row, Group):
            return bool(row.members) and all(each in self._choice for each, _ in row.members)
        return row is not None and row.id in self._choice

    def action_select(self) -> None:
        if self._range_from is not None:
            self.action_range()
            return
        row = self.reader.row(self.table.cursor)
        if isinstance(row, Group):
            self._choice.toggle(row.members)
        elif row is not None:
            self._choice.toggle([(row.id, row.host)])
        self.table.cursor += 1
        self._choice_changed()

    def action_range(self) -> None:
        if self._range_from is None:
            self._range_from = self.table.cursor
            self._choice_changed()
        else:
            low, high = sorted((self._range_from, self.table.cursor))
            self._range_from = None
            self._choose(low, high + 1)

    def action_extend(self, rows: int) -> None:
        if self._range_from is None:
            self._range_from = self.table.cursor
        self.table.cursor += rows
        self._choice_changed()

    @work(exclusive=True, exit_on_error=False, group="choose")
    async def _choose(self, first: int, last: int) -> None:
        try:
            self._choice.add(await self.reader.members(first, last))
        except (NotConnected, RpcError) as error:
            self.dashboard.tell_wrong("Not all of the range could be read", str(error))
        self._choice_changed()

    @work(exclusive=True, exit_on_error=False, group="choose")
    async def action_select_all(self) -> None:
        """Everything the filter matches."""
        try:
            if self.reader.grouped:
                self._choice.add(await self.reader.members(0, self.reader.total))
            elif self.reader.total > SELECT_MAX:
                self.dashboard.tell(
                    f"{self.reader.total:,} rows are more than one act takes "
                    f"({SELECT_MAX:,}). Filter first.",
                    severity="warning",
                )
            else:
                self._choice.add(await self.reader.all_members())
        except (NotConnected, RpcError) as error:
            self.dashboard.tell_wrong("Not everything could be read", str(error))
        self._choice_changed()

    def _choice_changed(self) -> None:
        self.table.refresh()
        self._paint_titles()
        self.show_bars()

    # Acting -------------------------------------------------------------------------------------

    def _settle_range(self) -> None:
        """A range in the making counts as chosen, as far as its rows are here."""
        if self._range_from is None:
            return
        low, high = sorted((self._range_from, self.table.cursor))
        self._range_from = None
        for index in range(low, high + 1):
            row = self.reader.row(index)
            if isinstance(row, Group):
                self._choice.add(row.members)
            elif row is not None:
                self._choice.add([(row.id, row.host)])

    def chosen(self) -> Mapping[str, Sequence[str]]:
        """The selected deviations by host, else those under the cursor."""
        self._settle_range()
        if self._choice:
            return self._choice.by_host()
        row = self.reader.row(self.table.cursor)
        if isinstance(row, Group):
            return by_host(row.members)
        return by_host([(row.id, row.host)] if row is not None else [])

    def _summary(self, chosen: Mapping[str, Sequence[str]]) -> str:
        count = sum(map(len, chosen.values()))
        row = self.reader.row(self.table.cursor)
        if count == 1 and isinstance(row, Deviation) and [row.id] in chosen.values():
            return row_text(row)
        return f"{plural(count, 'deviation')} on {', '.join(sorted(chosen))}"

    def _acted(self) -> None:
        self._choice.clear()
        self._choice_changed()

    def action_fix(self) -> None:
        self.dashboard.act(self.dashboard.acts.fix(self.chosen(), self._acted))

    def action_approve(self) -> None:
        chosen = self.chosen()
        act = self.dashboard.acts.approve(chosen, self._summary(chosen), self._acted)
        self.dashboard.act(act)

    def action_flag(self) -> None:
        chosen = self.chosen()
        act = self.dashboard.acts.flag(chosen, self._summary(chosen), self._acted)
        self.dashboard.act(act)

    def action_reopen(self) -> None:
        self.dashboard.act(self.dashboard.acts.reopen(self.chosen(), self._acted))

    def action_undo(self) -> None:
        self.dashboard.act(self.dashboard.acts.undo())

    @work(exclusive=True, exit_on_error=False, group="copy")
    async def action_copy(self) -> None:
        """The chosen deviations as lines of text."""
        try:
            rows = await self.reader.rows_of(self.chosen())
        except (NotConnected, RpcError) as error:
            self.dashboard.tell_wrong("Not copied", str(error))
            return
        self.dashboard.copy_lines([row_text(row) for row in rows])

    def why_not(self, action: str) -> str:
        if why := super().why_not(action):
            return why
        row = self.reader.row(self.table.cursor)
        if action == "undo":
            return "" if self.dashboard.acts.undoable else "nothing was changed from here yet"
        if action in {"select", "range", "select_all", "copy"} and row is None:
            return "there is no row"
        if action not in {"fix", "approve", "flag", "reopen"}:
            return ""
        if self._choice or self._range_from is not None:
            return ""
        if row is None:
            return "there is no row"
        if isinstance(row, Deviation):
            return self._why_not_one(action, row)
        return ""

    def _why_not_one(self, action: str, row: Deviation) -> str:
        if self.reader.is_lost(row.host):
            return f"{row.host} cannot be reached"
        if action == "fix" and row.kind not in FIXABLE_KINDS:
            return f"{row.kind.value.replace('_', ' ')}: no edit of a file puts this right"
        reviewed = row.status in {DeviationStatus.APPROVED, DeviationStatus.FLAGGED}
        if action == "reopen" and not reviewed:
            return "it is neither approved nor flagged"
        if action == "approve" and row.status is DeviationStatus.APPROVED:
            return "it is approved already"
        return ""
