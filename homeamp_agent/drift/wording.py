"""The one sentence that says what is wrong, for a person."""

from __future__ import annotations

import json

from homeamp_agent.model.secret import MASK, is_masked
from homeamp_agent.model.setting import Value

SHOWN_LENGTH = 60
"""Characters of a value in a sentence; the detail pane has the whole."""

NAMES_SHOWN = 5


def shown(value: Value) -> str:
    """A value in a sentence: as JSON, shortened, secrets as dots."""
    if is_masked(value):
        return MASK
    text = json.dumps(_dotted_out(value), ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN_LENGTH else text[: SHOWN_LENGTH - 1] + "…"


def wanted(expected: Value) -> str:
    """An expectation in a sentence: `expected 10`, `expected one of 1, 2`, `expected 1 to 20`."""
    if isinstance(expected, dict) and len(expected) == 1 and not is_masked(expected):
        ((kind, detail),) = expected.items()
        if kind == "one_of" and isinstance(detail, list):
            return "expected one of " + ", ".join(shown(value) for value in detail)
        if kind == "range" and _is_range(detail):
            low, high = detail
            if low is None:
                return f"expected at most {high:g}"
            return f"expected at least {low:g}" if high is None else f"expected {low:g} to {high:g}"
        if kind == "matches":
            return f"expected a match of {MASK if is_masked(detail) else detail}"
        if kind == "absent":
            return "expected not to be there"
    return f"expected {shown(expected)}"


def _is_range(detail: Value) -> bool:
    """A setting may itself be a mapping that has one key called `range`."""
    return (
        isinstance(detail, list)
        and len(detail) == 2
        and detail != [None, None]
        and all(each is None or isinstance(each, (int, float)) for each in detail)
    )


def names(them: list[str]) -> str:
    """A few names: `A, B and 3 more`."""
    if len(them) <= NAMES_SHOWN:
        return ", ".join(them)
    return f"{', '.join(them[:NAMES_SHOWN])} and {len(them) - NAMES_SHOWN} more"


def counted(count: int, noun: str) -> str:
    """`1 setting is`, `12 settings are`."""
    return f"1 {noun} is" if count == 1 else f"{count:,} {noun}s are"


def _dotted_out(value: Value) -> Value:
    if is_masked(value):
        return MASK
    if isinstance(value, dict):
        return {str(key): _dotted_out(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_dotted_out(item) for item in value]
    return value
