"""Edits between brackets: members that commas (or, in HOCON, line ends) keep apart.

A member that stands alone on its line comes and goes with its line; one among others on a line
comes and goes with its comma. Comments stay, except the one behind a removed member on its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple, Protocol

from homeamp_agent.configfiles.document import Value
from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.list_steps import list_steps
from homeamp_agent.configfiles.proof import same
from homeamp_agent.configfiles.text import SourceText, Splice
from homeamp_agent.configfiles.tree import NOWHERE, Branch, Leaf, Node, Sequence, plain

_BLANKS = re.compile(r"[ \t]*")
_FIRST_INDENTED = re.compile(r"^([ \t]+)[^\s*]", re.MULTILINE)

WriteMember = Callable[[str], str]
"""Writes the new member for a line that starts with the given indentation."""


class Body(NamedTuple):
    """What stands between two brackets."""

    start: int
    end: int
    members: list[Node]


def body_of(container: Branch | Sequence) -> Body:
    """The inside of a container that its brackets enclose."""
    return Body(container.start + 1, container.end - 1, container.in_place_order())


class ValueWriter(Protocol):
    """How a format writes values; see `replace_value`."""

    def spreads(self, values: list[Value]) -> bool:
        """Whether the file would write a list of `values` over several lines."""

    def scalar(self, value: Value, old: Leaf | None) -> str:
        """A scalar in the style of the one it replaces."""

    def compound(self, value: Value, indent: str | None) -> str:
        """Any value; over several lines from `indent` on, or on one line if that is None."""


class Delimited:
    """Edits of the members of bodies in one file."""

    def __init__(self, source: SourceText, comment: re.Pattern[str], commas: bool) -> None:
        """`comment` matches one comment; `commas` says that a line end is no separator."""
        self._source = source
        self._text = source.text
        self._comment = comment
        self._commas = commas

    def indent_of(self, index: int) -> str:
        """The white space that starts the line of `index`."""
        return self._blanks(self._source.line_start(index))

    def indent_unit(self) -> str:
        """The file's first indentation; two spaces where nothing is indented."""
        found = _FIRST_INDENTED.search(self._text)
        return found[1] if found else "  "

    def insert(self, body: Body, index: int, write: WriteMember, spread: bool) -> list[Splice]:
        """Add a member at `index`; `spread` puts the first member of a body on its own line."""
        if not body.members:
            return [self._fill(body, write, spread)]
        if index == 0:
            return [self._insert_first(body, write)]
        before = body.members[index - 1]
        behind = before.end if before.comma == NOWHERE else before.comma + 1
        if self.stands_alone(before):
            return self._insert_line(before, behind, body, write)
        if before.comma == NOWHERE:
            return [Splice(behind, behind, "," + self._gap(body) + write(""))]
        return [Splice(behind, behind, self._gap(body) + write("") + ",")]

    def _insert_line(
        self, before: Node, behind: int, body: Body, write: WriteMember
    ) -> list[Splice]:
        indent = self.indent_of(before.at)
        end = self._source.line_end(behind)
        line = self._source.newline(before.at) + indent + write(indent)
        if before.comma != NOWHERE:
            return [Splice(end, end, line + ",")]
        if self._uses_commas(body):
            return [Splice(before.end, before.end, ","), Splice(end, end, line)]
        return [Splice(end, end, line)]

    def _insert_first(self, body: Body, write: WriteMember) -> Splice:
        first = body.members[0]
        comma = "," if self._uses_commas(body) else ""
        if self.stands_alone(first):
            indent = self.indent_of(first.at)
            line = write(indent) + comma + self._source.newline(first.at) + indent
            return Splice(first.at, first.at, line)
        return Splice(first.at, first.at, write("") + "," + self._gap(body))

    def _fill(self, body: Body, write: WriteMember, spread: bool) -> Splice:
        inside = self._text[body.start : body.end]
        closing = self.indent_of(body.end)
        newline = self._source.newline(body.start)
        if "\n" in inside or "\r" in inside:
            line_start = self._source.line_start(body.end)
            if self._text[line_start : body.end].strip(" \t"):
                raise EditRefused("the closing bracket does not stand on a line of its own")
            comment = _FIRST_INDENTED.search(inside)
            indent = comment[1] if comment else closing + self.indent_unit()
            return Splice(line_start, line_start, indent + write(indent) + newline)
        if inside.strip():
            return Splice(body.end, body.end, " " + write("") + " ")
        if spread:
            indent = closing + self.indent_unit()
            lines = newline + indent + write(indent) + newline + closing
            return Splice(body.start, body.end, lines)
        pad = " " if inside else ""
        return Splice(body.start, body.end, pad + write("") + pad)

    def append(self, sequence: Sequence, value: Value, writer: ValueWriter) -> list[Splice]:
        """Add one item at the end of a list."""
        return self._add_items(sequence, len(sequence.items), [value], writer)

    def remove(self, body: Body, first: int, last: int) -> list[Splice]:
        """Remove the members `first` to `last` (inclusive)."""
        gone = body.members[first : last + 1]
        at_end = last == len(body.members) - 1
        if len(gone) > 1 and not all(map(self.stands_alone, gone)):
            gone = [self._as_one(gone)]
        splices = [self._removal(node, at_end and node is gone[-1]) for node in gone]
        if at_end and gone[-1].comma == NOWHERE and gone[0].lead != NOWHERE:
            splices.append(Splice(gone[0].lead, gone[0].lead + 1, ""))
        return splices

    def _as_one(self, nodes: list[Node]) -> Node:
        """Neighbours of which some share lines, as one member."""
        first, last = nodes[0], nodes[-1]
        if any(
            self._comment.search(self._text, left.end, right.at) for left, right in pairwise(nodes)
        ):
            raise EditRefused("comments stand between the items that would be removed")
        whole = Node(first.at, first.at, first.at, last.end, first.lead)
        whole.comma = last.comma
        return whole

    def _removal(self, node: Node, is_last: bool) -> Splice:
        end = node.end if node.comma == NOWHERE else node.comma + 1
        if self.stands_alone(node):
            return Splice(*self._source.whole_lines(node.at, end), "")
        behind = end + len(self._blanks(end))
        if node.comma != NOWHERE and not is_last and behind < self._source.line_end(end):
            return Splice(node.at, behind, "")
        start = node.at
        if node.lead != NOWHERE:
            while self._text[start - 1] in " \t":
                start -= 1
        return Splice(start, end, "")

    def stands_alone(self, node: Node) -> bool:
        """Whether nothing but this member, its comma and a comment is on its lines."""
        line_start = self._source.line_start(node.at)
        if self._text[line_start : node.at].strip(" \t"):
            return False
        behind = node.end if node.comma == NOWHERE else node.comma + 1
        line_end = self._source.line_end(behind)
        behind += len(self._blanks(behind))
        comment = self._comment.match(self._text, behind, line_end)
        if comment:
            behind = comment.end() + len(self._blanks(comment.end()))
        return behind >= line_end

    def _blanks(self, index: int) -> str:
        blanks = _BLANKS.match(self._text, index)
        return blanks[0] if blanks else ""

    def _gap(self, body: Body) -> str:
        """What the file writes behind a comma on one line."""
        for node in body.members[1:]:
            if node.lead != NOWHERE:
                gap = self._text[node.lead + 1 : node.at]
                if not gap.strip(" \t"):
                    return gap
        return " "

    def _uses_commas(self, body: Body) -> bool:
        return self._commas or any(node.comma != NOWHERE for node in body.members)

    def replace_value(self, node: Node, value: Value, writer: ValueWriter) -> list[Splice]:
        """Give `node` the value, changing as little of it as can be."""
        if isinstance(node, Leaf):
            if not isinstance(value, (dict, list)):
                return [Splice(node.start, node.end, writer.scalar(value, node))]
            return [Splice(node.start, node.end, writer.compound(value, None))]
        if isinstance(node, Sequence) and isinstance(value, list):
            return self._replace_items(node, value, writer)
        if isinstance(node, Branch) and node.members:
            if isinstance(value, dict) and list(node.members) == list(value):
                return [
                    splice
                    for key, member in node.members.items()
                    if not same(plain(member), value[key])
                    for splice in self.replace_value(member, value[key], writer)
                ]
            if node.key_end != node.at:
                raise EditRefused("a mapping is changed key by key, not as a whole")
        if self._comment.search(self._text, node.start, node.end):
            raise EditRefused("the old value holds comments that would be lost")
        if not isinstance(value, (dict, list)):
            return [Splice(node.start, node.end, writer.scalar(value, None))]
        several_lines = self._source.line(node.start) != self._source.line(node.end)
        indent = self.indent_of(node.at) if several_lines else None
        return [Splice(node.start, node.end, writer.compound(value, indent))]

    def _replace_items(
        self, node: Sequence, values: list[Value], writer: ValueWriter
    ) -> list[Splice]:
        """Keep the items that both lists hold, with their comments; change what is between."""
        splices: list[Splice] = []
        for step in list_steps([plain(item) for item in node.items], values):
            kept = min(step.end - step.start, step.new_end - step.new_start)
            replaced, new = step.start + kept, step.new_start + kept
            for index in range(kept):
                item = node.items[step.start + index]
                splices += self.replace_value(item, values[step.new_start + index], writer)
            if replaced < step.end:
                splices += self.remove(body_of(node), replaced, step.end - 1)
            splices += self._add_items(node, replaced, values[new : step.new_end], writer)
        return splices

    def _add_items(
        self, node: Sequence, index: int, values: list[Value], writer: ValueWriter
    ) -> list[Splice]:
        if not values:
            return []
        body = body_of(node)
        neighbour = body.members[max(index - 1, 0)] if body.members else None
        old = neighbour if isinstance(neighbour, Leaf) else None
        alone = neighbour is not None and self.stands_alone(neighbour)
        spread = not body.members and writer.spreads(values)
        several_lines = alone or (
            not body.members and (spread or "\n" in self._text[body.start : body.end])
        )

        def write(indent: str) -> str:
            written = [
                writer.compound(value, indent if several_lines else None)
                if isinstance(value, (dict, list))
                else writer.scalar(value, old)
                for value in values
            ]
            if not several_lines:
                return ", ".join(written)
            between = "," if self._uses_commas(body) else ""
            return (between + self._source.newline(node.start) + indent).join(written)

        return self.insert(body, index, write, spread)
