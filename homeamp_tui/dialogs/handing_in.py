"""What is said beside the edits of a change request; and why one is turned down."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Button, Input, Static

from homeamp_agent.model.change import ChangeRequest, WritePolicy
from homeamp_tui.dialogs.dialog import Form
from homeamp_tui.dialogs.options import Options
from homeamp_tui.dialogs.review import NotAMoment, moment_of
from homeamp_tui.words import moment_text

POLICY_WORDS = {
    WritePolicy.NOW: "at once, also under a running game",
    WritePolicy.ON_RESTART: "at the game's next stop",
    WritePolicy.STOP_WRITE_START: "stop the game, write, start it again",
}
REASON_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Said:
    """Why, how and when."""

    reason: str
    write_policy: WritePolicy
    not_before: dt.datetime | None = None
    window: str | None = None

    def wire(self) -> dict[str, Any]:
        """As a change request says it; what was not said is left out."""
        told: dict[str, Any] = {"reason": self.reason, "write_policy": self.write_policy.value}
        if self.not_before is not None:
            told["schedule"] = {"not_before": self.not_before.isoformat()}
        if self.window is not None:
            told["restart"] = {"window": self.window}
        return told


def clock_of(text: str, now: dt.datetime) -> dt.datetime | None:
    """`2h`, `7d` from now, or `2027-01-31 03:00`, local; None if empty.

    Raises:
        NotAMoment: none of these, or over.
    """
    text = text.strip()
    if not text or (" " not in text and "T" not in text):
        return moment_of(text, now)
    try:
        moment = dt.datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise NotAMoment(f"{text}: write 2h, 7d or 2027-01-31 03:00") from error
    if moment <= now:
        raise NotAMoment(f"{text} is over")
    return moment


class AskSaid(Form[Said | None]):
    """Why, how and when a request shall be carried out; `known` is what it says so far."""

    def __init__(self, title: str, known: ChangeRequest | None = None) -> None:
        super().__init__(title, "Hand in")
        self._known = known

    def compose_body(self) -> ComposeResult:
        known = self._known
        reason = known.reason if known is not None else ""
        policy = known.write_policy if known is not None else WritePolicy.NOW
        when = ""
        if known is not None and known.not_before is not None:
            when = moment_text(known.not_before)
        yield Static("Why", classes="label")
        yield Input(
            reason, compact=True, placeholder="a reason for whoever approves it", id="reason",
            max_length=REASON_CHARACTERS,
        )  # fmt: skip
        yield Static("Write", classes="label")
        yield Options(POLICY_WORDS, policy, id="policy")
        yield Static("Not before", classes="label")
        yield Input(
            when, compact=True, id="when",
            placeholder="empty: when somebody says so; 2h, 7d, 2027-01-31 03:00",
        )  # fmt: skip
        yield Static("Window of a restart", classes="label")
        yield Input(compact=True, placeholder="empty: the settings' own; 03:00-05:00, or a name",
                    id="window", max_length=100)  # fmt: skip
        yield Static("", id="wrong", classes="wrong", markup=False)

    def on_mount(self) -> None:
        self.query_one("#reason").focus()

    @on(Button.Pressed, "#yes")
    def _done(self) -> None:
        reason = self.typed("#reason")
        if not reason:
            self.say_wrong("why?", "#reason")
            return
        try:
            when = clock_of(self.query_one("#when", Input).value, dt.datetime.now(dt.UTC))
        except NotAMoment as error:
            self.say_wrong(str(error), "#when")
            return
        policy: WritePolicy = self.query_one(Options).chosen
        window = self.typed("#window") or None
        self.dismiss(Said(reason, policy, when, window))


class AskWhy(Form[str | None]):
    """Why requests are turned down; the focus is on the reason, `yes` a tab further."""

    def __init__(self, title: str, summary: Content, yes: str) -> None:
        super().__init__(title, yes)
        self._summary = summary

    def compose_body(self) -> ComposeResult:
        yield Static(self._summary, markup=False)
        yield Static("Why", classes="label")
        yield Input(compact=True, placeholder="for who handed it in, and the history", id="reason",
                    max_length=REASON_CHARACTERS)  # fmt: skip

    def on_mount(self) -> None:
        self.query_one("#reason").focus()

    @on(Button.Pressed, "#yes")
    def _agreed(self) -> None:
        self.dismiss(self.typed("#reason"))
