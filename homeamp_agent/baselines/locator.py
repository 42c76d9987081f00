"""Where on one instance a plugin's rules point to: which file a key belongs to, and where in it.

What exists on the disk decides. A rule that names plugin, file and key can miss what it names; one
with a pattern for the plugin or the file picks from what is there, and misses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from homeamp_agent.baselines.selectors import (
    is_glob,
    is_glob_key,
    matching_files,
    matching_paths,
    stem_of,
    without_ending,
)
from homeamp_agent.model.instance import Instance
from homeamp_agent.model.rule import ConditionKind, Rule
from homeamp_agent.model.setting import KeyPath, dotted
from homeamp_agent.model.snapshot import FileSnapshot

CONFIG_STEM = "config"
ENDINGS = (".yml", ".yaml", ".toml", ".conf", ".json", ".properties")
"""Of two files with the same stem the one whose ending comes first is the plugin's config."""

_RELATIVE_HERE = "./"


class Place(NamedTuple):
    """A setting of a file (below the game folder), the file itself, or the plugin.

    `path` None with a `key`: nothing stands there.
    """

    file: str | None
    path: KeyPath | None
    key: str | None


WHOLE_PLUGIN = Place(None, None, None)


class Locator:
    """The files of one plugin of one instance; of the game folder where `plugin` is None."""

    def __init__(
        self, instance: Instance, plugin: str | None, files: Iterable[FileSnapshot], main: str
    ) -> None:
        found = instance.plugin(plugin) if plugin is not None else None
        folder = found.folder if found is not None else None
        self._has_folder = plugin is None or bool(folder)
        self._folder = f"{folder}/" if folder and folder != "." else ""
        self._files = {file.path.removeprefix(self._folder): file for file in files}
        self._by_stem: dict[str, list[str]] = {}
        for name in self._files:
            self._by_stem.setdefault(without_ending(name), []).append(name)
        self._main = self._main_of(main, plugin)
        self._main_name = main

    def files_named(self, rule: Rule) -> list[str]:
        """The files, below the game folder, that the rule's file selector picks."""
        if rule.file is None:
            return [file.path for file in self._files.values()]
        return [self._files[name].path for name in self._named(rule.file)]

    def may_mean(self, rule: Rule, path: str) -> bool:
        """Whether the rule may speak of the file at `path` below the game folder; quickly told."""
        if rule.file is None or rule.stem_key is not None:
            return True
        name = path.removeprefix(self._folder)
        stem = stem_of(rule.file)
        if stem is not None:
            return without_ending(name) == stem
        return is_glob(rule.file) or rule.file.removeprefix(_RELATIVE_HERE) == name

    def places(self, rule: Rule) -> tuple[list[Place], list[str]]:
        """Where the rule points to; or, where that is ambiguous, the files it could mean."""
        if rule.key is None and rule.path is None:
            return self._file_places(rule), []
        if rule.file is None:
            return self._by_key(rule)
        if rule.stem_key is not None:
            return self._by_stem_or_key(rule, rule.file, rule.stem_key)
        return self._in_named(rule, rule.file)

    # files -----------------------------------------------------------------------------------

    def _main_of(self, main: str, plugin: str | None) -> FileSnapshot | None:
        """The plugin's config: the one known as such, else the one that looks like it."""
        if plugin is None:
            return None
        if main in self._files:
            return self._files[main]
        for stem in (CONFIG_STEM, plugin, plugin.casefold()):
            if stem in self._by_stem:
                return self._files[_preferred(self._by_stem[stem])]
        return next(iter(self._files.values())) if len(self._files) == 1 else None

    def _named(self, selector: str) -> list[str]:
        if not is_glob(selector):
            selector = selector.removeprefix(_RELATIVE_HERE)
            return [selector] if selector in self._files else []
        stem = stem_of(selector)
        if stem is not None:
            return self._by_stem.get(stem, [])
        return matching_files(selector, self._files)

    def _file_places(self, rule: Rule) -> list[Place]:
        if rule.file is None:
            return [WHOLE_PLUGIN]
        named = self.files_named(rule)
        if not named and not is_glob(rule.file):
            named = [self._folder + rule.file]
        return [Place(file, None, None) for file in named]

    # keys of a named file ------------------------------------------------------------------------

    def _in_named(self, rule: Rule, selector: str) -> tuple[list[Place], list[str]]:
        names = self._named(selector)
        if stem_of(selector) is not None and len(names) > 1:
            return self._in_one_of(rule, names)
        if not names:
            return self._missing(rule, None, self._folder + _usual(selector)), []
        return [place for name in names for place in self._in_file(rule, self._files[name])], []

    def _in_one_of(self, rule: Rule, names: list[str]) -> tuple[list[Place], list[str]]:
        """A stem with several endings: the file that has the key is meant."""
        having = [name for name in names if _paths(rule, self._files[name])]
        if len(having) > 1 and rule.condition.kind is not ConditionKind.IGNORE:
            return [], sorted(self._files[name].path for name in having)
        if not having and self._main is not None:
            having = [name for name in names if self._files[name] is self._main]
        chosen = having or [_preferred(names)]
        return [place for name in chosen for place in self._in_file(rule, self._files[name])], []

    def _by_stem_or_key(
        self, rule: Rule, selector: str, whole: str
    ) -> tuple[list[Place], list[str]]:
        """Shape B2: the first segment is a file's stem, or a key at the root of another file."""
        names = self._named(selector)
        if any(_paths(rule, self._files[name]) for name in names):
            return self._in_named(rule, selector)
        root = self._main
        is_root = root is not None and root.table is not None and root.table.find(_first(whole))
        if is_root or self._having(rule, whole):
            return self._by_key(rule, whole)
        return self._in_named(rule, selector)

    def _in_file(self, rule: Rule, file: FileSnapshot, key: str | None = None) -> list[Place]:
        found = _found(rule, file, key)
        if found or file.table is None:
            return found
        return self._missing(rule, key, file.path)

    # keys without a file -------------------------------------------------------------------------

    def _by_key(self, rule: Rule, key: str | None = None) -> tuple[list[Place], list[str]]:
        """The main config if it has the key, else the one other file that has it.

        `key` stands in for the rule's own.
        """
        if _picks(rule):
            return [
                place for file in self._files.values() for place in self._in_file(rule, file, key)
            ], []
        main = self._main
        found = [] if main is None else _found(rule, main, key)
        if found:
            return found, []
        having = self._having(rule, key)
        if len(having) == 1:
            return self._in_file(rule, having[0], key), []
        if having:
            return [], sorted(file.path for file in having)
        home = self._home(rule, key)
        if home is not None:
            return self._in_file(rule, home, key), []
        if not self._has_folder and not self._files:
            return [], []
        return self._missing(rule, key, self._folder + self._main_name), []

    def _having(self, rule: Rule, key: str | None) -> list[FileSnapshot]:
        return [
            file
            for file in self._files.values()
            if file is not self._main and _paths(rule, file, key)
        ]

    def _home(self, rule: Rule, key: str | None) -> FileSnapshot | None:
        """Where a key that is nowhere belongs: beside its siblings, else in the main config."""
        above = _key_of(rule, key)
        while "." in above:
            above = above.rpartition(".")[0]
            if self._main is not None and self._main.table and self._main.table.find(above):
                return self._main
            files = [each for each in self._files.values() if each.table and each.table.find(above)]
            if len(files) == 1:
                return files[0]
            if files:
                break
        return self._main

    def _missing(self, rule: Rule, key: str | None, path: str) -> list[Place]:
        """The place of a key that is not there; none for a rule that only picks."""
        if _picks(rule) or not self._has_folder:
            return []
        return [Place(path, rule.path, _key_of(rule, key))]


