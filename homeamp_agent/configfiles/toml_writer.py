"""TOML values and keys as the file at hand writes them."""

from __future__ import annotations

import math
import re
from functools import cached_property
from typing import Final

from homeamp_agent.configfiles.document import KeySegment, Value
from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.escapes import with_kept_ends
from homeamp_agent.configfiles.figures import float_text, int_text
from homeamp_agent.configfiles.json_writer import JsonWriter
from homeamp_agent.configfiles.tree import Leaf, Node

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ASSIGNMENT = re.compile(r"^[ \t]*[\w.\"'-]+([ \t]*=[ \t]*)\S", re.MULTILINE)
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?)?\Z|\d\d:\d\d:\d\d(\.\d+)?\Z"
)
_LONG_RANGE = range(-(2**63), 2**63)
_ESCAPES: Final = {
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
    '"': '\\"',
    "\\": "\\\\",
}
_BASES: Final = {"0x": "x", "0o": "o", "0b": "b"}


class TomlWriter(JsonWriter):
    """Writes values for one file."""

    _brace_pad = " "
    spreads_mappings = False

    @cached_property
    def _colon(self) -> str:
        found = _ASSIGNMENT.search(self._text)
        return found[1] if found else " = "

    def key(self, key: str, sibling: Node | None) -> str:
        """A key, bare where it can be and its sibling is."""
        quote = "" if sibling is None else self._text[sibling.at]
        if _BARE_KEY.match(key) and quote not in ('"', "'"):
            return key
        if quote == "'" and "'" not in key and not _CONTROL.search(key):
            return f"'{key}'"
        return _basic(key)

    def dotted_key(self, segments: list[KeySegment], sibling: Node | None) -> str:
        """Several segments as one key."""
        quoted = sibling if len(segments) == 1 else None
        return ".".join(self.key(str(segment), quoted) for segment in segments)

    def scalar(self, value: Value, old: Leaf | None) -> str:
        """A scalar in the style of the one it replaces."""
        if isinstance(value, str):
            return self._string(value, old)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int):
            return _integer(value, "" if old is None else old.token)
        if isinstance(value, float):
            if not math.isfinite(value):
                return str(value)
            return float_text(value, "" if old is None else old.token)
        if value is None:
            raise EditRefused("TOML has no null; remove the key instead")
        raise EditRefused(f"TOML has no way to write a {type(value).__name__}")

    def _string(self, value: str, old: Leaf | None) -> str:
        style = "double" if old is None else old.style
        if style == "date" and _DATE.match(value):
            return value
        if style == "single" and "'" not in value and not _CONTROL.search(value):
            return f"'{value}'"
        if style.startswith("multi-line") and old is not None:
            written = self._multi_line(value, old)
        else:
            written = _basic(value)
        escaped = old is not None and style in ("double", "multi-line double")
        return with_kept_ends(old.token, written) if old and escaped else written

    def _multi_line(self, value: str, old: Leaf) -> str:
        opening = re.match(r"(?:\"\"\"|''')(\r?\n)?", old.token)
        first_break = opening[1] or "" if opening else ""
        if not first_break and value.startswith("\n"):
            first_break = self._newline
        literal = old.style == "multi-line single"
        lines = value.split("\n")
        if literal:
            literal = (
                "'''" not in value
                and not value.endswith("'")
                and not any(_CONTROL.search(line) for line in lines)
            )
        if literal:
            return f"'''{first_break}{self._newline.join(lines)}'''"
        escaped = self._newline.join(_basic(line)[1:-1].replace('\\"', '"') for line in lines)
        escaped = escaped.replace('""', '"\\"')
        if escaped.endswith('"') and not escaped.endswith('\\"'):
            escaped = escaped[:-1] + '\\"'
        return f'"""{first_break}{escaped}"""'


def _basic(value: str) -> str:
    pieces = [
        _ESCAPES.get(c) or (f"\\u{ord(c):04X}" if c < " " or c == "\x7f" else c) for c in value
    ]
    return '"' + "".join(pieces) + '"'


def _integer(value: int, old: str) -> str:
    if value not in _LONG_RANGE:
        raise EditRefused("TOML integers have 64 bits")
    base = _BASES.get(old[:2])
    if base and value >= 0:
        upper = base == "x" and old[2:] != old[2:].lower()
        return old[:2] + format(value, "X" if upper else base).zfill(len(old) - 2)
    written = int_text(value, old)
    return written[: -len(str(value))] + format(value, "_") if "_" in old else written
