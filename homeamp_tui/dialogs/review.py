"""Why, how far and until when deviations are accepted; or why they are wrong."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Button, Input, RadioSet, Static

from homeamp_agent.model.rule import ScopeKind
from homeamp_tui.dialogs.dialog import Form
from homeamp_tui.dialogs.options import Options
from homeamp_tui.words import plain

SCOPE_WORDS = {
    ScopeKind.INSTANCE: "each on its own instance",
    ScopeKind.TAG: "on every instance with a tag",
    ScopeKind.HOST: "on every instance of its host",
    ScopeKind.GLOBAL: "everywhere",
}

_SPAN = re.compile(r"(\d{1,4})\s*([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


class NotAMoment(ValueError):
    """The text names no moment in the future."""


def moment_of(text: str, now: dt.datetime) -> dt.datetime | None:
    """`12h`, `7d`, `4w` from now, or the end of a day given as `2027-01-31`; None if empty.

    Raises:
        NotAMoment: neither, or already past.
    """
    text = text.strip().lower()
    if not text or text == "never":
        return None
    if span := _SPAN.fullmatch(text):
        return now + dt.timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        day = dt.date.fromisoformat(text)
    except ValueError as error:
        raise NotAMoment(f"{text}: write 12h, 7d, 4w or a day as 2027-01-31") from error
    moment = dt.datetime.combine(day, dt.time(23, 59, 59)).astimezone()
    if moment <= now:
        raise NotAMoment(f"{text} is over")
    return moment


def value_of(text: str) -> Any:
    """What was typed as a value: JSON where it reads as JSON, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


@dataclass(frozen=True, slots=True)
class Approval:
    """How far, why and until when."""

    scope: ScopeKind
    tag: str | None
    reason: str
    expires: dt.datetime | None


class AskApproval(Form[Approval | None]):
    """How far, why and until when: to accept deviations as they are, or to make rules of them.

    `label` stands above the scopes, `yes` on the button, `scope` is chosen at first with `tag`.
    """

    def __init__(
        self,
        title: str,
        summary: Content,
        tags: Sequence[str],
        *,
        label: str = "Accept",
        yes: str = "Approve",
        scope: ScopeKind = ScopeKind.INSTANCE,
        tag: str = "",
    ) -> None:
        super().__init__(title, yes)
        self._summary, self._tags = summary, tags
        self._label, self._first, self._tag = label, scope, tag

    def compose_body(self) -> ComposeResult:
        yield Static(self._summary, markup=False)
        yield Static(self._label, classes="label")
        yield Options(SCOPE_WORDS, self._first, id="scope")
        tag = self._tag or (self._tags[0] if len(self._tags) == 1 else "")
        off = self._first is not ScopeKind.TAG
        yield Input(tag, compact=True, placeholder="which tag", id="tag", disabled=off)
        known = ", ".join(plain(tag) for tag in self._tags)
        yield Static(f"tags there: {known or 'none'}", classes="hint", markup=False)
        yield Static("Why", classes="label")
        yield Input(
            compact=True, placeholder="a reason for whoever reads approved.yaml", id="reason"
        )
        yield Static("Until", classes="label")
        yield Input(compact=True, placeholder="never, or 12h, 7d, 4w, 2027-01-31", id="until")
        yield Static("", id="wrong", classes="wrong", markup=False)

    def on_mount(self) -> None:
        self.query_one("#reason").focus()

    @on(RadioSet.Changed)
    def _scope_changed(self) -> None:
        tag = self.query_one("#tag", Input)
        tag.disabled = self.query_one(Options).chosen is not ScopeKind.TAG

    @on(Button.Pressed, "#yes")
    def _approved(self) -> None:
        scope: ScopeKind = self.query_one(Options).chosen
        tag = self.typed("#tag") or None
        try:
            expires = moment_of(self.query_one("#until", Input).value, dt.datetime.now(dt.UTC))
        except NotAMoment as error:
            self.say_wrong(str(error), "#until")
            return
        if scope is ScopeKind.TAG and tag not in self._tags:
            there = ", ".join(self._tags) or "none"
            words = "which tag?" if tag is None else f"no instance has the tag {plain(tag)}"
            self.say_wrong(f"{words}: there are {there}" if tag else words, "#tag")
            return
        reason = self.typed("#reason")
        self.dismiss(Approval(scope, tag if scope is ScopeKind.TAG else None, reason, expires))


@dataclass(frozen=True, slots=True)
class Flag:
    """Why it is wrong, and what shall be written instead of the expected value."""

    reason: str
    replacement: Any


class AskFlag(Form[Flag | None]):
    """Mark deviations as wrong."""

    def __init__(self, title: str, summary: Content) -> None:
        super().__init__(title, "Flag")
        self._summary = summary

    def compose_body(self) -> ComposeResult:
        yield Static(self._summary, markup=False)
        yield Static("Why", classes="label")
        yield Input(compact=True, placeholder="what is wrong about it", id="reason")
        yield Static("Should become", classes="label")
        yield Input(compact=True, placeholder="empty: what is expected; else a value", id="value")
        yield Static('true, 10 and [1, 2] are read as such; write "10" for a text', classes="hint")

    def on_mount(self) -> None:
        self.query_one("#reason").focus()

    @on(Button.Pressed, "#yes")
    def _flagged(self) -> None:
        text = self.query_one("#value", Input).value
        self.dismiss(Flag(self.typed("#reason"), value_of(text) if text else None))
