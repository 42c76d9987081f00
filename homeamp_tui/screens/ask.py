"""Modal questions: what is about to happen, exactly, with the focus on Cancel."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Select, Static

from homeamp_agent.model.change import FilePlan, Plan, RefusedEdit, RollbackConflict
from homeamp_agent.model.rule import ScopeKind
from homeamp_agent.rpc.protocol.messages import Skipped
from homeamp_tui.words import plural

DIFF_LINES_MAX = 2_000
"""A person reads no more in one dialog; the rest is counted."""

MODAL_CSS = """
    .dialog { width: 90%; max-width: 120; height: auto; max-height: 90%;
              background: $panel; border: round $primary; padding: 0 1; }
    .dialog-title { text-style: bold; height: auto; margin-bottom: 1; }
    .dialog-body { height: auto; max-height: 24; margin-bottom: 1; }
    .dialog-buttons { height: 3; align-horizontal: right; }
    .dialog-buttons Button { margin-left: 1; }
"""


def diff_text(diff: str) -> Text:
    """A unified diff in colours; the signs stay, so colour is not the only signal."""
    text = Text()
    lines = diff.splitlines()
    for line in lines[:DIFF_LINES_MAX]:
        style = ""
        if line.startswith(("+++", "---")):
            style = "bold"
        elif line.startswith("@@"):
            style = "cyan"
        elif line.startswith("+"):
            style = "green"
        elif line.startswith("-"):
            style = "red"
        text.append(line + "\n", style=style)
    if len(lines) > DIFF_LINES_MAX:
        text.append(f"… {len(lines) - DIFF_LINES_MAX:,} more lines\n", style="dim")
    return text


def plan_text(plan: Plan, skipped: tuple[Skipped, ...]) -> Text:
    """The whole plan: each file's diff, then what is left out and why."""
    text = Text()
    for file in plan.files:
        text.append_text(_file_heading(file))
        text.append_text(diff_text(file.diff))
        text.append("\n")
    for refused in plan.refused:
        text.append_text(_refusal(refused))
    for each in skipped:
        text.append(f"skipped: {each.reason}\n", style="yellow")
    if not text.plain:
        text.append("Nothing would change.\n")
    return text


def _file_heading(file: FilePlan) -> Text:
    text = Text(f"{file.instance}  {file.file}", style="bold underline")
    text.append("   takes effect after a restart\n" if file.restart else "\n", style="dim")
    return text


def _refusal(refused: RefusedEdit) -> Text:
    what = "conflict" if refused.conflict else "refused"
    place = ".".join(str(part) for part in refused.edit.path)
    return Text(
        f"{what}: {refused.edit.instance} {refused.edit.file} {place}: {refused.reason}\n",
        style="yellow",
    )


class Confirm(ModalScreen[bool]):
    """Yes or no, with what is at stake above; the focus is on Cancel."""

    CSS = "Confirm { align: center middle; }" + MODAL_CSS
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel")]

    def __init__(self, title: str, body: Text, yes: str, *, possible: bool = True) -> None:
        super().__init__()
        self._title, self._body, self._yes, self._possible = title, body, yes, possible

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._title, classes="dialog-title", markup=False)
            with VerticalScroll(classes="dialog-body"):
                yield Static(self._body, id="confirm-body", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Cancel", id="cancel")
                yield Button(self._yes, id="yes", variant="warning", disabled=not self._possible)

    def on_mount(self) -> None:
        self.query_one("#cancel").focus()

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        self.dismiss(False)

    @on(Button.Pressed, "#yes")
    def _confirmed(self) -> None:
        self.dismiss(True)


@dataclass(frozen=True, slots=True)
class Review:
    """What a person said of the chosen deviations."""

    scope: ScopeKind
    target: str | None
    reason: str
    expires: dt.datetime | None
    replacement: str | None


class AskReview(ModalScreen[Review | None]):
    """Why, how far and until when a deviation is accepted; or what it should be instead."""

    CSS = "AskReview { align: center middle; }" + MODAL_CSS
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel")]

    def __init__(self, count: int, *, approve: bool) -> None:
        super().__init__()
        self._count, self._approve = count, approve

    def compose(self) -> ComposeResult:
        verb = "Approve" if self._approve else "Flag"
        with Vertical(classes="dialog"):
            yield Static(
                f"{verb} {plural(self._count, 'deviation')}", classes="dialog-title", markup=False
            )
            yield Input(placeholder="reason", id="reason")
            if self._approve:
                yield Select(
                    [(f"for {kind.value}", kind) for kind in reversed(ScopeKind)],
                    value=ScopeKind.INSTANCE,
                    allow_blank=False,
                    id="scope",
                )
                yield Input(placeholder="tag (for scope tag)", id="target")
                yield Input(placeholder="expires: days, empty for never", id="days", type="integer")
            else:
                yield Input(placeholder="other value to write (empty: the expected)", id="value")
            with Horizontal(classes="dialog-buttons"):
                yield Button("Cancel", id="cancel")
                yield Button(verb, id="yes", variant="primary")

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        self.dismiss(None)

    @on(Input.Submitted)
    @on(Button.Pressed, "#yes")
    def _done(self) -> None:
        reason = self.query_one("#reason", Input).value.strip()
        if not self._approve:
            value = self.query_one("#value", Input).value
            self.dismiss(Review(ScopeKind.INSTANCE, None, reason, None, value or None))
            return
        scope = self.query_one("#scope", Select).value
        days = self.query_one("#days", Input).value
        expires = dt.datetime.now(dt.UTC) + dt.timedelta(days=int(days)) if days else None
        target = self.query_one("#target", Input).value.strip() or None
        assert isinstance(scope, ScopeKind)  # noqa: S101  (allow_blank is off)
        self.dismiss(Review(scope, target, reason, expires, None))


class Told(ModalScreen[None]):
    """Something to read: an error with what, where and what next; the help."""

    CSS = "Told { align: center middle; }" + MODAL_CSS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark", "close", "Close")
    ]

    def __init__(self, title: str, body: Text) -> None:
        super().__init__()
        self._title, self._body = title, body

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._title, classes="dialog-title", markup=False)
            with VerticalScroll(classes="dialog-body"):
                yield Static(self._body, markup=False)
            yield Static("esc closes", classes="dialog-buttons", markup=False)

    def action_close(self) -> None:
        self.dismiss(None)


def conflicts_text(conflicts: tuple[RollbackConflict, ...]) -> Text:
    """Three sides of each file that is no longer as the change left it."""
    text = Text()
    for conflict in conflicts:
        text.append(f"{conflict.instance}  {conflict.file}\n", style="bold underline")
        text.append(conflict.reason + "\n")
        for name, side in (
            ("before the change", conflict.before),
            ("as we left it", conflict.ours),
            ("as it is now", conflict.theirs),
        ):
            text.append(f"{name}:\n", style="dim")
            text.append(side + "\n")
    return text
