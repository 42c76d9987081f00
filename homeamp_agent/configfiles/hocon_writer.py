"""HOCON values and keys as the file at hand writes them."""

from __future__ import annotations

import math
import re
from functools import cached_property

from homeamp_agent.configfiles.document import KeySegment, Value
from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.escapes import with_kept_ends
from homeamp_agent.configfiles.hocon_tokens import is_safe_unquoted
from homeamp_agent.configfiles.json_writer import JsonWriter
from homeamp_agent.configfiles.tree import Leaf, Node

_SAFE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")
_COMMA_AT_LINE_END = re.compile(r"[^\s,\[{],[ \t]*$", re.MULTILINE)
_COMMENT_LINE = re.compile(r"^[ \t]*(?:#|//).*$", re.MULTILINE)
_EQUALS = re.compile(r"^[ \t]*[\w.\"-]+[ \t]*=[ \t]*", re.MULTILINE)
_COLON = re.compile(r"^[ \t]*[\w.\"-]+[ \t]*:[ \t]*", re.MULTILINE)
_BLOCK = re.compile(r"^[ \t]*[\w.\"-]+([ \t]*[:=]?[ \t]*)\{[ \t]*$", re.MULTILINE)


class HoconWriter(JsonWriter):
    """Writes values for one file; quotes and escapes are JSON's."""

    _brace_pad = " "

    @cached_property
    def _escapes(self) -> dict[str, str]:
        return {}

    @cached_property
    def _code(self) -> str:
        return _COMMENT_LINE.sub("", self._text)

    @cached_property
    def _between_lines(self) -> str:
        return "," if _COMMA_AT_LINE_END.search(self._code) else ""

    @cached_property
    def _colon(self) -> str:
        equals, colon = _EQUALS.search(self._code), _COLON.search(self._code)
        first = min((m for m in (equals, colon) if m), key=lambda m: m.start(), default=None)
        if first is None:
            return " = "
        return re.sub(r"^[ \t]*[\w.\"-]+", "", first[0])

    @cached_property
    def _before_brace(self) -> str:
        found = _BLOCK.search(self._code)
        return found[1] if found else " "

    def scalar(self, value: Value, old: Leaf | None) -> str:
        """A scalar in the style of the one it replaces."""
        if not isinstance(value, str):
            if isinstance(value, float) and not math.isfinite(value):
                raise EditRefused("HOCON has no way to write infinity or not-a-number")
            return super().scalar(value, old)
        if old is not None and old.style == "substitution" and "${" in value:
            # In quotes it would be a text of dollars and braces.
            return value
        if old is not None and old.style == "plain" and isinstance(old.value, str):
            if is_safe_unquoted(value):
                return value
        elif old is not None and old.style == "triple" and '"""' not in value:
            return f'"""{value}"""'
        written = self._quoted(value, '"')
        if old is not None and old.style == "double":
            return with_kept_ends(old.token, written)
        return written

    def key(self, key: str, sibling: Node | None) -> str:
        """A key, without quotes where it needs none and its sibling has none."""
        if _SAFE_KEY.match(key) and (sibling is None or self._text[sibling.at] != '"'):
            return key
        return self._quoted(key, '"')

    def dotted_key(self, segments: list[KeySegment], sibling: Node | None) -> str:
        """Several segments as one key."""
        quoted = sibling if len(segments) == 1 else None
        return ".".join(self.key(str(segment), quoted) for segment in segments)

    def separator(self, value: Value, sibling: Node | None) -> str:
        """What stands between a key and this value, as at the sibling."""
        if isinstance(value, dict) and value:
            return self._before_brace
        between = "" if sibling is None else self._text[sibling.key_end : sibling.start]
        return between if between.strip(" \t") in (":", "=") else self._colon

    def _pair(self, key: str, value: Value, indent: str | None) -> str:
        return self.key(key, None) + self.separator(value, None) + self.compound(value, indent)
