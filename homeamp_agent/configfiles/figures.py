"""Numbers in the way that the number they take the place of is written.

`4.50` begets `5.00` and not `5.0`, `.5` begets `.75`, `1.0E8` begets `2.5E8`. Where the old token
is a fraction without an exponent, or none is there, the new one has none either (`0.5` begets
`0.00001`), unless it would take dozens of zeros; where the old one has an exponent of its own
accord, so has the new one, and setting back gives the old bytes. The figures are those of Python's
`repr`: as few as read back exactly.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_EXPONENT: Final = re.compile(r"[-+]?[0-9_]+(?:\.[0-9_]*)?([eE])([-+]?)([0-9]+)")
_FRACTION: Final = re.compile(r"[-+]?[0-9_]*\.[0-9_]*")
_PRICE: Final = re.compile(r"[-+]?[0-9_]*\.([0-9]+0)")
_BARE_POINT: Final = re.compile(r"[-+]?\.[0-9]")
_GAIN: Final = re.compile(r"\+[0-9][0-9_]*")
_MOST_FIGURES: Final = 32
"""A number that takes more of them without an exponent is written with one by anybody."""


def int_text(value: int, old: str) -> str:
    """An integer as text; `+5` begets `+7`, as a person does who tells gains from losses.

    Raises:
        ValueError: more digits than Python converts.
    """
    return ("+" if value > 0 and _GAIN.fullmatch(old) else "") + str(value)


def float_text(value: float, old: str) -> str:
    """A finite number as text; `old` is the token it takes the place of, or any other text."""
    exponent = _EXPONENT.fullmatch(old)
    if old[:1] == "+" and value > 0 and (exponent or _FRACTION.fullmatch(old)):
        return "+" + float_text(value, old[1:])
    if exponent is not None:
        letter, plus, power = exponent.groups()
        if value and (letter == "E" or len(power) == 1):
            return _scientific(value, letter, plus)
        if letter == "e" and len(power) > 1:
            needed = "e" in _positional(float(old.replace("_", "")))
            return repr(value) if needed else _as_python_does(value)
    text = _positional(value) if not old or _FRACTION.fullmatch(old) else repr(value)
    price = _PRICE.fullmatch(old)
    if price is not None and "e" not in text:
        text = text.ljust(text.index(".") + 1 + len(price[1]), "0")
    if _BARE_POINT.match(old) and abs(value) < 1:
        text = text.replace("0.", ".", 1)
    return text


def _positional(value: float) -> str:
    """Without an exponent, if that is not too long to be read."""
    text = repr(value)
    if "e" not in text:
        return text
    written = format(Decimal(text), "f")
    if "." not in written:
        written += ".0"
    return written if len(written) <= _MOST_FIGURES else text


def _as_python_does(value: float) -> str:
    """With an exponent of two figures at least: `1e-05`, `7.5e+00`."""
    mantissa, _, power = _scientific(value, "e", "+").partition("e")
    return f"{mantissa.removesuffix('.0')}e{power[0]}{power[1:]:0>2}"


def _scientific(value: float, letter: str, plus: str) -> str:
    """As Java or a person does; a form that YAML 1.1 reads as a number too: `2.5E8`, `1.0e-7`."""
    sign, digits, tens = Decimal(repr(value)).normalize().as_tuple()
    power_of_ten = int(tens) + len(digits) - 1
    fraction = "".join(map(str, digits[1:])) or "0"
    signed = plus.strip("-") if power_of_ten >= 0 else ""
    return f"{'-' if sign else ''}{digits[0]}.{fraction}{letter}{signed}{power_of_ten}"
