"""The base of every value object: frozen, strict about names it does not know on the way in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict

FIRST_YEAR, LAST_YEAR = 2, 9998
"""Every time zone has a date for every moment between them."""


class Word(BaseModel):
    """An immutable value object of the domain; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class WireWord(BaseModel):
    """An immutable value object that crosses the socket.

    Unknown fields are ignored: a newer peer of the same major protocol may send more.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


def _shown_anywhere(moment: datetime) -> datetime:
    """At both ends of the calendar a moment has no time in other zones; `never` is before that."""
    if moment.year < FIRST_YEAR:
        return datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
    return moment if moment.year <= LAST_YEAR else datetime(LAST_YEAR, 12, 31, tzinfo=UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_shown_anywhere)]
"""A moment that somebody says: one beyond the calendar is its end, not an error ever after."""
