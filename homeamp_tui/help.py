"""The help: each screen's keys under a heading, flowed so that they can be read at any width."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from textual.content import Content

HEADING_CELLS = 11
"""What a line of help begins with, in its source and on the screen."""
GAP = "   "
"""Between two entries; one entry is broken only where it alone is too long."""


def help_text(keys: str, width: int) -> Content:
    """`keys` (lines of a heading of eleven cells and entries three spaces apart; a line without a
    heading continues the one above) in lines of at most `width` cells, entries under each other."""
    lines: list[Content] = []
    for heading, entries in _sections(keys):
        for number, line in enumerate(_flowed(entries, width - HEADING_CELLS)):
            head = heading if number == 0 else ""
            lines.append(Content.assemble((head.ljust(HEADING_CELLS), "bold $primary"), line))
    return Content("\n").join(lines)


def _sections(keys: str) -> Iterator[tuple[str, list[str]]]:
    heading, entries = "", list[str]()
    for line in keys.splitlines():
        if line[:HEADING_CELLS].strip():
            if entries:
                yield heading, entries
            heading, entries = line[:HEADING_CELLS].strip(), []
        entries += [entry.strip() for entry in line[HEADING_CELLS:].split(GAP) if entry.strip()]
    if entries:
        yield heading, entries


def _flowed(entries: list[str], width: int) -> Iterator[str]:
    line = ""
    for entry in entries:
        if line and cell_len(line + GAP + entry) > width:
            yield line
            line = ""
        line += (GAP if line else "") + entry
        while cell_len(line) > width and " " in line[:width]:
            at = line.rindex(" ", 0, width + 1)
            yield line[:at]
            line = line[at + 1 :]
    yield line
