"""Ways to change a whole YAML list by changing only the items that differ."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from homeamp_agent.configfiles.document import Value
from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.list_steps import ListStep, list_steps
from homeamp_agent.configfiles.text import Splice
from homeamp_agent.configfiles.yaml_nodes import (
    CollectionNode,
    ScalarNode,
    SequenceNode,
    value_of,
)
from homeamp_agent.configfiles.yaml_place import Place, YamlText
from homeamp_agent.configfiles.yaml_unset import removal
from homeamp_agent.configfiles.yaml_write import Style, flow_text, item_lines


def list_changes(
    text: YamlText, place: Place, value: list[Value], *, in_flow: bool
) -> Iterator[list[Splice]]:
    """Attempts at making the list at `place` be `value`, other than writing it anew."""
    node = place.node
    assert isinstance(node, SequenceNode)  # noqa: S101  (narrows for mypy; callers have looked)
    if not value or not node.children:
        return
    steps = list_steps([value_of(child) for child in node.children], value)
    if in_flow:
        yield _flow_changes(text, place, value, steps)
    else:
        yield _block_changes(text, place, value, steps)


def _changed_item(
    text: YamlText, place: Place, index: int, value: Value, *, in_flow: bool
) -> list[Splice]:
    from homeamp_agent.configfiles.yaml_set import changes_below  # noqa: PLC0415  (they recurse)

    below = [place, place.below(index)]
    if below[-1].borrowed:
        raise EditRefused("an item of the list is shared through an alias")
    return next(changes_below(text, below, value, in_flow=in_flow))


def _block_changes(
    text: YamlText, place: Place, value: list[Value], steps: list[ListStep]
) -> list[Splice]:
    node = place.node
    assert isinstance(node, SequenceNode)  # noqa: S101  (narrows for mypy; callers have looked)
    splices: list[Splice] = []
    style = text.style(node)
    for step in steps:
        kept = min(step.end - step.start, step.new_end - step.new_start)
        for offset in range(kept):
            new = value[step.new_start + offset]
            splices += _changed_item(text, place, step.start + offset, new, in_flow=False)
        splices += [removal(text, node, index) for index in range(step.start + kept, step.end)]
        added = value[step.new_start + kept : step.new_end]
        if added:
            splices.append(added_items(text, node, step.start + kept, added, style))
    return splices


def added_items(
    text: YamlText, node: SequenceNode, index: int, values: list[Value], style: Style
) -> Splice:
    """New items in front of item `index` of a block list, or behind the last one."""
    column = text.column(text.dash(node, 0))
    beside = node.children[max(index - 1, 0)]
    if isinstance(beside, CollectionNode):
        style = style._replace(flow_items=beside.flow)
    elif isinstance(beside, ScalarNode) and isinstance(beside.value, str):
        style = style._replace(text=beside.mark if beside.mark in ("'", '"') else "")
    lines = [line for one in values for line in item_lines(one, column, style)]
    newline = text.source.newline(node.start)
    written = newline.join(lines)
    if index == 0:
        start = text.dash(node, 0)
        return Splice(start, start, written[column:] + newline + " " * column)
    before = node.children[index - 1].end
    start = text.source.line_end(before)
    return Splice(start, start, newline + written)


def _flow_changes(
    text: YamlText, place: Place, value: list[Value], steps: list[ListStep]
) -> list[Splice]:
    """In brackets: items keep their text; the text between them is kept, or repeated."""
    node = place.node
    assert isinstance(node, SequenceNode)  # noqa: S101  (narrows for mypy; callers have looked)
    if all(step.end - step.start == step.new_end - step.new_start for step in steps):
        return [
            splice
            for step in steps
            for offset in range(step.end - step.start)
            for splice in _changed_item(
                text, place, step.start + offset, value[step.new_start + offset], in_flow=True
            )
        ]
    first, last = node.children[0], node.children[-1]
    style = _flow_style(text, node)
    separator = flow_separator(text, node)
    old = [(separator, text.text[first.properties : first.end])]
    for before, child in itertools.pairwise(node.children):
        gap = text.text[before.end : child.properties]
        old.append((gap, text.text[child.properties : child.end]))
    written: list[tuple[str, str]] = []
    done = 0
    for step in steps:
        written += old[done : step.start]
        new = value[step.new_start : step.new_end]
        written += [(separator, flow_text(one, style)) for one in new]
        done = step.end
    written += old[done:]
    together = "".join(gap + item for gap, item in written)
    return [Splice(first.properties, last.end, together[len(written[0][0]) :])]


def flow_separator(text: YamlText, node: SequenceNode) -> str:
    """What stands between the items of a list in brackets.

    Raises:
        EditRefused: comments do.
    """
    gaps = [
        text.text[left.end : right.properties]
        for left, right in zip(node.children, node.children[1:], strict=False)
    ]
    if any("#" in gap for gap in gaps):
        raise EditRefused("comments stand between the items of the list in brackets")
    if gaps:
        return gaps[0]
    lead = text.text[node.start + 1 : node.children[0].properties]
    return "," + lead if "\n" in lead or "\r" in lead else ", "


def _flow_style(text: YamlText, node: SequenceNode) -> Style:
    style = text.style(node)
    first = node.children[0]
    return style._replace(text=first.mark) if isinstance(first, ScalarNode) else style
