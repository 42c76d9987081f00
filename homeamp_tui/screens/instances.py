"""The instances of every host: what their games do, as AMP says, and how much of each deviates."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from homeamp_agent.model.event import Topic
from homeamp_agent.model.game import GameState
from homeamp_agent.rpc.protocol.messages import InstanceRow
from homeamp_tui.games import instances_of, players_text, state_text, waiting_text
from homeamp_tui.links import Link
from homeamp_tui.screens.listing import ListingScreen, Row
from homeamp_tui.screens.paned import Detail
from homeamp_tui.widgets.column_table import Cell, Column
from homeamp_tui.widgets.diff_view import Line, note_lines
from homeamp_tui.words import ago_text, plain, plural

LOOK_AGAIN_SECONDS = 15.0
"""Players and load change without an event; AMP itself is asked by the agent, not by each look."""

BEGUN_SECONDS = 1.0
"""An act answers as it begins; by then it stands, or waits for players."""

STATE_STYLES = {
    GameState.READY: "good",
    GameState.FAILED: "bad",
    GameState.AWAY: "bad",
    GameState.STOPPED: "warning",
    GameState.UNKNOWN: "muted",
}
LABEL_CELLS = 11
_IDLE = {"start": (GameState.READY, "it runs"), "stop": (GameState.STOPPED, "it is stopped")}
"""In which state an act has nothing to do."""

LAYOUT = """
InstancesScreen.-wide #rows { width: 3fr; }
InstancesScreen.-wide #right { width: 2fr; }
"""
"""Its rows have many columns, its detail has short lines."""


class InstancesScreen(ListingScreen[InstanceRow]):
    """A line for each instance, and the one under the cursor in full."""

    DEFAULT_CSS = LAYOUT
    NAME = "instances"
    NOUN = "instance"
    TOPICS = frozenset({Topic.INSTANCES, Topic.DEVIATIONS})
    COLUMNS = (
        Column("INSTANCE", 0),
        Column("HOST", 8, least=5),
        Column("PLATFORM", 9, wide_only=True),
        Column("STATE", 12),
        Column("PLAYERS", 7, right=True),
        Column("CPU", 4, right=True),
        Column("MEM", 7, right=True),
        Column("OPEN", 5, right=True),
    )
    HINT = "host: instance: platform: tag: state:  !not"
    KEYS = (
        ("slash", "Filter", "filter"),
        ("space", "Select", "select"),
        ("c", "Withdraw", "cancel"),
        ("s", "Start", "start"),
        ("x", "Stop", "stop"),
        ("R", "Restart", "restart"),
        ("b", "Back up", "back_up"),
        ("t", "Type", "console"),
        ("d", "Deviations", "deviations"),
        ("r", "Rescan", "rescan"),
    )
    CHANGING = frozenset({"start", "stop", "restart", "cancel", "back_up", "console", "rescan"})
    KEYS_HELP = """\
Move       j k ↓ ↑   tab: to the detail and back   enter: the detail in full
Filter     /   words are and-ed, field:value narrows, ! negates
           host instance platform tag state
Select     space: one   A: all that the filter shows
Act        s: start the game   x: stop it   R: restart it (each asks first,
           and says who plays)   c: withdraw a stop or restart that waits
           until nobody plays (shown where one does)   b: have AMP back it up   t: type a line into
           its console   d: the deviations of the instance
Marks      ● selected   ▶ ready   ■ stopped   ✖ failed   ✗ AMP away   – no AMP
           ◷ waits until nobody plays
