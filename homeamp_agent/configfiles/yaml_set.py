"""Ways to change a YAML value in its place, the one that touches least first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from homeamp_agent.configfiles.document import Value
from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.proof import same
from homeamp_agent.configfiles.text import Splice
from homeamp_agent.configfiles.yaml_list import list_changes
from homeamp_agent.configfiles.yaml_nodes import (
    AliasNode,
    CollectionNode,
    MappingNode,
    ScalarNode,
    SequenceNode,
    YamlNode,
    scalars,
    value_of,
)
from homeamp_agent.configfiles.yaml_place import Place, YamlText
from homeamp_agent.configfiles.yaml_refold import refolded, relined
from homeamp_agent.configfiles.yaml_write import (
    NOT_IN_BLOCK,
    block_lines,
    block_scalar,
    can_be_plain,
    flow_text,
    is_list_of_scalars,
    scalar_texts,
)

_HEADER: Final = re.compile(r"[|>][0-9+-]*")
_COLON: Final = re.compile(r"\s*:")
_COMMENT: Final = re.compile(r"(?:^|\s)#", re.MULTILINE)
_FIRST_CONTENT: Final = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)(?:[ \t]*(?:\r\n|\n|\r))*( *)")


def changes(text: YamlText, places: list[Place], value: Value) -> Iterator[list[Splice]]:
    """Attempts at giving the last of `places` the value; each is a whole edit.

    Raises:
        EditRefused: there is no way.
    """
    place = places[-1]
    node = place.node
    in_flow = any(isinstance(one.node, CollectionNode) and one.node.flow for one in places[:-1])
    collection = isinstance(value, dict | list) and bool(value)
    if isinstance(node, ScalarNode) and not collection:
        yield from scalar_changes(text, place, value, in_flow=in_flow)
        return
    if isinstance(node, SequenceNode) and isinstance(value, list):
        yield from list_changes(text, place, value, in_flow=in_flow or node.flow)
    if isinstance(node, MappingNode) and isinstance(value, dict):
        yield from _mapping_changes(text, place, value, in_flow=in_flow)
    yield from _rewritten(text, place, value, in_flow=in_flow)


def scalar_changes(
    text: YamlText, place: Place, value: Value, *, in_flow: bool
) -> Iterator[list[Splice]]:
    """Attempts at putting a scalar (or an empty list or mapping) where a scalar stands."""
    node = place.node
    assert isinstance(node, ScalarNode)  # noqa: S101  (narrows for mypy; callers have looked)
    old = text.text[node.start : node.end]
    if value is None and not in_flow and text.null == "" and _may_be_empty(place):
        yield [Splice(text.slot(place), node.end, "")]
    if isinstance(value, str) and node.mark != "|" and ("\n" in old or "\r" in old):
        same_lines = refolded(text.text, node, value)
        if same_lines is not None:
            yield [same_lines]
    if node.mark in ("|", ">") and isinstance(value, str):
        if node.mark == "|" and not NOT_IN_BLOCK.search(value):
            lines = relined(text.source, node, value, _block_column(text, place, node)[0])
            if lines is not None:
                yield [lines]
        block = _as_block(text, place, node, value)
        if block is not None:
            yield [Splice(node.start, node.end, block)]
    mark = node.mark
    if mark in ("|", ">"):
        mark = '"'
    elif node.implied or (mark == "" and node.value is None):
        mark = text.style(place.parent).text
    if isinstance(value, dict | list):
        written = [flow_text(value, text.style(place.parent))]
    else:
        plain = not isinstance(value, str) or can_be_plain(value, flow=in_flow)
        quote = mark if mark or plain else text.style(place.parent).quote
        written = scalar_texts(value, mark, quote, flow=in_flow, old=old)
        if node.tag is not None and mark and not isinstance(value, str):
            written.insert(0, mark + written[0] + mark)
    if node.implied:
        yield from (_in_empty_place(text, place, node, one) for one in written)
    elif node.mark in ("|", ">"):
        header = _HEADER.match(old)
        first_line = text.source.line_end(node.start)
        rest = text.text[node.start + (header.end() if header else 0) : first_line]
        yield from ([Splice(node.start, node.end, one + rest)] for one in written)
    else:
        if _is_colour_code(text, node) and str(value).startswith("&"):
            yield [Splice(node.properties, node.end, written[0])]
        yield from ([Splice(node.start, node.end, one)] for one in written)
    if node.properties != node.start:
        yield from ([Splice(node.properties, node.end, one)] for one in written)


def _may_be_empty(place: Place) -> bool:
    """Whether nothing at all may stand in this place: behind a key, without anchor or tag."""
    node = place.node
    return (
        isinstance(place.parent, MappingNode)
        and node.properties == node.start
        and not (isinstance(node, ScalarNode) and node.mark in ("|", ">"))
    )


def _is_colour_code(text: YamlText, node: ScalarNode) -> bool:
    """Whether an anchor stands before the value; `&7Hi there` was meant as text as a whole."""
    return node.properties != node.start and text.text[node.properties] == "&"


def _as_block(text: YamlText, place: Place, node: ScalarNode, value: str) -> str | None:
    """`value` as a block scalar in the header's style and the content's indentation."""
    line_end = text.source.line_end(node.start)
    header = text.text[node.start : line_end]
    indent, parent_indent = _block_column(text, place, node)
    return block_scalar(value, header, indent, parent_indent, text.source.newline(node.start))


def _block_column(text: YamlText, place: Place, node: ScalarNode) -> tuple[int, int]:
    """Where the content of a block scalar stands, and what holds it."""
    parent = place.parent
    parent_indent = -1
    if parent is not None:
        parent_indent = text.column(text.child_start(parent, place.index))
    indent = max(parent_indent, 0) + text.style(None).step
    content = _FIRST_CONTENT.match(text.text, node.start, node.end)
    lines = node.text.strip("\n").split("\n")
    if content is not None and node.text.strip():
        indent = len(content.group(1)) - (len(lines[0]) - len(lines[0].lstrip(" ")))
    return indent, max(parent_indent, 0)


def _in_empty_place(text: YamlText, place: Place, node: ScalarNode, written: str) -> list[Splice]:
    """Put a value where `key:` has none."""
    parent = place.parent
    start = node.start
    if node.start != node.end:
        return [Splice(node.start, node.end, written)]
    if isinstance(parent, MappingNode) and node.properties == node.start:
        key = parent.children[2 * place.index]
        colon = _COLON.match(text.text, key.end)
        if colon is not None:
            start = colon.end()
        elif parent.flow:
            return [Splice(key.end, key.end, ": " + written)]
        else:
            line_end = text.source.line_end(key.end)
            lead = text.source.newline(key.end) + " " * text.column(parent.start) + ": "
            return [Splice(line_end, line_end, lead + written)]
    trail = " " if text.text[start : start + 1] == "#" else ""
    return [Splice(start, start, " " + written + trail)]


def _mapping_changes(
    text: YamlText, place: Place, value: Value, *, in_flow: bool
) -> Iterator[list[Splice]]:
    """Change only the values that differ, where the keys are the same."""
    node = place.node
    assert isinstance(node, MappingNode)  # noqa: S101  (narrows for mypy; callers have looked)
    old = value_of(node)
    if list(map(repr, old)) != list(map(repr, value)) or node.own is not node.table:
        return
    splices: list[Splice] = []
    for key, wanted_value in value.items():
        if not same(old[key], wanted_value):
            below = [place, place.below(key)]
            flow = in_flow or node.flow
            splices += next(changes_below(text, below, wanted_value, in_flow=flow))
    yield splices


def changes_below(
    text: YamlText, places: list[Place], value: Value, *, in_flow: bool
) -> Iterator[list[Splice]]:
    """`changes` for a value inside of one that changes; `in_flow` tells of what lies above."""
    node = places[-1].node
    if isinstance(node, ScalarNode) and not (isinstance(value, dict | list) and value):
        return scalar_changes(text, places[-1], value, in_flow=in_flow)
    if in_flow and not node_is_flow(node):
        return _rewritten(text, places[-1], value, in_flow=True)
    return changes(text, places, value)


def node_is_flow(node: YamlNode) -> bool:
    """Whether a node is a list or mapping in brackets."""
    return isinstance(node, CollectionNode) and node.flow


def _rewritten(
    text: YamlText, place: Place, value: Value, *, in_flow: bool
) -> Iterator[list[Splice]]:
    """Write the whole value anew; comments inside of the old one go with it."""
    node = place.node
    style = text.style(place.parent)
    block = isinstance(node, CollectionNode) and not node.flow
    if in_flow or place.parent is None:
        if block:
            raise EditRefused("the top level of the file cannot be replaced as a whole")
        written = flow_text(value, style)
        if isinstance(node, ScalarNode) and node.implied:
            yield _in_empty_place(text, place, node, written)
        else:
            yield [Splice(node.start, node.end, written)]
        return
    if block and isinstance(value, dict | list) and value and _holds_comment(text, node):
        raise EditRefused("its comments would be lost; set its values one by one")
    if block and isinstance(value, dict | list) and value and _holds_alias(node):
        raise EditRefused("its aliases would be lost; set its values one by one")
    if style.flow_lists and not block and is_list_of_scalars(value):
        yield _rewritten_in_line(text, place, flow_text(value, style))
    if isinstance(value, dict | list) and value:
        yield from _rewritten_as_block(text, place, value)
    if value is None and block and _may_be_empty(place):
        yield _rewritten_in_line(text, place, "")
    yield _rewritten_in_line(text, place, flow_text(value, style))


def _holds_comment(text: YamlText, node: YamlNode) -> bool:
    return _COMMENT.search(text.text, node.start, node.end) is not None


def _holds_alias(node: YamlNode) -> bool:
    stack = [node]
    while stack:
        node = stack.pop()
        if isinstance(node, AliasNode):
            return True
        if isinstance(node, CollectionNode):
            stack += node.children
    return False


def _rewritten_in_line(text: YamlText, place: Place, written: str) -> list[Splice]:
    """Replace a value, block or not, by one on its key's line, whose comment stays."""
    node = place.node
    slot = text.slot(place)
    if text.source.line(slot) == text.source.line(node.start):
        return [Splice(node.start, node.end, written)]
    start, end = text.after_line(slot), text.after_line(node.end)
    written = written and " " + written
    comments = _comment_lines(text, node, start, end)
    return [Splice(slot, slot, written), Splice(start, end, comments)]


