"""Something to read: what went wrong, where, and what to do next; or the help."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from homeamp_tui.dialogs.dialog import Dialog, text_cells


class Told(Dialog[None]):
    """A message that waits until it was read.

    `body` may be a function of how many cells a line may have; the screen may change its size.
    """

    DEFAULT_CSS = """
    Told #body { height: auto; max-height: 75vh; scrollbar-size-vertical: 1; }
    Told #body > Static { height: auto; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,question_mark", "cancel", "Close", show=False, id="told.close"),
        Binding("j,down", "scroll(1)", "Down", show=False, id="told.down"),
        Binding("k,up", "scroll(-1)", "Up", show=False, id="told.up"),
    ]

    def __init__(
        self, title: str, body: Content | Callable[[int], Content], *, wrong: bool = False
    ) -> None:
        super().__init__(title, foot="j k: scroll · esc: close")
        self._body = body
        self.set_class(wrong, "-danger")

    def compose_body(self) -> ComposeResult:
        with VerticalScroll(id="body", can_focus=False):
            yield Static(self._fitting(), id="told", markup=False)

    def compose_buttons(self) -> ComposeResult:
        yield Button("Close", id="close", compact=True)

    def on_mount(self) -> None:
        self.query_one("#close").focus()

    def on_resize(self) -> None:
        self.query_one("#told", Static).update(self._fitting())

    def _fitting(self) -> Content:
        body = self._body
        return body if isinstance(body, Content) else body(text_cells(self.app.size.width))

    def action_scroll(self, lines: int) -> None:
        self.query_one("#body").scroll_relative(y=lines, animate=False)

    @on(Button.Pressed)
    def _read(self) -> None:
        self.dismiss(None)
