"""One of several, in a form."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Mount
from textual.widgets import RadioButton, RadioSet

Choice = TypeVar("Choice", bound=StrEnum)


class Option(RadioButton):
    """One of several; full or hollow, so that the chosen one stands out without colours."""

    @property
    def BUTTON_INNER(self) -> str:  # type: ignore[override]  # noqa: N802  (textual's own name)
        return "●" if self.value else "○"


class Options(RadioSet, Generic[Choice]):
    """What `words` are for, one of them chosen.

    The option under the cursor is the chosen one, and enter leads to the next field.
    Textual's own wants a second key to choose what the cursor stands on: whoever moves to another
    option and goes on would act with the old one.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j,right,l", "step(1)", "Next option", show=False, id="options.next"),
        Binding("up,k,left,h", "step(-1)", "Option before", show=False, id="options.before"),
        Binding("space", "toggle_button", "Choose", show=False, id="options.choose"),
        Binding("enter", "screen.next_field", "Next field", show=False, id="options.enter"),
    ]

    def __init__(self, words: Mapping[Choice, str], chosen: Choice, *, id: str) -> None:
        super().__init__(
            *(
                Option(Content(text), value=each is chosen, id=f"{id}-{each.value}")
                for each, text in words.items()
            ),
            id=id,
        )
        self._choices = list(words)

    @property
    def chosen(self) -> Choice:
        """The one it is."""
        return self._choices[max(0, self.pressed_index)]

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
