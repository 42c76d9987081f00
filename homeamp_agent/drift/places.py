"""What a changed path means: a config file, a folder, a jar, an instance, or a baseline. Pure but
for looking whether a path is a folder."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

OVERFLOW_PATHS = 2_000
"""So many changes in one batch, and the kernel's queue (16,384) may have lost some: sweep."""

INSTANCE_FILES = frozenset({"AMPConfig.conf", "MinecraftModule.kvp", "GenericModule.kvp"})
PLUGIN_FOLDERS = frozenset({"plugins", "mods", "extensions"})


@dataclass(slots=True)
class Told:
    """A batch of changed paths, sorted by what is to be done.

    `files` by instance, below its game folder (there or not); `folders` and `gone` are (instance,
    path) of folders that are new and of paths that are no more and may have been folders.
    """

    files: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    folders: list[tuple[str, str]] = field(default_factory=list)
    gone: list[tuple[str, str]] = field(default_factory=list)
    baselines: bool = False
    instances: bool = False
    overflow: bool = False


@dataclass(slots=True)
class Places:
    """Where everything is that is watched; `instances` maps names to game folders."""

    instances_dir: Path
    baselines_dir: Path
    instances: Mapping[str, str] = field(default_factory=dict)

    def roots(self) -> list[str]:
        """The folders that are watched whatever instances there are."""
        found = [str(self.instances_dir.absolute()), str(self.instances_dir.absolute().parent)]
        base = self.baselines_dir.absolute()
        found += [str(base), str(base.parent)]
        for folder, names, _files in os.walk(base):
            found += [os.path.join(folder, name) for name in names]  # noqa: PTH118 - strings
        return [each for each in dict.fromkeys(found) if os.path.isdir(each)]  # noqa: PTH112 - strings

    def sort(self, paths: Collection[str]) -> Told:
        """What a batch of changes asks for."""
        told = Told(overflow=len(paths) >= OVERFLOW_PATHS)
        baselines = str(self.baselines_dir.absolute())
        for path in sorted(paths):
            if path == baselines or path.startswith(baselines + "/"):
                told.baselines |= not _passing(path)
                continue
            inside = False
            for instance, relative in self._owners(path):
                inside = True
                self._sort_inside(told, instance, relative, path)
            if not inside:
                told.instances |= self._about_instances(path)
        return told

    def holds_plugins(self, folder: str) -> bool:
        """Whether plugins come and go with the folder (below the game folder)."""
        first, _, rest = folder.partition("/")
        return first in PLUGIN_FOLDERS and "/" not in rest

    def _sort_inside(self, told: Told, instance: str, relative: str, path: str) -> None:
        if not relative:
            told.instances = True
        elif os.path.isdir(path):  # noqa: PTH112 - strings, as the watcher gives them
            told.folders.append((instance, relative))
        elif relative.endswith(".jar"):
            told.instances |= relative.count("/") <= 1
        else:
            told.files[instance].add(relative)
            if not os.path.lexists(path):
                told.gone.append((instance, relative))

    def _owners(self, path: str) -> Iterator[tuple[str, str]]:
        for instance, game in self.instances.items():
            if path == game:
                yield instance, ""
            elif path.startswith(game + "/"):
                yield instance, path[len(game) + 1 :]

    def _about_instances(self, path: str) -> bool:
        """A path outside of every game folder: does it make or unmake an instance?"""
        parent, _, name = path.rpartition("/")
        root = str(self.instances_dir.absolute())
        if name == "instances.json" or root in {path, parent}:
            return True
        if os.path.dirname(parent) != root:  # noqa: PTH120 - strings
            return False
        # Directly in an instance's folder: its game folder came or went, or AMP's word on it.
        there = os.path.lexists(path)
        folder = os.path.isdir(path) if there else "." not in name  # noqa: PTH112 - strings
        return folder or name in INSTANCE_FILES


def _passing(path: str) -> bool:
    """Editors' and our own temporary files beside a baseline."""
    name = path.rpartition("/")[2]
    return name.startswith((".", "~$")) or name.endswith(("~", ".tmp", ".swp"))
