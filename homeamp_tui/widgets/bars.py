"""The line above every screen (where am I, which hosts answer) and the line of keys below it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widget import Widget

from homeamp_tui.links import Link, LinkState
from homeamp_tui.tabs import TABS
from homeamp_tui.words import age_text, plain

PRODUCT = "homeamp  "
LIGHTS_CELLS = 12
"""Left for the lights of the hosts, which can be counted where they do not fit."""

KEY_NAMES = {
    "slash": "/",
    "question_mark": "?",
    "colon": ":",
    "space": "space",
    "escape": "esc",
    "enter": "enter",
}


class TopBar(Widget):
    """The product, the tabs with the open one marked, and a light for every host."""

    DEFAULT_CSS = """
    TopBar { height: 1; background: $panel; color: $foreground; padding: 0 1; }
    """

    def __init__(self, links: Sequence[Link], here: str) -> None:
        super().__init__()
        self._links, self._here = links, here
        self.read_only = False

    def render(self) -> Content:
        width = self.content_size.width
        left = Content.styled(PRODUCT, "bold $primary")
        right = self._lights()
        for name, words in self._tabs(width):
            left += Content.styled(
                words, "bold $background on $primary" if name == self._here else "$muted"
            )
        room = width - left.cell_length
        if right.cell_length > room - 1:
            right = self._lights_counted()
        return left + " " * max(1, room - right.cell_length) + right

    def _lights(self) -> Content:
        return Content("  ").join([*self._read_only(), *map(_light, self._links)])

    def _read_only(self) -> list[Content]:
        return [Content.styled("read-only", "bold $warning")] if self.read_only else []

    def _lights_counted(self) -> Content:
        up = sum(link.state is LinkState.CONNECTED for link in self._links)
        style = "$success" if up == len(self._links) else "bold $error"
        counted = Content.styled(f"{up}/{len(self._links)} hosts", style)
        return Content(" ").join([*self._read_only(), counted])

    def _tabs(self, width: int) -> list[tuple[str, str]]:
        """(name, what is shown of it): the key alone where not all words fit, but for the open.

        A host that is lost is worth more than the words of screens that nobody looks at.
        """
        shown = [(tab.name, f" {tab.key} {tab.words} ") for tab in TABS]
        lights = min(LIGHTS_CELLS, self._lights().cell_length)
        if any(link.state is LinkState.LOST for link in self._links):
            lights = self._lights().cell_length
        if len(PRODUCT) + sum(len(words) for _, words in shown) + lights < width:
            return shown
        return [
            (tab.name, words if tab.name == self._here else f" {tab.key} ")
            for tab, (_, words) in zip(TABS, shown, strict=True)
        ]

    def on_click(self, event: events.Click) -> None:
        start = self.styles.padding.left + len(PRODUCT)
        for name, words in self._tabs(self.content_size.width):
            if start <= event.x < start + len(words):
                self.app.switch_mode(name)
                return
            start += len(words)


def _light(link: Link) -> Content:
    host = plain(link.host.removeprefix("unix:"))
    now = dt.datetime.now(dt.UTC)
    match link.state:
        case LinkState.CONNECTED:
            return Content.assemble(("● ", "$success"), host)
        case LinkState.LOST:
            return Content.assemble(
                ("✗ ", "bold $error"), host, (f" lost {age_text(link.since, now)}", "$error")
            )
        case LinkState.CONNECTING:
            return Content.assemble(("◌ ", "$warning"), host)


class KeyShown(NamedTuple):
    """One key of the bar. `why_not`: it does nothing here, and this is why."""

    key: str
    label: str
    why_not: str


class KeyBar(Widget):
    """What can be done here. What cannot stays visible, greyed; pressing it says why."""

    DEFAULT_CSS = """
    KeyBar { height: 1; background: $panel; color: $foreground; padding: 0 1; dock: bottom; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[KeyShown] = []
        self._waits = ""
        self._places: list[tuple[int, int, str]] = []

    def show_keys(self, keys: Sequence[KeyShown], *, waits: str = "") -> None:
        """Show these, and at the right end what is waited for.

        Where not all fit, greyed ones are left out first, then the last of the others; the very
        last one always stays.
        """
        if (list(keys), waits) != (self._shown, self._waits):
            self._shown, self._waits = list(keys), waits
            self.refresh()

    def render(self) -> Content:
        waits = f"◌ {plain(self._waits)} …" if self._waits else ""
        width = self.content_size.width - cell_len(waits)
        keys = fitting(self._shown, width)
        text, at = Content(""), self.styles.padding.left
        self._places = []
        for each in keys:
            name = KEY_NAMES.get(each.key, each.key)
            key_style = "$faint" if each.why_not else "bold $primary"
            label_style = "$faint" if each.why_not else "$foreground"
            text += Content.assemble((name, key_style), (f" {each.label}   ", label_style))
            self._places.append((at, at + _key_cells(each), each.key))
            at += _key_cells(each)
        if waits:
            text += " " * max(0, width - text.cell_length)
            text += Content.styled(waits, "$warning")
        return text

    def on_click(self, event: events.Click) -> None:
        for start, end, key in self._places:
            if start <= event.x < end:
                self.app.simulate_key(key)


def fitting(keys: Sequence[KeyShown], width: int) -> list[KeyShown]:
    """The keys that a line of this width has room for, in their order."""
    kept = list(keys)
    while len(kept) > 2 and sum(map(_key_cells, kept)) > width:
        greyed = [at for at, each in enumerate(kept[:-1]) if each.why_not]
        del kept[greyed[-1] if greyed else -2]
    return kept


def _key_cells(shown: KeyShown) -> int:
    return cell_len(KEY_NAMES.get(shown.key, shown.key)) + cell_len(shown.label) + 4