def _key_of(rule: Rule, key: str | None) -> str:
    """What the rule's key is called; `key` stands in for it."""
    return dotted(rule.path) if rule.path is not None else key or rule.key or ""


def _picks(rule: Rule) -> bool:
    """Whether the rule speaks of what there is only."""
    if is_glob_key(rule) or rule.condition.kind is ConditionKind.IGNORE:
        return True
    if rule.condition.kind is ConditionKind.PRESENT:
        return False
    by_file = rule.file is not None and is_glob(rule.file) and stem_of(rule.file) is None
    return by_file or (rule.plugin is not None and is_glob(rule.plugin))


def _found(rule: Rule, file: FileSnapshot, key: str | None) -> list[Place]:
    """What the rule names and the file has."""
    return [Place(file.path, path, dotted(path)) for path in _paths(rule, file, key)]


def _paths(rule: Rule, file: FileSnapshot, key: str | None = None) -> list[KeyPath]:
    return [] if file.table is None else matching_paths(rule, file.table, key)


def _first(key: str) -> str:
    return key.partition(".")[0]


def _preferred(names: Iterable[str]) -> str:
    def rank(name: str) -> tuple[int, str]:
        ending = PurePosixPath(name).suffix
        return (ENDINGS.index(ending) if ending in ENDINGS else len(ENDINGS), name)

    return min(names, key=rank)


def _usual(selector: str) -> str:
    """A name for a file that is not there: a stem's ending is the usual one."""
    stem = stem_of(selector)
    return selector if stem is None else stem + ENDINGS[0]


def by_plugin(files: Mapping[str, FileSnapshot]) -> dict[str, list[FileSnapshot]]:
    """An instance's files by their plugin's case-folded name; the game's own are not in it."""
    found: dict[str, list[FileSnapshot]] = {}
    for file in files.values():
        if file.plugin is not None:
            found.setdefault(file.plugin.casefold(), []).append(file)
    return found
