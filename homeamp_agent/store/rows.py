"""A deviation as a row: what was found is one JSON body, what became of it are columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from homeamp_agent.model.deviation import Deviation, DeviationStatus
from homeamp_agent.model.rule import Severity
from homeamp_agent.store.moments import from_micros, maybe_moment, to_micros

SEPARATOR = "\x1f"
"""Between the parts of `place`: no name or key holds U+001F."""

SEARCH_VALUE_LENGTH = 200
"""Characters of a value that `/` looks through; longer ones are whole messages or base64."""

FOUND = (
    "host", "instance", "plugin", "file", "key", "path", "kind", "severity", "expected", "actual",
    "line", "rule", "pattern", "message", "group",
)  # fmt: skip
"""The fields of a deviation that a scan finds, as they stand in `body`."""

_FOUND = set(FOUND)

COLUMNS = (
    "id", "host", "instance", "plugin", "file", "key", "kind", "severity", "status", "pattern",
    "rule", "group_id", "place", "search", "age", "first_seen", "last_seen",
)  # fmt: skip

STATE_COLUMNS = (
    "deviations.id, status, body, first_seen, last_seen, reviewed_by, reviewed_at, review_reason, "
    "replacement, expires, change_id"
)
"""What `deviation_of` reads, in its order, from `WHOLE`."""

WHOLE = "deviations JOIN deviation_bodies ON deviation_bodies.id = deviations.id"


_MAY_BE_NONE = ("plugin", "file", "key", "path")
"""Left out of a body where they are None, though a deviation must say them."""


def body_of(deviation: Deviation) -> str:
    """What was found, as JSON: equal text means that nothing changed."""
    return deviation.model_dump_json(include=_FOUND, exclude_none=True)


def new_row(deviation: Deviation, status: DeviationStatus, at: datetime) -> tuple[Any, ...]:
    """The values of `COLUMNS` for a deviation that was found at `at` and has no row yet."""
    plugin, file, key = deviation.plugin or "", deviation.file or "", deviation.key or ""
    micros = to_micros(at)
    return (
        deviation.id, deviation.host, deviation.instance, plugin, file, key,
        deviation.kind.value, deviation.severity.rank, status.value,
        deviation.pattern.name if deviation.pattern else "",
        str(deviation.rule.source) if deviation.rule else "",
        deviation.group,
        SEPARATOR.join((deviation.host, deviation.instance, plugin, file, key, deviation.id)),
        search_text(deviation), -micros, micros, micros,
    )  # fmt: skip


def search_text(deviation: Deviation) -> str:
    """What the words of a `/` filter are looked for in, case folded."""
    parts = [
        deviation.host, deviation.instance, deviation.plugin, deviation.file, deviation.key,
        deviation.kind.value, deviation.severity.value, deviation.message,
        _shown(deviation.expected), _shown(deviation.actual),
        deviation.pattern.name if deviation.pattern else None,
    ]  # fmt: skip
    return "\n".join(part for part in parts if part).casefold()


def _shown(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value[:SEARCH_VALUE_LENGTH] if value else None
    return json.dumps(value, ensure_ascii=False, default=str)[:SEARCH_VALUE_LENGTH]


def deviation_of(row: Sequence[Any]) -> Deviation:
    """The deviation of a row of `STATE_COLUMNS`."""
    identity, status, body, first_seen, last_seen, reviewer, reviewed_at, reason = row[:8]
    replacement, expires, change_id = row[8:11]
    found: dict[str, Any] = json.loads(body)
    return Deviation.model_validate(
        {
            **dict.fromkeys(_MAY_BE_NONE),
            **found,
            "id": identity,
            "status": status,
            "first_seen": from_micros(first_seen),
            "last_seen": from_micros(last_seen),
            "reviewed_by": reviewer,
            "reviewed_at": maybe_moment(reviewed_at),
            "review_reason": reason,
            "replacement": None if replacement is None else json.loads(replacement),
            "expires": maybe_moment(expires),
            "change_id": change_id,
        }
    )


def actual_text(deviation: Deviation) -> str:
    """The actual value as history keeps it."""
    return json.dumps(deviation.actual, ensure_ascii=True, default=str)


SEVERITY_BY_RANK = tuple(Severity)
