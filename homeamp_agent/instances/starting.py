"""Whether a game was starting when a file was saved; the evidence is the game's own log.

A game begins its log anew when it starts, says so in its first lines, and `Done (…)` when it is
ready. In between plugins write their files, and persons rarely. Logs are begun anew at midnight
too, so the first lines of one that only goes on say nothing of a start.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from homeamp_agent.instances.game_log import log_opened

HEAD_BYTES = 1024 * 1024
"""Of a log: a start with 80 plugins logs some 200 KB."""

STARTED_WITHIN = timedelta(minutes=15)
"""A game that is not ready by then hangs, and whoever saves a file now may well be a person."""

AFTERWARDS = timedelta(seconds=3)
"""Plugins that wait for the first tick write just after `Done`."""

SILENT_AT_MOST = timedelta(minutes=2)
"""A starting game logs all the time: a log that was last written to long before is an older one."""

_CLOCK = re.compile(rb"^\[?(?:[\w.-]+ )?(\d\d):(\d\d):(\d\d)")
_BEGINS = re.compile(
    rb"Starting minecraft server version|Running Java \d|Loading Minecraft |Booting up Velocity|"
    rb"Starting Geyser|Loading Geyser|ModLauncher running|Starting Modded"
)
_READY = re.compile(rb"Done \(\d+(?:[.,]\d+)?m?s\)")


def starting_at(game_folder: Path, saved: datetime) -> bool:
    """Whether the game was starting at `saved`, a moment of the last day or so. Blocks, briefly.

    False where nothing says so: no log, an older one, one without a clock.
    """
    fd = log_opened(game_folder)
    if fd is None:
        return False
    try:
        head = os.pread(fd, HEAD_BYTES, 0)
        written = datetime.fromtimestamp(os.fstat(fd).st_mtime, UTC)
    except OSError:
        return False
    finally:
        os.close(fd)
    if written < saved - SILENT_AT_MOST:
        return False
    # Logs have the clock of the machine, and no date: that of the save, or the day before.
    local = saved.astimezone()
    begun = ready = None
    for line in head.splitlines():
        clock = _CLOCK.match(line)
        if clock is None:
            continue
        if begun is None:
            if _BEGINS.search(line):
                begun = _before(local, clock)
        elif _READY.search(line):
            ready = begun + (_at(local, clock) - _at(local, begun)) % timedelta(days=1)
            break
    if begun is None:
        return False
    until = begun + STARTED_WITHIN if ready is None else ready + AFTERWARDS
    return begun <= local <= until


def _before(moment: datetime, clock: re.Match[bytes]) -> datetime:
    """The last time before `moment` at which the clock showed this."""
    that_day = _at(moment, clock)
    return that_day if that_day <= moment else that_day - timedelta(days=1)


def _at(moment: datetime, clock: re.Match[bytes] | datetime) -> datetime:
    """That time of the day of `moment`."""
    if isinstance(clock, datetime):
        hour, minute, second = clock.hour, clock.minute, clock.second
    else:
        hour, minute, second = (int(part) for part in clock.groups())
    return moment.replace(hour=hour % 24, minute=minute % 60, second=second % 60, microsecond=0)
