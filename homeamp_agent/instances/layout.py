"""Where the game of an instance lies, and which platform it is (facts on AMP, 'On disk')."""

from __future__ import annotations

import os
from pathlib import Path

from homeamp_agent.instances.ampfiles import Report, entry_names, is_folder, is_there
from homeamp_agent.model.instance import Platform

MINECRAFT_FOLDER = "Minecraft"
GEYSER = "Geyser"
"""The plugin that a standalone Geyser's own game folder counts as."""

_FILE_MARKS: tuple[tuple[Platform, tuple[str, ...]], ...] = (
    (Platform.VELOCITY, ("velocity.toml",)),
    (
        Platform.PAPER,
        (
            "config/paper-global.yml",
            "paper-global.yml",
            "purpur.yml",
            "paper.yml",
            "pufferfish.yml",
        ),
    ),
    (Platform.FABRIC, ("fabric-server-launcher.properties", ".fabric")),
    (Platform.NEOFORGE, ("libraries/net/neoforged", "config/neoforge-server.toml")),
    (Platform.BUNGEE, ("waterfall.yml", "modules/cmd_server.jar", "BungeeCord.jar")),
    (Platform.BEDROCK, ("bedrock_server", "bedrock_server.exe")),
    (Platform.PAPER, ("spigot.yml", "bukkit.yml")),
)
"""Looked for in this order; Bukkit's own files last, since hybrids of Fabric keep them too."""

_SERVER_TYPES = {
    "paper": Platform.PAPER,
    "purpur": Platform.PAPER,
    "spigot": Platform.PAPER,
    "craftbukkit": Platform.PAPER,
    "folia": Platform.PAPER,
    "velocity": Platform.VELOCITY,
    "waterfall": Platform.BUNGEE,
    "bungeecord": Platform.BUNGEE,
    "fabric": Platform.FABRIC,
    "neoforge": Platform.NEOFORGE,
    "bedrock": Platform.BEDROCK,
    "vanilla": Platform.VANILLA,
    "official": Platform.VANILLA,
}
"""`Minecraft.ServerType` of MinecraftModule.kvp, lower case."""

_GAME_MARKS = (
    "server.properties",
    "velocity.toml",
    "bukkit.yml",
    "waterfall.yml",
    "fabric-server-launcher.properties",
    "bedrock_server",
)
"""Any of these makes a folder a game folder."""


def below(folder: Path, root: Path) -> bool:
    """Whether `folder`, symlinks followed, is `root` or lies below it."""
    real, real_root = os.path.realpath(folder), os.path.realpath(root)
    return real == real_root or real.startswith(real_root.rstrip("/") + "/")


def looks_like_game(folder: Path) -> bool:
    """Whether a game's own files, or plugins or mods as jars, lie directly in `folder`."""
    if any(is_there(folder / mark) for mark in _GAME_MARKS) or geyser_jar(folder):
        return True
    return any(is_folder(folder / jars) for jars in ("plugins", "mods", "extensions"))


def game_folder_of(
    folder: Path, module: str, generic: dict[str, str], report: Report
) -> Path | None:
    """The game folder of the instance in `folder`; None (reported) where there is none.

    A generic app says it in `App.BaseDirectory`; everything else is `Minecraft/`; a folder that
    AMP does not know can be the game folder itself.
    """
    base = generic.get("App.BaseDirectory", "").strip()
    candidates = [folder / base] if base else []
    candidates.append(folder / MINECRAFT_FOLDER)
    for candidate in candidates:
        if is_folder(candidate):
            if below(candidate, folder):
                return Path(os.path.normpath(candidate))
            report(f"{candidate}: leads out of its instance folder; not followed")
    if looks_like_game(folder):
        return folder
    looked = base or f"{MINECRAFT_FOLDER}/"
    report(f"{folder}: no game folder ({looked} is not there){f'; module {module}' * bool(module)}")
    return None


def platform_of(game_folder: Path, server_type: str) -> Platform:
    """The platform, by what is there; `server_type` (AMP's word) decides where that is silent."""
    for platform, marks in _FILE_MARKS:
        if any(is_there(game_folder / mark) for mark in marks):
            return platform
    if geyser_jar(game_folder) or _bare_geyser(game_folder):
        return Platform.GEYSER
    known = _SERVER_TYPES.get(server_type.strip().lower())
    if known is not None:
        return known
    return Platform.VANILLA if is_there(game_folder / "server.properties") else Platform.UNKNOWN


def geyser_jar(game_folder: Path) -> str | None:
    """The file name of a standalone Geyser's jar in `game_folder`."""
    try:
        names = entry_names(game_folder)
    except OSError:
        return None
    return next(
        (name for name in names if name.lower().startswith("geyser") and name.endswith(".jar")),
        None,
    )


def _bare_geyser(game_folder: Path) -> bool:
    """A Geyser folder whose jar is away: named so, with the config and no other game's files."""
    return game_folder.name.lower() == "geyser" and is_there(game_folder / "config.yml")
