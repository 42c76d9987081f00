"""Unified diffs of any length: only the lines on screen are painted.

Signs and line numbers stay beside the colours, and of a changed line the changed part is marked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from homeamp_tui.unified import Changed, Hunk, parts
from homeamp_tui.widgets.wrapping import Line, wrapped
from homeamp_tui.words import brief, fit, plain

__all__ = [
    "DiffView",
    "Line",
    "diff_lines",
    "heading_line",
    "note_lines",
    "reason_lines",
    "side_by_side",
]

NUMBER_CELLS = 5


def heading_line(text: str, note: str = "") -> Line:
    """The line above a file."""
    return ((plain(text), "diff--file"), (f"  {plain(note)}" if note else "", "diff--note"))


def note_lines(text: str, style: str = "diff--note") -> list[Line]:
    """Remarks between diffs."""
    return [((plain(line), style),) for line in text.splitlines()]


def reason_lines(reason: str) -> list[Line]:
    """A reason in full, where it is too long for what stands above the lines."""
    if brief(reason) == plain(reason):
        return []
    return [heading_line("REASON"), *note_lines(plain(reason), "diff--plain"), ()]


def diff_lines(diff: str) -> list[Line]:
    """A unified diff, with line numbers; removed lines carry the old file's, others the new's."""
    lines: list[Line] = []
    old = new = 0
    in_hunk = False
    for part in parts(diff):
        if isinstance(part, Hunk):
            old, new = _first(part.old), _first(part.new)
            in_hunk = True
            lines.append(((" " * (NUMBER_CELLS + 1) + plain(part.line), "diff--hunk"),))
        elif isinstance(part, Changed):
            lines.extend(_changed(part.removed, part.added, old, new))
            old, new = old + len(part.removed), new + len(part.added)
        elif not in_hunk:
            continue
        elif part.startswith("\\"):
            lines.append(((" " * (NUMBER_CELLS + 3) + plain(part[2:]), "diff--note"),))
        else:
            lines.append(((_number(new), "diff--number"), (f"  {plain(part[1:])}", "diff--same")))
            old, new = old + 1, new + 1
    return lines


def _first(lines: str) -> int:
    """The first line of a hunk's `12,3`."""
    return int(lines.partition(",")[0])


def _changed(removed: Sequence[str], added: Sequence[str], old: int, new: int) -> Iterator[Line]:
    paired = len(removed) == len(added)
    marks = [_parts(*pair) if paired else None for pair in zip(removed, added, strict=False)]
    for at, text in enumerate(removed):
        mark = marks[at] if paired else None
        span = (mark[0], len(text) - mark[1]) if mark else None
        yield _signed("-", "removed", text, old + at, span)
    for at, text in enumerate(added):
        mark = marks[at] if paired else None
        span = (mark[0], len(text) - mark[1]) if mark else None
        yield _signed("+", "added", text, new + at, span)


def _shared(before: str, after: str) -> int:
    """How many characters two texts share at the start."""
    pairs = zip(before, after, strict=False)
    return next(
        (at for at, (left, right) in enumerate(pairs) if left != right),
        min(len(before), len(after)),
    )


def _parts(before: str, after: str) -> tuple[int, int]:
    """How many characters two lines share at the start and at the end."""
    head = _shared(before, after)
    while head and before[head - 1].isalnum():
        head -= 1  # whole words are marked: of `true` and `False` not only what they do not share
    rest = min(len(before), len(after)) - head
    tail = min(rest, _shared(before[::-1], after[::-1]))
    while tail and before[-tail].isalnum():
        tail -= 1
    return head, tail


def _signed(sign: str, name: str, text: str, number: int, span: tuple[int, int] | None) -> Line:
    number_piece = (_number(number), "diff--number")
    if span is None:
        return (number_piece, (f"{sign} {plain(text)}", f"diff--{name}"))
    start, end = span
    return (
        number_piece,
        (f"{sign} {plain(text[:start])}", f"diff--{name}"),
        (plain(text[start:end]), f"diff--{name}-part"),
        (plain(text[end:]), f"diff--{name}"),
    )


def _number(number: int) -> str:
    return f"{number:>{NUMBER_CELLS}} "


