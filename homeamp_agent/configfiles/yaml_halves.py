"""Characters that a YAML file writes as two escapes, one for each half of a surrogate pair.

Old SnakeYAML dumps an emoji as `"\\ud83d\\ude00"`, and every SnakeYAML reads it back, also over a
joined line end. libyaml refuses the file. It is given a text of the same length, in which each half
is a character that the file doesn't hold, and what it then reads gets its meaning back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import yaml

from homeamp_agent.configfiles.escapes import without_lone_surrogates

REFUSED: Final = "found invalid Unicode character escape code"
"""What libyaml says of a half."""

_HALF: Final = re.compile(
    r"(?<!\\)((?:\\\\)*\\(?:u|U0000))([dD][89a-fA-F])(?=[0-9a-fA-F]{2})",
)
_ESCAPED: Final = re.compile(r"\\(?:u|U0000)([0-9a-fA-F]{2})")
_BLOCKS: Final = (0xE0, 0xE8, 0xF0, *range(0x30, 0xD8, 8))
"""First bytes that blocks of 2,048 characters begin with: the private ones, which few files hold,
then whatever needs no escape."""


class Halves:
    """The stand-in for one text.

    Attributes:
        stand_in: what libyaml can read, every character at its place.
    """

    def __init__(self, text: str, block: int) -> None:
        self._text = text
        self._first = block << 8
        self._characters = re.compile(f"[{chr(self._first)}-{chr(self._first + 0x7FF)}]")
        digits = "|".join(f"{block + number:02x}" for number in range(8))
        self._digits = re.compile(rf"(?<=\\u)(?:{digits})|(?<=\\U0000)(?:{digits})")

        def replaced(half: re.Match[str]) -> str:
            return f"{half[1]}{block + int(half[2], 16) - 0xD8:02x}"

        self.stand_in = _HALF.sub(replaced, text)

    @classmethod
    def of(cls, text: str) -> Halves | None:
        """The stand-in for `text`; None if it holds no half, or characters of every block."""
        if _HALF.search(text) is None:
            return None
        used = {ord(character) >> 11 for character in set(text)}
        used |= {int(digits, 16) >> 3 for digits in _ESCAPED.findall(text)}
        free = next((block for block in _BLOCKS if block >> 3 not in used), None)
        return None if free is None else cls(text, free)

    def meant(self, get_event: Callable[[], Any]) -> Callable[[], Any]:
        """`get_event` of a parser of the stand-in, with what the text itself says."""

        def get() -> Any:
            event = get_event()
            if event.__class__ is yaml.ScalarEvent:
                event.value = self._unescaped(event) if event.style == '"' else self._raw(event)
            return event

        return get

    def _unescaped(self, event: Any) -> str:
        def half(character: re.Match[str]) -> str:
            return chr(ord(character[0]) - self._first + 0xD800)

        return without_lone_surrogates(self._characters.sub(half, event.value))

    def _raw(self, event: Any) -> str:
        """Without double quotes a half is no escape but six characters, which stay as they are."""
        count = len(self._digits.findall(event.value))
        if not count:
            return str(event.value)
        written = _HALF.finditer(self._text, event.start_mark.index, event.end_mark.index)
        # A comment behind a block's `|` holds text that is none of its value.
        digits = iter([half[2] for half in written][-count:])
        return self._digits.sub(lambda _: next(digits), event.value)
