"""The tree of hosts, instances and plugins, each with its open deviations; choosing one filters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from homeamp_agent.model.query import ScopeCount


@dataclass(frozen=True, slots=True)
class ScopeChoice:
    """Where in the fleet; None means all of it. An empty plugin: the game folder's own files."""

    host: str | None = None
    instance: str | None = None
    plugin: str | None = None


class ScopeTree(Tree[ScopeChoice]):
    """Keeps what is open and where the cursor is while counts change under it."""

    DEFAULT_CSS = """
    ScopeTree { background: $surface; padding: 0; scrollbar-size-vertical: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False, id="tree.down"),
        Binding("k", "cursor_up", "Up", show=False, id="tree.up"),
    ]

    class ScopeChosen(Message):
        """Another part of the fleet is to be looked at."""

        def __init__(self, choice: ScopeChoice) -> None:
            self.choice = choice
            super().__init__()

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(Text("all hosts"), ScopeChoice(), id=id)
        self.guide_depth = 2
        self.root.expand()
        self._by_choice: dict[ScopeChoice, TreeNode[ScopeChoice]] = {ScopeChoice(): self.root}

    def show_counts(self, counts: Sequence[ScopeCount], lost: Sequence[str] = ()) -> None:
        """Write the counts into the tree; nodes that are there stay as they are."""
        totals: dict[ScopeChoice, int] = defaultdict(int)
        for count in counts:
            plugin = count.plugin or ""
            for choice in (
                ScopeChoice(),
                ScopeChoice(count.host),
                ScopeChoice(count.host, count.instance),
                ScopeChoice(count.host, count.instance, plugin),
            ):
                totals[choice] += count.open
        for choice in list(self._by_choice):
            if choice not in totals and choice != ScopeChoice():
                self._by_choice.pop(choice).remove()
        for choice in sorted(totals, key=_order):
            node = self._by_choice.get(choice) or self._add(choice)
            node.set_label(_label(choice, totals[choice], choice.host in lost))

    def _add(self, choice: ScopeChoice) -> TreeNode[ScopeChoice]:
        if choice.plugin is not None:
            parent = self._by_choice[ScopeChoice(choice.host, choice.instance)]
            node = parent.add_leaf("", choice)
        elif choice.instance is not None:
            node = self._by_choice[ScopeChoice(choice.host)].add("", choice)
        else:
            node = self.root.add("", choice, expand=True)
        self._by_choice[choice] = node
        return node

    def on_tree_node_highlighted(self, event: Tree.NodeHighlighted[ScopeChoice]) -> None:
        if event.node.data is not None:
            self.post_message(self.ScopeChosen(event.node.data))


def _order(choice: ScopeChoice) -> tuple[str, str, str]:
    return (choice.host or "", choice.instance or "", choice.plugin or "")


def _label(choice: ScopeChoice, count: int, lost: bool) -> Text:
    name = choice.plugin if choice.plugin is not None else choice.instance or choice.host
    text = Text("all hosts" if name is None else name or "game folder")
    text.append(f" {count}", style="bold" if count else "dim")
    if lost and choice.instance is None:
        text.append(" lost", style="red")
    return text
