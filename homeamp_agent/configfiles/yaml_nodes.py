"""The tree of a YAML document: nodes with their places, each a `Setting` where it is a leaf.

Places are character indexes into `SourceText.text`, converted to bytes only when asked for:
a scan reads thousands of settings and the places of few.
"""

from __future__ import annotations

from homeamp_agent.configfiles.document import KeySegment, Setting, Span, Value
from homeamp_agent.configfiles.text import SourceText
from homeamp_agent.configfiles.yaml_scalars import NUMBER_SIGNS, WORDS, plain_value, tagged_value

_tuple = tuple.__new__

STYLES = {"": "plain", "'": "single", '"': "double", "|": "literal", ">": "folded"}


class YamlNode(Setting):
    """What all nodes have: the characters `[start, end)` of their token, anchor and tag left out.

    `properties` is where the anchor and tag before the token start, or `start` without any.
    """

    __slots__ = ("end", "properties", "source", "start")

    source: SourceText
    start: int
    end: int
    properties: int

    @property
    def span(self) -> Span:
        # What Span(...) does, without the call in between: a scan asks for every one.
        if self.source.counts_bytes:
            return _tuple(Span, (self.start, self.end))
        return _tuple(Span, self.source.byte_offsets(self.start, self.end))

    @property
    def line(self) -> int:
        return self.source.line(self.start)


class ScalarNode(YamlNode):
    """A scalar: its unquoted text, how it is written, and its explicit tag."""

    __slots__ = ("mark", "tag", "text")

    text: str
    mark: str
    tag: str | None

    @property
    def value(self) -> Value:
        if self.tag is None:
            # `plain_value`, but for numbers without its call: a scan asks every scalar.
            text = self.text
            if self.mark:
                return text
            if text in WORDS:
                return WORDS[text]
            return plain_value(text) if text[0] in NUMBER_SIGNS else text
        return tagged_value(self.text, self.tag)

    @property
    def implied(self) -> bool:
        """Whether nothing is written where the value would be (`key:`)."""
        return not self.text and not self.mark

    @property
    def style(self) -> str:
        return "implied" if self.implied else STYLES[self.mark]


class AliasNode(YamlNode):
    """`*anchor`: stands for a node written elsewhere."""

    __slots__ = ("anchor", "target")

    def __init__(
        self, source: SourceText, anchor: str, target: YamlNode, start: int, end: int
    ) -> None:
        self.source = source
        self.anchor = anchor
        self.target = target
        self.start = self.properties = start
        self.end = end

    @property
    def value(self) -> Value:
        return value_of(self.target)

    @property
    def style(self) -> str:
        return "alias"


class CollectionNode(YamlNode):
    """A list or mapping: its children as written (a mapping's keys and values alternate).

    The `end` of one in block style is that of its last child.
    """

    __slots__ = ("children", "flow", "tag")

    children: list[YamlNode]
    flow: bool
    tag: str | None

    def __init__(
        self, source: SourceText, tag: str | None, start: int, end: int, flow: bool
    ) -> None:
        self.source = source
        self.tag = tag
        self.start = self.properties = start
        self.end = end
        self.flow = flow
        self.children = []

    @property
    def style(self) -> str:
        return "flow" if self.flow else "block"


class SequenceNode(CollectionNode):
    """A list."""

    __slots__ = ()

    @property
    def value(self) -> Value:
        return [value_of(child) for child in self.children]


class MappingNode(CollectionNode):
    """A mapping.

    `table` is what its reader sees: each key once (the last one wins), merged keys first.
    `own` are the keys that are written here; it is `table` itself where nothing is merged.
    """

    __slots__ = ("own", "table")

    table: dict[KeySegment, YamlNode]
    own: dict[KeySegment, YamlNode]

    @property
    def value(self) -> Value:
        return {
            segment: (child.text if child.mark else plain_value(child.text))
            if child.__class__ is ScalarNode and child.tag is None
            else child.value
            for segment, child in self.table.items()
        }


def value_of(node: YamlNode) -> Value:
    """A node's value; a plain scalar's without the detour over its property."""
    if type(node) is ScalarNode and node.tag is None:
        return node.text if node.mark else plain_value(node.text)
    return node.value


def resolved(node: YamlNode) -> YamlNode:
    """The node itself, or what it stands for if it is an alias."""
    # By type: an isinstance of an abstract class takes ten times as long where it fails.
    return node.target if type(node) is AliasNode else node


def scalars(node: YamlNode) -> list[ScalarNode]:
    """Every scalar value written below `node` (keys and aliases left out), in file order."""
    found: list[ScalarNode] = []
    stack = [node]
    while stack:
        node = stack.pop()
        # By class: an isinstance of an abstract class takes ten times as long where it fails.
        if node.__class__ is ScalarNode:
            found.append(node)
        elif node.__class__ is MappingNode:
            stack.extend(node.children[::-2])
        elif node.__class__ is SequenceNode:
            stack.extend(reversed(node.children))
    return found


def children_first(root: YamlNode) -> list[YamlNode]:
    """Every node written below `root`, each after its children and what stands before it."""
    order: list[YamlNode] = []
    stack = [root]
    while stack:
        node = stack.pop()
        order.append(node)
        if isinstance(node, CollectionNode):
            stack.extend(node.children)
    order.reverse()
    return order