def _comment_lines(text: YamlText, node: YamlNode, start: int, end: int) -> str:
    """The lines between two line starts that are nothing but comments."""
    texts = [(one.start, one.end) for one in scalars(node)]
    found = []
    while start < end:
        after = min(text.source.next_line_start(start), end)
        line = text.text[start:after]
        if line.lstrip(" \t")[:1] == "#" and not any(one <= start < other for one, other in texts):
            found.append(line)
        start = after
    return "".join(found)


def _rewritten_as_block(text: YamlText, place: Place, value: Value) -> Iterator[list[Splice]]:
    """Replace a value by lines below its key or behind its dash."""
    node, parent = place.node, place.parent
    if parent is None:
        return
    style = text.style(node if isinstance(node, CollectionNode) else parent)
    newline = text.source.newline(node.start)
    if isinstance(parent, SequenceNode):
        column = text.column(text.dash(parent, place.index)) + 2
        lines = block_lines(value, column, style)
        slot = text.slot(place)
        yield [Splice(slot, node.end, " " + newline.join(lines)[column:])]
        return
    column = text.column(text.child_start(parent, place.index))
    column += style.step if isinstance(value, dict) else style.list_step
    lines = block_lines(value, column, style)
    slot = text.slot(place)
    if text.source.line(slot) != text.source.line(node.start):
        start = text.after_line(slot)
        end = text.source.line_end(node.end)
        yield [Splice(start, end, newline.join(lines))]
        return
    line_end = text.source.line_end(node.end)
    token = Splice(slot, node.end, "")
    yield [token, Splice(line_end, line_end, newline + newline.join(lines))]
