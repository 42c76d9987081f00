"""What is never scanned nor watched (facts on AMP, 'Never scan or watch').

Paths are relative to the game folder, with `/`. Names compare ignoring case except AMP's own
`Plugins/`, which lies beside Bukkit's `plugins/` where the game has no folder of its own.
"""

from __future__ import annotations

import re
from pathlib import Path

from homeamp_agent.instances.ampfiles import is_there

CONFIG_SUFFIXES = frozenset(
    {
        *("yml", "yaml", "json", "json5", "jsonc", "toml", "properties"),
        *("conf", "hocon", "cfg", "ini", "kvp"),
    }
)

CONFIG_TEXT_NAMES = frozenset({"configuration.txt"})
"""`.txt` files that are configuration: dynmap's."""

ROOT_FOLDERS = frozenset(
    {
        *("amp_logs", "backups", "bluemap", "cache", "crash-reports", "debug"),
        *("java", "libraries", "logs", "versions", "webroot"),
    }
)
"""Ignored at the top of the game folder only: `plugins/BlueMap/` is a plugin's config."""

DATA_FOLDERS = frozenset(
    {
        *("advancements", "backup", "backups", "cache", "caches", "crash-reports"),
        *("libraries", "libs", "logs", "playerdata", "player-data", "player_data"),
        *("region", "stats", "tiles", "userdata"),
    }
)
"""Ignored anywhere, but for a plugin's own folder (a plugin may be named Stats)."""

PLUGIN_ROOT_FOLDERS = frozenset({"plugins/update", "plugins/.paper-remapped"})

MAP_PLUGINS = frozenset({"bluemap", "dynmap", "pl3xmap", "squaremap"})
"""Their `web/` holds millions of tiles and a web site of JSON."""

ROOT_DATA_FILES = re.compile(
    r"(?:usercache|usernamecache|whitelist|ops|banned-[a-z]+|version_history)\.json"
)
"""Players and history, not settings; read where a rule names them."""

PASSING_FILES = re.compile(r"^(?:\.#|\.~|\.goutputstream-)|~$|\.homeamp-")
"""An editor's lock and backup files, and the temporary files of our own writes."""

WORLD_MARKS = ("level.dat", "region")
"""Either makes a folder a world."""

_OWN_FOLDER_DEPTH = 2
"""`plugins/<Plugin>`, `config/<mod>`: two segments."""


def ignored(relative_path: str, game_folder: Path | None = None) -> bool:
    """Whether the file at `relative_path` is never scanned, by its name and its folders' names.

    With `game_folder` the folders are also looked at on disk: inside a world everything is ignored.
    """
    *folders, name = relative_path.split("/")
    if not config_name(name) or (not folders and data_file(name)):
        return True
    path = ""
    for folder in folders:
        path = f"{path}/{folder}" if path else folder
        if ignored_folder(path):
            return True
    return game_folder is not None and _in_world(folders, game_folder)


def config_name(name: str) -> bool:
    """Whether a file of that name is a config file, by its extension."""
    if PASSING_FILES.search(name):
        return False
    lower = name.lower()
    return lower.rpartition(".")[2] in CONFIG_SUFFIXES or lower in CONFIG_TEXT_NAMES


def data_file(name: str) -> bool:
    """Whether a file of that name at the top of the game folder is data unless a rule names it."""
    return ROOT_DATA_FILES.fullmatch(name) is not None


def ignored_folder(relative_path: str) -> bool:
    """Whether the folder at `relative_path` is never entered, by its own name and place."""
    segments = relative_path.split("/")
    name = segments[-1].lower()
    if name.startswith("."):
        return True
    if len(segments) == 1:
        return name in ROOT_FOLDERS or name in DATA_FOLDERS or segments[0] == "Plugins"
    if relative_path.lower() in PLUGIN_ROOT_FOLDERS:
        return True
    if len(segments) == _OWN_FOLDER_DEPTH and segments[0] in {"plugins", "config", "extensions"}:
        return False
    if name == "web" and segments[1].lower() in MAP_PLUGINS:
        return True
    return name in DATA_FOLDERS


def world_entries(names: set[str]) -> bool:
    """Whether a folder with these entries is a world."""
    return any(mark in names for mark in WORLD_MARKS)


def _in_world(folders: list[str], game_folder: Path) -> bool:
    place = game_folder
    for folder in folders:
        place /= folder
        if any(is_there(place / mark) for mark in WORLD_MARKS):
            return True
    return False
