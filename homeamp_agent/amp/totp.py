"""The second factor: the six digits that an authenticator would show now (RFC 6238)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable

STEP_SECONDS = 30
DIGITS = 6


class NotASeed(ValueError):
    """The text is no TOTP seed; it is not repeated in the message."""


def totp(seed: str, now: Callable[[], float] = time.time) -> Callable[[], str]:
    """What gives the code of the moment for a seed: base32, spaces and dashes allowed.

    Raises:
        NotASeed: it is not base32.
    """
    plain = seed.replace(" ", "").replace("-", "").rstrip("=").upper()
    try:
        key = base64.b32decode(plain + "=" * (-len(plain) % 8))
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise NotASeed("is not the base32 seed that AMP shows when two-factor login is set up")
    return lambda: _code(key, int(now()) // STEP_SECONDS)


def _code(key: bytes, step: int) -> str:
    digest = hmac.new(key, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"
