"""What can happen to a deployment, and the lines that tell of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from homeamp_agent.model.deployment import Before, Check, CheckOutcome

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Started:
    """Its time has come."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """How the instances of a wave are before it was noted."""

    wave: int
    before: tuple[Before, ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """The change of a wave is written and verified; it is to be looked at until `soak_until`."""

    wave: int
    soak_until: datetime


@dataclass(frozen=True, slots=True)
class NotApplied:
    """The change of a wave was not written, or taken back at once, as a whole."""

    wave: int
    reason: str


@dataclass(frozen=True, slots=True)
class NotBegun:
    """Nothing of a wave was written, and it may be tried later: people play, AMP is away, an
    earlier wave is no longer well.

    `change_id` is that of the next attempt where this one's change was withdrawn.
    """

    wave: int
    reason: str
    change_id: str | None = None


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The agent was stopped while a wave was written; it is tried again as `change_id`."""

    wave: int
    change_id: str


@dataclass(frozen=True, slots=True)
class PlanChanged:
    """The plan of a wave is no longer the approved one; `digests` are those of now, by wave."""

    wave: int
    reason: str
    digests: dict[int, str]
    digest: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A wave was looked at for its whole soak time, or until something was wrong."""

    wave: int
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class NotLooked:
    """Nobody can tell how a wave's games are: AMP is away. Nothing is known to be wrong."""

    wave: int
    reason: str


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What was written of a wave is taken back, but for the files that `left` names with reasons.

    `message` says what was done where that is not plain.
    """

    wave: int
    message: str = ""
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Approved:
    """A person lets it go on to production."""

    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Replanned:
    """The plans of production are others than those that were shown."""

    digests: dict[int, str]
    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class Paused:
    """A person wants no next step for now."""

    who: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Resumed:
    """A person lets it go on."""

    who: str


@dataclass(frozen=True, slots=True)
class Aborted:
    """A person ends it; what is written stays."""

    who: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RollbackAsked:
    """A person wants everything of it taken back."""

    who: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UndoneByHand:
    """Changes of its waves were rolled back as changes, after it was over."""

    who: str
    change_ids: frozenset[str]
    reason: str = ""


Event = (
    Started | Prepared | Applied | NotApplied | NotBegun | TakenBack | PlanChanged | Checked
    | NotLooked | RolledBack | Approved | Replanned | Paused | Resumed | Aborted | RollbackAsked
    | UndoneByHand
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """What the log says of a step."""

    text: str
    level: Level = "info"
    wave: int | None = None


def check_text(check: Check) -> str:
    """A check and its evidence in one line."""
    place = f"{check.instance}: " if check.instance else ""
    return f"{place}{check.name}: {check.evidence}"


def check_line(check: Check, wave: int) -> Line:
    """What the log says of a check."""
    level: Level = "error" if check.outcome is CheckOutcome.FAILED else "info"
    return Line(f"{check.outcome.value}: {check_text(check)}", level, wave)
