"""Every setting of a plugin against every instance of a host: what differs, and why it may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content

from homeamp_agent.model.event import Topic
from homeamp_agent.model.variance import CellState, Variance
from homeamp_agent.rpc.protocol.errors import NotFound, RpcError
from homeamp_agent.rpc.protocol.messages import (
    MatrixCell,
    MatrixInstance,
    MatrixRow,
    NoParams,
    RulesExplainParams,
    RulesExplainResult,
    SettingsMatrixParams,
    SettingsMatrixResult,
    SettingsPluginsResult,
)
from homeamp_tui.dialogs.choose import Choice, Choose
from homeamp_tui.explaining import explanation_lines
from homeamp_tui.links import Link, NotConnected
from homeamp_tui.screens.paned import Detail
from homeamp_tui.screens.windowed import WindowedScreen
from homeamp_tui.widgets.matrix_table import (
    VARIANCE_MARKS,
    VARIANCE_WORDS,
    MatrixTable,
    cell_text,
)
from homeamp_tui.widgets.setting_changes import read_changes
from homeamp_tui.windows import At, Found
from homeamp_tui.words import plain, plural

GAME_FOLDER = "game folder"

DIFFERING = tuple(variance for variance in Variance if variance is not Variance.SAME)
VIEWS: tuple[tuple[str, tuple[Variance, ...] | None], ...] = (
    ("what differs", DIFFERING),
    ("drift only", (Variance.DRIFT,)),
    ("all", None),
    *((f"{VARIANCE_WORDS[each]} only", (each,)) for each in Variance if each is not Variance.DRIFT),
)
"""`v` goes through the first three, `V` chooses among all."""
CYCLED_VIEWS = 3
ALL = 2

REASONS = {
    Variance.SAME: "as it should be, or as on the others",
    Variance.VARIABLE: "meant to vary from instance to instance",
    Variance.HOST: "a rule of the host wants it so",
    Variance.TAG: "a rule of a tag wants it so",
    Variance.INSTANCE: "a rule of the instance wants it so",
    Variance.DRIFT: "differs, and no rule says it may",
}
DEVIATES = "an open deviation, d shows it"


class MatrixScreen(WindowedScreen[MatrixRow]):
    """A line for each setting, a column for each instance, the cell under the cursor in full."""

    NAME = "matrix"
    TOPICS = frozenset({Topic.DEVIATIONS, Topic.RULES, Topic.SCAN, Topic.INSTANCES})
    HINT = "words in the file, the key or a value  !not"
    DEFAULT_CSS = """
    MatrixScreen #lists, MatrixScreen.-wide #lists { layout: vertical; }
    MatrixScreen #right, MatrixScreen.-wide #right { width: 100%; height: 9; }
    MatrixScreen #rows, MatrixScreen.-wide #rows { width: 100%; }
    MatrixScreen.-wide #right { height: 16; }
    MatrixScreen.-zoom #right, MatrixScreen.-zoom.-wide #right { height: 1fr; }
    """
    KEYS = (
        ("slash", "Filter", "filter"),
        ("p", "Plugin", "plugin"),
        ("v", "View", "view"),
        ("enter", "Explain", "explain"),
        ("d", "Deviations", "deviations"),
        ("y", "Copy", "copy"),
        ("r", "Rescan", "rescan"),
    )
    CHANGING = frozenset({"rescan"})
    KEYS_HELP = f"""\
Move       j k ↓ ↑: settings   h l ← →: instances   tab: to the explanation
           enter: the explanation in full   esc: back
Choose     p: another plugin, or another host   v: what differs, drift only, all
           V: one class only: same, host, tag, instance, variable, drift
           [ ]: the plugin before or after
Filter     /   words are and-ed over file, key and values, ! negates
Act        d: the deviations of this setting   y: copy the explanation
Marks      {"   ".join(f"{VARIANCE_MARKS[each]} {REASONS[each]}" for each in DIFFERING)}
           ·: the instance has no such file
