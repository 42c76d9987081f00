"""A panel that answers as AMP's published API says. Tests turn its knobs."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.standin.game import READY, STOPPED, Game

USER, PASSWORD = "operator", "not-a-real-password"
PANEL_ID = "7c9d3a52-0000-4000-8000-00000000ad50"
REPLAYED_LINES = 40
"""A new session gets the last lines of the console again."""

DEAD = {
    "Title": "Unauthorized Access",
    "Message": "This method requires the Session.Exists permission",
    "StackTrace": "",
}
UNAVAILABLE = {
    "Title": "Instance Unavailable",
    "Message": "The instance is not running",
    "StackTrace": "",
}
UNKNOWN_METHOD = {"Title": "Not Found", "Message": "No such method", "StackTrace": ""}


@dataclass
class Panel:
    """The stand-in's state. `games` by name; `broken` are raw answers to give next.

    What ends in `break_on` is not done and answered with 502; what ends in `lose_on` is done. While
    `away`, nothing is; after what ends in `leave_on` was done, it is away.
    """

    games: dict[str, Game] = field(default_factory=dict)
    url: str = ""
    sessions: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    logins: int = 0
    two_factor: str = ""
    wrapped: bool = False
    body_sessions_only: bool = False
    broken: list[tuple[int, bytes]] = field(default_factory=list)
    error: Any = None
    break_on: str = ""
    lose_on: str = ""
    deny: str = ""
    away: bool = False
    leave_on: str = ""
    remember: dict[str, str] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @classmethod
    def over(cls, instances: Path, names: Iterable[str] | None = None) -> Panel:
        """A panel over a folder of instances, the panel's own left out."""
        panel = cls()
        for folder in sorted(instances.iterdir()):
            wanted = names is None or folder.name in names
            if wanted and folder.is_dir() and not (folder / "ADSModule.kvp").exists():
                generic = (folder / "GenericModule.kvp").exists()
                game = Game(folder.name, "GenericModule" if generic else "Minecraft", folder)
                game.load_settings()
                panel.games[folder.name] = game
        return panel

    def forget_sessions(self) -> None:
        """As a restart of the panel does."""
        self.sessions.clear()

    def methods_called(self, name: str = "") -> list[str]:
        """`Module/Method` of every call so far, of one instance or (without a name) of all."""
        door = self.games[name].id if name else ""
        return [call.partition(":")[2] for call, _ in self.calls if call.startswith(door)]

    def answer(self, door: str, method: str, body: dict[str, Any], bearer: str) -> Any:
        """The JSON answer of one call; "" for a void method. `door` is `panel` or an instance."""
        with self.lock:
            self.calls.append((f"{door}:{method}", body))
            game = next((each for each in self.games.values() if each.id == door), None)
            if door != "panel" and (game is None or not game.daemon):
                return UNAVAILABLE
            if method == "Core/Login":
                return self._login(door, body)
            given = "" if self.body_sessions_only else bearer
            session = given if given in self.sessions else str(body.get("SESSIONID", ""))
            if self.sessions.get(session) != door:
                return DEAD
            if self.error is not None:
                return self.error
            if self.deny and method == self.deny:
                return {"Status": False, "Reason": f"requires the {method} permission"}
            if method == "Core/GetUpdates":
                return self._updates(session, game)
            act = getattr(self, "_" + method.replace("/", "_"), None)
            return UNKNOWN_METHOD if act is None else act(body, game)

    def _login(self, door: str, body: dict[str, Any]) -> Any:
        self.logins += 1
        token = body.get("token", "")
        remembered = token and self.remember.get(token) == door
        if not remembered and (body.get("username"), body.get("password")) != (USER, PASSWORD):
            result = 1 if token and not body.get("password") else 0
            return {"success": False, "result": result, "resultReason": "no"}
        if self.two_factor and not remembered and token != self.two_factor:
            return {"success": False, "result": 40, "sessionID": "", "resultReason": "2fa"}
        session, kept = str(uuid.uuid4()), str(uuid.uuid4())
        self.sessions[session] = door
        self.remember[kept] = door
        return {
            "success": True,
            "permissions": [],
            "sessionID": session,
            "rememberMeToken": kept,
            "userInfo": _user(),
            "result": 10,
            "resultReason": "",
        }

    def _updates(self, session: str, game: Game | None) -> Any:
        lines = game.console if game is not None else []
        seen = self.read.get(session, max(0, len(lines) - REPLAYED_LINES))
        self.read[session] = len(lines)
        return {
            "Status": game.status() if game is not None else {},
            "ConsoleEntries": [_entry(line) for line in lines[seen:]],
            "Messages": [],
            "Tasks": [],
            "Ports": [],
        }

    def _ADSModule_GetInstances(self, body: dict[str, Any], game: Game | None) -> Any:
        rows = [_panel_row(), *map(_row, self.games.values())]
        targets = [_target(rows)]
        return {"result": targets} if self.wrapped else targets

    def _ADSModule_StartInstance(self, body: dict[str, Any], game: Game | None) -> Any:
        return self._daemon(body, running=True)

    def _ADSModule_StopInstance(self, body: dict[str, Any], game: Game | None) -> Any:
        return self._daemon(body, running=False)

    def _ADSModule_RestartInstance(self, body: dict[str, Any], game: Game | None) -> Any:
        return self._daemon(body, running=True)

    def _daemon(self, body: dict[str, Any], *, running: bool) -> Any:
        game = self.games.get(body.get("InstanceName", ""))
        if game is None:
            return {"Status": False, "Reason": "no such instance"}
        if game.daemon != running:
            game.state, game.steps = STOPPED, []
        game.daemon = running
        return {"Status": True}

    def _Core_GetStatus(self, body: dict[str, Any], game: Game | None) -> Any:
        return (
            {"State": READY, "Uptime": "1:0:0:0", "Metrics": {}} if game is None else game.status()
        )

    def _Core_Start(self, body: dict[str, Any], game: Game | None) -> Any:
        if game is not None:
            game.start()
        return {"Status": True}

    def _Core_Restart(self, body: dict[str, Any], game: Game | None) -> Any:
        if game is not None and game.state != STOPPED:
            game.stop()
            game.start()
        return {"Status": True}

    def _Core_Stop(self, body: dict[str, Any], game: Game | None) -> Any:
        if game is not None:
            game.stop()
        return ""

    def _Core_Kill(self, body: dict[str, Any], game: Game | None) -> Any:
        return self._Core_Stop(body, game)

    def _Core_SendConsoleMessage(self, body: dict[str, Any], game: Game | None) -> Any:
        if game is not None:
            game.console.append(str(body["message"]))
        return ""

    def _Core_GetConfig(self, body: dict[str, Any], game: Game | None) -> Any:
        settings = {} if game is None else game.settings
        node = body.get("node")
        if node not in settings:
            return None
        return _setting(str(node), settings[node])

    def _Core_SetConfig(self, body: dict[str, Any], game: Game | None) -> Any:
        if game is None or body["node"] not in game.settings:
            return {"Status": False, "Reason": "Unknown node"}
        try:
            game.set(body["node"], body["value"])
        except ValueError:
            return {"Status": False, "Reason": "The value does not fit the setting"}
        return {"Status": True, "Reason": ""}

    def _LocalFileBackupPlugin_TakeBackup(self, body: dict[str, Any], game: Game | None) -> Any:
        if game is not None:
            game.backups.append(body)
        return {"Status": True, "Reason": ""}

    def _LocalFileBackupPlugin_GetBackups(self, body: dict[str, Any], game: Game | None) -> Any:
        return [] if game is None else game.backups


