"""The `/` box: filters while it is typed, says what it understands, and what it did not."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

TYPING_PAUSE_SECONDS = 0.12
"""Shorter than between two keys of a slow typist, longer than between two of a fast one."""
HINT = "host: instance: plugin: file: key: kind: severity: status: pattern:  !not"


class FilterBar(Horizontal):
    """Hidden while empty and not in use."""

    DEFAULT_CSS = """
    FilterBar { height: 1; display: none; background: $panel; }
    FilterBar.-open { display: block; }
    FilterBar > .prompt { width: 3; color: $primary; text-style: bold; padding: 0 1; }
    FilterBar > Input { width: 1fr; padding: 0; background: $panel; }
    FilterBar > #filter-note { width: auto; max-width: 60%; color: $muted; padding: 0 1; }
    FilterBar > #filter-note.-wrong { color: $error; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "Clear", show=False, id="filter.clear"),
        Binding("down", "leave", "To the rows", show=False, id="filter.leave"),
    ]

    class FilterChanged(Message):
        """Another text is to be filtered by."""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    class FilterLeft(Message):
        """Back to the rows."""

    def __init__(self, hint: str = HINT) -> None:
        super().__init__()
        self._hint = hint
        self._pause: Timer | None = None
        self._told = ""

    def compose(self) -> ComposeResult:
        yield Static("/", classes="prompt")
        yield Input(id="filter", compact=True)
        yield Static(self._hint, id="filter-note", markup=False)

    def open(self) -> None:
        """Show it and type."""
        self.add_class("-open")
        self.query_one(Input).focus()

    @property
    def text(self) -> str:
        """What is filtered by."""
        return self._told

    def set_text(self, text: str) -> None:
        """Filter by this text."""
        self.query_one(Input).value = text
        self.set_class(bool(text), "-open")
        self._tell()

    def show_problem(self, words: str) -> None:
        """Say what an agent did not understand; empty: the hint again."""
        note = self.query_one("#filter-note", Static)
        note.set_class(bool(words), "-wrong")
        note.update(words or self._hint)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(TYPING_PAUSE_SECONDS, self._tell)

    def _tell(self) -> None:
        if self._pause is not None:
            self._pause.stop()
        text = self.query_one(Input).value.strip()
        if text != self._told:
            self._told = text
            self.post_message(self.FilterChanged(text))

    @on(Input.Submitted)
    def action_leave(self) -> None:
        self._tell()
        self.set_class(bool(self._told), "-open")
        self.post_message(self.FilterLeft())

    def action_give_up(self) -> None:
        self.set_text("")
        self.post_message(self.FilterLeft())
