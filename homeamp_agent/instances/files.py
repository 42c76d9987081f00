"""The config files of an instance: a walk that enters nothing it need not and follows nothing out.

Symlinks are followed only while they stay inside the instance; folders that lead back into
themselves are entered once. What is left out for another reason than an ignore rule is reported.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from typing import NamedTuple

from homeamp_agent.instances.ampfiles import Report, plain_name
from homeamp_agent.instances.homes import PluginHomes
from homeamp_agent.instances.ignores import (
    WORLD_MARKS,
    config_name,
    data_file,
    ignored_folder,
    world_entries,
)
from homeamp_agent.model.instance import Instance

DEPTH_MAX = 32
"""Folders below the game folder; the deepest real config file lies 9 deep."""


LINKED_FOLDERS_MAX = 1000
"""Folders entered through links in one walk; folders that link to each other multiply."""


class ConfigFileRef(NamedTuple):
    """One config file: where it is, whose it is, and what tells whether it changed.

    `path` is relative to the game folder with `/`; `plugin` is None for the game's own files.
    """

    path: str
    plugin: str | None
    absolute: str
    size: int
    mtime_ns: int


def config_files(
    instance: Instance,
    *,
    knowledge_data_globs: Mapping[str, Sequence[str]] | None = None,
    named_by_rules: Collection[str] = frozenset(),
    report: Report | None = None,
) -> Iterator[ConfigFileRef]:
    """Every config file of `instance`, by path within each folder; sizes are not judged.

    `knowledge_data_globs` maps a plugin's name (any case; `*` for all) to globs of paths below its
    folder that are data. `named_by_rules` are paths that count although they look like data (a
    whitelist). `report` takes one line for each thing that was skipped for being unreadable.
    """
    if not instance.game_folder:
        return iter(())
    return _walk(instance, knowledge_data_globs, named_by_rules, report).files()


class Sieve:
    """Tells of single paths of an instance what `config_files` would have said of them."""

    def __init__(
        self,
        instance: Instance,
        knowledge_data_globs: Mapping[str, Sequence[str]] | None = None,
        named_by_rules: Collection[str] = frozenset(),
    ) -> None:
        self._walk = _walk(instance, knowledge_data_globs, named_by_rules, None)

    def file(self, relative: str) -> ConfigFileRef | None:
        """The config file at `relative`, or None: nothing there, or nothing that counts."""
        parent, _, _name = relative.rpartition("/")
        if not self._walk.enters(parent):
            return None
        self._walk.begin()
        refs, _ = self._walk.look(self._walk.folder(parent))
        return next((ref for ref in refs if ref.path == relative), None)

    def below(self, relative: str) -> Iterator[ConfigFileRef]:
        """The config files below the folder at `relative` (empty: the game folder)."""
        return self._walk.files(relative) if self._walk.enters(relative) else iter(())

    def folders(self, relative: str = "") -> list[str]:
        """The absolute paths of the folders that hold config files or may come to."""
        self._walk.begin()
        for _ in self.below(relative):
            pass
        return list(self._walk.entered)


def _walk(
    instance: Instance,
    globs: Mapping[str, Sequence[str]] | None,
    named: Collection[str],
    report: Report | None,
) -> _Walk:
    return _Walk(
        instance=instance,
        homes=PluginHomes(instance),
        is_data=_data_matcher(instance, globs or {}),
        named=frozenset(named),
        report=report or _unheard,
        inside=os.path.realpath(instance.folder).rstrip("/") + "/",
    )


def _unheard(_problem: str) -> None:
    """Stands for a caller who does not ask for problems."""


@dataclass(slots=True)
class _Folder:
    """A folder yet to be entered; `trail` holds the (device, inode) of it and all above it."""

    relative: str
    absolute: str
    trail: frozenset[tuple[int, int]] = field(default_factory=frozenset)


@dataclass(slots=True)
class _Walk:
    instance: Instance
    homes: PluginHomes
    is_data: Callable[[str], bool]
    named: frozenset[str]
    report: Report
    inside: str
    entered: list[str] = field(default_factory=list)
    linked: int = 0

    def begin(self) -> None:
        """Forget what earlier walks entered."""
        self.entered.clear()
        self.linked = 0

    def files(self, start: str = "") -> Iterator[ConfigFileRef]:
        self.begin()
        waiting = [self.folder(start)]
        while waiting:
            refs, children = self.look(waiting.pop())
            yield from refs
            waiting += reversed(children)

    def folder(self, relative: str) -> _Folder:
        """A folder below the game folder; links above it count as they do on the way down."""
        absolute = os.path.join(self.instance.game_folder, relative) if relative else ""  # noqa: PTH118 - strings, as scandir gives them
        return _Folder(relative, absolute or self.instance.game_folder)

    def enters(self, relative: str) -> bool:
        """Whether the walk would come into the folder at `relative`."""
        path = ""
        for name in relative.split("/") if relative else ():
            path = f"{path}/{name}" if path else name
            if not plain_name(name) or ignored_folder(path) or self.is_data(path):
                return False
            absolute = self.folder(path).absolute
            if not (os.path.realpath(absolute) + "/").startswith(self.inside):
                return False
            if any(os.path.lexists(f"{absolute}/{mark}") for mark in WORLD_MARKS):
                return False
        return bool(self.instance.game_folder)

    def look(self, folder: _Folder) -> tuple[list[ConfigFileRef], list[_Folder]]:
        """The config files directly in a folder, and the folders in it to be entered."""
        entries = self._entries(folder)
        if folder.relative and world_entries({entry.name for entry in entries}):
            return [], []
        self.entered.append(folder.absolute)
        refs: list[ConfigFileRef] = []
        children: list[_Folder] = []
        for entry in entries:
            relative = f"{folder.relative}/{entry.name}" if folder.relative else entry.name
            try:
                if entry.is_dir():
                    children += self._child(entry, relative, folder)
                elif config_name(entry.name):
                    refs += self._file(entry, relative)
            except FileNotFoundError:
                if entry.is_symlink() and config_name(entry.name):
                    self.report(f"{relative}: is a link to nothing; left out")
            except OSError as error:
                self.report(f"{relative}: cannot be read: {error.strerror}")
        return refs, children

    def _entries(self, folder: _Folder) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder.absolute) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except FileNotFoundError:
            if not folder.relative:
                self.report("the game folder is gone")
            return []
        except OSError as error:
            self.report(f"{folder.relative or '.'}: cannot be read: {error.strerror}")
            return []
        return [entry for entry in entries if self._readable_name(entry, folder)]

    def _readable_name(self, entry: os.DirEntry[str], folder: _Folder) -> bool:
        """Whether the name can stand in a report; one that cannot is told where it matters."""
        if plain_name(entry.name):
            return True
        if entry.is_dir(follow_symlinks=False) or config_name(entry.name):
            shown = os.fsencode(entry.name).decode("utf-8", "backslashreplace")
            place = folder.relative or "."
            self.report(f"{place}: the name {shown!a} is not plain UTF-8; left out")
        return False

    def _child(self, entry: os.DirEntry[str], relative: str, parent: _Folder) -> list[_Folder]:
        if ignored_folder(relative) or self.is_data(relative):
            return []
        if not entry.is_symlink() and not parent.trail:
            depth = relative.count("/")
            if depth >= DEPTH_MAX:
                self.report(f"{relative}: more than {DEPTH_MAX} folders deep; not entered")
                return []
            return [_Folder(relative, entry.path)]
        return self._through_link(entry, relative, parent)

    def _through_link(
        self, entry: os.DirEntry[str], relative: str, parent: _Folder
    ) -> list[_Folder]:
        """A linked folder, or one below it: only inside the instance, and never in a circle."""
        if self.linked >= LINKED_FOLDERS_MAX:
            if self.linked == LINKED_FOLDERS_MAX:
                self.linked += 1
                self.report(f"{relative}: more than {LINKED_FOLDERS_MAX} linked folders; no more")
            return []
        if not self._stays_inside(entry, relative):
            return []
        trail = parent.trail or _trail_of(parent.absolute, self.instance.game_folder)
        status = entry.stat()
        here = (status.st_dev, status.st_ino)
        if here in trail:
            return []
        if len(trail) > DEPTH_MAX:
            self.report(f"{relative}: more than {DEPTH_MAX} folders deep; not entered")
            return []
        self.linked += 1
        return [_Folder(relative, entry.path, trail | {here})]

    def _file(self, entry: os.DirEntry[str], relative: str) -> Iterator[ConfigFileRef]:
        if "/" not in relative and data_file(entry.name) and relative not in self.named:
            return
        if relative not in self.named and self.is_data(relative):
            return
        if entry.is_symlink() and not self._stays_inside(entry, relative):
            return
        status = entry.stat()
        if not stat.S_ISREG(status.st_mode):
            self.report(f"{relative}: is not a regular file; left out")
            return
        yield ConfigFileRef(
            relative, self.homes.owner(relative), entry.path, status.st_size, status.st_mtime_ns
        )

    def _stays_inside(self, entry: os.DirEntry[str], relative: str) -> bool:
        if os.path.realpath(entry.path).startswith(self.inside):
            return True
        self.report(f"{relative}: is a link out of the instance; not followed")
        return False


def _trail_of(folder: str, game_folder: str) -> frozenset[tuple[int, int]]:
    """The identities of `folder` and of all folders above it up to the game folder."""
    trail: set[tuple[int, int]] = set()
    while True:
        status = os.stat(folder)  # noqa: PTH116 - strings, as scandir gives them
        trail.add((status.st_dev, status.st_ino))
        if folder == game_folder or folder == os.path.dirname(folder):  # noqa: PTH120 - likewise
            return frozenset(trail)
        folder = os.path.dirname(folder)  # noqa: PTH120 - likewise


def _data_matcher(instance: Instance, globs: Mapping[str, Sequence[str]]) -> Callable[[str], bool]:
    """Tells whether a path below the game folder is a plugin's data by its knowledge."""
    wanted = {name.casefold(): patterns for name, patterns in globs.items()}
    compiled: list[tuple[str, re.Pattern[str]]] = []
    for plugin in instance.plugins:
        patterns = [*wanted.get("*", ()), *wanted.get(plugin.name.casefold(), ())]
        if plugin.folder is None or not patterns:
            continue
        prefix = "" if plugin.folder == "." else f"{plugin.folder}/"
        # A glob may name the folder itself: `userdata/**` also keeps the walk out of `userdata`.
        spread = [form for glob in patterns for form in {glob, glob.removesuffix("/**")}]
        compiled.append((prefix, re.compile("|".join(translate(glob) for glob in spread))))

    def is_data(relative: str) -> bool:
        return any(
            relative.startswith(prefix) and pattern.match(relative[len(prefix) :])
            for prefix, pattern in compiled
        )

    return is_data
