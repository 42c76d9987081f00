"""What all dialogs share: a box in the middle, a title in its border, buttons at its foot."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

Answer = TypeVar("Answer")

WIDTH_PERCENT = 92
WIDTH_MAX_CELLS = 130
HEIGHT_PERCENT = 94
"""As in the styles below."""
FRAME_CELLS = 5
"""Border and padding on both sides, and a scrollbar."""

DIALOG_CSS = """
    Dialog { align: center middle; background: $background 70%; }
    Dialog > #box {
        width: 92%; max-width: 130; height: auto; max-height: 94%;
        overflow-y: auto; scrollbar-size-vertical: 1;
        background: $surface; color: $foreground;
        border: round $primary; border-title-color: $primary; border-title-style: bold;
        border-subtitle-color: $muted;
        padding: 0 1;
    }
    Dialog.-danger > #box { border: round $error; border-title-color: $error; }
    Dialog #buttons { height: 1; margin-top: 1; align-horizontal: right; }
    Dialog Button {
        width: auto; min-width: 10; margin-left: 2; text-style: none;
        background: $panel; color: $foreground;
        &:hover { background: $cursor; color: $foreground; }
        &:focus { background: $primary; color: $background; text-style: bold; }
        &:disabled { color: $faint; text-style: none; opacity: 1; }
        &.-yes-danger:focus { background: $error; color: $background; }
    }
    Dialog .label { color: $muted; height: 1; }
    Dialog .hint { color: $muted; height: auto; }
    Dialog .wrong { color: $error; height: auto; }
    Dialog Input { padding: 0 1; background: $panel; }
    Dialog Input:focus { background: $cursor; }
    Dialog RadioSet {
        width: 1fr; height: auto; border: none; padding: 0; background: $surface;
        & > RadioButton {
            background: transparent; padding: 0; border: none; height: 1; color: $foreground;
            & > .toggle--button { color: $line; background: transparent; }
            & > .toggle--label { padding: 0 1; }
        }
        & > RadioButton.-on > .toggle--button { color: $primary; background: transparent; }
        & > RadioButton.-selected > .toggle--label { text-style: none; background: transparent; }
        &:focus > RadioButton.-selected > .toggle--label { background: $cursor; text-style: bold; }
    }
"""
"""In the app's style sheet, so that it stands over the defaults of buttons and inputs."""


def text_cells(screen_cells: int) -> int:
    """How wide a line of text in a dialog may be on a screen this wide."""
    return min(WIDTH_MAX_CELLS, screen_cells * WIDTH_PERCENT // 100) - FRAME_CELLS


class Dialog(ModalScreen[Answer]):
    """A question or a message; escape answers as Cancel does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", show=False, id="dialog.cancel"),
        Binding("left", "app.focus_previous", show=False, id="dialog.previous"),
        Binding("right", "app.focus_next", show=False, id="dialog.next"),
    ]

    def __init__(self, title: str, *, foot: str = "") -> None:
        super().__init__()
        self._title, self._foot = title, foot

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = Content(f" {self._title} ")
            box.border_subtitle = Content(self._foot)
            yield from self.compose_body()
            with Horizontal(id="buttons"):
                yield from self.compose_buttons()

    def compose_body(self) -> ComposeResult:
        """What stands above the buttons."""
        raise NotImplementedError

    def compose_buttons(self) -> ComposeResult:
        """The answers, Cancel first."""
        raise NotImplementedError

    def action_cancel(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_cancel()


class Form(Dialog[Answer]):
    """A dialog of fields: enter leads to the next one, and from the last one to the yes button, so
    that a form that was filled in is not thrown away; a wrong field is told in `#wrong`.

    `yes` stands on that button; `danger`: it is painted as one that needs care.
    """

    def __init__(self, title: str, yes: str, *, danger: bool = False) -> None:
        super().__init__(title, foot="enter, tab: next field · esc: cancel")
        self._yes, self._danger = yes, danger

    def compose_buttons(self) -> ComposeResult:
        yield Button("Cancel", id="cancel", compact=True)
        classes = "-yes-danger" if self._danger else None
        yield Button(self._yes, id="yes", classes=classes, compact=True)

    @on(Input.Submitted)
    def action_next_field(self) -> None:
        """Go to the next field, or to the answer."""
        if getattr(self.focus_next(), "id", None) == "cancel":
            self.query_one("#yes").focus()

    def typed(self, field: str) -> str:
        """What stands in a field, without the blanks around it."""
        return self.query_one(field, Input).value.strip()

    def say_wrong(self, words: str, field: str) -> None:
        """Tell what is wrong with a field, and go there."""
        self.query_one("#wrong", Static).update(words)
        self.query_one(field).focus()
