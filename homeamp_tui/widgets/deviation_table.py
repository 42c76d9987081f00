"""The virtual table: paints only the lines on screen and asks only for the rows it paints."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from homeamp_agent.model.deviation import Deviation
from homeamp_tui.words import (
    KIND_WORDS,
    SEVERITY_GLYPHS,
    SEVERITY_STYLES,
    STATUS_MARKS,
    age_text,
    cut,
    place_text,
    value_text,
)

WIDE_CELLS = 100
"""From here on there is room for the plugin and the age."""


class DeviationTable(ScrollView, can_focus=True):
    """Rows by index from `row_at`; a row that is not here yet is painted as dots."""

    DEFAULT_CSS = """
    DeviationTable { height: 1fr; background: $surface; scrollbar-size-vertical: 1; }
    DeviationTable:focus { background-tint: $foreground 3%; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="table.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="table.up"),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, id="table.page_down"),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, id="table.page_up"),
        Binding("home,g", "go(0)", "First", show=False, id="table.first"),
        Binding("end,G", "go(-1)", "Last", show=False, id="table.last"),
    ]

    cursor: reactive[int] = reactive(0)

    class CursorMoved(Message):
        """The cursor stands on another row."""

        def __init__(self, index: int) -> None:
            self.index = index
            super().__init__()

    class RowsWanted(Message):
        """These rows came into view."""

        def __init__(self, first: int, last: int) -> None:
            self.first, self.last = first, last
            super().__init__()

    def __init__(
        self,
        row_at: Callable[[int], Deviation | None],
        is_selected: Callable[[Deviation], bool],
        is_new: Callable[[Deviation], bool],
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._row_at = row_at
        self._is_selected = is_selected
        self._is_new = is_new
        self.total = 0

    def show_total(self, total: int) -> None:
        """Say how many rows there are; the cursor stays within them."""
        self.total = total
        self.virtual_size = Size(self.size.width, total + 1)
        if self.cursor >= total:
            self.cursor = max(0, total - 1)
        self.refresh()

    def window(self) -> tuple[int, int]:
        """The rows on screen: first, and one past the last."""
        first = int(self.scroll_offset.y)
        return first, min(self.total, first + max(1, self.size.height - 1))

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, max(0, self.total - 1)))

    def watch_cursor(self, cursor: int) -> None:
        height = max(1, self.size.height - 1)
        top = int(self.scroll_offset.y)
        if cursor < top:
            self.scroll_to(y=cursor, animate=False)
        elif cursor >= top + height:
            self.scroll_to(y=cursor - height + 1, animate=False)
        self.refresh()
        self.post_message(self.CursorMoved(cursor))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.RowsWanted(*self.window()))

    def on_resize(self, event: events.Resize) -> None:
        self.virtual_size = Size(event.size.width, self.total + 1)
        self.post_message(self.RowsWanted(*self.window()))

    def action_move(self, rows: int) -> None:
        self.cursor += rows

    def action_page(self, pages: int) -> None:
        self.cursor += pages * max(1, self.size.height - 2)

    def action_go(self, index: int) -> None:
        self.cursor = self.total - 1 if index < 0 else index

    def on_click(self, event: events.Click) -> None:
        if event.y > 0:
            self.cursor = int(self.scroll_offset.y) + event.y - 1

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            return self._heading(width)
        index = int(self.scroll_offset.y) + y - 1
        if index >= self.total:
            return Strip.blank(width, self.rich_style)
        line = self._line(index, width)
        base = self.rich_style
        if index == self.cursor:
            base += Style(reverse=True) if self.has_focus else Style(bold=True, underline=True)
        segments = [
            Segment(segment.text, base + segment.style if segment.style else base)
            for segment in line.render(self.app.console)
            if segment.text != "\n"
        ]
        return Strip(segments).adjust_cell_length(width, base)

    def _columns(self, width: int) -> tuple[int, int, int, int]:
        """Widths of instance, plugin, key and values; the mark, severity and age are fixed."""
        wide = width >= WIDE_CELLS
        instance = 10 if wide else 8
        plugin = 14 if wide else 0
        rest = width - 3 - 7 - instance - plugin - (5 if wide else 0) - (5 if wide else 3)
        key = max(10, rest * 45 // 100)
        return instance, plugin, key, max(8, rest - key)

    def _heading(self, width: int) -> Strip:
        instance, plugin, key, values = self._columns(width)
        parts = ["   ", "SEVERITY"[:6], " ", f"{'INSTANCE':<{instance}} "]
        if plugin:
            parts.append(f"{'PLUGIN':<{plugin}} ")
        parts.append(f"{'SETTING':<{key}} ")
        parts.append(f"{'SHOULD BE → IS':<{values}}")
        if plugin:
            parts.append(" SEEN")
        style = self.rich_style + Style(bold=True, dim=True)
        return Strip([Segment("".join(parts), style)]).adjust_cell_length(width, style)

    def _line(self, index: int, width: int) -> Text:
        row = self._row_at(index)
        if row is None:
            return Text("   ···", style="dim")
        instance, plugin, key, values = self._columns(width)
        text = Text(no_wrap=True)
        text.append("●" if self._is_selected(row) else " ", style="bold")
        text.append(STATUS_MARKS[row.status], style="bold")
        text.append("*" if self._is_new(row) else " ", style="bold")
        text.append(SEVERITY_GLYPHS[row.severity], style=SEVERITY_STYLES[row.severity])
        text.append(f" {cut(row.instance, instance):<{instance}} ")
        if plugin:
            text.append(f"{cut(row.plugin or '—', plugin):<{plugin}} ")
        text.append(f"{cut(place_text(row), key):<{key}} ")
        text.append_text(values_text(row, values))
        if plugin:
            text.append(f" {age_text(row.first_seen):>4}", style="dim")
        return text

    def line_region(self, index: int) -> Region:
        """Where a row stands on screen, for tests."""
        return Region(0, index - int(self.scroll_offset.y) + 1, self.size.width, 1)


def values_text(row: Deviation, width: int) -> Text:
    """`expected → actual` where both exist, else what is wrong in words; exactly `width` cells."""
    text = Text(no_wrap=True)
    if row.kind.value in {"value", "type"}:
        half = max(3, (width - 3) // 2)
        text.append(cut(value_text(row.expected), half), style="green")
        text.append(" → ", style="dim")
        text.append(cut(value_text(row.actual), width - len(text.plain)), style="bold")
    else:
        text.append(cut(KIND_WORDS[row.kind], width), style="italic")
    text.append(" " * max(0, width - len(text.plain)))
    return text
