"""The ten demo instances of both hosts as one AMP lists them, and a deployment that changes all.

One agent serves both folders, as where AMP keeps instances on several disks: AMP's own list
(`instances.json`) names where each lies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from homeamp_tui.demo_fleet import fixtures_folder, materialise
from tests.agent.conftest import Host, Wire
from tests.standin.game import Game
from tests.standin.panel import Panel
from tests.standin.serving import amp_settings, serving

WAVES = [["DEV01"], ["CREA01"], ["EVT01", "FAB01", "GEY01", "HARD01"],
         ["HUB01", "SKY01", "SURV01", "VEL01"]]  # fmt: skip
NAMES = [name for wave in WAVES for name in wave]
PAPER = frozenset({"DEV01", "CREA01", "EVT01", "HARD01", "HUB01", "SKY01", "SURV01"})
NODE = "MinecraftModule.Limits.MaxPlayers"
PLAYERS = 77
SECRET = "fresh-secret-C3"
PROPERTIES = "server.properties"
ESSENTIALS, VELOCITY, CARPET = (
    "plugins/Essentials/config.yml",
    "velocity.toml",
    "config/carpet.conf",
)

EDITS: list[dict[str, Any]] = [
    {"file": ESSENTIALS, "path": ["teleport-cooldown"], "new": 7},
    {"file": PROPERTIES, "path": ["max-players"], "new": PLAYERS},
    {"file": VELOCITY, "path": ["show-max-players"], "new": 900, "instances": ["VEL01"]},
    {"file": "config.yml", "path": ["max-players"], "new": 55, "instances": ["GEY01"]},
    {"file": CARPET, "path": ["rules", "hopperCounters"], "new": True, "instances": ["FAB01"]},
]  # fmt: skip
OVER = {"done", "aborted", "failed", "rolled_back", "paused"}


def lines_changed(name: str, before: bytes) -> dict[str, tuple[bytes, bytes]]:
    """What the edits do to an instance: old and new text by file, made without any reader."""
    if name == "VEL01":
        return {VELOCITY: (b"show-max-players = 500\n", b"show-max-players = 900\n")}
    if name == "GEY01":
        return {"config.yml": (b"\nmax-players: 100\n", b"\nmax-players: 55\n")}
    old = next(each for each in before.splitlines() if each.startswith(b"max-players="))
    changed = {PROPERTIES: (old + b"\n", f"max-players={PLAYERS}\n".encode())}
    if name == "FAB01":
        changed[CARPET] = (b'"hopperCounters": false', b'"hopperCounters": true')
    else:
        was = b"0" if name == "DEV01" else b"5"
        changed[ESSENTIALS] = (
            b"\nteleport-cooldown: " + was + b"\n", b"\nteleport-cooldown: 7\n",
        )  # fmt: skip
    return changed


class TenHost(Host):
    """The agent on all ten. `before` and `wanted` are bytes by instance and file."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        materialise(fixtures_folder(), root / "demo")
        places = {each.name: each for each in root.glob("demo/fleet/*/instances/*")}
        self.folders = {name: places[name] for name in NAMES}
        listed = [
            {"InstanceName": name, "Path": str(folder)} for name, folder in self.folders.items()
        ]
        self.instances.mkdir()
        (self.instances / "instances.json").write_text(json.dumps(listed))
        self.before: dict[str, dict[str, bytes]] = {}
        self.wanted: dict[str, dict[str, bytes]] = {}
        for name in NAMES:
            self._note(name)

    @property
    def baselines(self) -> Path:
        return self.root / "demo" / "baselines"

    def game(self, name: str) -> Path:
        return self.folders[name] / ("geyser" if name == "GEY01" else "Minecraft")

    def log_of(self, name: str) -> Path:
        return self.game(name) / "logs" / "latest.log"

    def _note(self, name: str) -> None:
        properties = self.game(name) / PROPERTIES
        text = properties.read_bytes() if properties.exists() else b""
        self.before[name] = self._all_files(name)
        self.wanted[name] = dict(self.before[name])
        for file, (old, new) in lines_changed(name, text).items():
            assert self.before[name][file].count(old) == 1, (name, file)
            self.wanted[name][file] = self.before[name][file].replace(old, new)
        if text:  # AMP owns it: it writes it at every start
            players = text.partition(b"max-players=")[2].partition(b"\n")[0].decode()
            with (self.folders[name] / "MinecraftModule.kvp").open("a") as kvp:
                kvp.write(f"Limits.MaxPlayers={players}\n")

    def _all_files(self, name: str) -> dict[str, bytes]:
        game = self.game(name)
        files = (each for each in game.rglob("*") if each.is_file() and each.suffix != ".log")
        return {str(each.relative_to(game)): each.read_bytes() for each in files}

    def now(self) -> dict[str, dict[str, bytes]]:
        """Every file of every game folder, but the logs."""
        return {name: self._all_files(name) for name in NAMES}


@contextmanager
def ten_instances(root: Path, **settings: str) -> Iterator[tuple[TenHost, Panel]]:
    """Both hosts' instances with one panel over them, and an agent that can be started."""
    host = TenHost(root)
    panel = Panel()
    for name, folder in host.folders.items():
        kind = "GenericModule" if name == "GEY01" else "Minecraft"
        panel.games[name] = Game(name, kind, folder)
        panel.games[name].load_settings()
        # A port planted in the fixtures: AMP knows another one than the file holds.
        panel.games[name].settings.pop("MinecraftModule.Minecraft.PortNumber", None)
    with serving(panel) as url:
        host.environment = {
            **amp_settings(url),
            "HOMEAMP_AMP__POLL_S": "0.4",
            "HOMEAMP_AMP__READY_S": "60",
            "HOMEAMP_RESTARTS__SETTLE_S": "0",
            "HOMEAMP_DEPLOYMENTS__DEV_INSTANCES": "DEV01",
            "HOMEAMP_DEPLOYMENTS__DEV_TAG": "",
            "HOMEAMP_DEPLOYMENTS__SOAK_S": "0.1",
            "HOMEAMP_DEPLOYMENTS__WAVE_SOAK_S": "0.1",
            "HOMEAMP_DEPLOYMENTS__WAVE_SIZE": "4",
        } | settings
        yield host, panel


def request(policy: str = "stop_write_start") -> dict[str, Any]:
    """One change of all ten instances, over five formats."""
    return {"reason": "more room", "write_policy": policy, "edits": EDITS}


def until(wire: Wire, name: str, wanted: Callable[[Any], bool]) -> Any:
    """The deployment once it is as wanted; events must be subscribed to."""
    while not wanted(shown := wire.call("deployments.show", id=name)["deployment"]):
        assert shown["stage"] not in OVER, shown
        wire.event("deployments", "updated")
    return shown


def at(*stages: str) -> Callable[[Any], bool]:
    """Whether a deployment stands at one of these stages."""
    return lambda shown: shown["stage"] in stages
