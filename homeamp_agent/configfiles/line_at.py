"""Which setting a line of a file seems to hold, where no reader can tell.

A guess for a person to look at: the key that the line begins with, the keys that its indentation
puts it under (in YAML), and the text of its value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from homeamp_agent.configfiles.document import DEFAULT_LIMITS, Limits
from homeamp_agent.configfiles.line_edit import any_token, is_open, keys_above, told_format
from homeamp_agent.configfiles.text import SourceText

_KEY_OF_LINE: Final = re.compile(
    r"""[ \t]*+(?:-[ \t]++)?(?:[BIDS]:)?(?P<quote>["']?)(?P<key>[^"'#:=\s](?:[^"':=]*[^"':=\s])?)"""
    r"""(?P=quote)[ \t]*+(?::(?=[ \t"']|$)|=)[ \t]*+"""
)
MOST_CHARACTERS: Final = 2_000
"""Of a line that is looked at: no person types more."""
MOST_LINES: Final = 5_000
MOST_OPEN_QUOTES: Final = 5
"""Each is tried, which reads the whole file once."""


@dataclass(frozen=True, slots=True)
class LineSetting:
    """What a line seems to hold; `text` is the value, quotes included."""

    line: int
    path: tuple[str, ...]
    text: str

    @property
    def value(self) -> str:
        """The value without its quotes, whether they are closed or not."""
        quote = self.text[:1]
        if quote not in ("'", '"'):
            return self.text
        return self.text[1:].removesuffix(quote)


def open_quotes(
    file: str, data: bytes, line: int, limits: Limits = DEFAULT_LIMITS
) -> tuple[int, ...]:
    """Lines whose value begins with a quote that is not closed there, nearest above `line` first.

    At most `MOST_OPEN_QUOTES` of the `MOST_LINES` above it. Raises as `setting_at`.
    """
    source = SourceText(file, data, limits)
    format_name = told_format(file, data)
    last = min(line, len(source.line_starts))
    found: list[int] = []
    for number in range(last, max(0, last - MOST_LINES), -1):
        start = source.line_starts[number - 1]
        text = source.text[start : source.line_end(start)]
        key = _KEY_OF_LINE.match(text) if len(text) <= MOST_CHARACTERS else None
        if key is not None and is_open(any_token(text[key.end() :], format_name)):
            found.append(number)
            if len(found) == MOST_OPEN_QUOTES:
                break
    return tuple(found)


def setting_at(
    file: str, data: bytes, line: int, limits: Limits = DEFAULT_LIMITS
) -> LineSetting | None:
    """What line `line` (from 1) seems to hold; None if it is no `key: value`.

    Raises:
        ConfigFileError: the bytes are no text.
    """
    source = SourceText(file, data, limits)
    if not 1 <= line <= len(source.line_starts):
        return None
    start = source.line_starts[line - 1]
    text = source.text[start : source.line_end(start)]
    found = _KEY_OF_LINE.match(text) if len(text) <= MOST_CHARACTERS else None
    if found is None:
        return None
    format_name = told_format(file, data)
    value = any_token(text[found.end() :], format_name)
    if value is None:
        return None
    above = keys_above(source, line) if format_name == "yaml" else ()
    return LineSetting(line, (*above, found["key"]), value)
