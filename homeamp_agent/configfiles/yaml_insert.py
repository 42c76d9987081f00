"""Ways to add a missing YAML setting, beside its siblings and in their style."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from homeamp_agent.configfiles.document import KeyPath, KeySegment, Value
from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.text import Splice
from homeamp_agent.configfiles.yaml_list import added_items, flow_separator
from homeamp_agent.configfiles.yaml_nodes import (
    CollectionNode,
    MappingNode,
    ScalarNode,
    SequenceNode,
)
from homeamp_agent.configfiles.yaml_place import Place, YamlText
from homeamp_agent.configfiles.yaml_write import (
    Style,
    block_lines,
    entry_lines,
    flow_text,
    key_text,
)

_COMMENT_LINE: Final = re.compile(r"([ \t]*)#(?:([ \t]*- )|)[^\r\n]*(?:\r\n|\n|\r|\Z)")


def insertions(
    text: YamlText, places: list[Place], missing: KeyPath, value: Value
) -> Iterator[list[Splice]]:
    """Attempts at adding `missing` (the parents that are missing, then the key) below `places`."""
    for segment in missing[1:]:
        if type(segment) is int:
            raise EditRefused("a new list needs its whole value")
    segment = missing[0]
    for parent_segment in reversed(missing[1:]):
        value = {parent_segment: value}
    if not places:
        yield [_into_empty_file(text, {segment: value})]
        return
    place = places[-1]
    node = place.node
    in_flow = any(isinstance(one.node, CollectionNode) and one.node.flow for one in places)
    if isinstance(node, CollectionNode) and node.children:
        yield _beside(text, node, segment, value)
    elif isinstance(node, MappingNode) or (isinstance(node, ScalarNode) and node.value is None):
        yield from _below(text, place, {segment: value}, in_flow=in_flow and not _lone(places))
    elif isinstance(node, SequenceNode) and segment == 0:
        yield [Splice(node.start, node.end, flow_text([value], text.style(place.parent)))]
    else:
        raise EditRefused("its parent holds a value, not settings")


def _lone(places: list[Place]) -> bool:
    """Whether the only collection in brackets on the way is the last one."""
    return not any(isinstance(one.node, CollectionNode) and one.node.flow for one in places[:-1])


def _beside(
    text: YamlText, node: CollectionNode, segment: KeySegment, value: Value
) -> list[Splice]:
    style = text.style(node)
    if isinstance(node, SequenceNode):
        if type(segment) is not int or segment != len(node.children):
            raise EditRefused("a list's new item goes behind its last one")
        if not node.flow:
            return [added_items(text, node, segment, [value], style)]
        end = node.children[-1].end
        return [Splice(end, end, flow_separator(text, node) + flow_text(value, style))]
    if node.flow:
        return [_in_braces(text, node, segment, value, style)]
    column = text.column(text.child_start(node, 0))
    newline = text.source.newline(node.start)
    lines = entry_lines(segment, value, column, style)
    last = node.children[-1]
    items = isinstance(last, SequenceNode) and not last.flow
    start = _behind_comments(text, text.source.line_end(node.end), column + 1, items=items)
    return [Splice(start, start, newline + newline.join(lines))]


def _in_braces(
    text: YamlText, node: CollectionNode, segment: KeySegment, value: Value, style: Style
) -> Splice:
    key, last = node.children[-2], node.children[-1]
    mark = key.mark if isinstance(key, ScalarNode) else ""
    separator = ", "
    if len(node.children) > 2:
        gap = text.text[node.children[-3].end : key.properties]
    else:
        gap = "," + text.text[node.start + 1 : key.properties]
    if len(gap) > 1 and "#" not in gap:
        separator = gap
    if mark == '"':
        style = style._replace(text=mark, quote=mark)
    colon = ":" if text.text[key.end : last.start] == ":" else ": "
    written = key_text(segment, style.quote, flow=True, mark=mark) + colon + flow_text(value, style)
    return Splice(last.end, last.end, separator + written)


def _below(
    text: YamlText, place: Place, value: dict[KeySegment, Value], *, in_flow: bool
) -> Iterator[list[Splice]]:
    """Into a parent that is there but holds nothing: `key:`, `key: null` or `key: {}`."""
    node, parent = place.node, place.parent
    style = text.style(None)
    if parent is None:
        start = node.start if isinstance(node, CollectionNode) else node.end
        newline = text.source.newline(start)
        yield [Splice(start, node.end, newline.join(block_lines(value, 0, style)))]
        return
    if in_flow:
        lead = "" if node.start != node.end else " "
        yield [Splice(node.start, node.end, lead + flow_text(value, style))]
        return
    slot = text.slot(place)
    newline = text.source.newline(slot)
    if isinstance(parent, SequenceNode):
        column = text.column(text.dash(parent, place.index)) + 2
        written = newline.join(block_lines(value, column, style))[column:]
        yield [Splice(slot, node.end, " " + written)]
        return
    key_column = text.column(text.child_start(parent, place.index))
    lines = block_lines(value, key_column + style.step, style)
    start = _behind_comments(text, text.source.line_end(node.end), key_column + 1)
    yield [Splice(slot, node.end, ""), Splice(start, start, newline + newline.join(lines))]


def _behind_comments(text: YamlText, line_end: int, column: int, *, items: bool = False) -> int:
    """The end of the last comment line that directly follows and is indented at least so far.

    Such comments (often commented-out settings) belong to what stands above. So do commented-out
    `items` of a list, which may be indented no more than its key is.
    """
    end = line_end
    while True:
        start = text.source.next_line_start(end)
        match = _COMMENT_LINE.match(text.text, start, text.end) if start > end else None
        if match is None:
            return end
        if len(match.group(1)) < column and not (items and match.group(2)):
            return end
        end = text.source.line_end(start)


def _into_empty_file(text: YamlText, value: dict[KeySegment, Value]) -> Splice:
    """Behind the comments of a file without any key."""
    end = text.end
    newline = text.source.newline(end)
    lines = newline.join(block_lines(value, 0, text.style(None)))
    if end and text.text[end - 1] not in "\r\n":
        return Splice(end, end, newline + lines)
    return Splice(end, end, lines + newline)
