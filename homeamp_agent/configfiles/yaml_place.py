"""Where things stand in a YAML text: lines, columns, dashes, colons, and the file's own habits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from homeamp_agent.configfiles.document import KeySegment
from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.text import SourceText
from homeamp_agent.configfiles.yaml_nodes import (
    AliasNode,
    CollectionNode,
    MappingNode,
    ScalarNode,
    SequenceNode,
    YamlNode,
    resolved,
    scalars,
)
from homeamp_agent.configfiles.yaml_write import Style, one_spelling

_TO_DASH: Final = re.compile(r"(?:[ \t]*+(?:#[^\r\n]*+)?(?:\r\n|\n|\r))*+[ \t]*+-")
_TO_COLON: Final = re.compile(r"[ \t]*:")
_DEFAULT_STEP: Final = 2


@dataclass(frozen=True, slots=True)
class Place:
    """One node on the way down a key path.

    `index` is that of the node in its parent's list, or of the pair in its parent's mapping.
    `borrowed` means that it is written elsewhere: an alias or a merge key leads to it.
    """

    node: YamlNode
    parent: CollectionNode | None
    segment: KeySegment
    index: int
    borrowed: bool

    def below(self, segment: KeySegment) -> Place:
        """The place one step further down.

        Raises:
            KeyError: nothing is there.
        """
        parent = resolved(self.node)
        if isinstance(parent, MappingNode):
            key = _matching_key(parent, segment)
            child = parent.table[key]
            own = parent.own.get(key) is child
            index = _pair_index(parent, child) if own else 0
            borrowed = self.borrowed or not own or isinstance(child, AliasNode)
            return Place(child, parent, key, index, borrowed)
        if isinstance(parent, SequenceNode):
            index = _list_index(segment)
            if 0 <= index < len(parent.children):
                child = parent.children[index]
                borrowed = self.borrowed or isinstance(child, AliasNode)
                return Place(child, parent, index, index, borrowed)
        raise KeyError(segment)


def _matching_key(mapping: MappingNode, segment: KeySegment) -> KeySegment:
    """The mapping's key for a segment: the same key, else a typed one with this text."""
    if type(segment) is str:
        if segment in mapping.table:
            return segment
        for key in mapping.table:
            if type(key) is not str and segment == _word(key):
                return key
        for key_node, child in zip(mapping.children[::2], mapping.children[1::2], strict=True):
            if isinstance(key_node, ScalarNode) and key_node.text == segment:
                return next(key for key, one in mapping.table.items() if one is child)
    elif segment in mapping.table:
        for key in mapping.table:
            if key == segment and type(key) is type(segment):
                return key
    raise KeyError(segment)


def _word(key: KeySegment) -> str:
    if key is None:
        return "null"
    return str(key).lower() if isinstance(key, bool) else str(key)


def _pair_index(mapping: MappingNode, child: YamlNode) -> int:
    return next(at for at, one in enumerate(mapping.children[1::2]) if one is child)


def _list_index(segment: KeySegment) -> int:
    if type(segment) is int:
        return segment
    if type(segment) is str and segment.isascii() and segment.isdigit() and len(segment) < 10:
        return int(segment)
    return -1


