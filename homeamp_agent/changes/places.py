"""Where a key path stands in a file, however the file types its keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homeamp_agent.configfiles import Document
from homeamp_agent.model.setting import KeyPath, KeySegment, Value, segment_text
from homeamp_agent.model.snapshot import MISSING


def locate(document: Document, path: KeyPath) -> tuple[KeyPath, Value]:
    """The path as the file types it, and the value there; `MISSING` where nothing is.

    Text segments match a typed key (`true`, `1`) by its text where no exact one exists.
    """
    return locate_in(document.value(()), path)


def locate_in(tree: Value, path: KeyPath) -> tuple[KeyPath, Value]:
    """The same, in all of a document's values: for many paths, which read them once."""
    node = tree
    found: list[str | int | None] = []
    for depth, segment in enumerate(path):
        if isinstance(node, dict):
            key = segment if type(segment) is str and segment in node else _key_in(node, segment)
            if key is MISSING:
                return (*found, *path[depth:]), MISSING
            found.append(key)
            node = node[key]
        elif isinstance(node, list) and type(segment) is int and 0 <= segment < len(node):
            found.append(segment)
            node = node[segment]
        else:
            return (*found, *path[depth:]), MISSING
    return tuple(found), node


def _key_in(node: Mapping[KeySegment, Value], segment: KeySegment) -> Any:
    """The key that a segment means; `MISSING` for none."""
    keys = [key for key in node if key == segment and type(key) is type(segment)]
    keys = keys or [key for key in node if segment_text(key) == segment_text(segment)]
    return keys[0] if keys else MISSING
