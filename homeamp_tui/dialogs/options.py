"""One of several, in a form."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Mount
from textual.widgets import RadioButton, RadioSet


class Option(RadioButton):
    """One of several; full or hollow, so that the chosen one stands out without colours."""

    @property
    def BUTTON_INNER(self) -> str:  # type: ignore[override]  # noqa: N802  (textual's own name)
        return "●" if self.value else "○"


class Options(RadioSet):
    """The option under the cursor is the chosen one, and enter leads to the next field.

    Textual's own wants a second key to choose what the cursor stands on: whoever moves to another
    option and goes on would act with the old one.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j,right,l", "step(1)", "Next option", show=False, id="options.next"),
        Binding("up,k,left,h", "step(-1)", "Option before", show=False, id="options.before"),
        Binding("space", "toggle_button", "Choose", show=False, id="options.choose"),
        Binding("enter", "screen.next_field", "Next field", show=False, id="options.enter"),
    ]

    def _on_mount(self, event: Mount) -> None:
        """Textual's own begins with the cursor on the first option, whichever is chosen."""
        event.prevent_default()
        super()._on_mount(event)
        self._selected = max(0, self.pressed_index)

    def action_step(self, options: int) -> None:
        """Choose another one; past the ends nothing happens."""
        at = self.pressed_index + options
        if 0 <= at < len(self._nodes):
            self._selected = at
            self.action_toggle_button()
