"""Settings: key paths, values, and how both are written for people."""

from __future__ import annotations

import math
from typing import Any

KeySegment = str | int | None
KeyPath = tuple[KeySegment, ...]
"""Mapping keys (str; YAML also int, bool and None) and list indices (int), top to leaf."""

Value = Any
"""A JSON-like value. Secrets stand in it as `Masked.wire()` dictionaries."""


def segment_text(segment: KeySegment) -> str:
    """One segment as Bukkit would write it: `true`, `1`, `null`."""
    if segment is None:
        return "null"
    if isinstance(segment, bool):
        return "true" if segment else "false"
    return str(segment)


def dotted(path: KeyPath) -> str:
    """The key path as dotted text. Not reversible: real keys contain dots."""
    try:
        return ".".join(path)  # type: ignore[arg-type]
    except TypeError:
        return ".".join(segment_text(segment) for segment in path)


def same_value(expected: Value, actual: Value) -> bool:
    """Equality as an operator means it.

    Numbers numerically (1 = 1.0, NaN = NaN), booleans as booleans, strings exactly, lists in
    order, mappings by key text. A bool never equals a number, a number never a string.
    """
    if isinstance(expected, bool) or isinstance(actual, bool):
        return isinstance(expected, bool) and isinstance(actual, bool) and expected == actual
    if isinstance(expected, (int, float)) and isinstance(actual, (int, float)):
        if isinstance(expected, float) and isinstance(actual, float):
            return expected == actual or (math.isnan(expected) and math.isnan(actual))
        return expected == actual
    if isinstance(expected, (list, tuple)) and isinstance(actual, (list, tuple)):
        return len(expected) == len(actual) and all(
            same_value(left, right) for left, right in zip(expected, actual, strict=True)
        )
    if isinstance(expected, dict) and isinstance(actual, dict):
        left = {segment_text(key): value for key, value in expected.items()}
        right = {segment_text(key): value for key, value in actual.items()}
        return left.keys() == right.keys() and all(
            same_value(value, right[key]) for key, value in left.items()
        )
    return type(expected) is type(actual) and bool(expected == actual)


def text_of(value: Value) -> str:
    """The value as a text format (.properties, .kvp) writes it: `true`, `10`, `1.5`, ``."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        return str(value)
    return str(value)


def same_text(expected: Value, actual: Value) -> bool:
    """Equality in a text format: by the text, except that booleans ignore case.

    AMP's .kvp files write `True`, server.properties writes `true`, for the same thing.
    """
    left, right = text_of(expected), text_of(actual)
    if left == right:
        return True
    if isinstance(expected, bool):
        return left == right.lower()
    if isinstance(expected, float) and expected.is_integer():
        return right == str(int(expected))
    return False


def differs_only_in_type(expected: Value, actual: Value) -> bool:
    """Whether the two are the same text but of different types (`"10"` and `10`)."""
    scalars = (str, int, float, bool)
    if not isinstance(expected, scalars) or not isinstance(actual, scalars):
        return False
    if type(expected) is type(actual):
        return False
    return text_of(expected).lower() == text_of(actual).lower()
