"""Writing a markdown baseline of shape A, as its reader and the operator's own files have it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from homeamp_agent.baselines.markdown import plugin_of

GENERAL = "General"
"""The section of keys with one segment."""

NEWLINE = "\r\n"
"""That of all 82 files of the operator whose files were measured."""


def shape_a(file: str, pairs: Iterable[tuple[str, Any]]) -> str:
    """The text of `file` with these keys and values, by section, in the order they come."""
    sections: dict[str, list[str]] = {}
    for key, value in pairs:
        first, dot, _ = key.partition(".")
        name = first.replace("-", " ").replace("_", " ").title() if dot else GENERAL
        sections.setdefault(name, []).append(f"`{key}` = {value_text(value)}")
    plugin = plugin_of(file)
    lines = [f"# {plugin} - Universal Configuration", ""]
    lines += [f"These settings are **identical across all instances** that have {plugin}.", ""]
    for name, settings in sections.items():
        lines += [f"## {name}", ""]
        for setting in settings:
            lines += [setting, ""]
    return NEWLINE.join(lines)


def value_text(value: Any) -> str:
    """A value as shape A writes it: text raw between quotes, lists as Python shows them."""
    if isinstance(value, str):
        return f'"{value}"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)
