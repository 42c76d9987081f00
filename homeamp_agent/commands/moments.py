"""Times as a person types them at a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from homeamp_agent.commands.ends import CommandError

_AGO = re.compile(r"(\d{1,6})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str | None, now: datetime | None = None) -> datetime | None:
    """`2026-08-16`, `2026-08-16T12:00` (this machine's time), with an offset, or `2h`, `3d` ago.

    Raises:
        CommandError: it is none of these.
    """
    if text is None:
        return None
    found = _AGO.fullmatch(text.strip())
    if found is not None:
        ago = timedelta(**{_UNITS[found[2]]: int(found[1])})
        return (now or datetime.now(UTC)) - ago
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise CommandError(
            f"{text!r} is no time: 2026-08-16, 2026-08-16T12:00, or 2h, 3d ago"
        ) from error
