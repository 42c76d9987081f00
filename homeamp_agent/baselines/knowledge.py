"""What is known of single plugins: one small file each, shipped beside this module.

Users add their own in a folder of the baseline directory, `knowledge/`; theirs replace ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import ValidationError

from homeamp_agent.model.base import Word

FOLDER = Path(__file__).with_name("plugins")
MAIN_CONFIG = "config.yml"


class PluginKnowledge(Word):
    """One plugin. Keys are regular expressions on the dotted key, `data` globs below its folder."""

    name: str
    core: bool = False
    main: str = MAIN_CONFIG
    restart: bool = True
    volatile: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    not_secret: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    security: tuple[str, ...] = ()

    @property
    def patterns(self) -> tuple[str, ...]:
        """Every regular expression in it."""
        return (*self.volatile, *self.identity, *self.secret, *self.not_secret, *self.security)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All plugins' knowledge by name, case ignored."""

    plugins: Mapping[str, PluginKnowledge] = field(default_factory=dict)
    problems: tuple[tuple[str, str], ...] = ()

    def of(self, plugin: str | None) -> PluginKnowledge:
        """What is known of `plugin`: the defaults where nothing is."""
        name = plugin or ""
        return self.plugins.get(name.casefold()) or PluginKnowledge(name=name)

    @property
    def data_globs(self) -> dict[str, tuple[str, ...]]:
        """By plugin, which files below its folder are data and not scanned."""
        return {each.name: each.data for each in self.plugins.values() if each.data}


def load_knowledge(extra: Path | None = None) -> Knowledge:
    """Our files, and those of the folder `extra` over them; a bad one is one problem line."""
    plugins = dict(_shipped().plugins)
    problems: list[tuple[str, str]] = []
    if extra is not None and extra.is_dir():
        for plugin in _read_folder(extra, problems):
            plugins[plugin.name.casefold()] = plugin
    return Knowledge(plugins, tuple(problems))


@lru_cache(maxsize=1)
def _shipped() -> Knowledge:
    problems: list[tuple[str, str]] = []
    plugins = {each.name.casefold(): each for each in _read_folder(FOLDER, problems)}
    return Knowledge(plugins, tuple(problems))


def _read_folder(folder: Path, problems: list[tuple[str, str]]) -> Iterator[PluginKnowledge]:
    for file in sorted(folder.glob("*.yaml")):
        try:
            plugin = PluginKnowledge.model_validate(yaml.safe_load(file.read_text("utf-8")))
            for pattern in plugin.patterns:
                re.compile(pattern)
        except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError, re.error) as error:
            problems.append((f"{folder.name}/{file.name}", _told(error)))
        else:
            yield plugin


def _told(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        return f"{place}: {first['msg']}" if place else first["msg"]
    return str(error).splitlines()[0]
