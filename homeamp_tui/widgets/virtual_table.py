"""A table that paints only the lines on screen, whatever the number of rows behind them.

Stock tables hold every row: 100,000 take half a minute to mount. Here a subclass says what a row
looks like when, and only when, it is painted.
"""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

HEADING_LINES = 1
CURSOR_MARK = "▸"


class TableMessage(Message):
    """Something about a table."""

    def __init__(self, table: VirtualTable) -> None:
        self.table = table
        super().__init__()

    @property
    def control(self) -> VirtualTable:
        """The table, for `@on` selectors."""
        return self.table


class RowMessage(TableMessage):
    """Something about a row of a table."""

    def __init__(self, table: VirtualTable, index: int) -> None:
        super().__init__(table)
        self.index = index


class VirtualTable(ScrollView, can_focus=True):
    """Rows by index under a heading that stays, a cursor, and word of which rows are in view."""

    DEFAULT_CSS = """
    VirtualTable {
        height: 1fr;
        background: $surface;
        color: $foreground;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        & > .table--heading { color: $muted; text-style: bold; }
        & > .table--cursor { background: $cursor; }
        & > .table--cursor-blurred { background: $cursor-blurred; }
        & > .table--waiting { color: $faint; }
    }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--heading",
        "table--cursor",
        "table--cursor-blurred",
        "table--waiting",
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="table.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="table.up"),
        Binding("ctrl+d", "page(0.5)", "Half a page down", show=False, id="table.half_down"),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", show=False, id="table.half_up"),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, id="table.page_down"),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, id="table.page_up"),
        Binding("home,less_than_sign", "first", "First", show=False, id="table.first"),
        Binding("end,G,greater_than_sign", "last", "Last", show=False, id="table.last"),
    ]

    cursor: reactive[int] = reactive(0, repaint=False)

    class CursorMoved(RowMessage):
        """The cursor stands on another row."""

    class RowsInView(TableMessage):
        """Other rows came into view: from `first` up to, not including, `last`."""

        def __init__(self, table: VirtualTable, first: int, last: int) -> None:
            super().__init__(table)
            self.first, self.last = first, last

    class RowOpened(RowMessage):
        """Enter was pressed on a row, or it was clicked twice."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.total = 0

    def heading(self, width: int) -> list[Segment]:
        """The line above the rows."""
        raise NotImplementedError

    def line(self, index: int, width: int) -> list[Segment] | None:
        """One row, or None where it is not known yet."""
        raise NotImplementedError

    def show_total(self, total: int) -> None:
        """Say how many rows there are; the cursor stays within them."""
        self.total = total
        self._resize_rows(self.size.width)
        self.cursor = self.validate_cursor(self.cursor)
        self.refresh()

    def put_cursor(self, index: int) -> None:
        """Follow a row to its new index; it stays on the same line of the screen."""
        moved = index - self.cursor
        if moved and self.scroll_offset.y:
            self.scroll_to(y=self.scroll_offset.y + moved, animate=False, force=True)
        self.cursor = index

    def window(self) -> tuple[int, int]:
        """The rows on screen: first, and one past the last."""
        first = int(self.scroll_offset.y)
        return first, min(self.total, first + self._rows_high())

    def _rows_high(self) -> int:
        return max(1, self.size.height - HEADING_LINES)

    def _resize_rows(self, width: int) -> None:
        self.virtual_size = Size(width, self.total + HEADING_LINES)

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, max(0, self.total - 1)))

    def watch_cursor(self, before: int, cursor: int) -> None:
        top, high = int(self.scroll_offset.y), self._rows_high()
        if cursor < top:
            self.scroll_to(y=cursor, animate=False, force=True)
        elif cursor >= top + high:
            self.scroll_to(y=cursor - high + 1, animate=False, force=True)
        for index in (before, cursor):
            self.refresh_line(index + HEADING_LINES)
        self.post_message(self.CursorMoved(self, cursor))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if int(old_value) != int(new_value):
            self.post_message(self.RowsInView(self, *self.window()))

    def on_resize(self, event: events.Resize) -> None:
        self._resize_rows(event.size.width)
        self.watch_cursor(self.cursor, self.cursor)
        self.post_message(self.RowsInView(self, *self.window()))

    def on_focus(self) -> None:
        self.refresh_line(self.cursor + HEADING_LINES)

    def on_blur(self) -> None:
        self.refresh_line(self.cursor + HEADING_LINES)

    def action_move(self, rows: int) -> None:
        self.cursor += rows

    def action_page(self, pages: float) -> None:
        self.cursor += int(pages * self._rows_high())

    def action_first(self) -> None:
        self.cursor = 0

    def action_last(self) -> None:
        self.cursor = self.total - 1

    def key_enter(self) -> None:
        if self.total:
            self.post_message(self.RowOpened(self, self.cursor))

    def on_click(self, event: events.Click) -> None:
        index = int(self.scroll_offset.y) + event.y - HEADING_LINES
        if event.y < HEADING_LINES or index >= self.total:
            return
        self.cursor = index
        if event.chain == 2:
            self.key_enter()

    def row_style(self, index: int) -> Style:
        """What lies under a whole row; a subclass may tint rows."""
        if index != self.cursor:
            return Style.null()
        name = "table--cursor" if self.has_focus else "table--cursor-blurred"
        return Style(bgcolor=self.get_component_rich_style(name).bgcolor)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.rich_style
        if y < HEADING_LINES:
            style = base + self.get_component_rich_style("table--heading", partial=True)
            return Strip(self.heading(width)).apply_style(style).adjust_cell_length(width, style)
        index = int(self.scroll_offset.y) + y - HEADING_LINES
        if index >= self.total:
            return Strip.blank(width, base)
        segments = self.line(index, width)
        if segments is None:
            style = self.get_component_rich_style("table--waiting", partial=True)
            segments = [Segment("   ···", style)]
        if index == self.cursor:
            segments = _with_cursor(segments)
        under = self.row_style(index)
        painted = [
            Segment(text, base + (style or Style.null()) + _beneath(style, under))
            for text, style, _ in segments
        ]
        return Strip(painted).adjust_cell_length(width, base + under)


def _with_cursor(segments: list[Segment]) -> list[Segment]:
    """The row with a mark in its margin: the tint under it is nothing where colours are not."""
    text, style, _ = segments[0]
    if not text.startswith(" "):
        return segments
    return [Segment(CURSOR_MARK), Segment(text[1:], style), *segments[1:]]


def _beneath(style: Style | None, under: Style) -> Style:
    """The row's tint, except where a cell has a background of its own."""
    return Style.null() if style is not None and style.bgcolor is not None else under
