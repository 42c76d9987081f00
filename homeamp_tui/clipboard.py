"""Copying over SSH: OSC 52, wrapped for tmux and screen, so that it reaches the laptop."""

from __future__ import annotations

import base64
from collections.abc import Mapping

OSC52_BYTES_MAX = 74_994
"""What xterm takes in one sequence; more is cut off by some terminals without a word."""


class TooLong(Exception):
    """The text does not fit into one OSC 52 sequence."""


def osc52(text: str, environment: Mapping[str, str]) -> str:
    """The sequence that puts `text` on the clipboard of the terminal a person sits at.

    Raises:
        TooLong: more than `OSC52_BYTES_MAX` bytes once encoded.
    """
    encoded = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    if len(encoded) > OSC52_BYTES_MAX:
        raise TooLong(f"too long to copy: {len(encoded):,} of {OSC52_BYTES_MAX:,} bytes")
    sequence = f"\x1b]52;c;{encoded}\x07"
    if environment.get("TMUX"):
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if environment.get("TERM", "").startswith("screen"):
        return "\x1bP" + sequence + "\x1b\\"
    return sequence
