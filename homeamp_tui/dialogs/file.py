"""Which file: a path with completion, read with bounds before the dialog closes."""

from __future__ import annotations

import asyncio
import os
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.events import Key
from textual.suggester import Suggester
from textual.widgets import Button, Input, Static

from homeamp_tui.dialogs.dialog import Dialog
from homeamp_tui.words import plain

FILE_BYTES_MAX = 1024 * 1024
"""Of a change request; an agent takes no more."""

SUFFIXES = (".json", ".yaml", ".yml")
NAMES_LOOKED_AT = 10_000


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A file's name and text."""

    name: str
    text: str = field(repr=False)
    path: str = ""
    """As it was typed."""


class NotReadable(Exception):
    """Why the file cannot be taken; one line."""


def read_text_file(path: str) -> LoadedFile:
    """A plain UTF-8 file of at most a mebibyte. Blocks, but never on a pipe.

    Raises:
        NotReadable: it is none.
    """
    file = Path(path).expanduser()
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or "no such name"
        raise NotReadable(f"{file}: {words.lower()}") from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise NotReadable(f"{file}: is no plain file")
        with os.fdopen(handle, "rb", closefd=False) as stream:
            data = stream.read(FILE_BYTES_MAX + 1)
    finally:
        os.close(handle)
    if len(data) > FILE_BYTES_MAX:
        raise NotReadable(f"{file}: has more than {FILE_BYTES_MAX:,} bytes")
    try:
        return LoadedFile(file.name, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise NotReadable(f"{file}: is no UTF-8 text") from error


def completed(text: str) -> str | None:
    """The path that `text` begins, as far as it is one: a folder, or a file that may be meant."""
    if not text:
        return None
    folder, _, begun = text.rpartition("/")
    base = Path(f"{folder}/" if "/" in text else ".").expanduser()
    try:
        with os.scandir(base) as entries:
            names = sorted(
                f"{each.name}/" if each.is_dir() else each.name
                for each, _ in zip(entries, range(NAMES_LOOKED_AT), strict=False)
                if each.name.startswith(begun)
                and (begun.startswith(".") or not each.name.startswith("."))
                and (each.is_dir() or each.name.lower().endswith(SUFFIXES))
            )
    except (OSError, ValueError):
        return None
    return text[: len(text) - len(begun)] + names[0] if names else None


class PathSuggester(Suggester):
    """Completes paths."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        return await asyncio.to_thread(completed, value)


class PathInput(Input):
    """A path; tab takes the completion, as in a shell."""

    def on_key(self, event: Key) -> None:
        if event.key != "tab":
            return
        before = self.value
        self.action_cursor_right()
        if self.value != before:
            event.stop()
            event.prevent_default()


class AskFile(Dialog[LoadedFile | None]):
    """A change request's file; `path` was asked for before, and `wrong` is what came of it."""

    def __init__(self, path: str = "", wrong: str = "") -> None:
        super().__init__(
            "Load a change request", foot="tab: complete · enter: show it · esc: cancel"
        )
        self._path, self._wrong = path, wrong

    def compose_body(self) -> ComposeResult:
        yield Static("File", classes="label")
        yield PathInput(
            self._path,
            compact=True,
            placeholder="a JSON or YAML file",
            id="path",
            suggester=PathSuggester(),
        )
        yield Static("What it would do is shown before it is handed in.", classes="hint")
        yield Static(plain(self._wrong), id="wrong", classes="wrong", markup=False)

    def compose_buttons(self) -> ComposeResult:
        yield Button("Cancel", id="cancel", compact=True)
        yield Button("Show it", id="yes", compact=True)

    def on_mount(self) -> None:
        self.query_one("#path").focus()

    @on(Input.Submitted, "#path")
    @on(Button.Pressed, "#yes")
    def _said(self) -> None:
        self._read(self.query_one("#path", Input).value.strip())

    @work(exclusive=True, exit_on_error=False)
    async def _read(self, path: str) -> None:
        try:
            if not path:
                raise NotReadable("which file?")
            loaded = await asyncio.to_thread(read_text_file, path)
        except NotReadable as error:
            self.query_one("#wrong", Static).update(plain(str(error)))
            self.query_one("#path").focus()
            return
        self.dismiss(replace(loaded, path=path))
