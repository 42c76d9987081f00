"""Rows of an .xlsx workbook. openpyxl is imported only when one is really read or written."""

from __future__ import annotations

import io
import warnings
import zipfile
from itertools import islice
from typing import Any

ROWS_MAX = 200_000
"""The operator's has 950; a sheet formatted down to the last row must not hold the agent up."""

UNPACKED_BYTES_MAX = 64 * 1024 * 1024
"""A workbook of this size is a zip bomb or no baseline; the operator's unpacks to 1 MB."""

SheetRows = list[tuple[Any, ...]]


UNREADABLE = (
    *(zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError),
    *(TypeError, AttributeError, IndexError, SyntaxError),
)
"""What reading a broken workbook raises."""


def read_sheets(data: bytes) -> dict[str, SheetRows]:
    """Every sheet's rows by its title. Raises one of `UNREADABLE`."""
    import openpyxl  # noqa: PLC0415  (300 ms that only a workbook is worth)

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(each.file_size for each in archive.infolist()) > UNPACKED_BYTES_MAX:
            raise ValueError(f"unpacks to more than {UNPACKED_BYTES_MAX:,} bytes")
    with warnings.catch_warnings():
        # Styles and validations that openpyxl does not know are none of our business.
        warnings.simplefilter("ignore")
        # Formulas as they stand: scripts write a text like `=====` without a computed value.
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
        try:
            return {sheet.title: _rows(sheet) for sheet in book.worksheets}
        finally:
            book.close()


def _rows(sheet: Any) -> SheetRows:
    # Some writers state the sheet's size wrongly; without it every cell is read.
    sheet.reset_dimensions()
    return [tuple(row) for row in islice(sheet.iter_rows(values_only=True), ROWS_MAX)]


def cell_text(cell: Any) -> str:
    """A cell as the text it shows: 25566, not 25566.0."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def cell_name(sheet: str, column: int, row: int) -> str:
    """`Sheet!B7` for column 1 (from 0) and row 7 (from 1)."""
    letters = ""
    number = column + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{sheet}!{letters}{row}"