class YamlText:
    """The text of one document with the geometry that edits need."""

    def __init__(
        self,
        source: SourceText,
        root: YamlNode | None,
        start: int,
        end: int,
        *,
        blocks: bool = True,
    ) -> None:
        """`start` and `end` bound the document inside the text (`---` and `...` left out).

        `blocks` is what `style` says about new text of several lines.
        """
        self.source = source
        self.text = source.text
        self.root = root
        self.start = start
        self.end = end
        self.blocks = blocks

    def column(self, index: int) -> int:
        """How many characters stand before `index` in its line."""
        return index - self.source.line_start(index)

    def opens_line(self, index: int) -> bool:
        """Whether only spaces stand before `index` in its line."""
        return not self.text[self.source.line_start(index) : index].strip(" ")

    def after_line(self, index: int) -> int:
        """Where the line after that of `index` starts, no further than the document goes."""
        return max(index, min(self.source.next_line_start(index), self.end))

    def child_start(self, parent: CollectionNode, index: int) -> int:
        """Where child `index` begins: its dash, its key, or in flow style its own first sign."""
        if isinstance(parent, MappingNode):
            key = parent.children[2 * index]
            start = key.properties
            if self.text[self.source.line_start(start) : start].rstrip().endswith("?"):
                raise EditRefused("a key that is written with `?`")
            return start
        child = parent.children[index]
        if parent.flow:
            return child.properties
        return self.dash(parent, index)

    def child_end(self, parent: CollectionNode, index: int) -> int:
        """Where child `index` ends, comments behind it left out."""
        return parent.children[2 * index + 1 if isinstance(parent, MappingNode) else index].end

    def dash(self, parent: CollectionNode, index: int) -> int:
        """Where the dash of item `index` of a block list stands."""
        start = parent.children[index - 1].end if index else parent.start
        match = _TO_DASH.match(self.text, start)
        if match is None:
            raise EditRefused("the list's dashes are written in an unusual way")
        return match.end() - 1

    def slot(self, place: Place) -> int:
        """Right behind the `:` or `-` (and anchor or tag) that the value of `place` follows."""
        node, parent = place.node, place.parent
        if node.properties != node.start:
            return len(self.text[: node.start].rstrip(" \t\r\n"))
        if isinstance(parent, MappingNode):
            match = _TO_COLON.match(self.text, parent.children[2 * place.index].end)
            if match is None:
                raise EditRefused("a key that is written with `?`")
            return match.end()
        if parent is not None and not parent.flow:
            return self.dash(parent, place.index) + 1
        raise EditRefused("there is no key whose value it is")

    @cached_property
    def quote(self) -> str:
        """The quotation mark the file uses more; the single one, which Bukkit writes, if none."""
        marks = Counter(scalar.mark for scalar in self._scalars)
        return '"' if marks['"'] > marks["'"] else "'"

    @cached_property
    def null(self) -> str:
        """What the file writes where a key has no value: mostly nothing, or the word for it."""
        nulls = [scalar for scalar in self._scalars if scalar.value is None]
        implied = sum(scalar.implied for scalar in nulls)
        return "" if implied * 2 > len(nulls) else "null"

    def style(self, beside: CollectionNode | None) -> Style:
        """How to write what is new in `beside`: as its own children are, else as the file is."""
        texts: Counter[str] = Counter()
        booleans: list[str] = []
        if beside is not None:
            values = beside.children[1::2] if isinstance(beside, MappingNode) else beside.children
            siblings = [one for one in values if isinstance(one, ScalarNode)]
            texts.update(_text_marks(iter(siblings)))
            booleans = _boolean_words(siblings)
        quote = self.quote
        if texts["'"] != texts['"']:
            quote = "'" if texts["'"] > texts['"'] else '"'
        texts = texts or self._marks
        mark = max(("", "'", '"'), key=lambda one: texts[one])
        step, list_step = self._steps
        flow_lists, pad = self._list_habit(beside)
        key = _key_mark(beside)
        below = [one for one in beside.children if one.__class__ is MappingNode] if beside else []
        key_below = _key_mark(below[-1]) if below else ""
        boolean = one_spelling(booleans) if booleans else self._boolean
        return Style(
            quote,
            mark,
            step,
            list_step,
            self.blocks,
            key,
            flow_lists,
            pad=pad,
            key_below=key_below,
            boolean=boolean,
        )

    def _list_habit(self, beside: CollectionNode | None) -> tuple[bool, str]:
        """Whether lists of scalars stand in brackets, beside this place or else in the file."""
        near = [] if beside is None else _lists_of_scalars(beside)
        lists = near or self._lists
        flow = [one for one in lists if one.flow]
        padded = sum(self.text[one.start + 1 : one.start + 2] == " " for one in flow)
        return len(flow) * 2 > len(lists), " " if padded * 2 > len(flow) else ""

    @cached_property
    def _lists(self) -> list[SequenceNode]:
        return [one for mapping in self._block_mappings() for one in _lists_of_scalars(mapping)]

    @cached_property
    def _marks(self) -> Counter[str]:
        """The quotation marks of the file's texts, counted; empty for none."""
        return Counter(_text_marks(iter(self._scalars)))

    @cached_property
    def _boolean(self) -> str:
        """A word for true or false as the whole file spells them, if it does so in one way."""
        return one_spelling(_boolean_words(self._scalars))

    @cached_property
    def _scalars(self) -> list[ScalarNode]:
        return [] if self.root is None else scalars(self.root)

    @cached_property
    def _steps(self) -> tuple[int, int]:
        """The most frequent indentation of a mapping, and of a list, below its key."""
        steps: Counter[int] = Counter()
        list_steps: Counter[int] = Counter()
        for mapping in self._block_mappings():
            column = self.column(mapping.start)
            for child in mapping.children[1::2]:
                if isinstance(child, CollectionNode) and child.children and not child.flow:
                    counted = steps if isinstance(child, MappingNode) else list_steps
                    counted[self.column(child.start) - column] += 1
        step = next((one for one, _ in steps.most_common() if one > 0), 0)
        list_step = next((one for one, _ in list_steps.most_common() if one >= 0), None)
        step = step or list_step or _DEFAULT_STEP
        return step, step if list_step is None else list_step

    def _block_mappings(self) -> Iterator[MappingNode]:
        stack = [] if self.root is None else [self.root]
        while stack:
            node = stack.pop()
            if isinstance(node, CollectionNode) and not node.flow:
                stack.extend(node.children)
                if isinstance(node, MappingNode) and node.children:
                    yield node


def _lists_of_scalars(parent: CollectionNode) -> list[SequenceNode]:
    return [
        child
        for child in parent.children
        if isinstance(child, SequenceNode)
        and child.children
        and all(isinstance(item, ScalarNode) for item in child.children)
    ]


def _key_mark(beside: YamlNode | None) -> str:
    """The quotation mark that every key beside this place has, if they all have the same."""
    if not isinstance(beside, MappingNode):
        return ""
    marks = {key.mark if isinstance(key, ScalarNode) else "" for key in beside.children[::2]}
    return marks.pop() if len(marks) == 1 else ""


def _boolean_words(nodes: list[ScalarNode]) -> list[str]:
    """How these scalars spell true and false, where they are that."""
    return [one.text for one in nodes if type(one.value) is bool]


def _text_marks(nodes: Iterator[ScalarNode]) -> Iterator[str]:
    return (node.mark for node in nodes if node.mark in ("'", '"') or isinstance(node.value, str))
