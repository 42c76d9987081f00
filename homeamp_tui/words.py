"""How things are said on the screen: severities, kinds, values, ages. Pure text, no widgets.

Everything that came from a file or over the wire goes through `plain` before it is painted: a
config value may hold escape sequences, and a terminal obeys them.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from rich.cells import cell_len, set_cell_size

from homeamp_agent.model.change import GOES_ON_AS, ChangeRequest, ChangeStatus
from homeamp_agent.model.deviation import Deviation, DeviationKind, DeviationStatus
from homeamp_agent.model.rule import Scope, ScopeKind, Severity
from homeamp_agent.model.secret import MASK, is_masked

SEVERITY_WORDS = {
    Severity.CRITICAL: "CRIT",
    Severity.HIGH: "HIGH",
    Severity.MEDIUM: "MED",
    Severity.LOW: "LOW",
    Severity.INFO: "INFO",
}
"""Four letters and a colour: colour is never the only signal."""

STATUS_MARKS = {
    DeviationStatus.PENDING: " ",
    DeviationStatus.APPROVED: "✓",
    DeviationStatus.FLAGGED: "⚑",
    DeviationStatus.FIXING: "…",
    DeviationStatus.FIXED: "✔",
    DeviationStatus.RESOLVED: "–",
}

KIND_WORDS = {
    DeviationKind.VALUE: "other value",
    DeviationKind.TYPE: "other type",
    DeviationKind.MISSING_KEY: "missing key",
    DeviationKind.EXTRA_KEY: "extra key",
    DeviationKind.MISSING_FILE: "missing file",
    DeviationKind.MISSING_PLUGIN: "missing plugin",
    DeviationKind.UNEXPECTED_PLUGIN: "unexpected plugin",
    DeviationKind.UNREADABLE: "unreadable",
    DeviationKind.NOT_UNIQUE: "not unique",
    DeviationKind.RULE_CONFLICT: "rule conflict",
    DeviationKind.UNRESOLVED_VARIABLE: "unknown variable",
}

CHANGE_WORDS = {
    ChangeStatus.PLANNED: "· planned",
    ChangeStatus.PENDING_APPROVAL: "? to approve",
    ChangeStatus.APPROVED: "· approved",
    ChangeStatus.SCHEDULED: "· scheduled",
    ChangeStatus.WAITING: "… waiting",
    ChangeStatus.APPLYING: "… applying",
    ChangeStatus.APPLIED: "✔ applied",
    ChangeStatus.REVERTED_BY_PLUGIN: "! not kept",
    ChangeStatus.FAILED: "✖ failed",
    ChangeStatus.ROLLING_BACK: "… rolling back",
    ChangeStatus.ROLLED_BACK: "↶ rolled back",
    ChangeStatus.REJECTED: "✖ rejected",
    ChangeStatus.CANCELLED: "✖ withdrawn",
}

DEPLOYED = "→ deployed"


def change_text(change: ChangeRequest) -> str:
    """The status of a change request; one that a deployment took over is not just withdrawn."""
    if change.status is ChangeStatus.CANCELLED and change.message.startswith(GOES_ON_AS):
        return DEPLOYED
    return CHANGE_WORDS[change.status]


PATTERN_WORDS = {
    "security_downgrade": "security weakened",
    "duplicated_identity": "identity used twice",
    "wrong_instance_name": "another instance's name",
    "typo": "looks like a typo",
    "return_to_default": "back to the default",
    "mixed_types": "mixed types",
    "odd_one_out": "odd one out",
    "minority": "a minority differs",
    "even_split": "even split",
    "majority": "most have another value",
}

BRIEF_CHARACTERS = 120
"""Of a reason above other things: two lines of a narrow screen; reasons go up to 2,000."""
DIFFERENCE_CELLS = 6
"""So much of a difference is to be seen, else what stands before it is shortened."""
BEFORE_DIFFERENCE_CELLS = 3
"""How much of what two texts have in common stands before their difference."""

_STEPS = ((60, "s"), (60, "m"), (24, "h"), (7, "d"))

_HARMFUL: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(0x20)},
    0x7F: 0x2421,
    **dict.fromkeys((*range(0x80, 0xA0), 0x2028, 0x2029), "\ufffd"),
    # Marks that turn the reading direction round could make a value look like another one.
    **dict.fromkeys((0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), "⍰"),
    **{0x0A: "⏎", 0x0D: "␍", 0x09: "⇥"},
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}


def plain(text: str) -> str:
    """`text` on one line, with nothing in it that a terminal would obey."""
    return text if text.isascii() and text.isprintable() else text.translate(_HARMFUL)


def brief(text: str) -> str:
    """`text` as `plain` gives it, cut where it would push away what stands below it."""
    shown = plain(text)
    return shown if len(shown) <= BRIEF_CHARACTERS else shown[: BRIEF_CHARACTERS - 1] + "…"


def value_text(value: Any) -> str:
    """A value on one line; a secret as dots and the start of its fingerprint."""
    if is_masked(value):
        return f"{MASK} {plain(value['masked'][:6])}"
    if value is None:
        return "—"
    if isinstance(value, str):
        return plain(value) or "(empty)"
    if isinstance(value, dict) and len(value) == 1:
        said = _condition_text(*next(iter(value.items())))
        if said:
            return plain(said)
    return plain(json.dumps(value, ensure_ascii=False))


def _condition_text(name: Any, value: Any) -> str:
    """What is expected where that is no literal, as the agent writes it on the wire."""
    match name, value:
        case "one_of", [*values]:
            return "one of " + ", ".join(map(str, values))
        case "range", [low, high]:
            return f"{'' if low is None else low} … {'' if high is None else high}".strip()
        case "matches", str(pattern):
            return f"matches {pattern}"
        case (("unique" | "present" | "absent"), True):
            return str(name)
        case _:
            return ""


def expected_text(row: Deviation) -> str:
    """What should be there, in the words of a table cell."""
    if row.expected is not None:
        return side_text(row.kind, row.expected)
    match row.kind:
        case DeviationKind.EXTRA_KEY | DeviationKind.UNEXPECTED_PLUGIN:
            return "nothing"
        case DeviationKind.MISSING_FILE:
            return "a file"
        case DeviationKind.MISSING_PLUGIN:
            return "installed"
        case DeviationKind.UNREADABLE:
            return "readable"
        case _:
            return "—"


def actual_text(row: Deviation) -> str:
    """What is there, in the words of a table cell."""
    match row.kind:
        case DeviationKind.MISSING_KEY | DeviationKind.MISSING_FILE | DeviationKind.MISSING_PLUGIN:
            return "missing"
        case DeviationKind.UNREADABLE:
            return plain(row.message) or "unreadable"
        case DeviationKind.UNEXPECTED_PLUGIN:
            return "installed"
        case DeviationKind.RULE_CONFLICT | DeviationKind.UNRESOLVED_VARIABLE:
            return KIND_WORDS[row.kind] if row.actual is None else value_text(row.actual)
        case _:
            return side_text(row.kind, row.actual)


def side_text(kind: DeviationKind, value: Any) -> str:
    """An expected or actual value; a text in quotes where only the type differs."""
    if kind is DeviationKind.TYPE and isinstance(value, str):
        return plain(json.dumps(value, ensure_ascii=False))
    return value_text(value)


def place_text(row: Deviation) -> str:
    """What is deviating, as short as it can be said: the key, else the file, else the plugin."""
    return plain(row.key or row.file or row.plugin or "")


def row_text(row: Deviation) -> str:
    """A deviation as one line of text, to paste somewhere."""
    line = f":{row.line}" if row.line else ""
    where = plain(row.file or row.plugin or "") + line
    return (
        f"{plain(row.host)}/{plain(row.instance)}  {where}  {place_text(row)}: "
        f"expected {expected_text(row)}, is {actual_text(row)}"
    )


def scope_text(scope: Scope) -> str:
    """A scope in a few words; an instance without its host, which stands beside it."""
    if scope.kind is ScopeKind.INSTANCE and scope.target is not None:
        return plain(f"instance {scope.target.rpartition('/')[2]}")
    return plain(str(scope))


def age_text(moment: dt.datetime | None, now: dt.datetime | None = None) -> str:
    """How long ago, in one unit: `12s`, `5m`, `3h`, `2d`, `6w`."""
    if moment is None:
        return ""
    amount = max(0, int(((now or dt.datetime.now(dt.UTC)) - moment).total_seconds()))
    for size, unit in _STEPS:
        if amount < size:
            return f"{amount}{unit}"
        amount //= size
    return f"{amount}w"


def ago_text(moment: dt.datetime | None, now: dt.datetime | None = None) -> str:
    """`5m ago`, `just now`, `never`."""
    if moment is None:
        return "never"
    age = age_text(moment, now)
    return "just now" if age in {"0s", "1s"} else f"{age} ago"


def moment_text(moment: dt.datetime) -> str:
    """`2027-01-31 03:00`, where this screen is."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def until_text(moment: dt.datetime, now: dt.datetime | None = None) -> str:
    """`ends in 3d`, `ended 2h ago`; rounded down, so that there is never less left than said."""
    now = now or dt.datetime.now(dt.UTC)
    if moment <= now:
        return f"ended {ago_text(moment, now)}"
    return f"ends in {age_text(now, moment)}"


