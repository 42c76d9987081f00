"""`agent.yaml` as it would be with every default, each key explained, all commented out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from homeamp_agent.settings.sections import Section, Settings

WIDTH = 96
_INTRODUCTION = """\
# homeamp agent: settings. Every key can also come from the environment
# (HOMEAMP_HOST, HOMEAMP_SCAN__SWEEP_S, ...) or, for the first ones, from an option
# (homeamp-agent run --host ...); options win over the environment, the environment over this file.
# `homeamp-agent config show` tells what is in force, and where each value came from.
"""


def template() -> str:
    """The whole file."""
    return "\n".join([_INTRODUCTION, *_keys(Settings(), ""), *_sections(Settings())]) + "\n"


def _sections(settings: Settings) -> Iterator[str]:
    for name in type(settings).model_fields:
        section = getattr(settings, name)
        if isinstance(section, Section):
            yield ""
            yield from _comment(" ".join((type(section).__doc__ or "").split()), "")
            yield f"{name}:"
            yield from _keys(section, "  ")


def _keys(section: Section, indent: str) -> Iterator[str]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            continue
        if field.description:
            yield from _comment(field.description, indent)
        yield f"{indent}# {name}: {_shown(field, value)}".rstrip()


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _shown(field: FieldInfo, value: Any) -> str:
    """The default as YAML; a default of this very machine is left to be filled in."""
    if field.default_factory is not None or value is None or isinstance(value, SecretStr):
        return ""
    plain = list(value) if isinstance(value, tuple) else value
    if isinstance(plain, Path):
        plain = str(plain)
    text: str = yaml.safe_dump(plain, default_flow_style=True, width=WIDTH)
    return text.removesuffix("\n").removesuffix("\n...")
