"""The tree of hosts, instances and plugins, each with its open deviations; choosing one filters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from homeamp_agent.model.query import ScopeCount
from homeamp_agent.model.rule import Severity
from homeamp_tui.words import fit, plain

SEVERITY_LETTERS = {severity: severity.value[0].upper() for severity in Severity}


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in the fleet; empty text means all of it.

    `plugin` None: all of the instance; empty text: the game folder's own files.
    """

    host: str = ""
    instance: str = ""
    plugin: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """Open deviations at a place, and the worst of them."""

    open: int = 0
    worst: Severity | None = None


class ScopeTree(Tree[Place]):
    """Keeps what is open and where the cursor is while counts change under it."""

    DEFAULT_CSS = """
    ScopeTree {
        background: $surface;
        padding: 0;
        scrollbar-size: 1 1;
        & > .tree--guides { color: $faint; }
        & > .tree--guides-hover, & > .tree--guides-selected { color: $faint; }
        & > .tree--cursor { background: $cursor-blurred; color: $foreground; text-style: bold; }
        & > .tree--highlight-line { background: $surface; }
        &:focus > .tree--cursor { background: $cursor; color: $foreground; text-style: bold; }
        & > .severity--critical, & > .severity--high { color: $error; text-style: bold; }
        & > .severity--medium { color: $warning; }
        & > .severity--low { color: $low; }
        & > .severity--info, & > .scope--quiet { color: $muted; }
    }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = Tree.COMPONENT_CLASSES | {
        "scope--quiet",
        *(f"severity--{severity.value}" for severity in Severity),
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False, id="tree.down"),
        Binding("k", "cursor_up", "Up", show=False, id="tree.up"),
        Binding("l,right", "open_node", "Open", show=False, id="tree.open"),
        Binding("h,left", "close_node", "Close", show=False, id="tree.close"),
        Binding("G", "scroll_end", "Last", show=False, id="tree.last"),
    ]

    class PlaceChosen(Message):
        """Another part of the fleet is to be looked at."""

        def __init__(self, place: Place) -> None:
            self.place = place
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("all hosts", Place(), id=id)
        self.guide_depth = 2
        self.auto_expand = False
        self.root.expand()
        self._by_place: dict[Place, TreeNode[Place]] = {Place(): self.root}
        self._tallies: dict[Place, Tally] = {}
        self._lost: frozenset[str] = frozenset()

    def show_counts(
        self, counts: Sequence[ScopeCount], hosts: Sequence[str], lost: Sequence[str] = ()
    ) -> None:
        """Write the counts into the tree; nodes that are there stay as they are."""
        tallies = _tallies(counts)
        for host in hosts:
            tallies.setdefault(Place(host), Tally())
        tallies.setdefault(Place(), Tally())
        if tallies == self._tallies and frozenset(lost) == self._lost:
            return
        self._tallies, self._lost = tallies, frozenset(lost)
        cursor = self.cursor_node.data if self.cursor_node else None
        for place in sorted(set(self._by_place) - set(tallies), key=_depth, reverse=True):
            if place != cursor:
                self._by_place.pop(place).remove()
        for place in sorted(tallies, key=_order):
            node = self._by_place.get(place) or self._add(place)
            node.set_label(self._words(place))
        self._invalidate()

    def _words(self, place: Place) -> str:
        if place == Place():
            return "all hosts"
        if place.plugin is not None:
            return plain(place.plugin) or "game folder"
        return plain(place.instance or place.host)

    def _add(self, place: Place) -> TreeNode[Place]:
        parent = self._by_place[_parent(place)]
        if place.plugin is not None:
            siblings = [child.data for child in parent.children if child.data]
            before = sum(_order(each) < _order(place) for each in siblings)
            node = parent.add_leaf("", place, before=before if before < len(siblings) else None)
        else:
            siblings = [child.data for child in parent.children if child.data]
            before = sum(_order(each) < _order(place) for each in siblings)
            node = parent.add(
                "",
                place,
                before=before if before < len(siblings) else None,
                expand=not place.instance,
            )
        self._by_place[place] = node
        return node

    def render_label(
        self,
        node: TreeNode[Place],
        base_style: Style,  # noqa: ARG002  (textual's own signature)
        style: Style,
    ) -> Text:
        place = node.data or Place()
        tally = self._tallies.get(place, Tally())
        words = self._words(place)
        if place.host in self._lost and not place.instance:
            words += " (lost)"
        arrow = "" if not node.allow_expand else ("▾ " if node.is_expanded else "▸ ")
        count = f"{tally.open:,}"
        letter = SEVERITY_LETTERS[tally.worst] if tally.worst else " "
        indent = self.guide_depth * (_depth(place))
        room = self.size.width - indent - len(arrow) - cell_len(count) - 4
        name = f"severity--{tally.worst.value}" if tally.worst else "scope--quiet"
        worst_style = self.get_component_rich_style(name, partial=True)
        text = Text(no_wrap=True, end="")
        text.append(
            arrow, style=style + self.get_component_rich_style("scope--quiet", partial=True)
        )
        text.append(fit(words, max(4, room)), style=style)
        text.append(f" {count} ", style=style + (worst_style if tally.open == 0 else Style()))
        text.append(letter, style=style + worst_style)
        return text

    def on_tree_node_highlighted(self, event: Tree.NodeHighlighted[Place]) -> None:
        event.stop()
        if event.node.data is not None:
            self.post_message(self.PlaceChosen(event.node.data))

    def action_open_node(self) -> None:
        node = self.cursor_node
        if node is not None and node.allow_expand and not node.is_expanded:
            node.expand()
        elif node is not None and node.children:
            self.action_cursor_down()

    def action_close_node(self) -> None:
        node = self.cursor_node
        if node is None:
            return
        if node.allow_expand and node.is_expanded and node is not self.root:
            node.collapse()
        elif node.parent is not None:
            self.move_cursor(node.parent)


def _tallies(counts: Sequence[ScopeCount]) -> dict[Place, Tally]:
    totals: dict[Place, int] = defaultdict(int)
    worst: dict[Place, Severity] = {}
    for count in counts:
        for place in (
            Place(),
            Place(count.host),
            Place(count.host, count.instance),
            Place(count.host, count.instance, count.plugin or ""),
        ):
            totals[place] += count.open
            known = worst.get(place)
            if count.worst and (known is None or count.worst.rank < known.rank):
                worst[place] = count.worst
    return {place: Tally(count, worst.get(place)) for place, count in totals.items()}


def _depth(place: Place) -> int:
    return bool(place.host) + bool(place.instance) + (place.plugin is not None)


def _parent(place: Place) -> Place:
    if place.plugin is not None:
        return Place(place.host, place.instance)
    return Place(place.host) if place.instance else Place()


def _order(place: Place) -> tuple[str, str, bool, str]:
    return (place.host, place.instance, place.plugin is not None, place.plugin or "")