def fit(text: str, width: int) -> str:
    """Exactly `width` cells: cut off with an ellipsis, or filled up."""
    if cell_len(text) <= width:
        return text + " " * (width - cell_len(text))
    return "" if width <= 0 else set_cell_size(text, width - 1) + "…"


def fit_middle(text: str, width: int) -> str:
    """Exactly `width` cells, with the middle left out: the end of a key tells it from others."""
    if cell_len(text) <= width or width < 9:
        return fit(text, width)
    head = (width - 1) // 3
    tail = text
    while cell_len(tail) > width - 1 - head:
        tail = tail[1:]
    return fit(set_cell_size(text, head) + "…" + tail, width)


def fit_apart(texts: tuple[str, str], widths: tuple[int, int]) -> tuple[str, str]:
    """Two texts that differ, each exactly so many cells: where both would be cut off before they
    differ, what they have in common is left out in front instead."""
    left, right = texts
    pairs = enumerate(zip(left, right, strict=False))
    same = next((at for at, (ours, theirs) in pairs if ours != theirs), min(map(len, texts)))
    cut = any(cell_len(text) > width for text, width in zip(texts, widths, strict=True))
    if cut and same + DIFFERENCE_CELLS > min(widths):
        kept = max(0, same - BEFORE_DIFFERENCE_CELLS)
        left, right = (f"…{text[kept:]}" if len(text) > kept else text for text in texts)
    return fit(left, widths[0]), fit(right, widths[1])


def plural(count: int, noun: str) -> str:
    """`1 deviation`, `2,000 deviations`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
