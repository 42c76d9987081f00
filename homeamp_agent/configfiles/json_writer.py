"""JSON values as the file at hand writes them: its quotes, escapes, spacing and indentation."""

from __future__ import annotations

import json
import math
import re
from functools import cached_property
from typing import Final

from homeamp_agent.configfiles.document import Value
from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.escapes import with_kept_ends
from homeamp_agent.configfiles.figures import float_text, int_text
from homeamp_agent.configfiles.text import SourceText
from homeamp_agent.configfiles.tree import Leaf, Node

_SAFE_WORD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$.-]*\Z")
_RESERVED = frozenset({"true", "false", "null", "NaN", "Infinity"})
_HTML_SAFE: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "=": "\\u003d", "'": "\\u0027"}
_HTML_ESCAPED = re.compile(r"\\u00(?:3[cdeCDE]|2[67])")
_ESCAPED_NON_ASCII = re.compile(r"(?<!\\)(?:\\\\)*\\u(?:00[89a-fA-F]|0?[1-9a-fA-F])")
_SPREAD_LIST = re.compile(r"\[[ \t]*[\r\n]")
_SCALARS_SPREAD = re.compile(r"[:=][ \t]*+\[[ \t]*+[\r\n]\s*+[^\s{\[\]]")
_LIST_IN_LINE = re.compile(r"[:=][ \t]*+\[[ \t]*+[^\s{\[\]]")
_SPREAD_MAPPING = re.compile(r"\{[ \t]*[\r\n]")
_SPACED_COLON = re.compile(r'"[ \t]*:[ \t]')
_BARE_MEMBER = re.compile(
    r"^[ \t]*(?:\{[ \t]*)?[A-Za-z_$][A-Za-z0-9_$]*[ \t]*:([ \t]?)", re.MULTILINE
)
_QUOTED_MEMBER = re.compile(r"""(?:^|[{,])[ \t]*(["'])[^"'\n]*\1[ \t]*:""", re.MULTILINE)


class JsonWriter:
    """Writes values for one file."""

    _brace_pad = ""

    def __init__(self, source: SourceText, indent_unit: str) -> None:
        self._text = source.text
        self._newline = source.newline(0)
        self._unit = indent_unit

    @property
    def _between_lines(self) -> str:
        """What separates members that have lines of their own."""
        return ","

    @cached_property
    def _ascii_only(self) -> bool:
        text = self._text
        return text.isascii() and "\\u" in text and _ESCAPED_NON_ASCII.search(text) is not None

    @cached_property
    def _escapes(self) -> dict[str, str]:
        """What the file's writer escapes beyond need: Gson `<>&='`, PHP the slash."""
        escapes = dict(_HTML_SAFE) if _HTML_ESCAPED.search(self._text) else {}
        if "\\/" in self._text:
            escapes["/"] = "\\/"
        return escapes

    @cached_property
    def _lists(self) -> tuple[bool, int, int]:
        """Whether lists are spread over lines, and how many of scalars are and are not."""
        return (
            _SPREAD_LIST.search(self._text) is not None,
            len(_SCALARS_SPREAD.findall(self._text)),
            len(_LIST_IN_LINE.findall(self._text)),
        )

    @cached_property
    def spreads_mappings(self) -> bool:
        """Whether the file writes mappings over several lines."""
        return _SPREAD_MAPPING.search(self._text) is not None

    @cached_property
    def _bare_member(self) -> re.Match[str] | None:
        """A member whose key has no quotes, if no key of the file has any."""
        return None if _QUOTED_MEMBER.search(self._text) else _BARE_MEMBER.search(self._text)

    @cached_property
    def _colon(self) -> str:
        if self._bare_member:
            return ":" + self._bare_member[1]
        return ": " if ":" not in self._text or _SPACED_COLON.search(self._text) else ":"

    def scalar(self, value: Value, old: Leaf | None) -> str:
        """A scalar in the style of the one it replaces."""
        if isinstance(value, str):
            bare = old is not None and old.style == "plain" and isinstance(old.value, str)
            if bare and _SAFE_WORD.match(value) and value not in _RESERVED:
                return value
            quote = "'" if old is not None and old.style == "single" else '"'
            written = self._quoted(value, quote)
            kept = old is not None and old.token[:1] == quote
            return with_kept_ends(old.token, written) if old is not None and kept else written
        if value is None or isinstance(value, bool):
            return json.dumps(value)
        if isinstance(value, int):
            return int_text(value, old.token if old and isinstance(old.value, int) else "")
        if isinstance(value, float):
            if not math.isfinite(value):
                raise EditRefused("JSON has no way to write infinity or not-a-number")
            return float_text(value, "" if old is None else old.token)
        raise EditRefused(f"JSON has no way to write a {type(value).__name__}")

    def _quoted(self, value: str, quote: str) -> str:
        token = json.dumps(value, ensure_ascii=self._ascii_only)
        if quote == "'":
            inner = token[1:-1].replace('\\"', '"').replace("'", "\\'")
            return f"'{inner}'"
        for character, escape in self._escapes.items():
            token = token.replace(character, escape)
        return token

    def key(self, key: str, sibling: Node | None) -> str:
        """A key, quoted as its sibling is; without one, as the file's keys are."""
        quote = "a" if self._bare_member else '"'
        if sibling is not None:
            quote = self._text[sibling.at]
        if quote not in "\"'" and _SAFE_WORD.match(key):
            return key
        return self._quoted(key, "'" if quote == "'" else '"')

    def colon(self, sibling: Node | None) -> str:
        """What stands between key and value, as at the sibling."""
        if sibling is not None:
            between = self._text[sibling.key_end : sibling.start]
            if between.strip(" \t") in (":", "=", "=>"):
                return between
        return self._colon

    def compound(self, value: Value, indent: str | None, beside: Leaf | None = None) -> str:
        """Any value; over several lines from `indent` on, or on one line if that is None.

        A lone text is written as the text `beside` is.
        """
        if isinstance(value, dict):
            pairs = [
                self._pair(str(key), member, self._deeper(indent, self.spreads_mappings))
                for key, member in value.items()
            ]
            return self._enclosed("{", pairs, "}", indent if self.spreads_mappings else None)
        if isinstance(value, list):
            spread = self.spreads(value)
            items = [self.compound(item, self._deeper(indent, spread)) for item in value]
            return self._enclosed("[", items, "]", indent if spread else None)
        if isinstance(value, str) and beside is not None and beside.style in ("plain", "single"):
            return self.scalar(value, beside)
        return self.scalar(value, None)

    def spreads(self, values: list[Value]) -> bool:
        """Whether a list of `values` stands over several lines, as most like it here do."""
        spread, scalars_spread, scalars_in_line = self._lists
        if any(isinstance(one, (dict, list)) for one in values):
            return spread
        return spread and scalars_spread >= scalars_in_line

    def _pair(self, key: str, value: Value, indent: str | None) -> str:
        return self.key(key, None) + self._colon + self.compound(value, indent)

    def _deeper(self, indent: str | None, spread: bool) -> str | None:
        return indent + self._unit if indent is not None and spread else None

    def _enclosed(self, opening: str, members: list[str], closing: str, indent: str | None) -> str:
        if not members:
            return opening + closing
        if indent is None:
            gap = "" if self._colon == ":" else " "
            pad = self._brace_pad if opening == "{" else ""
            return opening + pad + ("," + gap).join(members) + pad + closing
        deeper = self._newline + indent + self._unit
        return (
            opening
            + deeper
            + (self._between_lines + deeper).join(members)
            + self._newline
            + indent
            + closing
        )
