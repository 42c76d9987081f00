"""JSON text to a tree with places: strict JSON, and what lenient readers accept beside it.

Comments (`//`, `/* */`, `#`), trailing commas, single quotes, unquoted keys and words, raw control
characters in strings, hexadecimal and signed numbers, NaN and Infinity: JSON5, JSONC and Gson's
lenient mode. Real servers write or accept all of them.
"""

from __future__ import annotations

import json
import re

from homeamp_agent.configfiles.document import Limits, Problem, Value
from homeamp_agent.configfiles.escapes import without_lone_surrogates
from homeamp_agent.configfiles.scanner import Scanner
from homeamp_agent.configfiles.text import SourceText
from homeamp_agent.configfiles.tree import (
    NOWHERE,
    Branch,
    Leaf,
    Node,
    Sequence,
    duplicate_key,
)

_COMMENT = r"//[^\n\r]*+|#[^\n\r]*+|/\*(?:[^*]++|\*(?!/))*+\*/"
COMMENT = re.compile(_COMMENT)
_DOUBLE = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_SINGLE = r"'[^'\\]*+(?:\\.[^'\\]*+)*+'"
_WORD = r"[^\s,:;=\[\]{}\"'#/\\\ufeff]++"
_KEY = re.compile(rf"({_DOUBLE})|({_SINGLE})|({_WORD})|(\}})", re.DOTALL)
_VALUE = re.compile(
    rf"({_DOUBLE})|([{{\[])|(-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?)(?=[\s,\]}}]|$|/[/*]|#)"
    rf"|({_SINGLE})|({_WORD})|(\])",
    re.DOTALL,
)
_USUAL_MEMBER = re.compile(
    r'"([^"\\]*+)"[ \t]*+:[ \t]*+("([^"\\]*+)"|true|false|null)(?=[ \t\r\n]*+[,}])'
)
_SKIP = re.compile(rf"(?:[ \t\r\n\f\v\ufeff\u00a0\u2028\u2029]++|{_COMMENT})*+")
_LAX_INT = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]+|[0-9]+)\Z")
_LAX_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_LAX_ESCAPE = re.compile(
    r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|[\n\r\u2028\u2029])|(.))", re.DOTALL
)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None}
_SPECIAL_FLOATS = {
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "+Infinity": float("inf"),
    "-Infinity": float("-inf"),
}
_scan_strict = json.JSONDecoder(strict=False).raw_decode
MAX_INT_DIGITS = 4000
"""Python refuses to read longer integers (4,300 digits by default), since that takes too long."""


