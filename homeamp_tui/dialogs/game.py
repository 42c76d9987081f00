"""Whether games shall start, stop or restart, and what becomes of those who play."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.widgets import Button, Input, Static

from homeamp_agent.model.game import PlayersPolicy
from homeamp_agent.rpc.protocol.messages.instances import MAX_WAIT_MINUTES
from homeamp_tui.dialogs.dialog import Form
from homeamp_tui.dialogs.options import Options
from homeamp_tui.widgets.diff_view import DiffView

POLICY_WORDS = {
    PlayersPolicy.WAIT: "wait until nobody plays, for at most the minutes below",
    PlayersPolicy.REFUSE: "leave an instance alone where somebody plays",
    PlayersPolicy.FORCE: "do it now: whoever plays is thrown out",
}
WAIT_MINUTES = "10"
EMPTY_HINT = "empty: nothing"


class GameLines(DiffView):
    """The instances that something is done to, one a line, every one of them to be scrolled to."""

    DEFAULT_CSS = """
    GameLines { height: auto; max-height: 25vh; margin-bottom: 1; }
    """

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__([((line, "diff--plain"),) for line in lines], id="games")

    def on_resize(self) -> None:
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        """Take the focus only where there is something to scroll."""
        self.can_focus = self.max_scroll_y > 0


@dataclass(frozen=True, slots=True)
class GameAct:
    """What becomes of players, and what they are told."""

    players: PlayersPolicy
    wait_minutes: float
    announce: str | None
    reason: str


class AskGameAct(Form[GameAct | None]):
    """Start, stop or restart; the focus is on Cancel. `lines`: one an instance, with its players.

    `asks_players`: the game of some instance may be running, so players may be on it.
    """

    def __init__(self, verb: str, title: str, lines: Sequence[str], *, asks_players: bool) -> None:
        super().__init__(title, verb, danger=True)
        self._lines, self._asks_players = lines, asks_players

    def compose_body(self) -> ComposeResult:
        yield GameLines(self._lines)
        if self._asks_players:
            yield Static("Players online", classes="label")
            yield Options(POLICY_WORDS, PlayersPolicy.WAIT, id="players")
            yield Static("Minutes to wait", classes="label")
            yield Input(WAIT_MINUTES, compact=True, id="minutes")
            yield Static("Say to players before", classes="label")
            yield Input(compact=True, placeholder=EMPTY_HINT, id="announce", max_length=200)
        yield Static("Why", classes="label")
        yield Input(compact=True, placeholder="for the history", id="reason", max_length=2000)
        yield Static("", id="wrong", classes="wrong", markup=False)

    def on_mount(self) -> None:
        self.query_one("#cancel").focus()

    @on(Button.Pressed, "#yes")
    def _agreed(self) -> None:
        reason = self.typed("#reason")
        if not self._asks_players:
            self.dismiss(GameAct(PlayersPolicy.WAIT, 0, None, reason))
            return
        try:
            minutes = float(self.query_one("#minutes", Input).value)
        except ValueError:
            minutes = -1
        if not 0 <= minutes <= MAX_WAIT_MINUTES:
            self.say_wrong(f"minutes: 0 to {MAX_WAIT_MINUTES}", "#minutes")
            return
        policy: PlayersPolicy = self.query_one(Options).chosen
        announce = self.typed("#announce") or None
        self.dismiss(GameAct(policy, minutes, announce, reason))


@dataclass(frozen=True, slots=True)
class GameText:
    """What was typed, and why."""

    text: str
    reason: str


class AskGameText(Form[GameText | None]):
    """A line for games, such as a console command; the focus is on it, and enter there sends
    nothing yet. `lines`: one an instance, with its players. `needed`: it must not be empty."""

    def __init__(
        self,
        title: str,
        lines: Sequence[str],
        *,
        label: str,
        text: str,
        yes: str,
        longest: int,
        needed: bool = True,
    ) -> None:
        super().__init__(title, yes, danger=True)
        self._lines, self._label, self._text = lines, label, text
        self._longest, self._needed = longest, needed

    def compose_body(self) -> ComposeResult:
        yield GameLines(self._lines)
        yield Static(self._label, classes="label", markup=False)
        hint = "" if self._needed else EMPTY_HINT
        yield Input(self._text, compact=True, id="text", max_length=self._longest, placeholder=hint)
        yield Static("Why", classes="label")
        yield Input(compact=True, placeholder="for the history", id="reason", max_length=2000)
        yield Static("", id="wrong", classes="wrong", markup=False)

    def on_mount(self) -> None:
        self.query_one("#text").focus()

    @on(Button.Pressed, "#yes")
    def _agreed(self) -> None:
        text = self.typed("#text")
        if self._needed and not text:
            self.say_wrong("There is nothing to send", "#text")
            return
        self.dismiss(GameText(text, self.typed("#reason")))
