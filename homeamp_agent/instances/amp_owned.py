"""Which settings of an instance AMP owns: it writes them anew at every start of the game.

    owned = amp_owned(instance)
    owned.owner("server.properties", ("max-players",)).node   # MinecraftModule.Limits.MaxPlayers

- Minecraft module: the keys of `server.properties` for which AMP has a setting of its own, where
  `MinecraftModule.kvp` holds that setting.
- Generic module: the files that `metaconfig.json` names. With `AutoMap` AMP writes the keys that
  `configmanifest.json` maps and leaves the others; without, it writes the whole file from its
  `SettingMappings`, so that a key that is in none of them does not last.

Sources: AMP's published documentation of the generic module, and public notes on the nodes of the
Minecraft module. A key of which nothing is known is the file's own; whether it stays is then seen
after the next restart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from homeamp_agent.instances.ampfiles import read_bounded, read_kvp
from homeamp_agent.model.instance import Instance
from homeamp_agent.model.setting import KeyPath, segment_text

PROPERTIES = "server.properties"
MINECRAFT, GENERIC = "MinecraftModule", "Meta.GenericModule"
ROOT_HEADING = "$root"
MANIFEST_BYTES_MAX = 4 * 1024 * 1024

MINECRAFT_SETTINGS = {
    "allow-flight": "Game.AllowFlight",
    "difficulty": "Game.Difficulty",
    "enable-command-block": "Game.AllowCommandBlocks",
    "force-gamemode": "Game.ForceGameMode",
    "gamemode": "Game.GameMode",
    "hardcore": "Game.HardcoreMode",
    "level-name": "Minecraft.LevelName",
    "level-seed": "Minecraft.WorldSeed",
    "level-type": "Minecraft.WorldType",
    "max-players": "Limits.MaxPlayers",
    "motd": "Minecraft.ServerMOTD",
    "prevent-proxy-connections": "Minecraft.PreventProxy",
    "pvp": "Game.EnablePVPCombat",
    "query.port": "Minecraft.QueryPort",
    "server-ip": "Minecraft.ServerIPBinding",
    "server-port": "Minecraft.PortNumber",
    "simulation-distance": "Minecraft.SimulationDistance",
    "spawn-animals": "Game.EnableAnimals",
    "spawn-monsters": "Game.EnableMonsters",
    "spawn-npcs": "Game.EnableNPCs",
    "spawn-protection": "Game.SpawnProtectionRadius",
    "view-distance": "Minecraft.ViewDistance",
    "white-list": "Game.Whitelist",
}
"""Keys of server.properties, and AMP's own setting of each."""


@dataclass(frozen=True, slots=True)
class Owner:
    """AMP owns the setting, by `node`; None where it has no node that the agent knows.

    `value` is what AMP's own file of the instance holds, None where it does not say.
    """

    node: str | None
    value: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class OwnedFile:
    """A file that AMP writes: the owners by dotted key; `whole`: what is not among them goes."""

    owners: Mapping[str, Owner]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class AmpOwned:
    """The files that AMP writes in one instance, by their path below the game folder."""

    files: Mapping[str, OwnedFile] = field(default_factory=dict)

    def owner(self, file: str, path: KeyPath) -> Owner | None:
        """Who owns a setting; None where it is the file's own."""
        owned = self.files.get(file)
        if owned is None:
            return None
        key = ".".join(map(segment_text, path))
        known = owned.owners.get(key)
        return Owner(None) if known is None and owned.whole else known


def amp_owned(instance: Instance) -> AmpOwned:
    """What AMP owns in an instance, read from its files now. What cannot be read tells nothing."""
    if not instance.folder or not instance.game_folder:
        return AmpOwned()
    folder = Path(instance.folder)
    minecraft = read_kvp(folder / "MinecraftModule.kvp", _ignore)
    if minecraft:
        owners = {
            key: Owner(f"{MINECRAFT}.{setting}", minecraft[setting])
            for key, setting in MINECRAFT_SETTINGS.items()
            if setting in minecraft
        }
        return AmpOwned({PROPERTIES: OwnedFile(owners)} if owners else {})
    return AmpOwned(_generic(folder, Path(instance.game_folder)))


def _generic(folder: Path, game_folder: Path) -> dict[str, OwnedFile]:
    entries = _json(folder / "metaconfig.json")
    if not isinstance(entries, list):
        return {}
    values = _mapping(_text_as_json(read_kvp(folder / "GenericModule.kvp", _ignore)))
    manifest = _json(folder / "configmanifest.json")
    fields = _fields(manifest if isinstance(manifest, list) else [])
    files: dict[str, OwnedFile] = {}
    for entry in entries:
        name = entry.get("ConfigFile") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            continue
        mapped = fields if entry.get("AutoMap") is True else _mappings(entry)
        owners = {
            key: Owner(f"{GENERIC}.{field_name}", _shown(values.get(field_name)))
            for key, field_name in mapped.items()
        }
        for file in _below(name, folder, game_folder):
            files[file] = OwnedFile(owners, whole=entry.get("AutoMap") is not True)
    return files


def _fields(manifest: list[Any]) -> dict[str, str]:
    """Of an automatic mapping: the field that stands for each dotted key."""
    found = {}
    for each in manifest:
        if isinstance(each, dict) and isinstance(name := each.get("FieldName"), str):
            key = each.get("ParamFieldName")
            found[key if isinstance(key, str) and key else name] = name
    return found


def _mappings(entry: Mapping[str, Any]) -> dict[str, str]:
    """Of a written-out mapping: the field that stands for each key, below its heading."""
    found = {}
    sections = entry.get("Subsections")
    for section in sections if isinstance(sections, list) else []:
        if not isinstance(section, dict):
            continue
        heading = section.get("Heading")
        prefix = (
            f"{heading}." if isinstance(heading, str) and heading not in {"", ROOT_HEADING} else ""
        )
        for field_name, key in _mapping(section.get("SettingMappings")).items():
            if isinstance(key, str) and isinstance(field_name, str):
                found[prefix + key] = field_name
    return found


def _below(name: str, folder: Path, game_folder: Path) -> list[str]:
    """A path as AMP writes it: relative to the game's folder, or to the instance's."""
    plain = PurePosixPath(name.replace("\\", "/"))
    if plain.is_absolute() or ".." in plain.parts:
        return []
    found = [str(plain)]
    try:
        below = game_folder.relative_to(folder).parts
    except ValueError:
        return found
    if below and plain.parts[: len(below)] == below:
        found.append(str(PurePosixPath(*plain.parts[len(below) :])))
    return found


def _text_as_json(kvp: Mapping[str, str]) -> Any:
    try:
        return json.loads(kvp.get("App.AppSettings", ""))
    except (ValueError, RecursionError):
        return None


def _json(path: Path) -> Any:
    try:
        return json.loads(read_bounded(path, MANIFEST_BYTES_MAX).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _shown(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value)
    return str(value) if isinstance(value, (str, int, float)) else None


def _ignore(problem: str) -> None:
    """Discovery reports what it cannot read of the same files."""
    del problem
