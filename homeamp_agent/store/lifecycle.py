"""What becomes of a deviation that is seen, seen otherwise, or no longer seen. Pure."""

from __future__ import annotations

from typing import NamedTuple

from homeamp_agent.model.deviation import DeviationStatus as Status

SETTLED = frozenset({Status.FIXED, Status.RESOLVED})
"""The statuses of a deviation that is not there any more."""


class Step(NamedTuple):
    """The status that follows, and the event that history tells of (None: nothing happened)."""

    status: Status
    event: str | None
    reason: str | None = None


def when_found(before: Status | None, found: Status, changed: bool) -> Step:
    """The step of a deviation that is there now.

    `before` is None for one never seen; `found` is APPROVED where an approval covers exactly this
    value under this rule today, else PENDING; `changed` says that its value or expectation is
    another than last time.
    """
    if before is None:
        return Step(found, "opened")
    if before in SETTLED:
        return Step(found, "reopened")
    if found is Status.APPROVED:
        return Step(found, None if before is found else "approved")
    if before is Status.APPROVED:
        reason = "the value or its rule is no longer what was approved"
        gone = "the approval expired or was taken back"
        return Step(Status.PENDING, "reopened", reason if changed else gone)
    return Step(before, "changed" if changed else None)


def when_gone(before: Status) -> Step:
    """The step of a deviation that is not there any more."""
    if before in SETTLED:
        return Step(before, None)
    if before is Status.FIXING:
        return Step(Status.FIXED, "fixed")
    return Step(Status.RESOLVED, "resolved")
