"""HOCON files as documents."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from homeamp_agent.configfiles.delimited import Body, Delimited, body_of
from homeamp_agent.configfiles.document import KeyPath, KeySegment, Problem, Value
from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.hocon_scanner import Block, HoconScanner, ScatteredSequence
from homeamp_agent.configfiles.hocon_tokens import COMMENT
from homeamp_agent.configfiles.hocon_writer import HoconWriter
from homeamp_agent.configfiles.text import Splice
from homeamp_agent.configfiles.tree import Node, Sequence, text_beside
from homeamp_agent.configfiles.tree_document import TreeDocument, dotted


class HoconDocument(TreeDocument):
    """Lightbend's HOCON; substitutions and what depends on them are kept as text."""

    format = "hocon"

    def _scan(self) -> tuple[Node | None, Iterable[Problem]]:
        scanner = HoconScanner(self.source, self.limits)
        root = scanner.scan()
        self._blocks = scanner.blocks
        return root, scanner.problems

    @cached_property
    def _delimited(self) -> Delimited:
        return Delimited(self.source, COMMENT, commas=False)

    @cached_property
    def _writer(self) -> HoconWriter:
        return HoconWriter(self.source, self._delimited.indent_unit())

    def _set(self, node: Node, value: Value) -> list[Splice]:
        if isinstance(node, ScatteredSequence) and (
            not isinstance(value, list) or len(value) != len(node.items)
        ):
            raise EditRefused("a list that += lines build does not grow or shrink as a whole")
        splices = self._delimited.replace_value(node, value, self._writer)
        between = self.source.text[node.key_end : node.start]
        joined = isinstance(node, Block) and node.key_end != node.at and not between.strip()
        if joined and not isinstance(value, dict):
            # `key {}` needs no separator; every other value does.
            written = self._writer.separator(value, None) + splices[0].replacement
            return [Splice(node.key_end, node.end, written)]
        return splices

    def _unset(self, parent: Node | None, node: Node) -> list[Splice]:
        if isinstance(parent, Sequence) and not isinstance(parent, ScatteredSequence):
            body = body_of(parent)
            index = body.members.index(node)
            return self._delimited.remove(body, index, index)
        while isinstance(node, Block) and not node.written and len(node.members) == 1:
            node = next(iter(node.members.values()))
        if isinstance(node, Block) and len(node.written) != 1:
            raise EditRefused("a mapping in several places is removed key by key")
        block, index = self._entry(node)
        return self._delimited.remove(_body(block, self.source.text), index, index)

    def _entry(self, node: Node) -> tuple[Block, int]:
        """The block between whose braces `node` is written, and its number there."""
        for block in self._blocks:
            for index, entry in enumerate(block.entries):
                if entry is node:
                    return block, index
        raise EditRefused("the value is written in several places")

    def _insert(self, parent: Node | None, path: KeyPath, depth: int, value: Value) -> list[Splice]:
        if isinstance(parent, Sequence):
            return self._append(parent, path, depth, value)
        for segment in reversed(path[depth + 1 :]):
            value = {str(segment): value}
        keys: list[KeySegment] = [path[depth]]
        neighbour: Node | None = None
        block = parent
        while isinstance(block, Block) and not block.written:
            neighbour = neighbour or self._last_written(block)
            depth -= 1
            keys.insert(0, path[depth])
            block = self._way(path[:depth])[-1][1] if depth else self.root
        if not isinstance(block, Block):
            raise EditRefused(f"{dotted(path[:depth])} is no mapping")
        target = block.written[-1]
        index = len(target.entries)
        if neighbour is not None:
            target, index = self._entry(neighbour)
            index += 1
        return self._add_entry(target, index, keys, value)

    def _last_written(self, block: Block) -> Node | None:
        """The last thing that the file writes under a key that only dots imply."""
        candidates = list(block.members.values())
        while candidates:
            node = candidates.pop()
            if not isinstance(node, Block):
                return None if isinstance(node, ScatteredSequence) else node
            if node.written:
                return node.written[-1]
            candidates += node.members.values()
        return None

    def _add_entry(
        self, block: Block, index: int, keys: list[KeySegment], value: Value
    ) -> list[Splice]:
        body = _body(block, self.source.text)
        sibling = body.members[index - 1] if body.members else None
        writer = self._writer
        alone = sibling is not None and self._delimited.stands_alone(sibling)
        spread = sibling is None

        def write(indent: str) -> str:
            beside = text_beside(body.members, index)
            written = writer.compound(value, indent if alone or spread else None, beside)
            return writer.dotted_key(keys, sibling) + writer.separator(value, sibling) + written

        if sibling is None and not block.braced:
            text = self.source.text
            newline = self.source.newline(len(text))
            before = newline if text and not text.endswith("\n") else ""
            return [Splice(len(text), len(text), before + write("") + newline)]
        return self._delimited.insert(body, index, write, spread)

    def _append(self, parent: Sequence, path: KeyPath, depth: int, value: Value) -> list[Splice]:
        if isinstance(parent, ScatteredSequence):
            raise EditRefused("a list that += lines build does not grow as a whole")
        if path[depth] != len(parent.items) or depth != len(path) - 1:
            raise EditRefused(f"a list of {len(parent.items)} items grows only at its end")
        return self._delimited.append(parent, value, self._writer)


def _body(block: Block, text: str) -> Body:
    if block.braced:
        return Body(block.start + 1, block.end - 1, block.entries)
    return Body(0, len(text), block.entries)
