"""Three versions of a file beside each other, only where they differ."""

from __future__ import annotations

from difflib import SequenceMatcher

from homeamp_agent.model.change import RollbackConflict
from homeamp_tui.widgets.diff_view import Line, heading_line, note_lines, side_by_side

CONTEXT_LINES = 2
LINES_MAX = 4_000
"""Matching is quadratic in the worst case: beyond this the file is only named."""

Row = tuple[str, str, str]


def three_way(before: str, ours: str, theirs: str) -> list[Row]:
    """Rows of (before, ours, theirs) aligned on `ours`, with a little around each difference."""
    ours_lines = ours.splitlines()
    left = _aligned(before.splitlines(), ours_lines)
    right = _aligned(theirs.splitlines(), ours_lines)
    rows: list[Row] = []
    for at in range(len(ours_lines) + 1):
        for extra in range(max(len(left[at][0]), len(right[at][0]))):
            rows.append((_or_empty(left[at][0], extra), "", _or_empty(right[at][0], extra)))
        if at < len(ours_lines):
            rows.append((left[at][1], ours_lines[at], right[at][1]))
    return _only_differing(rows)


def _aligned(side: list[str], ours: list[str]) -> list[tuple[list[str], str]]:
    """For every line of `ours`: the lines of `side` inserted before it, and its counterpart."""
    found: list[tuple[list[str], str]] = [([], "") for _ in range(len(ours) + 1)]
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, side, ours).get_opcodes():
        if tag == "insert":
            continue
        paired = min(i2 - i1, j2 - j1)
        for step in range(paired):
            found[j1 + step] = (found[j1 + step][0], side[i1 + step])
        found[j1 + paired][0].extend(side[i1 + paired : i2])
    return found


def _or_empty(lines: list[str], at: int) -> str:
    return lines[at] if at < len(lines) else ""


def _only_differing(rows: list[Row]) -> list[Row]:
    near = {
        close
        for at, row in enumerate(rows)
        if len(set(row)) > 1
        for close in range(at - CONTEXT_LINES, at + CONTEXT_LINES + 1)
    }
    return [row for at, row in enumerate(rows) if at in near]


def conflict_lines(conflict: RollbackConflict) -> list[Line]:
    """One conflict, to read in a `DiffView`."""
    lines = [heading_line(f"{conflict.instance}  {conflict.file}")]
    lines += note_lines(conflict.reason, "diff--warning")
    sides = (conflict.before, conflict.ours, conflict.theirs)
    if max(side.count("\n") for side in sides) > LINES_MAX:
        return [*lines, *note_lines(f"more than {LINES_MAX:,} lines: too long to lay side by side")]
    names = ("BEFORE THE CHANGE", "AS WE LEFT IT", "NOW")
    return [*lines, *side_by_side(three_way(*sides), names), ((("", "diff--plain")),)]
