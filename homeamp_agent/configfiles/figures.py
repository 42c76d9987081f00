"""Numbers in the way that the number they take the place of is written.

`4.50` begets `5.00` and not `5.0`, `.5` begets `.75`, `1.0E8` begets `2.5E8`. Where the old token
shows no way of its own, a number is written as Python does, which reads back exactly.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_EXPONENT: Final = re.compile(r"[-+]?[0-9_]+(?:\.[0-9_]*)?(?:(E)([-+]?)[0-9]+|(e)([-+]?)[0-9])")
"""As Java or a person writes it: Python writes a small letter and at least two figures."""

_PRICE: Final = re.compile(r"[-+]?[0-9_]*\.([0-9]+0)")
_BARE_POINT: Final = re.compile(r"[-+]?\.[0-9]")


def float_text(value: float, old: str) -> str:
    """A finite number as text; `old` is the token it takes the place of, or any other text."""
    exponent = _EXPONENT.fullmatch(old)
    if exponent is not None and value:
        return _scientific(value, exponent[1] or exponent[3], exponent[2] or exponent[4] or "")
    text = repr(value)
    price = _PRICE.fullmatch(old)
    if price is not None and "e" not in text:
        text = text.ljust(text.index(".") + 1 + len(price[1]), "0")
    if _BARE_POINT.match(old) and abs(value) < 1:
        text = text.replace("0.", ".", 1)
    return text


def _scientific(value: float, letter: str, plus: str) -> str:
    """One figure, a point, the others, the exponent: a form that YAML 1.1 reads as a number too."""
    sign, digits, tens = Decimal(repr(value)).normalize().as_tuple()
    power_of_ten = int(tens) + len(digits) - 1
    fraction = "".join(map(str, digits[1:])) or "0"
    signed = plus.strip("-") if power_of_ten >= 0 else ""
    return f"{'-' if sign else ''}{digits[0]}.{fraction}{letter}{signed}{power_of_ten}"
