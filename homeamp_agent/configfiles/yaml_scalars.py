"""What a YAML scalar means, as SnakeYAML 2 types it for the servers (YAML 1.1).

It agrees with PyYAML but for a few things: `=` is text, a float's exponent needs no sign
(`1.0E8`, `1e3`), and `-.5` is a float. Regular expressions after SnakeYAML's `Resolver`,
conversions after its `SafeConstructor`.
"""

from __future__ import annotations

import re
from typing import Final

from homeamp_agent.configfiles.document import Scalar

TAG: Final = "tag:yaml.org,2002:"


class TaggedText(str):
    """The source text of a scalar whose type JSON has no word for: a date, `!!binary`, `!custom`.

    It is the text for everyone who reads it; the proof tells it from plain text by its type.
    """

    __slots__ = ("tag",)

    tag: str

    def __new__(cls, text: str, tag: str) -> TaggedText:
        tagged = super().__new__(cls, text)
        tagged.tag = tag
        return tagged


BOOLEANS: Final = {
    spelling: word in ("yes", "true", "on")
    for word in ("yes", "no", "true", "false", "on", "off")
    for spelling in (word, word.capitalize(), word.upper())
}
NULLS: Final = frozenset(("", "~", "null", "Null", "NULL"))
WORDS: Final[dict[str, bool | None]] = {**BOOLEANS, **dict.fromkeys(NULLS)}
"""Plain scalars that are words for something else than text; the empty one is one."""

NUMBER_SIGNS: Final = frozenset("-+.0123456789")
"""First characters of a plain scalar that may be a number or a date."""

_INT: Final = re.compile(
    r"[-+]?0b_*[01][01_]*|[-+]?0_*[0-7][0-7_]*|[-+]?(?:0|[1-9][0-9_]*)"
    r"|[-+]?0x_*[0-9a-fA-F][0-9a-fA-F_]*|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+"
)
_FLOAT: Final = re.compile(
    r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|[-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_DATE: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?"
    r"(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?"
)
TYPED_BY_OTHERS: Final = re.compile(
    r"[-+]?0[0-7_]+|[-+]?0b[01_]+|[-+]?0x[0-9a-fA-F_]+|0o[0-7]+|[-+]?\.[0-9_]+(?:[eE][-+]?[0-9]+)?"
)
"""Text to SnakeYAML 2, a number to PyYAML, to YAML 1.2 or to SnakeYAML 1."""

_FEW_DIGITS: Final = 20

_MOST_DIGITS: Final = 4000
"""Python refuses to convert longer integers (its guard against quadratic time)."""


def plain_value(text: str) -> Scalar:
    """The value of a plain scalar without a tag."""
    if text in WORDS:
        return WORDS[text]
    if text[0] not in NUMBER_SIGNS:
        return text
    if text[0] in "123456789" and len(text) < _FEW_DIGITS and text.isascii() and text.isdecimal():
        return int(text)
    if _INT.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return _float(text)
    if _DATE.fullmatch(text):
        return TaggedText(text, TAG + "timestamp")
    return text


def tagged_value(text: str, tag: str) -> Scalar:
    """The value of a scalar with an explicit tag; an unknown tag keeps the text."""
    if tag == TAG + "str":
        return text
    if tag == TAG + "null":
        return None
    if tag == TAG + "bool" and text in BOOLEANS:
        return BOOLEANS[text]
    if tag == TAG + "int" and _INT.fullmatch(text):
        return _integer(text)
    if tag == TAG + "float" and (_FLOAT.fullmatch(text) or _INT.fullmatch(text)):
        return _float(text)
    return TaggedText(text, tag)


def _integer(text: str) -> Scalar:
    digits = text.replace("_", "")
    if len(digits) > _MOST_DIGITS:
        return TaggedText(text, TAG + "int")
    sign = -1 if digits[0] == "-" else 1
    digits = digits.lstrip("+-")
    try:
        if digits.startswith("0b"):
            return sign * int(digits[2:], 2)
        if digits.startswith("0x"):
            return sign * int(digits[2:], 16)
        if ":" in digits:
            return sign * int(_base_60(digits))
        if digits[0] == "0" and digits != "0":
            return sign * int(digits, 8)
        return sign * int(digits)
    except ValueError:
        return text


def _float(text: str) -> Scalar:
    digits = text.replace("_", "").lower()
    if len(digits) > _MOST_DIGITS:
        return TaggedText(text, TAG + "float")
    if digits.endswith(".inf"):
        return float("-inf" if digits[0] == "-" else "inf")
    if digits == ".nan":
        return float("nan")
    if ":" in digits:
        return (-1.0 if digits[0] == "-" else 1.0) * float(_base_60(digits.lstrip("+-")))
    return float(digits)


def _base_60(digits: str) -> int | float:
    """`12:30` is 750 in YAML 1.1; the last part of a float has a fraction."""
    *places, last = digits.split(":")
    total: int | float = 0
    for place in places:
        total = total * 60 + int(place)
    return total * 60 + (float(last) if "." in last else int(last))
