"""An edit of one line in a file that no reader can read.

A broken file has no settings and so no proof. What can still be offered is to change a
`key: value` line that is found exactly once; it is a `LineEdit`, never the result of a
`Document`, so that whoever shows it says what it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from homeamp_agent.configfiles.document import DEFAULT_LIMITS, Limits
from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.text import SourceText
from homeamp_agent.configfiles.yaml_scalars import plain_value
from homeamp_agent.configfiles.yaml_write import can_be_plain

_VALUE: Final = re.compile(
    r"""(?P<single>'(?:[^']|'')*')|(?P<double>"(?:[^"\\]|\\.)*")|(?P<plain>[^'"\s#](?:[^\r\n]*?))"""
)
_BEHIND: Final = re.compile(r"[ \t]*(?:[ \t]#.*)?$")
_MOST_LINES_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class LineEdit:
    """One changed line, unproven: nobody has read the file before or after.

    `line` counts from 1; `old_line` and `new_line` are without their line break; `data` is the
    whole file after the edit, every other byte as it was.
    """

    file: str
    line: int
    old_line: str
    new_line: str
    data: bytes


def propose_line_edit(
    file: str,
    data: bytes,
    key: str,
    old_text: str,
    new_text: str,
    limits: Limits = DEFAULT_LIMITS,
) -> LineEdit:
    """The edit that turns `key: old_text` into `key: new_text`, where there is one such line.

    Both texts are values without quotes; the line's own quotes, its indentation, its separator
    (`:` or `=`) and a comment behind the value stay.

    Raises:
        EditRefused: the key's line is not there, is there more than once, or holds another value.
        ConfigFileError: the bytes are no text.
    """
    if not key or "\n" in key or "\r" in key:
        raise EditRefused("there is no key to look for")
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]", new_text):
        raise EditRefused("the new value does not fit on one line")
    source = SourceText(file, data, limits)
    line_of_key = re.compile(
        rf"""^[ \t]*(?:-[ \t]+)?(["']?){re.escape(key)}\1[ \t]*(?::(?=[ \t]|$)|=)[ \t]*""",
        re.MULTILINE,
    )
    text = source.text.replace("\r", "\n")
    found = list(line_of_key.finditer(text))
    if len(found) != 1:
        raise EditRefused(_not_once(source, [match.start() for match in found]))
    start = found[0].end()
    end = source.line_end(start)
    token = _token(text[start:end], old_text)
    if token is None:
        raise EditRefused(f"line {source.line(start)} does not hold the expected value")
    written = _written(token, new_text)
    line_start = source.line_start(start)
    old_line = source.text[line_start:end]
    new_line = source.text[line_start:start] + written + source.text[start + len(token) : end]
    after = source.splice(start, start + len(token), written)
    return LineEdit(file, source.line(start), old_line, new_line, after)


def _not_once(source: SourceText, starts: list[int]) -> str:
    if not starts:
        return "no line of the file begins with this key"
    lines = ", ".join(str(source.line(start)) for start in starts[:_MOST_LINES_NAMED])
    return f"the key stands in {len(starts)} lines ({lines}, ...), so which one is meant is unclear"


def _token(rest: str, old_text: str) -> str | None:
    """The text of the value in `rest` of the line, quotes included, if it is `old_text`."""
    if rest.startswith(old_text) and old_text and _BEHIND.match(rest, len(old_text)):
        return old_text
    match = _VALUE.match(rest)
    if match is None or not _BEHIND.match(rest, match.end()):
        return None
    quoted = match.group()
    if match.group("single") is not None and quoted[1:-1].replace("''", "'") == old_text:
        return quoted
    if match.group("double") is not None and re.sub(r"\\(.)", r"\1", quoted[1:-1]) == old_text:
        return quoted
    return None


def _written(token: str, new_text: str) -> str:
    """`new_text` in the quotes that `token` has, or in some if it needs them."""
    if token.startswith('"') and len(token) > 1:
        return '"' + new_text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    quoted = token.startswith("'") and len(token) > 1
    plain = can_be_plain(new_text, flow=False) or (
        new_text and type(plain_value(new_text)) is not str
    )
    if quoted or not plain:
        return "'" + new_text.replace("'", "''") + "'"
    return new_text
