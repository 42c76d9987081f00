"""What can be done with a deviation, as far as the dashboard can tell without asking its agent."""

from __future__ import annotations

from homeamp_agent.model.deviation import (
    Deviation,
    DeviationKind,
    DeviationStatus,
)
from homeamp_agent.model.secret import is_masked
from homeamp_tui.groups import Group

REVIEWED = frozenset({DeviationStatus.APPROVED, DeviationStatus.FLAGGED})


def why_not(act: str, row: Deviation, *, lost: bool) -> str:
    """Why `fix`, `approve`, `flag`, `reopen`, `ignore`, `promote` or `unique` cannot be done to a
    row; empty if it can.

    `lost`: its agent does not answer.
    """
    if lost:
        return f"{row.host} cannot be reached"
    if act == "fix" and row.kind is DeviationKind.NOT_UNIQUE and row.replacement is None:
        return "it needs a value of its own: x flags it with one"
    if act == "fix" and row.kind is DeviationKind.UNREADABLE:
        return "no edit of it can be proven; f on the row alone offers a line edit"
    if act == "fix" and not row.can_be_written:
        return f"{row.kind.value.replace('_', ' ')}: no edit of a file puts this right"
    if act in {"ignore", "promote", "unique"}:
        return _why_no_rule(act, row)
    if act == "reopen" and row.status not in REVIEWED:
        return "it is neither approved nor flagged"
    if act == "approve" and row.status is DeviationStatus.APPROVED:
        return "it is approved already"
    return ""


def by_line_edit(row: Deviation | Group | None) -> bool:
    """Whether a line edit is all that can be tried: of one deviation, its file cannot be read."""
    if isinstance(row, Group):
        return row.count == 1 and row.head.kind is DeviationKind.UNREADABLE
    return row is not None and row.kind is DeviationKind.UNREADABLE


def _why_no_rule(act: str, row: Deviation) -> str:
    if row.status is DeviationStatus.APPROVED:
        return "it is approved: reopen it first"
    if row.path is None or row.file is None:
        return "it is about no single key"
    if act != "promote":
        return ""
    if row.kind not in {DeviationKind.VALUE, DeviationKind.TYPE}:
        return f"{row.kind.value.replace('_', ' ')}: there is no value to promote"
    return "it is a secret: put it into rules.yaml" if is_masked(row.actual) else ""
