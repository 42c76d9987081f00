"""One of many: typed words narrow the list, enter takes the line under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Button, Input, OptionList
from textual.widgets.option_list import Option

from homeamp_tui.dialogs.dialog import Dialog
from homeamp_tui.words import plain


class Choice(NamedTuple):
    """One line: what it is called, a note beside it, and what choosing it answers."""

    words: str
    note: str
    answer: Any


class Choose(Dialog[Any]):
    """A list to choose from; None: nothing was chosen."""

    DEFAULT_CSS = """
    Choose OptionList {
        height: auto; max-height: 60vh; border: none; padding: 0; background: $surface;
        scrollbar-size-vertical: 1;
        & > .option-list--option-highlighted { background: $cursor; text-style: bold; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "Down", show=False, id="choose.down", priority=True),
        Binding("up", "move(-1)", "Up", show=False, id="choose.up", priority=True),
    ]

    def __init__(self, title: str, choices: Sequence[Choice]) -> None:
        super().__init__(title, foot="type to narrow · ↓ ↑ · enter: take it")
        self._choices = choices
        self._shown: Sequence[Choice] = choices

    def compose_body(self) -> ComposeResult:
        yield Input(compact=True, placeholder="part of its name", id="words")
        yield OptionList(id="choices")

    def compose_buttons(self) -> ComposeResult:
        yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        self._narrow("")
        self.query_one("#words").focus()

    @property
    def options(self) -> OptionList:
        """The lines."""
        return self.query_one("#choices", OptionList)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._narrow(event.value)

    def _narrow(self, text: str) -> None:
        words = text.casefold().split()
        self._shown = [
            each for each in self._choices if all(word in each.words.casefold() for word in words)
        ]
        widest = max((len(each.words) for each in self._choices), default=0)
        self.options.clear_options()
        self.options.add_options(
            Option(Content.assemble(plain(words).ljust(widest), (f"  {plain(note)}", "$muted")))
            for words, note, _ in self._shown
        )
        self.options.highlighted = 0 if self._shown else None

    def action_move(self, lines: int) -> None:
        at = (self.options.highlighted or 0) + lines
        self.options.highlighted = max(0, min(at, len(self._shown) - 1)) if self._shown else None

    @on(Input.Submitted)
    def _taken(self) -> None:
        at = self.options.highlighted
        if at is not None and at < len(self._shown):
            self.dismiss(self._shown[at].answer)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._shown[event.option_index].answer)
