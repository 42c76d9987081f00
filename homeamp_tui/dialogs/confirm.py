"""Yes or no, with exactly what would happen above; the focus is on Cancel."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Button, Input, Static

from homeamp_tui.dialogs.dialog import HEIGHT_PERCENT, Dialog
from homeamp_tui.widgets.diff_view import DiffView, Line

LINES_LEAST = 3
"""So many lines of what would happen are shown on the lowest screen."""


class Confirm(Dialog[bool]):
    """What would happen, line by line, and whether it shall.

    `typed`: what must be typed before yes can be chosen, for what cannot be taken back.
    """

    DEFAULT_CSS = """
    Confirm #summary { height: auto; max-height: 6; margin-bottom: 1; }
    Confirm DiffView { height: auto; max-height: 100vh; min-height: 1; background: $background; }
    Confirm > #box { height: auto; }
    Confirm #lines { max-height: 50vh; }
    """

    def __init__(
        self,
        title: str,
        summary: Content,
        lines: Sequence[Line],
        yes: str,
        *,
        impossible: str = "",
        typed: str = "",
        danger: bool = False,
    ) -> None:
        super().__init__(
            title, foot=("j k g G: scroll · " if lines else "") + "tab: buttons · esc: cancel"
        )
        self._summary, self._lines, self._yes = summary, lines, yes
        self._impossible, self._typed = impossible, typed
        self.set_class(danger or bool(typed), "-danger")

    def compose_body(self) -> ComposeResult:
        yield Static(self._summary, id="summary", markup=False)
        if self._lines:
            yield DiffView(self._lines, id="lines")
        if self._impossible:
            yield Static(self._impossible, classes="wrong", markup=False)
        if self._typed:
            yield Static(f"Type {self._typed} to go on", classes="label", markup=False)
            yield Input(id="typed", compact=True)

    def compose_buttons(self) -> ComposeResult:
        yield Button("Cancel", id="cancel", compact=True)
        yield Button(
            Content(self._yes),
            id="yes",
            classes="-yes-danger",
            compact=True,
            disabled=bool(self._typed or self._impossible),
        )

    def on_mount(self) -> None:
        self.query_one("#cancel").focus()

    def on_resize(self) -> None:
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        """Give the lines the height that the rest leaves: the answers are always to be seen."""
        box = self.query_one("#box")
        for view in self.query(DiffView):
            others = (each for each in box.children if each is not view)
            taken = sum(each.outer_size.height + each.styles.margin.height for each in others)
            high = self.app.size.height * HEIGHT_PERCENT // 100 - box.styles.gutter.height
            view.styles.max_height = max(LINES_LEAST, high - taken)

    def on_key(self, event: object) -> None:
        """Scroll from wherever the focus is: the buttons have no use for these keys."""
        key = getattr(event, "key", "")
        views = self.query(DiffView)
        if not views or isinstance(self.focused, (DiffView, Input)):
            return
        view = views.first()
        match key:
            case "j" | "down":
                view.scroll_down(animate=False)
            case "k" | "up":
                view.scroll_up(animate=False)
            case "g" | "home":
                view.scroll_home(animate=False)
            case "G" | "end":
                view.scroll_end(animate=False)
            case "h":
                view.scroll_left(animate=False)
            case "l":
                view.scroll_right(animate=False)
            case "pagedown" | "ctrl+d" | "ctrl+f":
                view.scroll_page_down(animate=False)
            case "pageup" | "ctrl+u" | "ctrl+b":
                view.scroll_page_up(animate=False)

    @on(Input.Changed, "#typed")
    def _typed_changed(self, event: Input.Changed) -> None:
        self.query_one("#yes", Button).disabled = (
            bool(self._impossible) or event.value.strip() != self._typed
        )

    @on(Input.Submitted, "#typed")
    def _typed_done(self) -> None:
        self.query_one("#yes" if not self.query_one("#yes", Button).disabled else "#cancel").focus()

    def action_cancel(self) -> None:
        self.dismiss(False)

    @on(Button.Pressed, "#yes")
    def _confirmed(self) -> None:
        self.dismiss(True)
