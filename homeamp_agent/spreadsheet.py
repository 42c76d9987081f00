"""Writing spreadsheets, for operators who track in them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence

Row = Sequence[str | int | float | bool | None]

CELL_CHARACTERS_MAX = 32_767
"""Excel's own bound on the text of a cell."""

WIDTH_MAX = 60
_WIDTH_MARGIN = 2
_NOT_ALLOWED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
"""What XML, and so a cell, cannot hold."""


def spreadsheet(sheets: Mapping[str, Iterable[Row]]) -> bytes:
    """An .xlsx of these sheets, the first row of each its heading. No text becomes a formula."""
    import openpyxl  # noqa: PLC0415  (300 ms that only a workbook is worth)
    from openpyxl.styles import Font  # noqa: PLC0415
    from openpyxl.utils import get_column_letter  # noqa: PLC0415

    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        widths: dict[int, int] = {}
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row, start=1):
                cell = sheet.cell(number, column)
                cell.value = cell_value(value)
                if isinstance(value, str):
                    cell.data_type = "s"
                if number == 1:
                    cell.font = Font(bold=True)
                widths[column] = max(widths.get(column, 0), len(str(cell.value or "")))
        for column, width in widths.items():
            wanted = min(WIDTH_MAX, width + _WIDTH_MARGIN)
            sheet.column_dimensions[get_column_letter(column)].width = wanted
        sheet.freeze_panes = "A2"
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def cell_value(value: str | float | bool | None) -> str | float | bool | None:
    """What a cell can hold of a value: control characters shown, a text cut where Excel cuts it."""
    if not isinstance(value, str):
        return value
    text = _NOT_ALLOWED.sub(lambda found: f"\\x{ord(found[0]):02x}", value)
    if len(text) <= CELL_CHARACTERS_MAX:
        return text
    return text[: CELL_CHARACTERS_MAX - 1] + "…"
