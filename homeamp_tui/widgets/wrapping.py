"""Prose between diffs is broken into lines; text of files never is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.cells import cell_len

Line = tuple[tuple[str, str], ...]
"""Pieces of one line, each with the name of its style."""

PROSE = frozenset({"diff--note", "diff--warning", "diff--error", "diff--plain", "diff--file"})
LABEL_CELLS = 14
"""A first piece of up to so many cells is a label: what follows it stands under itself."""
LEAST_CELLS = 20
"""Narrower than this nothing is broken."""


def wrapped(line: Line, width: int) -> list[Line]:
    """The line as it stands in so many cells: several lines if it is prose that does not fit."""
    cells = sum(cell_len(text) for text, _ in line)
    if cells <= width or width < LEAST_CELLS or not _is_prose(line):
        return [line]
    indent = _indent(line)
    left = [(character, style) for text, style in line for character in text]
    rows: list[Line] = []
    while left:
        taken = _taken(left, width - (indent if rows else 0))
        row = tuple(
            ("".join(character for character, _ in pieces), style)
            for style, pieces in groupby(left[:taken], key=lambda each: each[1])
        )
        rows.append(((" " * indent, "diff--plain"), *row) if rows else row)
        left = left[taken:]
        while left and left[0][0] == " ":
            del left[0]
    return rows


def _is_prose(line: Line) -> bool:
    """Whether all of it is; a clock may stand in front."""
    styles = [style for _, style in line]
    return all(style in PROSE for style in (styles[1:] if styles[0] == "diff--number" else styles))


def _indent(line: Line) -> int:
    first = line[0][0]
    blank = len(first) - len(first.lstrip(" "))
    label = cell_len(first) if len(line) > 1 else LABEL_CELLS + 1
    return label if label <= LABEL_CELLS else min(blank + 2, LABEL_CELLS)


def _taken(left: Sequence[tuple[str, str]], room: int) -> int:
    """How many characters stand in this row: whole words, unless one fills it alone."""
    used = 0
    for at, (character, _) in enumerate(left):
        used += cell_len(character)
        if used > room:
            blank = max((each for each in range(at + 1) if left[each][0] == " "), default=0)
            return blank if blank > room // 3 else max(1, at)
    return len(left)