def _user() -> dict[str, Any]:
    return {
        "ID": PANEL_ID,
        "Username": USER,
        "EmailAddress": "",
        "IsTwoFactorEnabled": False,
        "Disabled": False,
        "LastLogin": _now(),
        "GravatarHash": "",
        "IsLDAPUser": False,
        "AvatarBase64": "",
    }


def _now() -> str:
    return f"/Date({int(time.time() * 1000)})/"


def _entry(line: str) -> dict[str, Any]:
    return {"Contents": line, "Source": "Console", "Timestamp": _now(), "Type": "Console"}


def _setting(node: str, value: Any) -> dict[str, Any]:
    return {
        "Node": node,
        "Name": node.rpartition(".")[2],
        "CurrentValue": value,
        "ValType": type(value).__name__,
        "ReadOnly": False,
    }


def _target(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "Id": 1,
        "InstanceId": PANEL_ID,
        "FriendlyName": "Local",
        "Description": "",
        "Disabled": False,
        "IsRemote": False,
        "State": READY,
        "StateReason": "",
        "URL": "http://127.0.0.1:8080/",
        "LastUpdated": _now(),
        "Platform": _platform(),
        "CanCreate": False,
        "CreatesInContainers": False,
        "Tags": [],
        "TagsList": [],
        "Datastores": [],
        "AvailableIPs": ["0.0.0.0", "127.0.0.1"],  # noqa: S104 - as AMP lists them
        "AvailableInstances": rows,
    }


def _platform() -> dict[str, Any]:
    cpu = {
        "Sockets": 1,
        "Cores": 2,
        "Threads": 2,
        "Vendor": "Example",
        "ModelName": "Example CPU",
        "TotalCores": 2,
        "TotalThreads": 2,
    }
    return {
        "CPUInfo": cpu,
        "InstalledRAMMB": 16_384,
        "OS": 2,
        "PlatformName": "Debian GNU/Linux 12",
        "SystemType": 2,
        "Virtualization": 0,
    }


def _row(game: Game) -> dict[str, Any]:
    number = sum(map(ord, game.name)) % 900
    return {
        "InstanceID": game.id,
        "TargetID": PANEL_ID,
        "InstanceName": game.name,
        "FriendlyName": game.name.title(),
        "Module": game.module,
        "ModuleDisplayName": game.module,
        "AMPVersion": "2.6.0.0",
        "IsHTTPS": False,
        "IP": "127.0.0.1",
        "Port": 8081 + number,
        "Daemon": True,
        "DaemonAutostart": True,
        "ExcludeFromFirewall": False,
        "Running": game.daemon,
        "AppState": game.state if game.daemon else -1,
        "Suspended": False,
        "IsContainerInstance": False,
        "ContainerMemoryMB": 0,
        "ContainerMemoryPolicy": 0,
        "ReleaseStream": 10,
        "ManagementMode": 10,
        "Tags": None,
        "DiskUsageMB": 0,
        "DeploymentArgs": {},
        "ApplicationEndpoints": [],
    }


def _panel_row() -> dict[str, Any]:
    panel = Game("ADS01", "ADS")
    return _row(panel) | {"InstanceID": PANEL_ID, "AppState": READY}


def encoded(answer: Any) -> bytes:
    """An answer as it goes over the wire; a void method's has no body."""
    return b"" if answer == "" else json.dumps(answer).encode()
