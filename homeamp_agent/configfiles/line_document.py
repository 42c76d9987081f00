"""What the formats of one `key = value` a line (.properties, .kvp, INI) have in common."""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import cached_property

from homeamp_agent.configfiles.document import KeyPath, Problem, Value
from homeamp_agent.configfiles.errors import ConfigFileError, EditRefused, TooLargeError
from homeamp_agent.configfiles.figures import float_text
from homeamp_agent.configfiles.text import Splice
from homeamp_agent.configfiles.tree import Branch, Leaf, Node, duplicate_key
from homeamp_agent.configfiles.tree_document import TreeDocument


class LineDocument(TreeDocument):
    """A text format: every value is a `str`, and reads back as one."""

    typed = False

    @abstractmethod
    def _written(self, text: str, old: Leaf | None, separator: str) -> str:
        """The token for the value `text` behind `separator`, in the style of `old`.

        Raises:
            EditRefused: the format cannot hold it.
        """

    @abstractmethod
    def _key_written(self, key: str) -> str:
        """The token for a new key.

        Raises:
            EditRefused: the format cannot hold it.
        """

    default_separator = "="

    def _as_held(self, node: Node | None, value: Value) -> Value:
        return self._text_of(value, node if isinstance(node, Leaf) else None)

    def _text_of(self, value: Value, old: Leaf | None) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            capital = old.value in ("True", "False") if old is not None else self._capital_booleans
            return str(value) if capital else str(value).lower()
        if value is None:
            return ""
        if isinstance(value, int):
            return repr(value)
        if isinstance(value, float) and math.isfinite(value):
            return float_text(value, str(old.value) if old is not None else "")
        raise EditRefused(f"a text format has no way to write a {type(value).__name__}")

    @cached_property
    def _capital_booleans(self) -> bool:
        values = [setting.value for setting in self.settings.values()]
        return sum(v in ("True", "False") for v in values) > sum(
            v in ("true", "false") for v in values
        )

    def _set(self, node: Node, value: Value) -> list[Splice]:
        if not isinstance(node, Leaf):
            raise EditRefused("a section is changed key by key, not as a whole")
        text = self.source.text
        separator = text[node.key_end : node.start]
        missing = "" if separator else self.default_separator
        written = self._written(value, node, separator or self.default_separator)
        return [Splice(node.start, node.end, missing + written)]

    def _unset(self, parent: Node | None, node: Node) -> list[Splice]:  # noqa: ARG002
        if not isinstance(node, Leaf):
            raise EditRefused("a section is removed key by key, not as a whole")
        return [Splice(*self.source.whole_lines(node.at, node.end), "")]

    def _insert(self, parent: Node | None, path: KeyPath, depth: int, value: Value) -> list[Splice]:
        if len(path) != 1:
            raise EditRefused("a key of this format is one segment, dots and all")
        assert isinstance(parent, Branch)  # noqa: S101  (what every scan makes)
        return [self._insert_line(parent, str(path[depth]), value, len(self.source.text))]

    def _insert_line(self, branch: Branch, key: str, value: str, otherwise: int) -> Splice:
        """A new line among those of `branch`, behind the line of `otherwise` if it has none."""
        neighbour = best_neighbour(branch, key)
        present = [node.at for node in branch.members.values() if isinstance(node, Leaf)]
        if neighbour is None and present:
            first = self.source.line_start(min(present))
            newline = self.source.newline(first)
            return Splice(first, first, self._new_line(None, key, value) + newline)
        behind = otherwise if neighbour is None else neighbour.end
        return self._line_behind(behind, self._new_line(neighbour, key, value))

    def _new_line(self, neighbour: Leaf | None, key: str, value: str) -> str:
        """The new setting's line without its end, spaced like its neighbour's."""
        indent, separator = "", self.default_separator
        if neighbour is not None:
            text = self.source.text
            indent = text[self.source.line_start(neighbour.at) : neighbour.at]
            between = text[neighbour.key_end : neighbour.start]
            if between and "\\" not in between:
                separator = between
        return indent + self._key_written(key) + separator + self._written(value, None, separator)

    def _line_behind(self, index: int, line: str) -> Splice:
        """`line` as a new line behind the line of `index`."""
        source = self.source
        position = source.next_line_start(index)
        newline = source.newline(index)
        unfinished = position == len(source.text) and source.text[-1:] not in ("", "\n", "\r")
        if unfinished:
            return Splice(position, position, newline + line)
        return Splice(position, position, line + newline)

    def _add(self, branch: Branch, key: str, leaf: Leaf) -> Problem | None:
        """Enter a scanned setting; the problem if its key was there already."""
        duplicate = key in branch.members
        branch.members[key] = leaf
        return duplicate_key(key, leaf.line) if duplicate else None

    def _refuse_too_many(self, count: int, index: int) -> None:
        if count > self.limits.max_settings:
            raise TooLargeError(
                self.file,
                f"more than {self.limits.max_settings:,} settings",
                *self.source.place(index),
            )

    def _error(self, index: int, reason: str) -> ConfigFileError:
        return ConfigFileError(self.file, reason, *self.source.place(index))


def best_neighbour(branch: Branch, key: str) -> Leaf | None:
    """The setting that a new `key` stands best behind; None: before all others.

    In a sorted file that is its place in the order, else the last one that shares the most leading
    words of the key (`spawn.animals` beside `spawn.monsters`), else the last of all.
    """
    present = [(name, node) for name, node in branch.members.items() if isinstance(node, Leaf)]
    names = [name for name, _ in present]
    if len(names) > 2 and names == sorted(names):  # two keys are in order by chance
        smaller = [node for name, node in present if name < key]
        return smaller[-1] if smaller else None
    words = key.replace("-", ".").split(".")
    best: Leaf | None = None
    most = 0
    for name, node in present:
        shared = 0
        for one, other in zip(words[:-1], name.replace("-", ".").split(".")[:-1], strict=False):
            if one != other:
                break
            shared += 1
        if shared >= most and (best is None or shared > most or node.at > best.at):
            best, most = node, shared
    return best