"""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "plugin", "Choose a plugin", id="matrix.plugin"),
        Binding("right_square_bracket", "next(1)", "Next plugin", id="matrix.next"),
        Binding("left_square_bracket", "next(-1)", "Plugin before", id="matrix.before"),
        Binding("v", "view", "What differs, drift only, all", id="matrix.view"),
        Binding("V", "class", "Only one class of differences", id="matrix.class"),
        Binding("d", "deviations", "Deviations of the setting", id="matrix.deviations"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._plugins: dict[str, SettingsPluginsResult] = {}
        self._place: tuple[Link, str | None] | None = None
        self._view = 0
        self._counts: dict[Variance, int] = {}

    # Which plugin --------------------------------------------------------------------------------

    @property
    def sources(self) -> Sequence[Link]:
        return [self._place[0]] if self._place is not None else []

    async def prepare(self, links: Sequence[Link]) -> None:
        for link in links:
            try:
                found = await link.call("settings.plugins", NoParams(), SettingsPluginsResult)
            except (NotConnected, RpcError):
                continue
            self._plugins[link.url] = found
        if self._place is None and (choices := self._choices()):
            # Where most is to be seen.
            worst = max(choices, key=lambda each: each[2])
            self._place = worst[:2]
            self.windows.forget(self.sources)

    def _choices(self) -> list[tuple[Link, str | None, int]]:
        """Every plugin of every host with its open deviations, in order."""
        return [
            (link, each.plugin, each.open)
            for link in self.dashboard.links
            if link.url in self._plugins
            for each in self._plugins[link.url].plugins
        ]

    def look_at(self, link: Link, plugin: str | None) -> None:
        """Compare another plugin."""
        self._place = (link, plugin)
        self._counts = {}
        self.ask_anew()

    def action_plugin(self) -> None:
        self.dashboard.act(self._choose())

    async def _choose(self) -> None:
        many = len(self._plugins) > 1
        choices = [
            Choice(
                (f"{link.host} › " if many else "") + (row.plugin or GAME_FOLDER),
                f"{plural(row.instances, 'instance')}, {row.open:,} open",
                (link, row.plugin),
            )
            for link in self.dashboard.links
            if link.url in self._plugins
            for row in self._plugins[link.url].plugins
        ]
        chosen = await self.dashboard.push_screen_wait(Choose("Which plugin?", choices))
        if chosen is not None:
            self.look_at(*chosen)

    def action_next(self, step: int) -> None:
        places = [each[:2] for each in self._choices()]
        if self._place in places:
            self.look_at(*places[(places.index(self._place) + step) % len(places)])

    def action_view(self) -> None:
        self._view = (self._view + 1) % CYCLED_VIEWS
        self.ask_anew()

    def action_class(self) -> None:
        self.dashboard.act(self._choose_view())

    async def _choose_view(self) -> None:
        choices = [
            Choice(name[:1].upper() + name[1:], plural(self._counted(wanted), "setting"), at)
            for at, (name, wanted) in enumerate(VIEWS)
        ]
        chosen = await self.dashboard.push_screen_wait(Choose("Which settings?", choices))
        if chosen is not None:
            self._view = chosen
            self.ask_anew()

    def _counted(self, wanted: tuple[Variance, ...] | None) -> int:
        return sum(self._counts.get(each, 0) for each in wanted or Variance)

    # Rows ----------------------------------------------------------------------------------------

    def make_table(self) -> MatrixTable:
        return MatrixTable(self._row_at, id="rows")

    @property
    def matrix(self) -> MatrixTable:
        """The table, by its own type."""
        return self.query_one("#rows", MatrixTable)

    def _row_at(self, index: int) -> MatrixRow | None:
        row = self.windows.row(index)
        return None if row is None else row.item

    async def ask(self, link: Link, offset: int, limit: int) -> Found[MatrixRow]:
        place = self._place
        if place is None:
            return (), 0
        params = SettingsMatrixParams(
            plugin=place[1],
            filter=self.text or None,
            variance=VIEWS[self._view][1],
            offset=offset,
            limit=limit,
        )
        try:
            answer = await link.call("settings.matrix", params, SettingsMatrixResult)
        except NotFound:
            return (), 0
        if place == self._place:
            self._counts = answer.counts
            self.matrix.show_instances(answer.instances)
        return answer.rows, answer.total

    def title_parts(self) -> Sequence[str]:
        if self._place is None:
            return ("settings",)
        link, plugin = self._place
        name, wanted = VIEWS[self._view]
        every = sum(self._counts.values())
        count = f"{self.windows.total:,} of {plural(every, 'setting')}"
        parts = [f"{plugin or GAME_FOLDER} on {link.host}", count]
        return (*parts, name) if wanted is not None else parts

    @property
    def known(self) -> bool:
        return super().known or (self._place is None and bool(self._plugins))

    def nothing(self) -> Content:
        if not any(found.plugins for found in self._plugins.values()):
            words = "No instance has settings that can be compared yet; the overview (1) says why."
            return Content.styled(words, "$muted")
        every = sum(self._counts.values())
        if self._place is None or not every:
            return Content.styled("No settings to compare here. p chooses a plugin.", "$muted")
        name = self._place[1] or GAME_FOLDER
        if VIEWS[self._view][1] is None:
            return Content.styled(f"{plain(name)} has no setting that could be read.", "$muted")
        view, wanted = VIEWS[self._view]
        found = f"✓ {plain(name)}: nothing here but what is the same\n\n"
        if wanted != DIFFERING:
            found = f"{plain(name)}: no setting, {view}\n\n"
        return Content.assemble(
            (found, "bold $success" if wanted == DIFFERING else "bold"),
            (f"v shows all {plural(every, 'setting')}, p another plugin", "$muted"),
        )

    def widen(self) -> None:
        if self.text:
            super().widen()
        elif VIEWS[self._view][1] is not None:
            self._view = ALL
            self.ask_anew()

    # The cell under the cursor -------------------------------------------------------------------

    @on(MatrixTable.ColumnMoved)
    def _column_moved(self) -> None:
        self.show_detail()
        self.show_bars()

    def _cell(self) -> tuple[MatrixInstance, MatrixCell] | None:
        row, here = self.current, self.matrix.instance
        if row is None or here is None or self.matrix.column >= len(row.item.cells):
            return None
        return here, row.item.cells[self.matrix.column]

    def state_of(self, row: At[MatrixRow]) -> tuple[Any, ...]:
        place, *rest = super().state_of(row)
        return ((place, self.matrix.instance), *rest)

    def identity(self, item: MatrixRow) -> tuple[Any, ...]:
        return (item.file, item.path)

    async def detail(self, row: At[MatrixRow]) -> Detail:
        found = self._cell()
        if found is None:
            return Detail(row.item.key, Content(""), ())
        here, cell = found
        file = f"{here.folder}/{row.item.file}" if here.folder else row.item.file
        plugin = self._place[1] if self._place is not None else None
        params = RulesExplainParams(
            instance=here.instance, plugin=plugin, file=file, path=row.item.path
        )
        answer = await row.link.call("rules.explain", params, RulesExplainResult)
        changes = await read_changes(row.link, here.instance, file, row.item.path)
        lines = list(explanation_lines(answer.explanation, changes))
        return Detail(f"{here.instance} › {row.item.key}", _head(file, cell, row.item), lines)

    async def action_deviations(self) -> None:
        if (row := self.current) is not None:
            text = f'host:{row.link.host} file:"{row.item.file}" key:"{row.item.key}"'
            await self.dashboard.action_filter_by(text)

    def why_not(self, action: str) -> str:
        if why := super().why_not(action):
            return why
        if action in {"plugin", "next"} and not self._choices():
            return "no agent has said yet which plugins there are"
        if action in {"explain", "deviations"} and self.current is None:
            return "there is no setting"
        return ""


def _head(file: str, cell: MatrixCell, row: MatrixRow) -> Content:
    reason = DEVIATES if cell.deviation is not None else REASONS[cell.variance]
    if cell.state is CellState.NO_FILE:
        reason = "the instance has no such file"
    return Content.assemble(
        (cell_text(cell, row), "bold"),
        (f"   {VARIANCE_WORDS[cell.variance]}: ", "$muted"),
        (reason, "$warning" if cell.variance is Variance.DRIFT else "$muted"),
        (f"\n{plain(file)}", "$muted"),
    )
