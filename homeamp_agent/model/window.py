"""Maintenance windows: when the wall clock of the operator allows a game to go down.

    window = Window.parse("22:00-02:00", zone)
    window.next_opening(now)       # now, if it is open

A window is what the clock on the wall shows, so it is right on both nights on which the clock is
changed: an hour that the clock skips is in no window, one that it shows twice is in it twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SHAPE = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])\s*[-–]\s*([01][0-9]|2[0-3]):([0-5][0-9])")
MINUTE = timedelta(minutes=1)
LOOK_AHEAD_MINUTES = 3 * 24 * 60
"""A window of minutes may fall whole into an hour that the clock skips, one night a year."""


class NoWindow(ValueError):
    """The text is no window; one line that says what one looks like."""


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` up to `end`, each day; over midnight where `end` is not after `start`."""

    start: time
    end: time
    zone: ZoneInfo
    name: str = ""

    @classmethod
    def parse(cls, text: str, zone: ZoneInfo, name: str = "") -> Self:
        """A window as it is written, `HH:MM-HH:MM`.

        Raises:
            NoWindow: it is none.
        """
        found = SHAPE.fullmatch(text.strip())
        if found is None:
            raise NoWindow(f"{text!r} is no window: write HH:MM-HH:MM, such as 22:00-02:00")
        hours = [int(each) for each in found.groups()]
        start, end = time(hours[0], hours[1]), time(hours[2], hours[3])
        if start == end:
            raise NoWindow(f"{text!r} is no window: it ends when it starts")
        return cls(start, end, zone, name)

    def __str__(self) -> str:
        hours = f"{self.start:%H:%M}-{self.end:%H:%M} {self.zone.key}"
        return f"{self.name} ({hours})" if self.name else hours

    def contains(self, moment: datetime) -> bool:
        """Whether the operator's clock is in the window at that moment."""
        clock = moment.astimezone(self.zone).time()
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

    def next_opening(self, moment: datetime) -> datetime:
        """The first moment from this one on that is in the window, in UTC."""
        return self._first(moment, inside=True)

    def closing(self, moment: datetime) -> datetime:
        """When the window that is open at this moment closes, in UTC."""
        return self._first(moment, inside=False)

    def _first(self, moment: datetime, *, inside: bool) -> datetime:
        moment = moment.astimezone(UTC)
        if self.contains(moment) is inside:
            return moment
        minute = moment.replace(second=0, microsecond=0)
        for _ in range(LOOK_AHEAD_MINUTES):
            minute += MINUTE
            if self.contains(minute) is inside:
                break
        return minute


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name.

    Raises:
        NoWindow: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise NoWindow(f"{name!r} is no time zone: write one such as Europe/Berlin") from error


def window_of(said: str | None, named: Mapping[str, str], zone: ZoneInfo) -> Window | None:
    """The window that a request or a setting says: by name, or as it is written. None for none.

    Raises:
        NoWindow: it is neither.
    """
    if not said:
        return None
    if said in named:
        return Window.parse(named[said], zone, said)
    try:
        return Window.parse(said, zone)
    except NoWindow as error:
        known = f", or one of {', '.join(sorted(named))}" if named else ""
        raise NoWindow(f"{error}{known}") from None
