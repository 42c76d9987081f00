"""TOML text to a tree with places; what the values are is `tomllib`'s word.

The scan finds tables, keys and tokens; the standard library's reader reads the file on its own, and
both must see the same keys and the same simple values, or the file is not read at all.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any, Literal, NamedTuple

from homeamp_agent.configfiles.document import Limits, Value
from homeamp_agent.configfiles.errors import ConfigFileError, TooLargeError
from homeamp_agent.configfiles.json_scanner import MAX_INT_DIGITS
from homeamp_agent.configfiles.proof import same
from homeamp_agent.configfiles.scanner import Scanner
from homeamp_agent.configfiles.text import SourceText
from homeamp_agent.configfiles.tree import NOWHERE, Branch, Leaf, Node, Sequence

_BASIC = r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"'
_LITERAL = r"'[^'\n]*+'"
_KEY_PART = rf"{_BASIC}|{_LITERAL}|[A-Za-z0-9_-]++"
COMMENT = re.compile(r"#[^\n]*+")
_GAP = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*+")
_BLANKS = re.compile(r"[ \t]*+")
_LINE_REST = re.compile(r"[ \t]*+(?:#[^\n]*+)?\r?(?:\n|\Z)")
_KEY = re.compile(rf"(?:{_KEY_PART})(?:[ \t]*+\.[ \t]*+(?:{_KEY_PART}))*+")
_BARE_PATH = re.compile(r"[A-Za-z0-9_.-]++")
_PART = re.compile(_KEY_PART)
_SIMPLE_KEY = re.compile(r"[A-Za-z0-9_-]++(?=[ \t]*+[=\]])")
_USUAL_LINE = re.compile(
    r"[ \t]*+([A-Za-z0-9_-]++)[ \t]*+=[ \t]*+"
    r'(?:("[^"\\\n]*+")(?!")|([+-]?[0-9.]{1,40}+|true|false))[ \t]*+\r?(?:\n|\Z)'
)
_USUAL_HEADER = re.compile(r"\[([A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)*+)\](?=[ \t]*+\r?(?:\n|\Z))")
_SCALAR = re.compile(
    r'("""(?:[^"\\]++|\\.|"(?!""))*+"{3,5})'
    r"|('''(?:[^']++|'(?!''))*+'{3,5})"
    rf"|({_BASIC})|({_LITERAL})"
    r"|(\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d[^\s,\]}#]*+)?|\d\d:\d\d[^\s,\]}#]*+)"
    r"|([^\s,\[\]{}#\"'=]++)",
    re.DOTALL,
)
_STYLES = ("", "multi-line double", "multi-line single", "double", "single", "date", "plain")
_DIGITS = re.compile(r"[+-]?[0-9_]++\Z")
_PLACE = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)$")

_TABLE_WEIGHT = 2
"""A table of its own, or in braces, counts as two settings: it takes both readers twice as long."""

Kind = Literal["section", "inline", "headed", "dotted"]


class Table(Branch):
    """A table: what it means (`members`) and what is written in its one place (`entries`).

    Attributes:
        kind: `section` (a header of its own, or the file's start), `inline` (braces), `headed`
            (only implied by headers below it) or `dotted` (only implied by dotted keys).
    """

    __slots__ = ("entries", "kind")

    def __init__(self, kind: Kind, at: int, key_end: int, start: int, end: int) -> None:
        super().__init__(at, key_end, start, end)
        self.kind: Kind = kind
        self.entries: list[Node] = []

    def in_place_order(self) -> list[Node]:
        return self.entries


class TableArray(Sequence):
    """A list of tables, each under its own `[[header]]`."""

    __slots__ = ()


class _Frame(NamedTuple):
    node: Table | Sequence
    depth: int


