"""A virtual table whose rows are cells in columns, with a mark in front of rows that are picked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from homeamp_tui.widgets.virtual_table import VirtualTable
from homeamp_tui.words import fit, fit_middle

GAP = "  "
MARGIN = "   "
"""In front of a row: the cursor, and whether it is picked."""
ELASTIC_CELLS = 28
"""So much the elastic column gets before others are made narrower: the end of a key fits in it."""


class Column(NamedTuple):
    """One column. `cells` is its width; 0: what the others leave, for one column of a table.

    `wide_only`: left out where panes stand below each other. `keeps_end`: a text that does not fit
    loses its middle, since ends of keys and paths tell them from others. `least`: to how many cells
    it may shrink where the elastic column would be squeezed; 0: it keeps its width.
    """

    heading: str
    cells: int
    right: bool = False
    wide_only: bool = False
    keeps_end: bool = False
    least: int = 0


class Cell(NamedTuple):
    """One cell: its text, and the name of a style of `ColumnTable` or nothing."""

    text: str
    style: str = ""


CellsOf = Callable[[int], Sequence[Cell] | None]
"""The cells of a row by its index, one a column, also for columns that are left out."""


class ColumnTable(VirtualTable):
    """Columns of text; the elastic one gets the room that is left."""

    DEFAULT_CSS = """
    ColumnTable {
        & > .cell--good { color: $success; }
        & > .cell--bad { color: $error; text-style: bold; }
        & > .cell--warning { color: $warning; }
        & > .cell--muted { color: $muted; }
        & > .cell--picked { color: $primary; text-style: bold; }
    }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "cell--good",
        "cell--bad",
        "cell--warning",
        "cell--muted",
        "cell--picked",
    }

    def __init__(
        self,
        columns: Sequence[Column],
        cells_of: CellsOf,
        is_picked: Callable[[int], bool],
        *,
        narrow_below_cells: int = 0,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._all, self._cells_of, self._is_picked = columns, cells_of, is_picked
        self._narrow_below = narrow_below_cells

    def show_columns(self, columns: Sequence[Column]) -> None:
        """Show rows of other columns from now on."""
        self._all = columns
        self.refresh()

    def _columns(self, width: int) -> list[tuple[int, Column]]:
        """The columns that are shown, with their place among all, each with its width."""
        narrow = width < self._narrow_below
        shown = [each for each in enumerate(self._all) if not (narrow and each[1].wide_only)]
        widths = widths_for([column for _, column in shown], width)
        return [
            (at, column._replace(cells=cells))
            for (at, column), cells in zip(shown, widths, strict=True)
        ]

    def heading(self, width: int) -> list[Segment]:
        text = GAP.join(_aligned(column.heading, column) for _, column in self._columns(width))
        return [Segment(f"{MARGIN}{text}")]

    def line(self, index: int, width: int) -> list[Segment] | None:
        cells = self._cells_of(index)
        if cells is None:
            return None
        picked = self._is_picked(index)
        segments = [Segment(" ● " if picked else MARGIN, self._style("picked") if picked else None)]
        for number, (at, column) in enumerate(self._columns(width)):
            text, style = cells[at]
            segments.append(
                Segment(
                    (GAP if number else "") + _aligned(text, column),
                    self._style(style) if style else None,
                )
            )
        return segments

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"cell--{name}", partial=True)


def widths_for(columns: Sequence[Column], width: int) -> list[int]:
    """How many cells each column gets in a table of this width."""
    cells = [column.cells for column in columns]
    room = width - len(MARGIN) - len(GAP) * (len(columns) - 1)
    while room - sum(cells) < ELASTIC_CELLS:
        over = [have - (each.least or have) for have, each in zip(cells, columns, strict=True)]
        widest = max(range(len(over)), key=over.__getitem__)
        if over[widest] <= 0:
            break
        cells[widest] -= 1
    rest = max(4, room - sum(cells))
    return [have or rest for have in cells]


def _aligned(text: str, column: Column) -> str:
    if column.right:
        return " " * (column.cells - cell_len(text)) + fit(text, min(column.cells, cell_len(text)))
    return (fit_middle if column.keeps_end else fit)(text, column.cells)
