"""The tree that a scanner makes of a config file: leaves and branches with their places.

Places are character indexes into `SourceText.text`; `Leaf.span` turns them into bytes on demand.
"""

from __future__ import annotations

from collections.abc import Iterator

from homeamp_agent.configfiles.document import KeyPath, KeySegment, Problem, Setting, Span, Value
from homeamp_agent.configfiles.text import SourceText

NOWHERE = -1
"""The place of something that the file does not write, as a comma that is left out."""


class Node:
    """One value with the key it stands under.

    Attributes:
        at: where the member starts: its key, or the value itself in a list.
        key_end: behind the key; equal to `at` in a list.
        start, end: the value's token, quotes or brackets included.
        lead, comma: the separator before and behind the member, or NOWHERE.
    """

    __slots__ = ("at", "comma", "end", "key_end", "lead", "start")

    def __init__(self, at: int, key_end: int, start: int, end: int, lead: int = NOWHERE) -> None:
        self.at = at
        self.key_end = key_end
        self.start = start
        self.end = end
        self.lead = lead
        self.comma = NOWHERE


class Leaf(Node, Setting):
    """A scalar, as the file writes it and as it reads."""

    __slots__ = ("_source", "_style", "_value")

    def __init__(
        self,
        source: SourceText,
        value: Value,
        style: str,
        at: int,
        key_end: int,
        start: int,
        end: int,
        lead: int = NOWHERE,
    ) -> None:
        self._source = source
        self._value = value
        self._style = style
        self.at = at
        self.key_end = key_end
        self.start = start
        self.end = end
        self.lead = lead
        self.comma = NOWHERE

    @property
    def value(self) -> Value:
        return self._value

    def adopt(self, value: Value) -> None:
        """Take the value that a second reader found here; only while the tree is being made."""
        self._value = value

    @property
    def span(self) -> Span:
        return Span(*self._source.byte_offsets(self.start, self.end))

    @property
    def line(self) -> int:
        return self._source.line(self.start)

    @property
    def style(self) -> str:
        return self._style

    @property
    def token(self) -> str:
        """The value's characters, quotes included."""
        return self._source.text[self.start : self.end]


class Branch(Node):
    """A mapping: its members by key, in the order in which the keys first occur."""

    __slots__ = ("members",)

    def __init__(self, at: int, key_end: int, start: int, end: int, lead: int = NOWHERE) -> None:
        super().__init__(at, key_end, start, end, lead)
        self.members: dict[str, Node] = {}

    def in_place_order(self) -> list[Node]:
        """The members as they stand in the file."""
        return sorted(self.members.values(), key=lambda node: node.at)


class Sequence(Node):
    """A list."""

    __slots__ = ("items",)

    def __init__(self, at: int, key_end: int, start: int, end: int, lead: int = NOWHERE) -> None:
        super().__init__(at, key_end, start, end, lead)
        self.items: list[Node] = []

    def in_place_order(self) -> list[Node]:
        """The items as they stand in the file."""
        return self.items


def duplicate_key(key: str, line: int) -> Problem:
    """What to tell of a key that occurs again on `line`."""
    return Problem("duplicate_key", f"the key {key!r} occurs twice; the last one counts", line)


def plain(node: Node) -> Value:
    """The node as plain Python values."""
    if isinstance(node, Leaf):
        return node.value
    if isinstance(node, Branch):
        return {key: plain(member) for key, member in node.members.items()}
    assert isinstance(node, Sequence)  # noqa: S101  (the three kinds of node)
    return [plain(member) for member in node.items]


def leaves(source: SourceText, root: Node) -> Iterator[tuple[KeyPath, Leaf]]:
    """Every leaf below `root` with its path, and every empty branch as a leaf of style `flow`."""
    stack: list[tuple[KeyPath, Node]] = [((), root)]
    while stack:
        path, node = stack.pop()
        if isinstance(node, Leaf):
            yield path, node
            continue
        if isinstance(node, Branch):
            below: list[tuple[KeySegment, Node]] = list(node.members.items())
        else:
            assert isinstance(node, Sequence)  # noqa: S101  (the three kinds of node)
            below = list(enumerate(node.items))
        if below:
            stack.extend([((*path, segment), member) for segment, member in reversed(below)])
        elif path or node.end > node.start:
            empty: Value = {} if isinstance(node, Branch) else []
            yield path, Leaf(source, empty, "flow", node.at, node.key_end, node.start, node.end)


def text_beside(members: list[Node], index: int) -> Leaf | None:
    """The nearest text in front of `members[index]`, else behind it: how text is written there."""
    for member in (*reversed(members[:index]), *members[index:]):
        if isinstance(member, Leaf) and isinstance(member.value, str):
            return member
    return None


def step(node: Node, segment: KeySegment) -> tuple[KeySegment, Node] | None:
    """The member of `node` under `segment`, with the segment as the file types it."""
    if isinstance(node, Branch):
        key = segment if isinstance(segment, str) else str(segment)
        member = node.members.get(key)
        return None if member is None else (key, member)
    if isinstance(node, Sequence) and not isinstance(segment, bool):
        if isinstance(segment, str) and segment.isdecimal() and segment.isascii():
            segment = int(segment[:9])
        if isinstance(segment, int) and 0 <= segment < len(node.items):
            return segment, node.items[segment]
    return None
