"""A panel that answers as AMP's published API says, over real HTTP."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

USER, PASSWORD = "operator", "not-a-real-password"
INSTANCE_ID = "7c9d3a52-0000-4000-8000-000000000001"


@dataclass
class Panel:
    """The stand-in's state; tests turn its knobs."""

    url: str = ""
    sessions: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    logins: int = 0
    daemon: bool = True
    state: int = 20
    steps: list[int] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=lambda: {"MinecraftModule.Game.Motd": "hi"})
    two_factor: str = ""
    wrapped: bool = False
    body_sessions_only: bool = False
    broken: list[tuple[int, bytes]] = field(default_factory=list)
    error: Any = None
    break_on: str = ""
    remember: dict[str, str] = field(default_factory=dict)

    def forget_sessions(self) -> None:
        self.sessions.clear()

    def answer(self, door: str, method: str, body: dict[str, Any], bearer: str) -> Any:
        self.calls.append((f"{door}:{method}", body))
        if method == "Core/Login":
            return self._login(door, body)
        given = body.get("SESSIONID", "") if self.body_sessions_only else bearer
        if self.sessions.get(given or body.get("SESSIONID", "")) != door:
            return {
                "Title": "Unauthorized Access",
                "Message": "This method requires the Session.Exists permission",
                "StackTrace": "",
            }
        if self.error is not None:
            return self.error
        return getattr(self, "_" + method.replace("/", "_"))(body)

    def _login(self, door: str, body: dict[str, Any]) -> Any:
        self.logins += 1
        remembered = body["token"] and self.remember.get(body["token"]) == door
        if not remembered and (body["username"], body["password"]) != (USER, PASSWORD):
            result = 1 if body["token"] and not body["password"] else 0
            return {"success": False, "result": result, "resultReason": "no"}
        if self.two_factor and not remembered and body["token"] != self.two_factor:
            return {"success": False, "result": 40, "sessionID": "", "resultReason": "2fa"}
        session, token = str(uuid.uuid4()), str(uuid.uuid4())
        self.sessions[session] = door
        self.remember[token] = door
        return {
            "success": True,
            "result": 10,
            "sessionID": session,
            "rememberMeToken": token,
            "permissions": [],
        }

    def _ADSModule_GetInstances(self, body: dict[str, Any]) -> Any:
        row = {"InstanceID": INSTANCE_ID, "InstanceName": "DEV01", "FriendlyName": "Dev",
               "Module": "Minecraft", "Running": self.daemon, "AppState": self.state,
               "Tags": None}  # fmt: skip
        panel = {"InstanceID": "x", "InstanceName": "ADS01", "Module": "ADS", "Running": True}
        targets = [{"Id": 1, "FriendlyName": "local", "AvailableInstances": [panel, row]}]
        return {"result": targets} if self.wrapped else targets

    def _ADSModule_StartInstance(self, body: dict[str, Any]) -> Any:
        if body["InstanceName"] != "DEV01":
            return {"Status": False, "Reason": "no such instance"}
        self.daemon = True
        return {"Status": True}

    def _ADSModule_StopInstance(self, body: dict[str, Any]) -> Any:
        self.daemon = False
        return {"Status": True}

    def _Core_GetStatus(self, body: dict[str, Any]) -> Any:
        if self.steps:
            self.state = self.steps.pop(0)
        return {
            "State": self.state,
            "Uptime": "0:10:29:25",
            "Metrics": {"Active Users": {"RawValue": 3, "MaxValue": 50, "Percent": 6}, "New": 1},
        }

    def _Core_Start(self, body: dict[str, Any]) -> Any:
        self.steps = [5, 10, 20]
        return {"Status": True}

    def _Core_Stop(self, body: dict[str, Any]) -> Any:
        self.steps = [40, 0]
        return ""

    def _Core_SendConsoleMessage(self, body: dict[str, Any]) -> Any:
        return ""

    def _Core_GetConfig(self, body: dict[str, Any]) -> Any:
        if body["node"] not in self.settings:
            return None
        return {"Node": body["node"], "CurrentValue": self.settings[body["node"]]}

    def _Core_SetConfig(self, body: dict[str, Any]) -> Any:
        if body["node"] not in self.settings:
            return {"Status": False, "Reason": "Unknown node"}
        self.settings[body["node"]] = body["value"]
        return {"Status": True}

    def _LocalFileBackupPlugin_TakeBackup(self, body: dict[str, Any]) -> Any:
        return {"Status": True}


def handler_for(panel: Panel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            if panel.broken:
                status, page = panel.broken.pop(0)
                return self._reply(status, page)
            if panel.break_on and self.path.endswith(panel.break_on):
                panel.calls.append((self.path, body))
                return self._reply(502, b"<html>bad gateway</html>")
            path = self.path.removeprefix("/API/")
            door = "panel"
            if path.startswith("ADSModule/Servers/"):
                door = path.split("/")[2]
                path = path.split("/API/", 1)[1]
            bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
            answer = panel.answer(door, path, body, bearer)
            self._reply(200, b"" if answer == "" else json.dumps(answer).encode())
            return None

        def _reply(self, status: int, page: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: Any) -> None:
            return

    return Handler


@pytest.fixture
def panel() -> Iterator[Panel]:
    panel = Panel()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(panel))
    server.daemon_threads = True
    panel.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield panel
    server.shutdown()
    thread.join(5)
    server.server_close()
