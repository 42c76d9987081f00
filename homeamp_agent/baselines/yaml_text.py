"""YAML that people write: read in C, within bounds, with the line of every key.

Values are typed as the servers type them (SnakeYAML): `1.0E8` is a number, `=` is text.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

DEPTH_MAX = 100
"""Deeper than any config; composing recurses in C, where too deep means a crash."""

NODES_MAX = 2_000_000
"""Aliases expanded; a page of anchors can stand for billions of nodes."""

LINES_DEPTH = 4
"""`rules`, index, field, and one below: no problem names a place further down."""

if TYPE_CHECKING:
    _Loader = yaml.SafeLoader
else:
    _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _ServerLoader(_Loader):
    """Types plain scalars as SnakeYAML does."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (PyYAML's own registry, a plain dict)
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:value"]
        for first, pairs in _Loader.yaml_implicit_resolvers.items()
    }


_ServerLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+\Z"),
    list("-+.0123456789"),
)


class YamlProblem(Exception):
    """Why the text cannot be read; `line` from 1."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class YamlText:
    """A document: its value, and where each of its upper keys and items stands.

    `twice` are keys that stand more than once in one mapping, where YAML lets the last one win.
    """

    value: Any
    lines: dict[tuple[Hashable, ...], int]
    twice: tuple[tuple[str, int], ...] = ()

    def line(self, *path: Any) -> int | None:
        """The line of the deepest known part of `path`."""
        for size in range(len(path), 0, -1):
            if path[:size] in self.lines:
                return self.lines[path[:size]]
        return None


def read_yaml(text: str) -> YamlText:
    """Read one document.

    Raises:
        YamlProblem: it is no YAML, or beyond the bounds.
    """
    try:
        _check_depth(text)
        loader = _ServerLoader(text)
        try:
            node = loader.get_single_node()
            _check_size(node)
            value = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        told = getattr(error, "problem", None) or str(error).split("\n", maxsplit=1)[0]
        # What is quoted may be the first word of a secret that begins with `*` or `&`.
        told = re.sub(r" '.+'", "", told)
        raise YamlProblem(f"is no YAML: {told}", mark.line + 1 if mark else None) from error
    except (ValueError, OverflowError, RecursionError) as error:
        # Python's own text may repeat the value, as of `!!int hunter2`.
        raise YamlProblem("cannot be read: a value does not fit its type") from error
    twice: list[tuple[str, int]] = []
    return YamlText(value, dict(_walk(node, (), twice)), tuple(twice))


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEPTH_MAX:
                mark = event.start_mark
                line = mark.line + 1 if mark else None
                raise YamlProblem(f"is nested more than {DEPTH_MAX} deep", line)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _check_size(root: Any) -> None:
    """Refuse anchors that hold themselves, and those that expand beyond the bound."""
    sizes: dict[int, int] = {}

    def size(node: Any) -> int:
        if not isinstance(node, yaml.CollectionNode):
            return 1
        if id(node) in sizes:
            if sizes[id(node)] == 0:
                raise YamlProblem("an anchor refers to itself", node.start_mark.line + 1)
            return sizes[id(node)]
        sizes[id(node)] = 0
        sizes[id(node)] = 1 + sum(size(each) for each in _below(node))
        return sizes[id(node)]

    if size(root) > NODES_MAX:
        raise YamlProblem(f"its anchors stand for more than {NODES_MAX:,} values")


def _below(node: Any) -> Iterator[Any]:
    for each in node.value:
        if isinstance(each, tuple):
            yield from each
        else:
            yield each


def _walk(
    node: Any, path: tuple[Hashable, ...], twice: list[tuple[str, int]]
) -> Iterator[tuple[tuple[Hashable, ...], int]]:
    if len(path) >= LINES_DEPTH:
        return
    if isinstance(node, yaml.MappingNode):
        seen: set[tuple[str, str]] = set()
        for key, value in node.value:
            name = str(key.value)
            line = key.start_mark.line + 1
            if (key.tag, name) in seen:
                twice.append((name, line))
            seen.add((key.tag, name))
            yield (*path, name), line
            yield from _walk(value, (*path, name), twice)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*path, index), value.start_mark.line + 1
            yield from _walk(value, (*path, index), twice)