class DiffView(ScrollView, can_focus=True):
    """Lines of pieces, scrolled in both directions."""

    DEFAULT_CSS = """
    DiffView {
        background: $surface;
        color: $foreground;
        scrollbar-size: 1 1;
        & > .diff--file { color: $primary; text-style: bold; }
        & > .diff--hunk { color: $faint; }
        & > .diff--number { color: $faint; }
        & > .diff--same { color: $muted; }
        & > .diff--added { color: $success; }
        & > .diff--removed { color: $error; }
        & > .diff--added-part { color: $background; background: $success; }
        & > .diff--removed-part { color: $background; background: $error; }
        & > .diff--note { color: $muted; text-style: italic; }
        & > .diff--warning { color: $warning; }
        & > .diff--error { color: $error; }
        & > .diff--plain { color: $foreground; }
        & > .diff--heading { color: $muted; text-style: bold; }
    }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "diff--file",
        "diff--hunk",
        "diff--number",
        "diff--same",
        "diff--added",
        "diff--removed",
        "diff--added-part",
        "diff--removed-part",
        "diff--note",
        "diff--warning",
        "diff--error",
        "diff--plain",
        "diff--heading",
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False, id="diff.down"),
        Binding("k", "scroll_up", "Up", show=False, id="diff.up"),
        Binding("h", "scroll_left", "Left", show=False, id="diff.left"),
        Binding("l", "scroll_right", "Right", show=False, id="diff.right"),
        Binding("ctrl+d,ctrl+f", "page_down", "Page down", show=False, id="diff.page_down"),
        Binding("ctrl+u,ctrl+b", "page_up", "Page up", show=False, id="diff.page_up"),
        Binding("g,home", "scroll_home", "Top", show=False, id="diff.top"),
        Binding("G,end", "scroll_end", "Bottom", show=False, id="diff.bottom"),
    ]

    def __init__(self, lines: Sequence[Line] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines = lines
        self._rows: Sequence[Line] = ()
        self._width = 0

    def on_mount(self) -> None:
        self.show_lines(self._lines)

    def on_resize(self) -> None:
        """Prose is broken anew; the text of files is not, it scrolls sideways."""
        if self.size.width != self._width:
            self._lay_out(self.size.width)

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Show these from the top."""
        self._lines = lines
        self._lay_out(self._width)
        self.scroll_to(0, 0, animate=False)

    def _lay_out(self, width: int) -> None:
        self._width = width
        room = width - self.scrollbar_size_vertical
        self._rows = [row for line in self._lines for row in wrapped(line, room)]
        widest = max((sum(cell_len(text) for text, _ in row) for row in self._rows), default=0)
        self.virtual_size = Size(widest, len(self._rows))
        self.refresh()

    @property
    def text(self) -> str:
        """Everything there is to scroll through, as plain text."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def render_line(self, y: int) -> Strip:
        left, top = self.scroll_offset
        width, base = self.size.width, self.rich_style
        if top + y >= len(self._rows):
            return Strip.blank(width, base)
        segments = [
            Segment(text, base + self._piece_style(name)) for text, name in self._rows[top + y]
        ]
        strip = Strip(segments)
        full = max(width + left, strip.cell_length)
        return strip.adjust_cell_length(full, base).crop(left, left + width)

    def _piece_style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)


def side_by_side(rows: Sequence[tuple[str, str, str]], names: Sequence[str]) -> list[Line]:
    """Three texts beside each other, line by line; lines that differ are marked in front."""
    widths = [
        min(60, max([len(name), *(cell_len(plain(row[at])) for row in rows)]))
        for at, name in enumerate(names)
    ]
    heading = "  ".join(fit(name, width) for name, width in zip(names, widths, strict=True))
    lines: list[Line] = [((f"  {heading}", "diff--heading"),)]
    for row in rows:
        before, ours, theirs = row
        pieces = []
        for text, width, name in zip(
            row,
            widths,
            (
                "diff--removed" if before != ours else "diff--same",
                "diff--added" if before != ours else "diff--same",
                "diff--warning" if theirs != ours else "diff--same",
            ),
            strict=True,
        ):
            pieces.append((f"{fit(plain(text), width)}  ", name))
        mark = "│ " if before == ours == theirs else "▌ "
        lines.append(((mark, "diff--warning" if theirs != ours else "diff--number"), *pieces))
    return lines
