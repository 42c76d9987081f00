"""Since when: a moment in the past, as people write one."""

from __future__ import annotations

import datetime as dt
import re

from textual import on
from textual.app import ComposeResult
from textual.widgets import Button, Input, Static

from homeamp_tui.dialogs.dialog import Dialog
from homeamp_tui.dialogs.review import NotAMoment

_SPAN = re.compile(r"(\d{1,4})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")


def moment_ago(text: str, now: dt.datetime) -> dt.datetime:
    """`30m`, `2h`, `3d` before `now`; `14:30` of today; `2027-01-31` or `2027-01-31 14:30`, local.

    Raises:
        NotAMoment: none of these, or not past yet.
    """
    text = text.strip().lower()
    if span := _SPAN.fullmatch(text):
        return now - dt.timedelta(**{_UNITS[span[2]]: int(span[1])})
    today = now.astimezone()
    try:
        if clock := _CLOCK.fullmatch(text):
            moment = dt.datetime.combine(today.date(), dt.time(int(clock[1]), int(clock[2])))
        else:
            moment = dt.datetime.fromisoformat(text)
        moment = moment.astimezone()
    except (ValueError, OverflowError) as error:
        raise NotAMoment(f"{text or 'since when?'}: write 30m, 2h, 3d, 14:30 or a day") from error
    if moment > now:
        raise NotAMoment(f"{text} is still to come")
    return moment


class AskSince(Dialog[dt.datetime | None]):
    """Since when everything shall be rolled back; what it would do is shown before it is done."""

    def __init__(self) -> None:
        super().__init__("Roll back everything since …", foot="enter: show it · esc: cancel")

    def compose_body(self) -> ComposeResult:
        yield Static("Since", classes="label")
        yield Input(compact=True, placeholder="30m, 2h, 3d, 14:30, 2027-01-31 14:30", id="since")
        yield Static("Every change of every host from then on; shown before it is done.",
                     classes="hint", markup=False)  # fmt: skip
        yield Static("", id="wrong", classes="wrong", markup=False)

    def compose_buttons(self) -> ComposeResult:
        yield Button("Cancel", id="cancel", compact=True)
        yield Button("Show it", id="yes", compact=True)

    def on_mount(self) -> None:
        self.query_one("#since").focus()

    @on(Input.Submitted, "#since")
    @on(Button.Pressed, "#yes")
    def _said(self) -> None:
        try:
            moment = moment_ago(self.query_one("#since", Input).value, dt.datetime.now(dt.UTC))
        except NotAMoment as error:
            self.query_one("#wrong", Static).update(str(error))
            self.query_one("#since").focus()
            return
        self.dismiss(moment)
