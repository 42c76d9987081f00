"""The plugins of an instance: its jars, and the config folders that belong to them.

A config folder equal to a plugin's name ignoring case is that plugin's: 5 of 701 real ones differ
in case, and Velocity uses the lower-case id (facts on config files, 'Plugins and jars').
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from homeamp_agent.instances.ampfiles import Report, entry_names, is_folder, plain_name
from homeamp_agent.instances.descriptors import Descriptor, DescriptorError, read_descriptor
from homeamp_agent.instances.ignores import config_name, ignored_folder
from homeamp_agent.instances.layout import GEYSER, geyser_jar
from homeamp_agent.model.instance import Instance, Platform, Plugin

JARS_REMEMBERED_MAX = 16_384
"""By (path, size, mtime_ns); 23 instances with 82 plugins are 1,900 jars."""

PLUGIN_FOLDERS = ("plugins", "extensions")
"""Hold jars and, beside them, a folder for each."""

MODS = "mods"
MOD_CONFIG = "config"
"""A mod's jar lies in `mods/`, its settings in `config/<id>.*` or `config/<id>/`."""

_VERSION_SUFFIX = re.compile(r"[-_ ]v?\d[^/]*$")


def inventory(instance: Instance) -> tuple[Plugin, ...]:
    """The plugins of `instance`, by name; jars that have not changed are not read again."""
    return take_inventory(instance)[0]


def take_inventory(instance: Instance) -> tuple[tuple[Plugin, ...], tuple[str, ...]]:
    """The plugins of `instance`, and the jars that could not be read, one line each."""
    if not instance.game_folder:
        return (), ()
    problems: list[str] = []
    game_folder = Path(instance.game_folder)
    plugins: list[Plugin] = []
    for home in PLUGIN_FOLDERS:
        plugins += _beside(game_folder, home, instance.platform, problems.append)
    plugins += _mods(game_folder, instance.platform, problems.append)
    if instance.platform is Platform.GEYSER:
        # Its own config.yml lies where other platforms have the game's files: the game folder is
        # the plugin's folder, so that a baseline for Geyser means the same here and on Velocity.
        plugins.append(Plugin(name=GEYSER, jar=geyser_jar(game_folder), folder="."))
    return tuple(sorted(plugins, key=lambda plugin: plugin.name.casefold())), tuple(problems)


@dataclass(frozen=True, slots=True)
class _Jar:
    """A jar below the game folder, and the plugin in it."""

    path: str
    descriptor: Descriptor


def _beside(game_folder: Path, home: str, platform: Platform, report: Report) -> Iterator[Plugin]:
    """Jars with their config folders beside them, then the folders without a jar."""
    folders = {
        name.casefold(): name
        for name in _names(game_folder / home, report)
        if is_folder(game_folder / home / name) and not ignored_folder(f"{home}/{name}")
    }
    for jar in _jars(game_folder, home, platform, report):
        folder = folders.pop(jar.descriptor.id.casefold(), None)
        yield Plugin(
            name=jar.descriptor.name,
            version=jar.descriptor.version,
            jar=jar.path,
            folder=f"{home}/{folder}" if folder else None,
        )
    for folder in folders.values():
        yield Plugin(name=folder, folder=f"{home}/{folder}")


def _mods(game_folder: Path, platform: Platform, report: Report) -> Iterator[Plugin]:
    jars = list(_jars(game_folder, MODS, platform, report))
    names = _names(game_folder / MOD_CONFIG, report) if jars else []
    folders = {
        name.casefold(): name for name in names if is_folder(game_folder / MOD_CONFIG / name)
    }
    stems = {name.casefold().split(".")[0] for name in names if config_name(name)}
    for jar in jars:
        identity = jar.descriptor.id.casefold()
        folder = None
        if identity in folders:
            folder = f"{MOD_CONFIG}/{folders[identity]}"
        elif any(mod_config_stem(stem, identity) for stem in stems):
            folder = MOD_CONFIG
        yield Plugin(
            name=jar.descriptor.name, version=jar.descriptor.version, jar=jar.path, folder=folder
        )


def mod_config_stem(stem: str, identity: str) -> bool:
    """Whether a file `config/<stem>.*` is that mod's: `<id>`, or Forge's `<id>-common`."""
    return stem == identity or stem.startswith((f"{identity}-", f"{identity}_"))


def _jars(game_folder: Path, home: str, platform: Platform, report: Report) -> Iterator[_Jar]:
    """The jars directly in `home`; of two with one plugin the first by name counts.

    A jar may be a link to a shared one outside the instance: it is read only, never written.
    """
    seen: dict[str, str] = {}
    for name in _names(game_folder / home, report):
        if not name.endswith(".jar"):
            continue
        path = f"{home}/{name}"
        jar = game_folder / path
        try:
            status = jar.stat()
            if stat.S_ISDIR(status.st_mode):
                continue
            descriptor = _remembered(str(jar), status.st_size, status.st_mtime_ns, platform)
        except OSError as error:
            report(f"{jar}: cannot be read: {error.strerror}")
            continue
        if isinstance(descriptor, str):
            report(f"{jar}: {descriptor}")
            descriptor = _guessed(name)
        elif (first := seen.get(descriptor.id.casefold())) is not None:
            report(f"{jar}: holds {descriptor.name}, as {first} does; left out")
            continue
        seen.setdefault(descriptor.id.casefold(), path)
        yield _Jar(path, descriptor)


@lru_cache(maxsize=JARS_REMEMBERED_MAX)
def _remembered(jar: str, size: int, mtime_ns: int, platform: Platform) -> Descriptor | str:
    """The descriptor, or the reason why there is none; size and time only tell changes apart."""
    del size, mtime_ns
    try:
        return read_descriptor(Path(jar), platform)
    except DescriptorError as error:
        return str(error)


def _guessed(jar_name: str) -> Descriptor:
    """A name from the file name: right for 82 % of real jars, better than 'plugin missing'."""
    stem = jar_name.removesuffix(".jar")
    name = _VERSION_SUFFIX.sub("", stem) or stem
    return Descriptor(id=name, name=name, version=None, kind="file name")


def _names(folder: Path, report: Report) -> list[str]:
    try:
        names = entry_names(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        report(f"{folder}: cannot be read: {error.strerror}")
        return []
    for name in (name for name in names if not plain_name(name)):
        report(f"{folder}: the name {os.fsencode(name)!r} cannot be shown; left out")
    return [name for name in names if plain_name(name)]
