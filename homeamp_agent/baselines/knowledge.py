"""What is known of single plugins: one small file each, shipped beside this module.

Users add their own in a folder of the baseline directory, `knowledge/`; theirs replace ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from homeamp_agent.baselines.yaml_text import YamlProblem, YamlText, read_yaml
from homeamp_agent.model.base import Word
from homeamp_agent.model.pattern import BadPattern, pattern_of

FOLDER = Path(__file__).with_name("plugins")
MAIN_CONFIG = "config.yml"
PATTERN_FIELDS = ("volatile", "identity", "secret", "not_secret", "security")


class PluginKnowledge(Word):
    """One plugin. Keys are patterns of the dotted key, `data` globs below its folder.

    `main` is the config file that a key without a file is looked for in first, `restart` whether a
    changed file counts only after one, `volatile` what the plugin itself changes, `identity` what
    no two instances may share, `security` what guards something; it can be looked up at `source`.
    """

    name: str
    source: str = ""
    core: bool = False
    main: str = MAIN_CONFIG
    restart: bool = True
    volatile: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    not_secret: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    security: tuple[str, ...] = ()


class KnowledgeProblem(NamedTuple):
    """Why a file of knowledge does not count; `line` from 1, None of the file as a whole."""

    file: str
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All plugins' knowledge by name, case ignored."""

    plugins: Mapping[str, PluginKnowledge] = field(default_factory=dict)
    problems: tuple[KnowledgeProblem, ...] = ()

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
    problems: list[KnowledgeProblem] = []
    if extra is not None and extra.is_dir():
        for plugin in _read_folder(extra, problems):
            plugins[plugin.name.casefold()] = plugin
    return Knowledge(plugins, tuple(problems))


@lru_cache(maxsize=1)
def _shipped() -> Knowledge:
    problems: list[KnowledgeProblem] = []
    plugins = {each.name.casefold(): each for each in _read_folder(FOLDER, problems)}
    return Knowledge(plugins, tuple(problems))


def _read_folder(folder: Path, problems: list[KnowledgeProblem]) -> Iterator[PluginKnowledge]:
    for file in sorted(folder.glob("*.yaml")):
        name = f"{folder.name}/{file.name}"
        try:
            document = read_yaml(file.read_text("utf-8"))
            plugin = PluginKnowledge.model_validate(document.value)
        except YamlProblem as error:
            problems.append(KnowledgeProblem(name, str(error), error.line))
        except ValidationError as error:
            problems += _problems(name, error, document)
        except (OSError, UnicodeDecodeError) as error:
            problems.append(KnowledgeProblem(name, f"cannot be read, {_told(error)}"))
        else:
            bad = list(_bad_patterns(name, plugin, document))
            problems += bad
            if not bad:
                yield plugin


def _problems(name: str, error: ValidationError, document: YamlText) -> Iterator[KnowledgeProblem]:
    for each in error.errors(include_input=False, include_url=False):
        place = ".".join(map(str, each["loc"]))
        message = f"{place}: {each['msg']}" if place else each["msg"]
        yield KnowledgeProblem(name, message, document.line(*each["loc"]))


def _bad_patterns(
    name: str, plugin: PluginKnowledge, document: YamlText
) -> Iterator[KnowledgeProblem]:
    for field_name in PATTERN_FIELDS:
        for index, text in enumerate(getattr(plugin, field_name)):
            try:
                pattern_of(text)
            except BadPattern as error:
                line = document.line(field_name, index)
                yield KnowledgeProblem(
                    name, f"{field_name}: a pattern cannot be used: {error}", line
                )


def _told(error: OSError | UnicodeDecodeError) -> str:
    return "is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error.strerror)
