"""TOML files as documents."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from homeamp_agent.configfiles.delimited import Delimited, body_of
from homeamp_agent.configfiles.document import KeyPath, KeySegment, Problem, Value
from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.list_steps import list_steps
from homeamp_agent.configfiles.text import Splice
from homeamp_agent.configfiles.toml_scanner import COMMENT, Table, TableArray, TomlScanner
from homeamp_agent.configfiles.toml_writer import TomlWriter
from homeamp_agent.configfiles.tree import Leaf, Node, Sequence, plain, text_beside
from homeamp_agent.configfiles.tree_document import TreeDocument, dotted


class TomlDocument(TreeDocument):
    """TOML 1.0; dates and times are their text."""

    format = "toml"

    def _scan(self) -> tuple[Node | None, Iterable[Problem]]:
        scanner = TomlScanner(self.source, self.limits)
        root = scanner.scan()
        self._sections = scanner.sections
        return root, ()

    @cached_property
    def _delimited(self) -> Delimited:
        return Delimited(self.source, COMMENT, commas=True)

    @cached_property
    def _writer(self) -> TomlWriter:
        return TomlWriter(self.source, self._delimited.indent_unit())

    def _set(self, node: Node, value: Value) -> list[Splice]:
        if isinstance(node, TableArray) and isinstance(value, list):
            return self._set_tables(node, value)
        _refuse_new_shape(node, value)
        return self._delimited.replace_value(node, value, self._writer)

    def _unset(self, parent: Node | None, node: Node) -> list[Splice]:
        while isinstance(node, Table) and node.kind == "dotted" and len(node.members) == 1:
            parent, node = node, next(iter(node.members.values()))
        if isinstance(node, (Table, TableArray)) and not _is_inline(node):
            return [self._without_sections(node)]
        if isinstance(parent, Sequence):
            body = body_of(parent)
            index = body.members.index(node)
            return self._delimited.remove(body, index, index)
        table, index = self._entry(node)
        if table.kind == "inline":
            return self._delimited.remove(body_of(table), index, index)
        return [Splice(*self.source.whole_lines(node.at, node.end), "")]

    def _without_sections(self, node: Node) -> Splice:
        """Take out a table with a header, or a list of such, if no other table stands between."""
        tables, inside = [node], set[int]()
        while tables:
            table = tables.pop()
            inside.add(id(table))
            tables += table.items if isinstance(table, TableArray) else []
            tables += table.members.values() if isinstance(table, Table) else []
        numbers = [n for n, (_, table) in enumerate(self._sections) if id(table) in inside]
        if not numbers or numbers[-1] - numbers[0] != len(numbers) - 1:
            raise EditRefused("a table in several places is removed key by key")
        first, last = self._sections[numbers[0]][1], self._sections[numbers[-1]][1]
        return Splice(*self.source.whole_lines(first.at, _end(last)), "")

    def _entry(self, node: Node) -> tuple[Table, int]:
        """The table in whose place `node` is written, and its number there."""
        tables: list[Node] = [] if self.root is None else [self.root]
        while tables:
            table = tables.pop()
            if isinstance(table, Table):
                for index, entry in enumerate(table.entries):
                    if entry is node:
                        return table, index
                tables += table.members.values()
            elif isinstance(table, Sequence):
                tables += table.items
        raise EditRefused("the value has no line of its own")

    def _insert(self, parent: Node | None, path: KeyPath, depth: int, value: Value) -> list[Splice]:
        if isinstance(parent, Sequence):
            return self._append(parent, path, depth, value)
        assert isinstance(parent, Table)  # noqa: S101  (the caller has looked)
        if parent.kind == "inline":
            return self._insert_inline(parent, [path[depth]], _nested(path[depth + 1 :], value))
        if parent.kind == "dotted":
            return self._insert_dotted(parent, path, depth, value)
        inside_list = any(not isinstance(segment, str) for segment in path)
        if parent.kind == "headed" or (len(path) - depth > 1 and not inside_list):
            return [self._new_section(path, depth, value)]
        return [self._new_line(parent, len(parent.entries), list(path[depth:]), value)]

    def _insert_inline(
        self, table: Table, keys: list[KeySegment], value: Value, index: int | None = None
    ) -> list[Splice]:
        body = body_of(table)
        index = len(body.members) if index is None else index
        sibling = body.members[index - 1] if body.members else None
        key = self._writer.dotted_key(keys, sibling)
        beside = text_beside(body.members, index)
        written = key + self._writer.colon(sibling) + self._writer.compound(value, None, beside)
        return self._delimited.insert(body, index, lambda _: written, spread=False)

    def _insert_dotted(
        self, parent: Table, path: KeyPath, depth: int, value: Value
    ) -> list[Splice]:
        """Beside the last key of a table that dotted keys imply, written as they are."""
        neighbour: Node = parent
        keys: list[KeySegment] = [path[depth]]
        while isinstance(neighbour, Table) and neighbour.kind == "dotted":
            neighbour = list(neighbour.members.values())[-1]
        while parent.kind == "dotted":
            depth -= 1
            keys.insert(0, path[depth])
            above = self._way(path[:depth])[-1][1] if depth else self.root
            if not isinstance(above, Table):
                raise EditRefused(f"{dotted(path[:depth])} is no table")
            parent = above
        holder, index = self._entry(neighbour)
        value = _nested(path[depth + len(keys) :], value)
        if holder.kind == "inline":
            return self._insert_inline(holder, keys, value, index + 1)
        return [self._new_line(holder, index + 1, keys, value)]

    def _new_line(self, table: Table, index: int, keys: list[KeySegment], value: Value) -> Splice:
        """`key = value` as a line of a section, behind its entry before `index` or its header."""
        source = self.source
        sibling = table.entries[index - 1] if table.entries else None
        if sibling is not None:
            indent, behind = self._delimited.indent_of(sibling.at), sibling.end
        elif table.at >= 0:
            indent, behind = self._indent_below(table), table.end
        else:
            return self._first_line(keys, value)
        beside = text_beside(table.entries, index)
        line = indent + self._assignment(keys, sibling, value, indent, beside)
        return self._line_at(source.next_line_start(behind), source.newline(behind), line)

    def _assignment(
        self,
        keys: list[KeySegment],
        sibling: Node | None,
        value: Value,
        indent: str,
        beside: Leaf | None = None,
    ) -> str:
        written = self._writer.compound(value, indent, beside)
        return self._writer.dotted_key(keys, sibling) + self._writer.colon(sibling) + written

    def _first_line(self, keys: list[KeySegment], value: Value) -> Splice:
        """The first key of the file's top level: above the first header and its comments."""
        source = self.source
        line = self._assignment(keys, None, value, "")
        if len(self._sections) == 1:
            return self._line_at(len(source.text), source.newline(len(source.text)), line)
        at = source.line_start(self._sections[1][1].at)
        while at > 0 and source.text[source.line_start(at - 1) : at].lstrip().startswith("#"):
            at = source.line_start(at - 1)
        return Splice(at, at, line + source.newline(at) * 2)

    def _new_section(self, path: KeyPath, depth: int, value: Value) -> Splice:
        """A new `[table]` with one key, behind the last section that shares its parent."""
        if any(not isinstance(segment, str) for segment in path[:-1]):
            raise EditRefused("a table inside a list of tables cannot be added")
        last = self._last_section(path[:depth]) if depth else len(self._sections) - 1
        source, text = self.source, self.source.text
        indent = ""
        position, newline = len(text), source.newline(len(text))
        if last >= 0:
            table = self._sections[last][1]
            indent = self._delimited.indent_of(table.at)
            if last < len(self._sections) - 1:
                position = source.next_line_start(_end(table))
        name = self._writer.dotted_key(list(path[:-1]), None)
        key_indent = self._indent_below(self._sections[last][1]) if last >= 0 else ""
        gap = newline if text[:position].strip() else ""
        key = key_indent + self._assignment([path[-1]], None, value, key_indent)
        return self._line_at(position, newline, f"{gap}{indent}[{name}]{newline}{key}")

    def _set_tables(self, node: TableArray, values: list[Value]) -> list[Splice]:
        """Keep the tables that both lists hold; remove or add whole ones."""
        splices: list[Splice] = []
        for step in list_steps([plain(item) for item in node.items], values):
            kept = min(step.end - step.start, step.new_end - step.new_start)
            for offset in range(kept):
                item, value = node.items[step.start + offset], values[step.new_start + offset]
                _refuse_new_shape(item, value)
                splices += self._delimited.replace_value(item, value, self._writer)
            splices += [self._without_sections(n) for n in node.items[step.start + kept : step.end]]
            added = values[step.new_start + kept : step.new_end]
            if added:
                splices.append(self._new_tables(node, step.start + kept, added))
        return splices

    def _new_tables(self, node: TableArray, index: KeySegment, values: list[Value]) -> Splice:
        """New `[[tables]]` behind the last of the list, spaced and indented like it."""
        if index != len(node.items):
            raise EditRefused(f"a list of {len(node.items)} tables grows only at its end")
        last = node.items[-1]
        name, header = next(found for found in self._sections if found[1] is last)
        source, writer = self.source, self._writer
        newline, indent = source.newline(header.at), self._delimited.indent_of(header.at)
        key_indent = self._indent_below(header)
        lines: list[str] = []
        for value in values:
            if not isinstance(value, dict):
                raise EditRefused("a list of tables holds only tables")
            lines += ["", f"{indent}[[{writer.dotted_key(list(name), None)}]]"]
            lines += [
                key_indent + self._assignment([key], None, member, key_indent)
                for key, member in value.items()
            ]
        number = self._last_section_of(last)
        position = source.next_line_start(_end(self._sections[number][1]))
        return self._line_at(position, newline, newline.join(lines))

    def _last_section_of(self, node: Node) -> int:
        """The number of the last section that belongs to a table of a list."""
        own = next(n for n, (_, table) in enumerate(self._sections) if table is node)
        name = self._sections[own][0]
        following = own + 1
        while following < len(self._sections) and len(self._sections[following][0]) > len(name):
            if self._sections[following][0][: len(name)] != name:
                break
            following += 1
        return following - 1

    def _last_section(self, parent: KeyPath) -> int:
        inside = [
            number
            for number, (name, _) in enumerate(self._sections)
            if name[: len(parent)] == parent
        ]
        return inside[-1] if inside else len(self._sections) - 1

    def _indent_below(self, table: Table) -> str:
        """How the keys of a section are indented: as in this one, else as in the others."""
        for candidate in (table, *(section for _, section in self._sections)):
            if candidate.entries and candidate.at >= 0:
                own = self._delimited.indent_of(candidate.entries[0].at)
                header = self._delimited.indent_of(candidate.at)
                return self._delimited.indent_of(table.at) + own.removeprefix(header)
        return self._delimited.indent_of(table.at)

    def _line_at(self, position: int, newline: str, line: str) -> Splice:
        before = self.source.text[position - 1 : position] if position else "\n"
        if before in ("\n", "\r"):
            return Splice(position, position, line + newline)
        return Splice(position, position, newline + line)

    def _append(self, parent: Sequence, path: KeyPath, depth: int, value: Value) -> list[Splice]:
        if isinstance(parent, TableArray) and len(path) - depth == 1:
            return [self._new_tables(parent, path[depth], [value])]
        if path[depth] != len(parent.items) or depth != len(path) - 1:
            raise EditRefused(f"a list of {len(parent.items)} items grows only at its end")
        return self._delimited.append(parent, value, self._writer)


def _end(table: Table) -> int:
    """Where what stands below a header ends, comments behind it left out."""
    return max([table.end, *(entry.end for entry in table.entries)])


def _nested(segments: KeyPath, value: Value) -> Value:
    for segment in reversed(segments):
        value = {str(segment): value}
    return value


def _is_inline(node: Node) -> bool:
    return isinstance(node, Table) and node.kind == "inline"


def _refuse_new_shape(node: Node, value: Value) -> None:
    """Tables with headers or dotted keys keep their keys; only the values below may change."""
    if isinstance(node, TableArray):
        if not isinstance(value, list) or len(value) != len(node.items):
            raise EditRefused("a list of tables inside a table does not grow or shrink with it")
        for item, below in zip(node.items, value, strict=True):
            _refuse_new_shape(item, below)
    elif isinstance(node, Table) and node.kind != "inline":
        if not isinstance(value, dict) or list(value) != list(node.members):
            raise EditRefused("a table is changed key by key, not as a whole")
        for key, member in node.members.items():
            _refuse_new_shape(member, value[key])
    elif isinstance(node, Leaf) and value is None:
        raise EditRefused("TOML has no null; remove the key instead")
