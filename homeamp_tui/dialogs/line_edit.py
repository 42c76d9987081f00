"""A line edit: which key of an unreadable file, and which value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Button, Input, Static

from homeamp_agent.model.setting import dotted
from homeamp_agent.rpc.protocol.messages import MendingLine
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.dialogs.dialog import Form
from homeamp_tui.dialogs.review import value_of
from homeamp_tui.widgets.diff_view import Line
from homeamp_tui.words import plain, plural


@dataclass(frozen=True, slots=True)
class LineWish:
    """The key path and the value that its line shall hold."""

    path: tuple[str, ...]
    new: Any


class AskLine(Form[LineWish | None]):
    """Which line of a file that cannot be read shall hold what; `mending` is what to try first."""

    def __init__(self, summary: Content, mending: MendingLine | None) -> None:
        super().__init__("Edit one line, unproven", "Show the line")
        self._summary, self._mending = summary, mending

    def compose_body(self) -> ComposeResult:
        mending = self._mending
        yield Static(self._summary, markup=False)
        yield Static("Key", classes="label")
        yield Input(
            dotted(mending.path) if mending else "", compact=True, id="key",
            placeholder="as in spawn.radius; its line must be there exactly once",
        )  # fmt: skip
        yield Static("Shall hold", classes="label")
        yield Input(
            mending.value if mending else "", compact=True, id="value",
            placeholder="the value, without quotes",
        )  # fmt: skip
        hint = "Quotes are added where they are needed. What the line becomes is shown first."
        yield Static(hint, classes="hint")
        yield Static("", id="wrong", classes="wrong", markup=False)

    def on_mount(self) -> None:
        self.query_one("#key" if self._mending is None else "#yes").focus()

    @on(Button.Pressed, "#yes")
    def _said(self) -> None:
        key = self.typed("#key")
        text = self.query_one("#value", Input).value
        if not key:
            self.say_wrong("which key?", "#key")
            return
        mending = self._mending
        path = mending.path if mending and key == dotted(mending.path) else (key,)
        self.dismiss(LineWish(path, value_of(text)))


def unread_summary(where: str, message: str, mending: MendingLine | None) -> Content:
    """Why the file cannot be read, and the line that is thought to be at fault."""
    parts = [
        Content.styled(plain(where), "bold"),
        Content.styled(plain(message), "$warning"),
    ]
    if mending is not None:
        change = mending.line_edit
        line = (f"line {change.line} is  ", "$muted")
        parts.append(Content.assemble(line, plain(change.old_line)))
    return Content("\n").join(parts)


class ConfirmOrLineEdits(Confirm):
    """A plan of which `count` more edits can be made as line edits: `e` asks for those. They are
    shown anew, so the answer is no as yet."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "line_edits", "Line edits", show=False, id="dialog.line_edits")
    ]

    def __init__(
        self,
        title: str,
        summary: Content,
        lines: Sequence[Line],
        yes: str,
        *,
        count: int,
        impossible: str = "",
    ) -> None:
        super().__init__(title, summary, lines, yes, impossible=impossible)
        self._count = count
        self.wants_line_edits = False

    def compose_buttons(self) -> ComposeResult:
        first, *others = super().compose_buttons()
        yield first
        if self._count:
            words = f"e: also {plural(self._count, 'line edit')}"
            yield Button(words, id="line_edits", compact=True)
        yield from others

    @on(Button.Pressed, "#line_edits")
    def action_line_edits(self) -> None:
        """Show the plan with line edits."""
        if self._count:
            self.wants_line_edits = True
            self.dismiss(False)
