"""One instance of the stand-in: its daemon, its game, its settings and its files.

Its state moves one step with every question for it, so a test needs no clock.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STOPPED, PRE_START, STARTING, READY, STOPPING, FAILED = 0, 5, 10, 20, 40, 100

PROPERTIES = {
    "MinecraftModule.Minecraft.ServerMOTD": "motd",
    "MinecraftModule.Minecraft.PortNumber": "server-port",
    "MinecraftModule.Minecraft.ViewDistance": "view-distance",
    "MinecraftModule.Limits.MaxPlayers": "max-players",
    "MinecraftModule.Game.Difficulty": "difficulty",
    "MinecraftModule.Game.EnablePVPCombat": "pvp",
    "MinecraftModule.Game.Whitelist": "white-list",
}
"""What the stand-in writes into `server.properties` at every start, by AMP's node."""


@dataclass
class Game:
    """An instance; `folder` is its folder on disk, where it has one.

    `at_once`: the first look after a start or a stop finds it done.
    """

    name: str
    module: str = "Minecraft"
    folder: Path | None = None
    daemon: bool = True
    state: int = READY
    players: int = 0
    players_max: int = 50
    fails: bool = False
    sticks: bool = False
    at_once: bool = False
    steps: list[int] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    console: list[str] = field(default_factory=list)
    backups: list[dict[str, Any]] = field(default_factory=list)
    starts: int = 0
    stops: int = 0
    leave_in: int = 0
    uptime: str = "0:10:29:25"
    at_start: list[Callable[[Game], None]] = field(default_factory=list)

    @property
    def id(self) -> str:
        """As AMP would make one up, but the same every time."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.name}.example.net"))

    def load_settings(self) -> None:
        """AMP's settings as its own `.kvp` of the instance holds them."""
        for module in ("MinecraftModule", "GenericModule"):
            file = (self.folder or Path()) / f"{module}.kvp"
            if self.folder is not None and file.is_file():
                for line in file.read_text("utf-8").splitlines():
                    key, equals, value = line.partition("=")
                    if equals:
                        self.settings[f"{module}.{key}"] = value

    def status(self) -> dict[str, Any]:
        """`Core/GetStatus`; the state moves on by one step."""
        if self.steps:
            self.state = self.steps.pop(0)
        if self.leave_in:
            self.leave_in -= 1
            self.players = self.players if self.leave_in else 0
        return {
            "State": self.state,
            "Uptime": self.uptime,
            "Metrics": {
                "CPU Usage": _metric(12, 100, 12, "%"),
                "Memory Usage": _metric(2048, 6144, 33, "MB"),
                "Active Users": _metric(self.players, self.players_max, 6, ""),
                "TPS": _metric(19.9, 20, 99, ""),
                "Something New": 1,
            },
        }

    def start(self) -> None:
        """`Core/Start`: AMP writes what it owns, the plugins do what they do."""
        self.starts += 1
        self._write_owned()
        for act in self.at_start:
            act(self)
        self.steps = [PRE_START, STARTING, FAILED if self.fails else READY]
        if self.at_once:
            self.steps = self.steps[-1:]
        if self.sticks:
            self.steps = [STARTING] * 10_000

    def stop(self) -> None:
        """`Core/Stop`."""
        self.stops += 1
        self.players = 0
        self.steps = [STOPPING, STOPPED][self.at_once :]
        if self.sticks:
            self.steps = [STOPPING] * 10_000

    def set(self, node: str, value: Any) -> None:
        """`Core/SetConfig`, kept in memory and in the `.kvp`."""
        old = self.settings[node]
        self.settings[node] = _like(old, value)
        module, _, key = node.partition(".")
        file = (self.folder or Path()) / f"{module}.kvp"
        if self.folder is not None and file.is_file():
            lines = file.read_text("utf-8").splitlines()
            kept = [each for each in lines if not each.startswith(f"{key}=")]
            file.write_text("\n".join([*kept, f"{key}={value}"]) + "\n", "utf-8")

    def _write_owned(self) -> None:
        file = (self.folder or Path()) / "Minecraft" / "server.properties"
        if self.folder is None or not file.is_file():
            return
        lines = file.read_text("utf-8").splitlines()
        for node, key in PROPERTIES.items():
            if node in self.settings:
                value = str(self.settings[node])
                shown = value.lower() if value in {"True", "False"} else value
                lines = [f"{key}={shown}" if each.startswith(f"{key}=") else each for each in lines]
        file.write_text("\n".join(lines) + "\n", "utf-8")


def _like(old: Any, value: Any) -> Any:
    """AMP keeps the type of a setting, whatever text it was sent."""
    if isinstance(old, bool):
        return str(value).lower() == "true"
    if isinstance(old, int):
        return int(value)
    return value


def _metric(value: float, maximum: float, percent: float, units: str) -> dict[str, Any]:
    return {"RawValue": value, "MaxValue": maximum, "Percent": percent, "Units": units}
