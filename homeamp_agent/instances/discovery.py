"""Which instances a host has, from AMP's list and from the folders themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from homeamp_agent.instances.ampfiles import (
    ListedInstance,
    Report,
    entry_names,
    is_folder,
    is_there,
    plain_name,
    read_instances_json,
    read_kvp,
)
from homeamp_agent.instances.inventory import take_inventory
from homeamp_agent.instances.layout import (
    MINECRAFT_FOLDER,
    game_folder_of,
    looks_like_game,
    platform_of,
)
from homeamp_agent.model.instance import Instance, Platform

INSTANCES_JSON = "instances.json"
AMP_CONFIG = "AMPConfig.conf"
PANEL_KVP = "ADSModule.kvp"
PANEL_MODULES = frozenset({"ads", "adsmodule"})
"""AMP's panel is an instance of its own, without a game."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """The instances of a host, by name, and what was wrong on the way, one line each.

    A problem of one instance stands in its `problems` only.
    """

    instances: tuple[Instance, ...]
    problems: tuple[str, ...]


def discover(instances_dir: Path, host: str) -> Discovery:
    """Find the instances below `instances_dir` (AMP's `instances` folder, or the one above it).

    `instances.json` beside or above names them; folders it does not list count too when they hold
    an `AMPConfig.conf` or a game folder. The panel (ADS) is left out. Reads jars, so call it off
    the event loop; a second call reads only those that changed. Never raises for what it finds.
    """
    problems: list[str] = []
    root = _instances_folder(instances_dir)
    if not is_folder(root):
        return Discovery((), (f"{instances_dir}: no such folder",))
    found: dict[str, Instance] = {}
    for listed in _candidates(root, problems.append):
        folder = _folder_of(listed, root)
        if folder is None:
            problems.append(f"{root / INSTANCES_JSON}: {listed.name} has no folder {listed.path}")
        elif listed.name in found:
            problems.append(f"{folder}: another instance is named {listed.name} too; left out")
        elif (instance := _instance(listed, folder, host)) is not None:
            found[listed.name] = instance
    return Discovery(tuple(found[name] for name in sorted(found)), tuple(problems))


def _instances_folder(given: Path) -> Path:
    """`given`, or its `instances` child where `given` is AMP's data folder."""
    child = given / "instances"
    return child if is_there(given / INSTANCES_JSON) and is_folder(child) else given


def _candidates(root: Path, report: Report) -> Iterator[ListedInstance]:
    """What AMP lists, then the folders that it does not."""
    listed: tuple[ListedInstance, ...] = ()
    for place in (root / INSTANCES_JSON, root.parent / INSTANCES_JSON):
        entries = read_instances_json(place, report)
        if entries is not None:
            listed = entries
            break
    yield from listed
    names = {entry.name for entry in listed}
    folders = {os.path.realpath(folder) for entry in listed if (folder := _folder_of(entry, root))}
    try:
        children = entry_names(root)
    except OSError as error:
        report(f"{root}: cannot be read: {error.strerror}")
        return
    for name in children:
        folder = root / name
        if name in names or os.path.realpath(folder) in folders:
            continue
        if not _is_instance(folder, report):
            continue
        if plain_name(name):
            yield ListedInstance(name=name, friendly_name="", module="", path=None)
        else:
            report(f"{root}: the folder {name!r} has no name that can be shown; left out")


def _folder_of(listed: ListedInstance, root: Path) -> Path | None:
    """Where a listed instance lies: its `Path` if that exists, else the folder of its name."""
    places = [root / listed.name]
    if listed.path is not None and "\0" not in listed.path:
        places.insert(0, root.parent / listed.path)
    return next((place for place in places if is_folder(place)), None)


def _is_instance(folder: Path, report: Report) -> bool:
    if folder.name.startswith(".") or not is_folder(folder):
        return False
    try:
        names = entry_names(folder)
    except OSError as error:
        report(f"{folder}: cannot be read: {error.strerror}; left out")
        return False
    return AMP_CONFIG in names or MINECRAFT_FOLDER in names or looks_like_game(folder)


def _instance(listed: ListedInstance, folder: Path, host: str) -> Instance | None:
    """The instance in `folder` with its plugins; None for the panel."""
    if listed.module.lower() in PANEL_MODULES or is_there(folder / PANEL_KVP):
        return None
    problems: list[str] = []
    amp = read_kvp(folder / AMP_CONFIG, problems.append)
    if amp.get("AMP.AppModule", "").strip().lower() in PANEL_MODULES:
        return None
    minecraft = read_kvp(folder / "MinecraftModule.kvp", problems.append)
    generic = {} if minecraft else read_kvp(folder / "GenericModule.kvp", problems.append)
    module = listed.module or ("Minecraft" * bool(minecraft)) or ("GenericModule" * bool(generic))
    game_folder = game_folder_of(folder, module, generic, problems.append)
    platform = Platform.UNKNOWN
    if game_folder is not None:
        platform = platform_of(game_folder, minecraft.get("Minecraft.ServerType", ""))
    instance = Instance(
        host=host,
        name=listed.name,
        friendly_name=listed.friendly_name or amp.get("AMP.FriendlyName", "").strip(),
        module=module,
        platform=platform,
        folder=str(folder.absolute()),
        game_folder=str(game_folder.absolute()) if game_folder else "",
    )
    plugins, jar_problems = take_inventory(instance)
    return instance.model_copy(update={"plugins": plugins, "problems": (*problems, *jar_problems)})
