"""What the formats with a tree (JSON, TOML, HOCON, Forge .cfg) have in common as documents."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Self

from homeamp_agent.configfiles.document import (
    DEFAULT_LIMITS,
    Document,
    KeyPath,
    Limits,
    Problem,
    Setting,
    Value,
)
from homeamp_agent.configfiles.errors import EditRefused
from homeamp_agent.configfiles.proof import ABSENT, Operation, prove, prove_all, same
from homeamp_agent.configfiles.text import SourceText, Splice
from homeamp_agent.configfiles.tree import Leaf, Node, Sequence, leaves, plain, step


class TreeDocument(Document):
    """A document over a tree of nodes; a format says how to scan it and how to write a value."""

    typed = True

    def __init__(self, file: str, data: bytes, limits: Limits = DEFAULT_LIMITS) -> None:
        self.file = file
        self.data = data
        self.limits = limits
        self.source = self._decoded(file, data, limits)
        self.root, problems = self._scan()
        self.problems = (*self.source.problems(), *problems)

    def _decoded(self, file: str, data: bytes, limits: Limits) -> SourceText:
        return SourceText(file, data, limits)

    @abstractmethod
    def _scan(self) -> tuple[Node | None, Iterable[Problem]]:
        """The file's tree (None for a file without any value) and what is odd about it."""

    @abstractmethod
    def _set(self, node: Node, value: Value) -> list[Splice]:
        """The splices that give `node` the value."""

    @abstractmethod
    def _unset(self, parent: Node | None, node: Node) -> list[Splice]:
        """The splices that remove `node`, a member of `parent`."""

    @abstractmethod
    def _insert(self, parent: Node | None, path: KeyPath, depth: int, value: Value) -> list[Splice]:
        """The splices that add `path[depth:]` below `parent`, which stands at `path[:depth]`."""

    def _read(self, data: bytes) -> Self:
        return type(self)(self.file, data, self.limits)

    @cached_property
    def settings(self) -> Mapping[KeyPath, Setting]:
        return {} if self.root is None else dict(leaves(self.source, self.root))

    def value(self, path: KeyPath) -> Value:
        if not path:
            return None if self.root is None else plain(self.root)
        found = self._way(path)
        if len(found) != len(path):
            raise KeyError(path)
        return plain(found[-1][1])

    def _way(self, path: KeyPath) -> list[tuple[KeyPath, Node]]:
        """The nodes along `path`, each with its path as the file types it, as far as they exist."""
        way: list[tuple[KeyPath, Node]] = []
        exact: KeyPath = ()
        node = self.root
        for segment in path:
            found = None if node is None else step(node, segment)
            if found is None:
                break
            exact, node = (*exact, found[0]), found[1]
            way.append((exact, node))
        return way

    def _existing(self, path: KeyPath) -> tuple[KeyPath, Node | None, Node]:
        """The path as the file types it, the parent and the node."""
        if not path and self.root is not None:
            return (), None, self.root
        way = self._way(path)
        if not path or len(way) != len(path):
            raise EditRefused(f"no such key: {dotted(path)}")
        parent = way[-2][1] if len(way) > 1 else self.root
        return way[-1][0], parent, way[-1][1]

    def set(self, path: KeyPath, value: Value) -> bytes:
        exact, _, node = self._existing(path)
        value = self._as_held(node, value)
        if same(plain(node), value):
            return self.data
        return self._proved(lambda: self._set(node, value), "set", exact, value)

    def put_all(self, values: Iterable[tuple[KeyPath, Value]]) -> bytes:
        splices: list[Splice] = []
        wished: list[tuple[KeyPath, Value]] = []
        for path, wish in values:
            if path and len(self._way(path)) < len(path):
                exact, value, write = self._new(path, wish)
                splices += write()
            else:
                exact, _, node = self._existing(path)
                value = self._as_held(node, wish)
                splices += () if same(plain(node), value) else self._set(node, value)
            wished.append((exact, value))
        return prove_all(self, self.source.spliced(splices), wished)

    def _as_held(self, node: Node | None, value: Value) -> Value:  # noqa: ARG002
        """What is read back once `node` (None: a new one) holds `value`, in the format's types.

        Raises:
            EditRefused: the format cannot hold it there.
        """
        return value

    def unset(self, path: KeyPath) -> bytes:
        exact, parent, node = self._existing(path)
        if not exact:
            raise EditRefused("the whole file is no setting")
        return self._proved(lambda: self._unset(parent, node), "unset", exact)

    def insert(self, path: KeyPath, value: Value) -> bytes:
        exact, value, write = self._new(path, value)
        return self._proved(write, "insert", exact, value)

    def _new(
        self, path: KeyPath, value: Value
    ) -> tuple[KeyPath, Value, Callable[[], list[Splice]]]:
        """The path and value of a new setting as they are to be read back, and how to write it."""
        way = self._way(path)
        if not path or len(way) == len(path):
            raise EditRefused(f"the key exists already: {dotted(path)}")
        parent = way[-1][1] if way else self.root
        exact = (*(way[-1][0] if way else ()), *_new_segments(parent, path[len(way) :]))
        if isinstance(parent, Leaf):
            raise EditRefused(f"{dotted(path[: len(way)])} holds a value, so no key fits below it")
        value = self._as_held(None, value)
        return exact, value, lambda: self._insert(parent, exact, len(way), value)

    def _proved(
        self,
        splices: Callable[[], list[Splice]],
        operation: Operation,
        path: KeyPath,
        value: Value = ABSENT,
    ) -> bytes:
        after = self.source.spliced(splices())
        return prove(self, after, operation=operation, path=path, value=value)


def _new_segments(parent: Node | None, segments: KeyPath) -> KeyPath:
    """Segments of a path that is not there yet, as these formats type keys: text, or an index."""
    first = segments[0]
    if isinstance(parent, Sequence):
        if isinstance(first, str) and first.isdecimal() and first.isascii():
            first = int(first[:9])
        return (first, *map(str, segments[1:]))
    return tuple(map(str, segments))


def dotted(path: KeyPath) -> str:
    """A path for people."""
    return ".".join(map(str, path)) or "the file's top level"
