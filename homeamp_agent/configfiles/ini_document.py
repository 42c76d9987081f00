"""INI files, and `.cfg` files that are no Forge ones, as documents: `[section]` and `key = value`.

Blanks around a value don't count, `;` and `#` start a comment only at the start of a line, and what
quotes there are belong to the value: the readers of such files agree on no more than that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from homeamp_agent.configfiles.document import KeyPath, Problem, Value
from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.line_document import LineDocument
from homeamp_agent.configfiles.text import Splice
from homeamp_agent.configfiles.tree import Branch, Leaf, Node

_LINE = re.compile(
    r"[ \t]*+(?:"
    r"[;#][^\r\n]*+"
    r"|\[([^\]\r\n]*+)\][^\r\n]*+"
    r"|([^=:\r\n]++)[=:][ \t]*+([^\r\n]*+)"
    r"|([^\r\n]*+)"
    r")(?:\r\n|\r|\n|\Z)"
)
_SEPARATOR_OR_BREAK = re.compile(r"[=:\r\n]")


class Section(Branch):
    """A section; `headers` counts the lines that open it."""

    __slots__ = ("headers",)

    headers: int


class IniDocument(LineDocument):
    """Sections of text settings; a key path is (section, key), or (key,) above any section."""

    format = "ini"
    default_separator = " = "

    def _scan(self) -> tuple[Branch, Iterable[Problem]]:
        root = section = Branch(0, 0, 0, 0)
        problems: list[Problem] = []
        text = self.source.text
        pos = count = 0
        stray = indent = -1
        while pos < len(text):
            found = _LINE.match(text, pos)
            assert found is not None  # noqa: S101  (the pattern matches any line)
            pos = found.end()
            if found[1] is not None:
                count += found[1] not in root.members
                self._refuse_too_many(count, found.start(1) - 1)
                section = self._section(root, found)
                indent = -1
            elif found[2] is not None:
                count += 1
                self._refuse_too_many(count, found.start(2))
                own_indent = found.start(2) - found.start()
                deeper = 0 <= indent < own_indent
                indent = indent if deeper else own_indent
                leaf = self._leaf(found, "indented" if deeper else "plain")
                problem = self._add(section, found[2].rstrip(), leaf)
                problems += [problem] if problem else []
            elif found[4] and stray < 0:
                stray = found.start(4)
        if stray >= 0 and not root.members:
            raise self._error(stray, "neither a [section] nor a key with a value in the whole file")
        return root, problems

    def _section(self, root: Branch, found: re.Match[str]) -> Branch:
        at, end = found.start(1) - 1, found.end(1) + 1
        present = root.members.get(found[1])
        if isinstance(present, Leaf):
            raise self._error(at, f"{found[1]!r} is a key and a section")
        if present is None:
            present = root.members[found[1]] = Section(at, at, at, end)
            present.headers = 0
        assert isinstance(present, Section)  # noqa: S101  (a leaf or a section, nothing else)
        present.headers += 1
        return present

    def _leaf(self, found: re.Match[str], style: str) -> Leaf:
        at, start = found.start(2), found.start(3)
        key, value = found[2].rstrip(), found[3].rstrip()
        return Leaf(self.source, value, style, at, at + len(key), start, start + len(value))

    def _set(self, node: Node, value: Value) -> list[Splice]:
        if isinstance(node, Leaf) and node.style == "indented":
            raise EditRefused("some readers take a deeper line for more of the value above it")
        return super()._set(node, value)

    def _unset(self, parent: Node | None, node: Node) -> list[Splice]:
        if not isinstance(node, Section):
            return super()._unset(parent, node)
        if node.headers > 1:
            raise EditRefused("a section in several places is removed key by key")
        end = max([node.end, *(leaf.end for leaf in node.members.values())])
        return [Splice(*self.source.whole_lines(node.at, end), "")]

    def _written(self, text: str, old: Leaf | None, separator: str) -> str:  # noqa: ARG002
        if text != text.strip() or "\n" in text or "\r" in text:
            raise EditRefused("a value of this format cannot be padded or hold a line break")
        return text

    def _key_written(self, key: str) -> str:
        if not key or key != key.strip() or key[0] in "[;#" or _SEPARATOR_OR_BREAK.search(key):
            raise EditRefused("a key of this format cannot be padded or hold = or :")
        return key

    def _insert(self, parent: Node | None, path: KeyPath, depth: int, value: Value) -> list[Splice]:
        assert isinstance(parent, Branch)  # noqa: S101  (what _scan makes)
        key = str(path[-1])
        if len(path) - depth == 1 and (parent.members or depth == 0):
            if depth == 0 and not any(isinstance(n, Leaf) for n in parent.members.values()):
                line = self._new_line(self._any_leaf(), key, value)
                return [Splice(0, 0, line + self.source.newline(0))]
            return [self._insert_line(parent, key, value, parent.end)]
        if len(path) - depth == 1:
            return [self._line_behind(parent.start, self._new_line(self._any_leaf(), key, value))]
        section = str(path[0])
        if len(path) != 2 or re.search(r"[\]\r\n]", section):
            raise EditRefused("a key of this format is a section and a name")
        newline = self.source.newline(len(self.source.text))
        gap = newline if self.source.text.strip() else ""
        line = self._new_line(self._any_leaf(), key, value)
        return [self._line_behind(len(self.source.text), f"{gap}[{section}]{newline}{line}")]

    def _any_leaf(self) -> Leaf | None:
        """Some setting, to space a new one like it."""
        return next((s for s in self.settings.values() if isinstance(s, Leaf) and s.value), None)
