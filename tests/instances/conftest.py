"""Instances as AMP lays them out, small and real, on disk."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

MakeJar = Callable[[Path, Mapping[str, str]], Path]


@pytest.fixture
def make_jar() -> MakeJar:
    """Writes a jar with the given entries."""

    def make(path: Path, entries: Mapping[str, str]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in entries.items():
                archive.writestr(name, text)
        return path

    return make


class Host:
    """A host's `instances` folder under construction."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.instances = data / "instances"
        self.instances.mkdir(parents=True)

    def write(self, path: str, text: str = "", encoding: str = "utf-8") -> Path:
        """Write a file below the `instances` folder."""
        place = self.instances / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode(encoding))
        return place

    def paper(self, name: str) -> Path:
        """A Paper instance; returns its game folder."""
        self.write(f"{name}/AMPConfig.conf", "# AMP\nAMP.AppModule=MinecraftModule\n")
        self.write(f"{name}/MinecraftModule.kvp", "Minecraft.ServerType=Paper\n")
        self.write(f"{name}/Minecraft/bukkit.yml", "settings: {}\n")
        self.write(f"{name}/Minecraft/server.properties", "motd=A\n")
        return self.instances / name / "Minecraft"

    def lists(self, *entries: object) -> None:
        """Write AMP's instances.json."""
        (self.data / "instances.json").write_text(json.dumps(entries))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "ampdata")
