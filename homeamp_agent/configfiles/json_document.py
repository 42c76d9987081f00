"""JSON files, strict or lax, as documents."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from homeamp_agent.configfiles.delimited import Delimited, body_of
from homeamp_agent.configfiles.document import KeyPath, Problem, Value
from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.json_scanner import COMMENT, JsonScanner
from homeamp_agent.configfiles.json_writer import JsonWriter
from homeamp_agent.configfiles.text import Splice
from homeamp_agent.configfiles.tree import Branch, Node, Sequence, text_beside
from homeamp_agent.configfiles.tree_document import TreeDocument


class JsonDocument(TreeDocument):
    """JSON, also with comments, trailing commas and the rest that lenient readers accept."""

    format = "json"

    def _scan(self) -> tuple[Node | None, Iterable[Problem]]:
        scanner = JsonScanner(self.source, self.limits)
        return scanner.scan(), scanner.problems

    @cached_property
    def _delimited(self) -> Delimited:
        return Delimited(self.source, COMMENT, commas=True)

    @cached_property
    def _writer(self) -> JsonWriter:
        return JsonWriter(self.source, self._delimited.indent_unit())

    def _set(self, node: Node, value: Value) -> list[Splice]:
        return self._delimited.replace_value(node, value, self._writer)

    def _unset(self, parent: Node | None, node: Node) -> list[Splice]:
        assert isinstance(parent, (Branch, Sequence))  # noqa: S101  (a path has a parent)
        body = body_of(parent)
        index = body.members.index(node)
        return self._delimited.remove(body, index, index)

    def _insert(self, parent: Node | None, path: KeyPath, depth: int, value: Value) -> list[Splice]:
        for segment in reversed(path[depth + 1 :]):
            value = {str(segment): value}
        if parent is None:
            return [self._whole_file(str(path[0]), value)]
        if isinstance(parent, Sequence):
            return self._append(parent, path, depth, value)
        assert isinstance(parent, Branch)  # noqa: S101  (the caller has looked)
        body = body_of(parent)
        sibling = body.members[-1] if body.members else None
        spread = not body.members and self._writer.spreads_mappings
        alone = sibling is not None and self._delimited.stands_alone(sibling)

        def write(indent: str) -> str:
            beside = text_beside(body.members, len(body.members))
            written = self._writer.compound(value, indent if alone or spread else None, beside)
            return (
                self._writer.key(str(path[depth]), sibling) + self._writer.colon(sibling) + written
            )

        return self._delimited.insert(body, len(body.members), write, spread)

    def _append(self, parent: Sequence, path: KeyPath, depth: int, value: Value) -> list[Splice]:
        if path[depth] != len(parent.items):
            raise EditRefused(f"a list of {len(parent.items)} items grows only at its end")
        return self._delimited.append(parent, value, self._writer)

    def _whole_file(self, key: str, value: Value) -> Splice:
        """The first setting of an empty file, behind whatever comments it holds."""
        end = len(self.source.text)
        newline = self.source.newline(0)
        before = newline if self.source.text and not self.source.text.endswith(("\n", "\r")) else ""
        member = self._writer.key(key, None) + ": " + self._writer.compound(value, "  ")
        return Splice(end, end, f"{before}{{{newline}  {member}{newline}}}{newline}")
