"""What can be done with a deviation, as far as the dashboard can tell without asking its agent."""

from __future__ import annotations

from homeamp_agent.model.deviation import FIXABLE_KINDS, Deviation, DeviationStatus

REVIEWED = frozenset({DeviationStatus.APPROVED, DeviationStatus.FLAGGED})


def why_not(act: str, row: Deviation, *, lost: bool) -> str:
    """Why `fix`, `approve`, `flag` or `reopen` cannot be done to a row; empty if it can.

    `lost`: its agent does not answer.
    """
    if lost:
        return f"{row.host} cannot be reached"
    if act == "fix" and row.kind not in FIXABLE_KINDS:
        return f"{row.kind.value.replace('_', ' ')}: no edit of a file puts this right"
    if act == "reopen" and row.status not in REVIEWED:
        return "it is neither approved nor flagged"
    if act == "approve" and row.status is DeviationStatus.APPROVED:
        return "it is approved already"
    return ""