class JsonScanner(Scanner):
    """One pass over one file."""

    def __init__(self, source: SourceText, limits: Limits) -> None:
        super().__init__(source, limits)
        self.problems: list[Problem] = []

    def scan(self) -> Node | None:
        """The file's tree; None if it holds nothing but blanks and comments."""
        at = self._skip(0)
        if at == len(self._text):
            return None
        root, end = self._value(at, at, NOWHERE)
        if not isinstance(root, Leaf):
            end = self._fill(root, end)
        end = self._skip(end)
        if end < len(self._text):
            raise self._error(end, "text behind the end of the JSON value")
        return root

    def _fill(self, root: Node, pos: int) -> int:
        """Read the members of `root` and of all below it; return the place behind it."""
        text, skip = self._text, _SKIP.match
        open_nodes: list[Node] = []
        node, lead = root, NOWHERE
        while True:
            at = skip(text, pos).end()  # type: ignore[union-attr]  # the pattern matches anything
            child, pos = self._member(node, at, lead)
            if child is None:
                node.end = pos
                if not open_nodes:
                    return pos
                child, node = node, open_nodes.pop()
            elif not isinstance(child, Leaf):
                open_nodes.append(node)
                self._check_depth(len(open_nodes), at)
                node, lead = child, NOWHERE
                continue
            pos, lead = self._separator(child, node, pos)

    def _member(self, node: Node, at: int, lead: int) -> tuple[Node | None, int]:
        """The next member of `node` and the place behind it; None at the closing bracket."""
        if isinstance(node, Sequence):
            if self._text.startswith("]", at):
                return None, at + 1
            child, pos = self._value(at, at, lead)
            node.items.append(child)
            return child, pos
        assert isinstance(node, Branch)  # noqa: S101  (only containers are filled)
        usual = _USUAL_MEMBER.match(self._text, at)
        if usual:
            return self._usual(node, usual, lead), usual.end()
        found = _KEY.match(self._text, at)
        if found is None:
            raise self._error(at, "expected a key or }")
        if found.lastindex == 4:
            return None, found.end()
        key = found[0] if found.lastindex == 3 else self._string(found[0])
        colon = self._skip(found.end())
        if self._text[colon : colon + 1] not in (":", "="):
            raise self._error(colon, "expected : behind the key")
        start = self._skip(colon + (2 if self._text.startswith("=>", colon) else 1))
        child, pos = self._value(at, start, lead, found.end())
        self._add(node, key, child)
        return child, pos

    def _usual(self, node: Branch, usual: re.Match[str], lead: int) -> Leaf:
        """A member as nearly all are: a string or word under a key, nothing escaped."""
        self._count(usual.start())
        at, (start, end) = usual.start(), usual.span(2)
        if usual[3] is not None:
            leaf = Leaf(self._source, usual[3], "double", at, usual.end(1) + 1, start, end, lead)
        else:
            value = _WORDS[usual[2]]
            leaf = Leaf(self._source, value, "plain", at, usual.end(1) + 1, start, end, lead)
        self._add(node, usual[1], leaf)
        return leaf

    def _add(self, node: Branch, key: str, child: Node) -> None:
        if key in node.members:
            self.problems.append(duplicate_key(key, self._source.line(child.at)))
        node.members[key] = child

    def _separator(self, child: Node, node: Node, pos: int) -> tuple[int, int]:
        """Behind the comma that follows `child` and where it stands, or at the closing bracket."""
        pos = self._skip(pos)
        following = self._text[pos : pos + 1]
        if following in (",", ";") and following:
            child.comma = pos
            return pos + 1, pos
        if following != ("]" if isinstance(node, Sequence) else "}"):
            closing = "]" if isinstance(node, Sequence) else "}"
            raise self._error(pos, f"expected , or {closing}")
        return pos, NOWHERE

    def _value(self, at: int, start: int, lead: int, key_end: int = NOWHERE) -> tuple[Node, int]:
        """A leaf, or a container still to be filled, and the place behind what was read."""
        key_end = at if key_end == NOWHERE else key_end
        self._count(start)
        found = _VALUE.match(self._text, start)
        kind = found.lastindex if found else None
        if found is None or kind == 6:
            raise self._error(start, "expected a value")
        token, end = found[0], found.end()
        if kind == 2:
            container = Branch if token == "{" else Sequence  # noqa: S105  (a bracket)
            return container(at, key_end, start, end, lead), end
        style = "plain"
        value: Value
        if kind == 1:
            style = "double"
            value = token[1:-1] if "\\" not in token else self._string(token)
        elif kind == 3:
            value = self._number(token, start)
        elif kind == 4:
            style, value = "single", self._string(token)
        else:
            value = self._word(token, start)
        return Leaf(self._source, value, style, at, key_end, start, end, lead), end

    def _number(self, token: str, start: int) -> int | float:
        if "." in token or "e" in token or "E" in token:
            return float(token)
        if len(token) > MAX_INT_DIGITS:
            raise self._error(start, f"an integer of {len(token):,} digits")
        return int(token)

    def _word(self, token: str, start: int) -> Value:
        if token in _WORDS:
            return _WORDS[token]
        if token in _SPECIAL_FLOATS:
            return _SPECIAL_FLOATS[token]
        whole = _LAX_INT.match(token)
        if whole:
            if len(token) > MAX_INT_DIGITS:
                raise self._error(start, f"an integer of {len(token):,} digits")
            number = int(whole[2], 16 if whole[2][:2] in ("0x", "0X") else 10)
            return -number if whole[1] == "-" else number
        return float(token) if _LAX_FLOAT.match(token) else token

    def _string(self, token: str) -> str:
        """A quoted token's text."""
        if "\\" not in token:
            return token[1:-1]
        if token[0] == '"':
            try:
                text = _scan_strict(token)[0]
            except ValueError:
                text = _LAX_ESCAPE.sub(_unescaped, token[1:-1])
        else:
            text = _LAX_ESCAPE.sub(_unescaped, token[1:-1])
        return without_lone_surrogates(text)

    def _skip(self, pos: int) -> int:
        found = _SKIP.match(self._text, pos)
        return found.end() if found else pos


def _unescaped(escape: re.Match[str]) -> str:
    if escape.lastindex in (1, 2):
        return chr(int(escape[1] or escape[2], 16))
    if escape.lastindex == 3:
        return ""
    return _ESCAPES.get(escape[4], escape[4])
