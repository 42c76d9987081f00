"""Forge's `.cfg` files as documents.

Rules of `net.minecraftforge.common.config.Configuration`: `category { }`, `T:name=value` to the end
of the line, `T:name < ... >` with one item a line, `#` comments. The letter is the value's type (B
boolean, I integer, D double, S text) and no part of the name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import cached_property

from homeamp_agent.configfiles.delimited import Delimited, body_of
from homeamp_agent.configfiles.document import KeyPath, Problem, Value
from homeamp_agent.configfiles.errors import ConfigFileError, EditRefused, TooLargeError
from homeamp_agent.configfiles.figures import float_text
from homeamp_agent.configfiles.text import Splice
from homeamp_agent.configfiles.tree import Branch, Leaf, Node, Sequence, duplicate_key
from homeamp_agent.configfiles.tree_document import TreeDocument

_GAP = re.compile(r"(?:[ \t\f\r\n]++|#[^\n\r]*+|~[^\n\r]*+)*+")
_NAME = re.compile(
    r"(?:(?P<type>[A-Za-z]\w*+):)*+(?:\"(?P<quoted>[^\"\r\n]*+)\"|(?P<bare>[^\s\"={}<>#:~]++"
    r"(?:[ \t]++[^\s\"={}<>#:]++)*+))[ \t]*+(?P<mark>[={<])"
)
_REST = re.compile(r"[^\r\n]*+")
_LIST_OPENED = re.compile(r"[ \t]*+(?:\r\n|[\r\n])")
_ITEM = re.compile(r"[ \t]*+([^\r\n]*+)(?:\r\n|[\r\n]|\Z)")
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}\Z")
_DOUBLE = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_BARE_NAME = re.compile(r"[A-Za-z0-9_.-]+\Z")
_NO_COMMENT = re.compile(r"(?!)")
_LETTERS = {bool: "B", int: "I", float: "D", str: "S"}


class Category(Branch):
    """A category; `opening` is the place behind its (last) brace, -1 for the file itself.

    `openings` counts the places in the file that open it.
    """

    __slots__ = ("opening", "openings")

    opening: int
    openings: int


class ForgeCfgDocument(TreeDocument):
    """Typed `T:name=value` lines in nested categories."""

    format = "forge_cfg"

    def _scan(self) -> tuple[Node | None, Iterable[Problem]]:
        text = self.source.text
        self._problems: list[Problem] = []
        self._letters: dict[int, str] = {}
        self._count = 0
        root = Category(0, 0, 0, 0)
        root.opening, root.openings = -1, 0
        open_categories = [root]
        pos = 0
        while True:
            pos = self._gap(pos)
            if pos >= len(text):
                break
            if text[pos] == "}":
                if len(open_categories) == 1:
                    raise self._error(pos, "a closing brace without an opening one")
                pos += 1
                open_categories.pop().end = pos
                continue
            pos, category = self._entry(open_categories[-1], pos)
            if category is not None:
                open_categories.append(category)
                if len(open_categories) > self.limits.max_depth:
                    reason = f"nested deeper than {self.limits.max_depth} levels"
                    raise TooLargeError(self.file, reason, *self.source.place(pos))
        if len(open_categories) > 1:
            raise self._error(pos, "a category is not closed before the file ends")
        return root, self._problems

    def _entry(self, category: Category, at: int) -> tuple[int, Category | None]:
        """Read what stands at `at`: the place behind it, and the category that it opens."""
        found = _NAME.match(self.source.text, at)
        if found is None:
            raise self._error(at, "expected a category, or a name with = or <")
        self._count += 1
        if self._count > self.limits.max_settings:
            reason = f"more than {self.limits.max_settings:,} settings"
            raise TooLargeError(self.file, reason, *self.source.place(at))
        name = found["bare"] if found["quoted"] is None else found["quoted"]
        letter = (found["type"] or "S")[0]
        key_end, pos = found.end("mark") - 1, found.end()
        if found["mark"] == "{":
            return pos, self._opened(category, name, at, pos)
        node: Node
        if found["mark"] == "=":
            end = self._end_of_line(pos)
            node = self._leaf(letter, at, key_end, pos, end)
        else:
            node = self._list(letter, at, key_end)
            end = node.end
        self._letters[at] = letter
        if name in category.members:
            self._warn_of_duplicate(name, at)
        category.members[name] = node
        return end, None

    def _warn_of_duplicate(self, name: str, at: int) -> None:
        self._problems.append(duplicate_key(name, self.source.line(at)))

    def _opened(self, category: Category, name: str, at: int, opening: int) -> Category:
        """The category of this name: a new one, or the one that stands further up."""
        present = category.members.get(name)
        if not isinstance(present, Category):
            if present is not None:
                self._warn_of_duplicate(name, at)
            present = category.members[name] = Category(at, opening - 1, opening - 1, opening)
            present.openings = 0
        present.opening = opening
        present.openings += 1
        return present

    def _leaf(self, letter: str, at: int, key_end: int, start: int, end: int) -> Leaf:
        """A scalar; blanks around it belong to a text, but not to a number."""
        text = self.source.text[start:end]
        value = _read(letter, text)
        if not isinstance(value, str):
            start += len(text) - len(text.lstrip())
            end -= len(text) - len(text.rstrip())
        return Leaf(self.source, value, letter, at, key_end, start, end)

    def _list(self, letter: str, at: int, opening: int) -> Sequence:
        """The list whose `<` stands at `opening`, one item a line."""
        text = self.source.text
        opened = _LIST_OPENED.match(text, opening + 1)
        if opened is None:
            raise self._error(opening + 1, "text behind < on its line")
        sequence = Sequence(at, opening, opening, opening)
        pos = opened.end()
        while True:
            line = _ITEM.match(text, pos)
            assert line is not None  # noqa: S101  (the pattern matches any line)
            if line[1].startswith(">"):
                sequence.end = line.start(1) + 1
                return sequence
            if line.end() == pos:
                raise self._error(pos, "a list is not closed before the file ends")
            start, item = line.start(1), line[1].rstrip()
            pos = line.end()
            if not item:
                continue
            self._count += 1
            if self._count > self.limits.max_settings:
                reason = f"more than {self.limits.max_settings:,} settings"
                raise TooLargeError(self.file, reason, *self.source.place(start))
            end = start + len(item)
            value = _read(letter, item)
            sequence.items.append(Leaf(self.source, value, letter, start, start, start, end))

    def _gap(self, pos: int) -> int:
        found = _GAP.match(self.source.text, pos)
        return found.end() if found else pos

    def _end_of_line(self, pos: int) -> int:
        found = _REST.match(self.source.text, pos)
        return found.end() if found else pos

    def _error(self, index: int, reason: str) -> ConfigFileError:
        return ConfigFileError(self.file, reason, *self.source.place(index))

    @cached_property
    def _delimited(self) -> Delimited:
        return Delimited(self.source, _NO_COMMENT, commas=False)

    def _as_held(self, node: Node | None, value: Value) -> Value:
        """`value` as the letter of `node` makes it: `2` is `2.0` behind D, and text behind S.

        Raises:
            EditRefused: the letter's type cannot hold it.
        """
        if node is None:
            return value
        letter = node.style if isinstance(node, Leaf) else self._letters.get(node.at, "")
        if isinstance(node, Sequence) and isinstance(value, list):
            return [_as_letter(letter, item) for item in value]
        if isinstance(node, Leaf) and not isinstance(value, (list, dict)):
            return _as_letter(letter, value)
        raise EditRefused("a value, a list and a category cannot take each other's place")

    def _set(self, node: Node, value: Value) -> list[Splice]:
        if isinstance(node, Sequence):
            if not node.items and value:
                return [self._first_items(node, value)]
            return self._delimited.replace_value(node, value, _ItemWriter())
        is_item = isinstance(node, Leaf) and node.key_end == node.at
        old = node.token if isinstance(node, Leaf) else ""
        written = _item(value, old) if is_item else _written(value, old)
        return [Splice(node.start, node.end, written)]

    def _first_items(self, node: Sequence, values: list[Value]) -> Splice:
        indent = self._delimited.indent_of(node.at) + self._delimited.indent_unit()
        start = self.source.line_start(node.end - 1)
        newline = self.source.newline(node.start)
        return Splice(start, start, "".join(f"{indent}{_item(item)}{newline}" for item in values))

    def _unset(self, parent: Node | None, node: Node) -> list[Splice]:
        if isinstance(node, Category) and node.openings > 1:
            raise EditRefused("a category in several places is removed key by key")
        if isinstance(parent, Sequence):
            body = body_of(parent)
            index = body.members.index(node)
            return self._delimited.remove(body, index, index)
        line_start = self.source.line_start(node.at)
        behind = self.source.text[node.end : self.source.line_end(node.end)]
        if self.source.text[line_start : node.at].strip() or behind.strip():
            raise EditRefused("something else stands on the same line")
        return [Splice(*self.source.whole_lines(node.at, node.end), "")]

    def _insert(self, parent: Node | None, path: KeyPath, depth: int, value: Value) -> list[Splice]:
        if isinstance(parent, Sequence):
            if path[depth] != len(parent.items) or depth != len(path) - 1:
                raise EditRefused(f"a list of {len(parent.items)} items grows only at its end")
            items = [item.value for item in parent.items if isinstance(item, Leaf)]
            return self._set(parent, [*items, value])
        assert isinstance(parent, Category)  # noqa: S101  (the caller has looked)
        source = self.source
        newline = source.newline(max(parent.opening, 0))
        siblings = parent.in_place_order()
        if siblings:
            position = source.next_line_start(siblings[-1].end)
            indent = self._delimited.indent_of(siblings[-1].at)
        elif parent.opening >= 0:
            position = source.next_line_start(parent.opening)
            indent = self._delimited.indent_of(parent.at) + self._delimited.indent_unit()
        else:
            position, indent = len(source.text), ""
        if parent.opening >= 0 and position >= parent.end:
            raise EditRefused("the category's closing brace does not stand on a line of its own")
        lines = self._new_lines([str(segment) for segment in path[depth:]], value, indent)
        if source.text[position - 1 : position] in ("", "\n", "\r"):
            return [Splice(position, position, newline.join(lines) + newline)]
        return [Splice(position, position, newline + newline.join(lines))]

    def _new_lines(self, names: list[str], value: Value, indent: str) -> list[str]:
        """A new property with the categories that it needs around it, as Forge writes them."""
        name = _name(names[0])
        unit = self._delimited.indent_unit()
        if len(names) > 1:
            inside = self._new_lines(names[1:], value, indent + unit)
            return [f"{indent}{name} {{", *inside, f"{indent}}}"]
        if isinstance(value, list):
            letter = _LETTERS.get(type(value[0]), "S") if value else "S"
            items = [indent + unit + _item(_as_letter(letter, item)) for item in value]
            return [f"{indent}{letter}:{name} <", *items, f"{indent} >"]
        if type(value) not in _LETTERS:
            raise EditRefused(f"Forge has no way to write a {type(value).__name__}")
        return [f"{indent}{_LETTERS[type(value)]}:{name}={_written(value)}"]


class _ItemWriter:
    """Writes list items, for `Delimited`."""

    def spreads(self, values: list[Value]) -> bool:  # noqa: ARG002  (the protocol's)
        return True

    def scalar(self, value: Value, old: Leaf | None) -> str:
        return _item(value, "" if old is None else old.token)

    def compound(self, value: Value, indent: str | None) -> str:  # noqa: ARG002  (the protocol's)
        raise EditRefused(f"a list of this format cannot hold a {type(value).__name__}")


def _read(letter: str, text: str) -> Value:
    """The text as its type letter reads it; text that is none of that type stays text."""
    stripped = text.strip()
    if letter == "B" and stripped.lower() in ("true", "false"):
        return stripped.lower() == "true"
    if letter == "I" and _INTEGER.match(stripped):
        return int(stripped)
    if letter == "D" and _DOUBLE.match(stripped):
        return float(stripped)
    return text


def _as_letter(letter: str, value: Value) -> Value:
    kind = type(value)
    if letter == "B" and kind is bool:
        return value
    if letter == "I" and kind is int:
        return value
    if letter == "D" and kind in (int, float) and math.isfinite(value):
        return float(value)
    if letter not in ("B", "I", "D") and kind in _LETTERS:
        return _written(value)
    if kind is str and letter in ("B", "I", "D"):
        read = _read(letter, value)
        if type(read) is not str:
            return read
    raise EditRefused(f"a property of type {letter} cannot hold a {kind.__name__}")


def _written(value: Value, old: str = "") -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = value if isinstance(value, str) else repr(value)
    if isinstance(value, float) and math.isfinite(value):
        text = float_text(value, old)
    if "\n" in text or "\r" in text:
        raise EditRefused("a value of this format cannot hold a line break")
    return text


def _item(value: Value, old: str = "") -> str:
    text = _written(value, old)
    if not text or text != text.strip() or text.startswith(">") or text.endswith("<"):
        raise EditRefused("an item of this format cannot be empty, be padded, or hold > or < there")
    return text


def _name(name: str) -> str:
    if _BARE_NAME.match(name):
        return name
    if not name or re.search(r'["\r\n]', name):
        raise EditRefused("a name of this format cannot be empty or hold a quote or line break")
    return f'"{name}"'
