"""Ways to remove a YAML setting: its own lines, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.text import Splice
from homeamp_agent.configfiles.yaml_nodes import CollectionNode, MappingNode
from homeamp_agent.configfiles.yaml_place import Place, YamlText

_BLANKS: Final = re.compile(r"[ \t]*")
_COMMA: Final = re.compile(r"[ \t]*,")


def removals(text: YamlText, places: list[Place]) -> Iterator[list[Splice]]:
    """Attempts at removing the last of `places`."""
    place = places[-1]
    parent = place.parent
    if parent is None:
        raise EditRefused("the whole file cannot be removed, only its keys")
    if isinstance(parent, MappingNode) and parent.own is not parent.table:
        count = len(parent.children) // 2
    else:
        count = len(parent.own) if isinstance(parent, MappingNode) else len(parent.children)
    if count > 1:
        splice = removal(text, parent, place.index)
        if splice.replacement == "" and splice.end == len(text.text):
            yield [Splice(*text.source.whole_lines(splice.start, splice.end), "")]
        yield [splice]
    else:
        yield _emptied(text, places[-2], parent)


def removal(text: YamlText, parent: CollectionNode, index: int) -> Splice:
    """The splice that takes child `index` out of a list or mapping that keeps others."""
    if parent.flow:
        return _flow_removal(text, parent, index)
    start, end = text.child_start(parent, index), text.child_end(parent, index)
    after = text.after_line(end)
    if text.opens_line(start):
        return Splice(text.source.line_start(start), after, "")
    blanks = _BLANKS.match(text.text, after)
    return Splice(start, blanks.end() if blanks else after, "")


def _flow_removal(text: YamlText, parent: CollectionNode, index: int) -> Splice:
    start, end = text.child_start(parent, index), text.child_end(parent, index)
    count = len(parent.children) // (2 if isinstance(parent, MappingNode) else 1)
    if index + 1 < count:
        following = text.child_start(parent, index + 1)
        if "#" not in text.text[end:following]:
            return Splice(start, following, "")
        raise EditRefused("comments stand between the entries in brackets")
    before = text.child_end(parent, index - 1)
    if "#" in text.text[before:start]:
        raise EditRefused("comments stand between the entries in brackets")
    return Splice(before, end, "")


def _emptied(text: YamlText, place: Place, node: CollectionNode) -> list[Splice]:
    """Take the only child out of `node`, which stands at `place` and is then empty."""
    empty = "{}" if isinstance(node, MappingNode) else "[]"
    start, end = text.child_start(node, 0), text.child_end(node, 0)
    if node.flow:
        comma = _COMMA.match(text.text, end)
        return [Splice(start, comma.end() if comma else end, "")]
    if not text.opens_line(start):
        return [Splice(start, end, empty)]
    lines = Splice(text.source.line_start(start), text.after_line(end), "")
    if place.parent is None:
        root_is_list = not isinstance(node, MappingNode)
        return [lines._replace(replacement=empty)] if root_is_list else [lines]
    slot = text.slot(place)
    return [Splice(slot, slot, " " + empty), lines]