class TomlScanner(Scanner):
    """One pass over one file."""

    def __init__(self, source: SourceText, limits: Limits) -> None:
        super().__init__(source, limits)
        self.sections: list[tuple[tuple[str, ...], Table]] = []

    def scan(self) -> Table:
        """The file's tree.

        Raises:
            ConfigFileError: the file is no TOML 1.0.
        """
        root = Table("section", NOWHERE, NOWHERE, 0, 0)
        self.sections.append(((), root))
        section, depth, pos = root, 0, 0
        while True:
            pos = self._gap(self._usual_lines(section, depth, pos))
            if pos >= len(self._text):
                break
            if self._text[pos] == "[":
                section, depth, pos = self._header(root, pos)
            else:
                pos = self._assignment(_Frame(section, depth), pos, NOWHERE)
            rest = _LINE_REST.match(self._text, pos)
            if rest is None:
                raise self._error(pos, "expected the end of the line")
            pos = rest.end()
        self._adopt(root, self._read_independently())
        return root

    def _usual_lines(self, section: Table, depth: int, pos: int) -> int:
        """Read lines as nearly all are: a bare key and one simple value; the place behind them."""
        text, source, members, entries = self._text, self._source, section.members, section.entries
        while True:
            line = _USUAL_LINE.match(text, pos)
            if line is None:
                return pos
            key, quoted, word = line.groups()
            at, key_end = line.span(1)
            self._count(at)
            self._check_depth(depth + 1, at)
            value: Value
            if quoted is not None:
                style, value = "double", quoted[1:-1]
                start, end = line.span(2)
            else:
                style, value = "plain", _plain_value(word)
                start, end = line.span(3)
            if key in members:
                raise self._error(at, f"the key {key!r} is defined twice")
            leaf = members[key] = Leaf(source, value, style, at, key_end, start, end)
            entries.append(leaf)
            pos = line.end()

    def _header(self, root: Table, at: int) -> tuple[Table, int, int]:
        """The table that the header at `at` opens, its depth, the place behind the header."""
        array = self._text.startswith("[[", at)
        usual = _USUAL_HEADER.match(self._text, at)
        if usual:
            segments, end = usual[1].split("."), usual.end()
            self._check_depth(len(segments), at)
        else:
            segments, end = self._unusual_header(at, "]]" if array else "]")
        parent: Table = root
        depth = len(segments) + array
        for segment in segments[:-1]:
            depth += isinstance(parent.members.get(segment), TableArray)
            parent = self._below(parent, segment, "headed", at)
        self._count_table(at)
        self._check_depth(depth, at)
        table = Table("section", at, at, at, end)
        last = segments[-1]
        present = parent.members.get(last)
        if array:
            if present is None:
                present = parent.members[last] = TableArray(at, at, at, end)
            if not isinstance(present, TableArray):
                raise self._error(at, f"{last!r} is defined twice")
            present.items.append(table)
        elif isinstance(present, Table) and present.kind == "headed":
            present.kind = "section"
            present.at, present.key_end, present.start, present.end = at, at, at, end
            table = present
        elif present is None:
            parent.members[last] = table
        else:
            raise self._error(at, f"the table {last!r} is defined twice")
        self.sections.append((tuple(segments), table))
        return table, depth, end

    def _unusual_header(self, at: int, closing: str) -> tuple[list[str], int]:
        segments, end = self._key(self._blanks(at + len(closing)))
        end = self._blanks(end)
        if not self._text.startswith(closing, end):
            raise self._error(end, "expected ] behind the table's name")
        return segments, end + len(closing)

    def _below(self, table: Table, segment: str, kind: Kind, at: int) -> Table:
        """The table under `segment`, made if it is not there; the last one of a table array."""
        present = table.members.get(segment)
        if present is None:
            self._count(at)
            present = table.members[segment] = Table(kind, NOWHERE, NOWHERE, NOWHERE, NOWHERE)
        if isinstance(present, TableArray):
            present = present.items[-1]
        if not isinstance(present, Table):
            raise self._error(at, f"{segment!r} is a value and a table")
        return present

    def _assignment(self, frame: _Frame, at: int, lead: int) -> int:
        """Read `key = value` with everything below; return the place behind it."""
        frames: list[_Frame] = []
        pos = at
        while True:
            opened, pos = self._member(frame, pos, lead)
            if opened is not None:
                frames.append(frame)
                frame, lead = opened, NOWHERE
            else:
                if not frames:
                    return pos
                pos, lead = self._separator(frame.node, pos)
            pos, closed = self._closing(frame.node, pos)
            while closed:
                frame = frames.pop()
                if not frames:
                    return pos
                pos, lead = self._separator(frame.node, pos)
                pos, closed = self._closing(frame.node, pos)

    def _closing(self, node: Table | Sequence, pos: int) -> tuple[int, bool]:
        """Behind blanks and, if it comes next, the closing bracket of `node`."""
        sequence = isinstance(node, Sequence)
        pos = self._gap(pos) if sequence else self._blanks(pos)
        if not self._text.startswith("]" if sequence else "}", pos):
            return pos, False
        node.end = pos + 1
        return pos + 1, True

    def _separator(self, node: Table | Sequence, pos: int) -> tuple[int, int]:
        """Behind the comma that follows the last member of `node`, and where it stands."""
        sequence = isinstance(node, Sequence)
        pos = self._gap(pos) if sequence else self._blanks(pos)
        if self._text.startswith(",", pos):
            last = (node.items if isinstance(node, Sequence) else node.entries)[-1]
            last.comma = pos
            return pos + 1, pos
        closing = "]" if sequence else "}"
        if not self._text.startswith(closing, pos):
            raise self._error(pos, f"expected , or {closing}")
        return pos, NOWHERE

    def _member(self, frame: _Frame, at: int, lead: int) -> tuple[_Frame | None, int]:
        """Read one member of the frame's container; the frame it opens and the place behind."""
        node = frame.node
        if isinstance(node, Sequence):
            child, opened, pos = self._value(at, at, at, frame.depth + 1, lead)
            node.items.append(child)
            return opened, pos
        segments, key_end = self._key(at)
        pos = self._blanks(key_end)
        if not self._text.startswith("=", pos):
            raise self._error(pos, "expected = behind the key")
        depth = frame.depth + len(segments)
        child, opened, pos = self._value(at, key_end, self._blanks(pos + 1), depth, lead)
        table = node
        for segment in segments[:-1]:
            table = self._below(table, segment, "dotted", at)
        if segments[-1] in table.members:
            raise self._error(at, f"the key {segments[-1]!r} is defined twice")
        table.members[segments[-1]] = child
        node.entries.append(child)
        return opened, pos

    def _value(
        self, at: int, key_end: int, start: int, depth: int, lead: int
    ) -> tuple[Node, _Frame | None, int]:
        """A leaf or an opened container, the container's frame, the place behind what was read."""
        opening = self._text[start : start + 1]
        if opening == "{":
            self._count_table(start)
        else:
            self._count(start)
        self._check_depth(depth, start)
        if opening in ("[", "{") and opening:
            container: Table | Sequence
            if opening == "[":
                container = Sequence(at, key_end, start, start)
            else:
                container = Table("inline", at, key_end, start, start)
            container.lead = lead
            return container, _Frame(container, depth), start + 1
        found = _SCALAR.match(self._text, start)
        if found is None or found.lastindex is None:
            raise self._error(start, "expected a value")
        style = _STYLES[found.lastindex]
        if style == "plain" and found.end() - start > MAX_INT_DIGITS and _DIGITS.match(found[0]):
            raise self._error(start, f"an integer of {found.end() - start:,} digits")
        leaf = Leaf(self._source, None, style, at, key_end, start, found.end(), lead)
        return leaf, None, found.end()

    def _key(self, at: int) -> tuple[list[str], int]:
        simple = _SIMPLE_KEY.match(self._text, at)
        if simple:
            return [simple[0]], simple.end()
        found = _KEY.match(self._text, at)
        if found is None:
            raise self._error(at, "expected a key")
        if _BARE_PATH.fullmatch(found[0]):
            segments = found[0].split(".")
        else:
            segments = [_key_segment(part) for part in _PART.findall(found[0])]
        self._check_depth(len(segments), at)
        return segments, found.end()

    def _read_independently(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            place = _PLACE.search(str(error))
            reason = str(error)[: place.start()].strip() if place else str(error)
            if place and place[1]:
                raise ConfigFileError(
                    self._source.file, reason, int(place[1]), int(place[2])
                ) from error
            raise self._error(len(self._text), reason) from error
        except RecursionError as error:
            raise TooLargeError(self._source.file, "nested too deeply to read") from error
        except ValueError as error:
            raise ConfigFileError(self._source.file, str(error)) from error

    def _adopt(self, root: Table, values: dict[str, Any]) -> None:
        """Give each leaf the value that the other reader found in its place."""
        pairs: list[tuple[Node, Any]] = [(root, values)]
        while pairs:
            node, value = pairs.pop()
            if isinstance(node, Leaf):
                known = node.value
                if known.__class__ is value.__class__ and known == value and known is not None:
                    continue
                if node.style == "date":
                    value = node.token
                expected = _simple_value(node)
                if not isinstance(value, (dict, list)) and (
                    expected is None or same(expected, value)
                ):
                    node.adopt(value)
                    continue
            elif isinstance(node, Branch) and isinstance(value, dict):
                members = node.members
                if members.keys() == value.keys():
                    pairs += [(member, value[key]) for key, member in members.items()]
                    continue
            elif (
                isinstance(node, Sequence)
                and isinstance(value, list)
                and len(node.items) == len(value)
            ):
                pairs += zip(node.items, value, strict=True)
                continue
            raise self._error(max(node.at, 0), "two readers of TOML disagree on what stands here")

    def _gap(self, pos: int) -> int:
        found = _GAP.match(self._text, pos)
        return found.end() if found else pos

    def _blanks(self, pos: int) -> int:
        found = _BLANKS.match(self._text, pos)
        return found.end() if found else pos

    def _count_table(self, index: int) -> None:
        self._count(index, _TABLE_WEIGHT, " (a table counts as two)")


def _key_segment(part: str) -> str:
    if part[0] == "'":
        return part[1:-1]
    if part[0] != '"':
        return part
    if "\\" not in part:
        return part[1:-1]
    try:
        return str(tomllib.loads(f"k = {part}")["k"])
    except ValueError:
        return part


def _simple_value(leaf: Leaf) -> Value:
    """What a token plainly says; None where that takes a real reader."""
    token = leaf.token
    if leaf.style in ("double", "single"):
        return token[1:-1] if "\\" not in token or leaf.style == "single" else None
    return _plain_value(token) if leaf.style == "plain" else None


def _plain_value(token: str) -> Value:
    """A word or whole number; None for what else a plain token may be."""
    if token in ("true", "false"):
        return token == "true"  # noqa: S105  (a word of the format)
    if token.isascii() and token.isdigit():
        return int(token)
    return None
