"""How far a change request is, as a bar and in words."""

from __future__ import annotations

from textual.content import Content

from homeamp_agent.model.change import ChangeRequest, ChangeStatus, Progress
from homeamp_tui.words import plain

BAR_CELLS = 20
FULL, EMPTY = "▰", "▱"
UNDER_WAY = frozenset({ChangeStatus.APPLYING, ChangeStatus.ROLLING_BACK, ChangeStatus.WAITING})
_WRITTEN = frozenset({"written", "verified", "undone"})


def progress_of(change: ChangeRequest) -> Progress | None:
    """What the agent says, else what the states of the files say; None for one not under way."""
    if change.status not in UNDER_WAY:
        return None
    if change.progress is not None:
        return change.progress
    done = sum(file.state in _WRITTEN for file in change.files)
    return Progress(done=done, total=len(change.files))


def progress_line(progress: Progress) -> Content:
    """`▰▰▰▱▱ 3/5  stopping SURV01`."""
    bar = bar_text(progress.done, progress.total, BAR_CELLS)
    full = bar.count(FULL)
    return Content.assemble(
        (bar[:full], "$primary"),
        (bar[full:], "$line"),
        f" {progress.done:,}/{progress.total:,}",
        (f"  {plain(progress.now)}" if progress.now else "", "$muted"),
    )


def bar_text(done: int, total: int, cells: int) -> str:
    """`▰▰▰▱▱`, so many cells wide; full only when all is done."""
    total = max(total, 1)
    full = cells * min(max(done, 0), total) // total
    return FULL * full + EMPTY * (cells - full)