"""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "start", "Start the game", id="instances.start"),
        Binding("x", "stop", "Stop the game", id="instances.stop"),
        Binding("R", "restart", "Restart the game", id="instances.restart"),
        Binding("c", "cancel", "Withdraw what waits for players", id="instances.cancel"),
        Binding("b", "back_up", "Have AMP back it up", id="instances.backup"),
        Binding("t", "console", "Type into its console", id="instances.console"),
        Binding("d", "deviations", "Deviations of the instance", id="instances.deviations"),
    ]

    def on_mount(self) -> None:
        self.set_interval(LOOK_AGAIN_SECONDS, self._refresher.poke)

    async def read_from(self, link: Link) -> Sequence[InstanceRow]:
        return await instances_of(link)

    def identity(self, item: InstanceRow) -> str:
        return item.name

    def arranged(self, rows: Sequence[Row[InstanceRow]]) -> Sequence[Row[InstanceRow]]:
        return sorted(rows, key=lambda row: (row.link.host, row.item.name))

    def fields(self, row: Row[InstanceRow]) -> Mapping[str, str]:
        instance = row.item
        return {
            "host": row.link.host,
            "instance": f"{instance.name} {instance.friendly_name}",
            "platform": instance.platform.value,
            "tag": " ".join(instance.tags),
            "state": f"{state_text(instance.amp)} {waiting_text(instance)}",
        }

    def cells(self, row: Row[InstanceRow]) -> Sequence[Cell]:
        instance, game = row.item, row.item.amp
        style = STATE_STYLES.get(game.state, "") if game else "muted"
        cpu = "" if game is None or game.cpu is None else f"{game.cpu:.0f}%"
        memory = "" if game is None or game.memory_mb is None else f"{game.memory_mb:,.0f}M"
        opened = instance.counts.open
        return (
            Cell(plain(instance.name)),
            Cell(plain(row.link.host), "muted"),
            Cell(instance.platform.value, "muted"),
            Cell(waiting_text(instance), "warning")
            if instance.waits_until
            else Cell(state_text(game), style),
            Cell(players_text(game)),
            Cell(cpu),
            Cell(memory),
            Cell(f"{opened:,}", "warning" if opened else "muted"),
        )

    async def detail(self, row: Row[InstanceRow]) -> Detail:
        instance, game = row.item, row.item.amp
        state = Content.styled(state_text(game), "bold")
        if game is not None and game.since is not None:
            state += Content.styled(f"  since {ago_text(game.since)}", "$muted")
        if instance.doing:
            waits = instance.waits_until
            words = f"\nis being {plain(instance.doing)}"
            if waits is not None:
                words += f": waits until nobody plays, at most till {waits.astimezone():%H:%M}"
            state += Content.styled(words, "$warning")
        lines = [
            _fact("name", instance.friendly_name),
            _fact("platform", instance.platform.value),
            _fact("tags", ", ".join(instance.tags) or "none"),
            _fact("plugins", f"{instance.plugins:,}"),
            _fact("files", f"{instance.files:,}"),
            _fact("open", plural(instance.counts.open, "deviation") + ", d shows them"),
        ]
        if game is None:
            lines += note_lines("The agent asks no AMP: it knows nothing of the game.")
        else:
            lines += [_fact("players", players_text(game) or "not known")]
            lines += [_fact("TPS", f"{game.tps:.1f}")] if game.tps is not None else []
            lines += note_lines(game.message, "diff--warning")
        lines += [line for each in instance.problems for line in note_lines(each, "diff--warning")]
        return Detail(f"{row.link.host} › {instance.name}", state, lines)

    def nothing(self) -> Content:
        return Content.styled("No instance was found; the overview (1) says why.", "$muted")

    def _act(self, verb: str) -> None:
        chosen = [(row.link, row.item.name) for row in self.chosen]

        async def acting() -> None:
            if await self.dashboard.games.act(verb, chosen):
                self.acted()
                self.set_timer(BEGUN_SECONDS, self._refresher.poke)

        self.dashboard.act(acting())

    def action_start(self) -> None:
        self._act("start")

    def action_stop(self) -> None:
        self._act("stop")

    def action_restart(self) -> None:
        self._act("restart")

    def action_cancel(self) -> None:
        self.dashboard.act(self._typed(self.dashboard.games.withdraw))

    def action_back_up(self) -> None:
        self.dashboard.act(self._typed(self.dashboard.games.back_up))

    def action_console(self) -> None:
        self.dashboard.act(self._typed(self.dashboard.games.console))

    async def _typed(self, act: Callable[[Sequence[tuple[Link, str]]], Awaitable[bool]]) -> None:
        if await act([(row.link, row.item.name) for row in self.chosen]):
            self.acted()

    async def action_deviations(self) -> None:
        if (row := self.current) is not None:
            await self.dashboard.action_filter_by(f"host:{row.link.host} instance:{row.item.name}")

    def why_not_chosen(self, action: str) -> str:
        if why := super().why_not_chosen(action):
            return why
        if action == "cancel":  # AMP may be away, and a wait for it is no less to be withdrawn
            waits = any(waiting_text(row.item) for row in self.chosen)
            return "" if waits else "no stop and no restart waits there"
        without = [row.item.name for row in self.chosen if row.item.amp is None]
        if without:
            return f"{', '.join(without)}: the agent asks no AMP, so do it by hand"
        states = {row.item.amp.state for row in self.chosen if row.item.amp is not None}
        if states == {GameState.AWAY}:
            return f"AMP is away{': ' + message if (message := _message(self.chosen)) else ''}"
        if idle := _IDLE.get(action):
            state, words = idle
            if states == {state}:
                return f"{words} already"
        return ""

    def shows(self, action: str) -> bool:
        if action == "cancel" and not any(waiting_text(row.item) for row in self.chosen):
            return False
        return super().shows(action)


def _message(rows: Sequence[Row[InstanceRow]]) -> str:
    """What is said of the games, if it is the same of all."""
    said = {row.item.amp.message for row in rows if row.item.amp is not None}
    return said.pop() if len(said) == 1 else ""


def _fact(label: str, text: str) -> Line:
    return ((label.ljust(LABEL_CELLS), "diff--note"), (plain(text), "diff--plain"))
