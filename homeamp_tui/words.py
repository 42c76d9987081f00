"""How things are said on the screen: severities, statuses, values, ages. Pure text, no widgets."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from homeamp_agent.model.deviation import Deviation, DeviationKind, DeviationStatus
from homeamp_agent.model.rule import Severity
from homeamp_agent.model.secret import MASK, is_masked

SEVERITY_GLYPHS = {
    Severity.CRITICAL: "✖ crit",
    Severity.HIGH: "▲ high",
    Severity.MEDIUM: "● med ",
    Severity.LOW: "○ low ",
    Severity.INFO: "· info",
}
"""A shape, a word and a colour: colour is never the only signal."""

SEVERITY_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.INFO: "dim",
}

STATUS_MARKS = {
    DeviationStatus.PENDING: " ",
    DeviationStatus.APPROVED: "✓",
    DeviationStatus.FLAGGED: "⚑",
    DeviationStatus.FIXING: "…",
    DeviationStatus.FIXED: "✔",
    DeviationStatus.RESOLVED: "–",
}

KIND_WORDS = {
    DeviationKind.VALUE: "differs",
    DeviationKind.TYPE: "other type",
    DeviationKind.MISSING_KEY: "key missing",
    DeviationKind.EXTRA_KEY: "extra key",
    DeviationKind.MISSING_FILE: "file missing",
    DeviationKind.MISSING_PLUGIN: "plugin missing",
    DeviationKind.UNEXPECTED_PLUGIN: "unexpected plugin",
    DeviationKind.UNREADABLE: "unreadable",
    DeviationKind.NOT_UNIQUE: "not unique",
    DeviationKind.RULE_CONFLICT: "rule conflict",
    DeviationKind.UNRESOLVED_VARIABLE: "no value for variable",
}

_STEPS = ((60, "s"), (60, "m"), (24, "h"), (7, "d"))


def value_text(value: Any) -> str:
    """A value on one line; a secret as dots and the start of its fingerprint."""
    if is_masked(value):
        return f"{MASK} {value['masked'][:6]}"
    if value is None:
        return "—"
    if isinstance(value, str):
        return "(empty)" if value == "" else value.replace("\n", "⏎").replace("\t", "⇥")
    return json.dumps(value, ensure_ascii=False)


def age_text(moment: dt.datetime | None, now: dt.datetime | None = None) -> str:
    """How long ago, in one unit: `12s`, `5m`, `3h`, `2d`, `6w`."""
    if moment is None:
        return ""
    seconds = max(0, int(((now or dt.datetime.now(dt.UTC)) - moment).total_seconds()))
    amount = seconds
    for size, unit in _STEPS:
        if amount < size:
            return f"{amount}{unit}"
        amount //= size
    return f"{amount}w"


def cut(text: str, width: int) -> str:
    """At most `width` cells, with an ellipsis where something was cut off."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def place_text(deviation: Deviation) -> str:
    """What is deviating, as short as it can be said: the key, else the file, else the plugin."""
    return deviation.key or deviation.file or deviation.plugin or ""


def plural(count: int, noun: str) -> str:
    """`1 deviation`, `2 deviations`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
