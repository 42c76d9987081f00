"""Values as people and Python wrote them into baselines: shape A text, Python reprs, cell text.

Strings of shape A are raw between their outer quotes (regexes with backslashes, an inner quote), so
nothing here decodes escapes, and nothing here reads YAML: `#464646` must not become null.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from homeamp_agent.model.setting import segment_text

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
        return Reading(text[1:], "the string has no closing quote; read to the end of its lines")
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
        with warnings.catch_warnings():
            # A backslash that escapes nothing is what people write into lists by hand.
            warnings.simplefilter("ignore")
            found = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
    if isinstance(found, (list, tuple, dict)) and _plain(found):
        return Reading(_listed(found))
    return Reading(text, "looks like a list or mapping but cannot be read as one")


def _plain(value: Any) -> bool:
    """Whether a config file could hold it: Python literals know sets, bytes and more."""
    if isinstance(value, dict):
        return all(_plain(each) for pair in value.items() for each in pair)
    if isinstance(value, (list, tuple)):
        return all(map(_plain, value))
    return value is None or isinstance(value, (str, int, float))


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, (list, tuple)) else value


def inner_settings(mapping: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and value of every leaf; a list and an empty mapping are leaves."""
    for segment, value in mapping.items():
        key = prefix + segment_text(segment)
        if isinstance(value, dict) and value:
            yield from inner_settings(value, key + ".")
        else:
            yield key, value


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
    return Reading(text, f"is no {wanted}, as its type says; read as text")


def _number(text: str) -> int | float | None:
    if _INT.match(text):
        try:
            return int(text)
        except ValueError:
            return None
    if _FLOAT.match(text):
        return float(text)
    return None
