"""Settings against instances: the setting stays on the left, the instances move under it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from homeamp_agent.model.variance import CellState, Variance
from homeamp_agent.rpc.protocol.messages import MatrixCell, MatrixInstance, MatrixRow
from homeamp_tui.widgets.virtual_table import VirtualTable
from homeamp_tui.words import fit, fit_middle, plain, value_text

MARGIN_CELLS = 2
WHY_CELLS = 8
KEY_SHARE = 0.36
KEY_CELLS_MIN, KEY_CELLS_MAX = 22, 52
COLUMN_CELLS_MIN, COLUMN_CELLS_MAX = 11, 24

VARIANCE_WORDS = {
    Variance.SAME: "same",
    Variance.VARIABLE: "variable",
    Variance.HOST: "host",
    Variance.TAG: "tag",
    Variance.INSTANCE: "instance",
    Variance.DRIFT: "DRIFT",
}
VARIANCE_MARKS = {
    Variance.SAME: " ",
    Variance.VARIABLE: "~",
    Variance.HOST: "▲",
    Variance.TAG: "◆",
    Variance.INSTANCE: "■",
    Variance.DRIFT: "✗",
}
"""In front of every value, so that no colour is needed to tell them apart."""

STATE_WORDS = {
    CellState.MISSING: "missing",
    CellState.NO_FILE: "·",
    CellState.UNREADABLE: "unreadable",
}


def cell_text(cell: MatrixCell, row: MatrixRow) -> str:
    """What an instance has, on one line; a text in quotes where others have no text."""
    if cell.state in STATE_WORDS:
        return STATE_WORDS[cell.state]
    if isinstance(cell.value, str) and any(map(_no_text, row.cells)):
        return plain(json.dumps(cell.value, ensure_ascii=False))
    return value_text(cell.value)


def _no_text(cell: MatrixCell) -> bool:
    return isinstance(cell.value, (bool, int, float))


class Layout(NamedTuple):
    """Widths in cells, and how many instances fit beside the setting."""

    key: int
    column: int
    shown: int


def layout_for(width: int, instances: int) -> Layout:
    """The layout of a table of this width over so many instances."""
    room = width - MARGIN_CELLS - WHY_CELLS - 1
    key = min(KEY_CELLS_MAX, max(KEY_CELLS_MIN, int(room * KEY_SHARE)))
    rest = max(COLUMN_CELLS_MIN, room - key - 1)
    shown = max(1, min(instances, rest // COLUMN_CELLS_MIN))
    return Layout(key, min(COLUMN_CELLS_MAX, rest // shown), shown)


class MatrixTable(VirtualTable):
    """Rows of a matrix by index from whoever owns them; a second cursor names an instance."""

    DEFAULT_CSS = """
    MatrixTable {
        & > .variance--same { color: $muted; }
        & > .variance--variable { color: $low; }
        & > .variance--host { color: $primary; }
        & > .variance--tag { color: $primary; }
        & > .variance--instance { color: $success; }
        & > .variance--drift { color: $error; text-style: bold; }
        & > .matrix--faint { color: $faint; }
        & > .matrix--here { color: $background; background: $primary; text-style: bold; }
    }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"variance--{variance.value}" for variance in Variance),
        "matrix--faint",
        "matrix--here",
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "aside(1)", "Next instance", show=False, id="matrix.right"),
        Binding("left,h", "aside(-1)", "Instance before", show=False, id="matrix.left"),
    ]

    column: reactive[int] = reactive(0)

    class ColumnMoved(Message):
        """The cursor stands on another instance."""

    def __init__(self, row_at: Callable[[int], MatrixRow | None], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._row_at = row_at
        self._first = 0
        self.instances: Sequence[MatrixInstance] = ()

    def show_instances(self, instances: Sequence[MatrixInstance]) -> None:
        """These are the columns now; the cursor stays on its instance if it is still there."""
        if instances == self.instances:
            return
        here = self.instance
        self.instances = instances
        at = [(each.host, each.instance) for each in instances]
        known = here is not None and (here.host, here.instance) in at
        self._first = 0
        self.column = at.index((here.host, here.instance)) if here is not None and known else 0
        self.refresh()

    @property
    def instance(self) -> MatrixInstance | None:
        """The instance under the cursor."""
        return self.instances[self.column] if self.column < len(self.instances) else None

    def validate_column(self, column: int) -> int:
        return max(0, min(column, len(self.instances) - 1))

    def watch_column(self) -> None:
        self.post_message(self.ColumnMoved())

    def action_aside(self, columns: int) -> None:
        self.column += columns

    def _in_view(self, layout: Layout) -> range:
        """The columns on screen; the one under the cursor is among them."""
        last_first = max(0, len(self.instances) - layout.shown)
        lowest = max(0, self.column - layout.shown + 1)
        self._first = min(max(self._first, lowest), self.column, last_first)
        return range(self._first, min(len(self.instances), self._first + layout.shown))

    def heading(self, width: int) -> list[Segment]:
        layout = layout_for(width, len(self.instances))
        seen = self._in_view(layout)
        left = "◂" if seen.start > 0 else " "
        right = "▸" if seen.stop < len(self.instances) else ""
        segments = [
            Segment(" " * MARGIN_CELLS + fit("WHY", WHY_CELLS) + " " + fit("SETTING", layout.key)),
            Segment(left),
        ]
        for at in seen:
            here = at == self.column
            name = f"{'▾' if here else ' '}{plain(self.instances[at].instance)}"
            style = self._style("matrix--here") if here else None
            segments.append(Segment(fit(name, layout.column - 1), style))
            segments.append(Segment(" " if at + 1 < seen.stop else right))
        return segments

    def line(self, index: int, width: int) -> list[Segment] | None:
        row = self._row_at(index)
        if row is None:
            return None
        layout = layout_for(width, len(self.instances))
        why = self._style(f"variance--{row.variance.value}")
        segments = [
            Segment(" " * MARGIN_CELLS),
            Segment(fit(VARIANCE_WORDS[row.variance], WHY_CELLS) + " ", why),
            Segment(fit_middle(plain(row.key), layout.key) + " "),
        ]
        for at in self._in_view(layout):
            if at < len(row.cells):
                text = cell_text(row.cells[at], row)
                here = index == self.cursor and at == self.column
                segments += self._cell(row.cells[at], text, layout, here=here)
        return segments

    def _cell(self, cell: MatrixCell, text: str, layout: Layout, *, here: bool) -> list[Segment]:
        style = self._style(f"variance--{cell.variance.value}")
        if cell.state in {CellState.NO_FILE, CellState.MISSING}:
            style = self._style("matrix--faint") if cell.variance is Variance.SAME else style
        if here:
            style = self._style("matrix--here")
        marked = VARIANCE_MARKS[cell.variance] + text
        return [Segment(fit_middle(marked, layout.column - 1), style), Segment(" ")]

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)
