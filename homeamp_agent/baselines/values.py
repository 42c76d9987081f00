"""Values as people and Python wrote them into baselines: shape A text, Python reprs, cell text.

Strings of shape A are raw between their outer quotes (regexes with backslashes, an inner quote), so
nothing here decodes escapes, and nothing here reads YAML: `#464646` must not become null.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from typing import Any

_INT = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)\Z")
_WORDS = {"true": True, "false": False, "null": None, "none": None}


@dataclass(frozen=True, slots=True)
class Reading:
    """A value and what was wrong with its text; `typed` False where the text hides its type."""

    value: Any
    problem: str | None = None
    typed: bool = True


def markdown_value(text: str) -> Reading:
    """A value of shape A: `true`, `12`, `0.5`, `null`, `"raw text"`, a Python or JSON list."""
    if text.startswith('"'):
        if len(text) >= 2 and text.endswith('"'):
            return Reading(text[1:-1])
        return Reading(text[1:], "the string has no closing quote; read to the end of the line")
    if text in {"true", "false", "null"}:
        return Reading(_WORDS[text])
    number = _number(text)
    if number is not None:
        return Reading(number)
    if text[:1] in {"[", "{"}:
        return literal(text)
    if text in {"True", "False", "None"}:
        return Reading(_WORDS[text.lower()])
    return Reading(text, "neither quoted nor a number, list or word; read as text")


def repr_scalar(text: str) -> Reading:
    """A value of shape B2, Python's `str()` of it: its type shows only for lists and mappings."""
    if text.lower() in _WORDS and text not in {"null", "NULL", "Null"}:
        return Reading(_WORDS[text.lower()], typed=text == "None")
    number = _number(text)
    if number is not None:
        return Reading(number, typed=False)
    if text[:1] in {"[", "{"} and text[-1:] in {"]", "}"}:
        reading = literal(text)
        if reading.problem is None:
            return reading
    return Reading(text)


def literal(text: str) -> Reading:
    """A list or mapping as Python repr, else as JSON; text with a problem where it is neither."""
    try:
        return Reading(ast.literal_eval(text))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        pass
    try:
        return Reading(json.loads(text))
    except (ValueError, RecursionError):
        return Reading(text, "looks like a list or mapping but cannot be read as one")


def cell_value(text: Any, value_type: str) -> Reading:
    """A workbook cell's text as its `ValueType` column says: str, int, float, bool or list."""
    text = "" if text is None else str(text)
    wanted = value_type.strip().lower()
    if wanted in {"str", "string", ""}:
        return Reading(text)
    if wanted == "bool" and text.lower() in {"true", "false"}:
        return Reading(text.lower() == "true")
    if wanted in {"int", "float"}:
        number = _number(text)
        if isinstance(number, int) and not isinstance(number, bool):
            return Reading(float(number) if wanted == "float" else number)
        if isinstance(number, float):
            return Reading(int(number) if wanted == "int" and number.is_integer() else number)
    if wanted in {"list", "dict"}:
        return literal(text)
    if wanted == "nonetype":
        return Reading(None)
    return Reading(text, f"{text!r} is no {wanted}; read as text")


def _number(text: str) -> int | float | None:
    if _INT.match(text):
        try:
            return int(text)
        except ValueError:
            return None
    if _FLOAT.match(text):
        return float(text)
    return None
