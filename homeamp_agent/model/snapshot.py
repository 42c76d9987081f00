"""What one scan saw: the settings of every config file, secrets already masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from homeamp_agent.model.instance import Instance
from homeamp_agent.model.secret import is_masked
from homeamp_agent.model.setting import KeyPath, KeySegment, Value, dotted


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()
"""Stands for 'no such setting', since None is a value that a file can hold."""


@dataclass(frozen=True, slots=True)
class SettingTable:
    """All settings of one file's content, by key path and by dotted text.

    `leaves` maps every key path (scalars, also inside lists; empty containers) to its value with
    secrets masked, `lines` the same paths to their line (from 1). Immutable and shared: the same
    content on 23 instances is one table.
    """

    leaves: Mapping[KeyPath, Value]
    lines: Mapping[KeyPath, int]
    typed: bool = True
    format: str = "yaml"
    _tree: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _by_dotted: dict[str, list[KeyPath]] = field(default_factory=dict, repr=False, compare=False)

    def value(self, path: KeyPath) -> Value:
        """The value at `path`: a leaf, a whole list or mapping; `MISSING` where nothing is."""
        if path in self.leaves:
            return self.leaves[path]
        node: Any = self.tree
        for segment in path:
            in_mapping = isinstance(node, dict) and segment in node
            in_list = isinstance(node, list) and isinstance(segment, int) and segment < len(node)
            if not in_mapping and not in_list:
                return MISSING
            node = node[segment]
        return node

    def has(self, path: KeyPath) -> bool:
        """Whether anything stands at `path`."""
        return self.value(path) is not MISSING

    def line(self, path: KeyPath) -> int | None:
        """The line of the value at `path`, or of the first leaf below it."""
        if path in self.lines:
            return self.lines[path]
        size = len(path)
        return next((line for leaf, line in self.lines.items() if leaf[:size] == path), None)

    def find(self, key: str) -> list[KeyPath]:
        """Every path (leaf, list or mapping) whose dotted text is `key`."""
        self._index()
        return self._by_dotted.get(key, [])

    def settings(self) -> Iterator[KeyPath]:
        """Every setting as a rule names it: scalars, whole lists and empty sections."""
        return _settings(self.tree, ())

    @property
    def keys(self) -> Iterator[str]:
        """The dotted text of every path, inner ones included."""
        self._index()
        return iter(self._by_dotted)

    @property
    def tree(self) -> Value:
        """The whole file as nested dicts and lists."""
        if "root" not in self._tree:
            self._tree["root"] = _build(self.leaves)
        return self._tree["root"]

    def _index(self) -> None:
        if self._by_dotted or not self.leaves:
            return
        seen: dict[KeyPath, None] = {}
        for leaf in self.leaves:
            for size in range(1, len(leaf) + 1):
                seen.setdefault(leaf[:size])
        found: dict[str, list[KeyPath]] = {}
        for path in seen:
            found.setdefault(dotted(path), []).append(path)
        # At once: a table is shared by threads, and half an index would look like all of it.
        self._by_dotted.update(found)


def _settings(node: Any, path: KeyPath) -> Iterator[KeyPath]:
    if isinstance(node, dict) and node and not is_masked(node):
        for key, value in node.items():
            yield from _settings(value, (*path, key))
    elif path:
        yield path


def _build(leaves: Mapping[KeyPath, Value]) -> Value:
    if list(leaves) == [()]:
        return leaves[()]
    root: dict[KeySegment, Any] = {}
    for path, value in leaves.items():
        node = root
        for segment in path[:-1]:
            node = node.setdefault(segment, {})
        node[path[-1]] = value
    return _listed(root, leaves)


def _listed(node: Any, leaves: Mapping[KeyPath, Value]) -> Value:
    """Turn dicts whose keys are exactly 0..n-1 into lists, bottom up, without recursion limits.

    A YAML mapping with the int keys 0..n-1 reads as a list here, which compares the same.
    """
    if not isinstance(node, dict):
        return node
    built = {key: _listed(item, leaves) for key, item in node.items()}
    indices = [key for key in built if isinstance(key, int) and not isinstance(key, bool)]
    if built and len(indices) == len(built) and indices == list(range(len(indices))):
        return [built[index] for index in indices]
    return built


@dataclass(frozen=True, slots=True)
class FileProblem:
    """Why a config file (or part of it) could not be read.

    `kind` is `unreadable`, `too_large`, `binary` or a document problem's kind; `line` from 1.
    """

    kind: str
    message: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class FileSnapshot:
    """One config file as last read; `path` is relative to the game folder, with `/`."""

    path: str
    plugin: str | None
    sha256: str
    size: int
    mtime_ns: int
    table: SettingTable | None = None
    problem: FileProblem | None = None
    remarks: tuple[FileProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class InstanceSnapshot:
    """One instance as last read: its plugins and every config file by path."""

    instance: Instance
    files: Mapping[str, FileSnapshot]

    def files_of(self, plugin: str) -> list[FileSnapshot]:
        """The config files of one plugin, by path (name compared ignoring case)."""
        wanted = plugin.casefold()
        return [
            each
            for each in self.files.values()
            if each.plugin is not None and each.plugin.casefold() == wanted
        ]
