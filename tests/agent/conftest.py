"""A small host of two instances, and a real agent process on it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import forked
from tests.forked import Forked
from tests.standin.panel import Panel
from tests.standin.serving import amp_settings, serving

AGENT = [sys.executable, "-m", "homeamp_agent"]
WAIT_S = 60.0
"""A bound on everything that is awaited here, generous for a busy machine."""

CONFIG = """\
# Spawn
spawn:
  enabled: {enabled}   # keep me
  radius: 16
database:
  password: {password}
"""
RULES = """\
version: 1
rules:
  - {plugin: Sample, file: config.yml, key: spawn.enabled, value: true, severity: high}
  - {plugin: Sample, file: config.yml, key: spawn.radius, value: 16}
  - {plugin: Sample, file: config.yml, key: database.password, value: right-secret-A1}
  - {plugin: Sample, file: config.yml, key: spawn.mode, one_of: [safe, fast]}
"""


@dataclass
class Host:
    """An instances folder, baselines, and the agent's own folders, all below `root`."""

    root: Path
    name: str = "alder"
    by_itself: bool = False
    """Start Python for each agent, as a person does, where that is what is tested."""
    process: subprocess.Popen[bytes] | Forked | None = None
    environment: dict[str, str] = field(default_factory=dict)
    socket_folder: Path | None = None

    @property
    def instances(self) -> Path:
        return self.root / "instances"

    @property
    def baselines(self) -> Path:
        return self.root / "baselines"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def socket(self) -> Path:
        return (self.socket_folder or self.root) / "agent.sock"

    @property
    def log(self) -> str:
        return (self.root / "agent.log").read_text("utf-8")

    def config(self, instance: str) -> Path:
        return self.instances / instance / "Minecraft" / "plugins" / "Sample" / "config.yml"

    def add_instance(self, name: str, *, enabled: str = "true", password: str) -> None:
        folder = self.instances / name
        file = self.config(name)
        file.parent.mkdir(parents=True)
        file.write_text(CONFIG.format(enabled=enabled, password=password), "utf-8")
        (folder / "AMPConfig.conf").write_text(
            f"AMP.InstanceName={name}\nAMP.FriendlyName={name}\n", "utf-8"
        )
        (folder / "Minecraft" / "config").mkdir()
        (folder / "Minecraft" / "config" / "paper-global.yml").write_text("a: 1\n", "utf-8")

    def options(self) -> list[str]:
        return [
            "--host", self.name, "--instances", str(self.instances),
            "--baselines", str(self.baselines), "--state", str(self.state),
        ]  # fmt: skip

    def start(self, *more: str) -> subprocess.Popen[bytes] | Forked:
        arguments = ["run", *self.options(), "--socket", str(self.socket), *more]
        environment = {**os.environ, **self.environment}
        with (self.root / "agent.log").open("ab") as log:
            if self.by_itself:
                self.process = subprocess.Popen(
                    [*AGENT, *arguments], stdout=log, stderr=log, env=environment
                )
            else:
                self.process = forked.start(*arguments, output=log, env=environment)
        return self.process

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(WAIT_S)

    def connect(self) -> Wire:
        """A connection as soon as the agent listens."""
        deadline = time.monotonic() + WAIT_S
        while True:
            assert self.process is not None
            assert self.process.poll() is None, self.log
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(WAIT_S)
            try:
                sock.connect(str(self.socket))
            except OSError:
                sock.close()
                assert time.monotonic() < deadline, self.log
                time.sleep(0.01)
            else:
                return Wire(sock)

    @contextlib.contextmanager
    def running(self) -> Iterator[Wire]:
        """A started agent that has finished its first scan."""
        self.start()
        with contextlib.closing(self.connect()) as wire:
            wire.call("agent.rescan")
            yield wire
        self.stop()

    def command(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        if self.by_itself:
            return subprocess.run(
                [*AGENT, *arguments],
                capture_output=True, text=True, timeout=60, check=False, **more,
            )  # fmt: skip
        return forked.command(*arguments, **more)


class Wire:
    """A plain socket, a line a message."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._stream = sock.makefile("rwb")
        self._calls = 0
        self.events: list[Any] = []

    def ask(self, method: str, **params: Any) -> Any:
        """The whole reply; events that come first are kept."""
        self._calls += 1
        request = {"jsonrpc": "2.0", "id": self._calls, "method": method, "params": params}
        self._stream.write(json.dumps(request).encode() + b"\n")
        self._stream.flush()
        while (message := self.receive()).get("id") != self._calls:
            self.events.append(message["params"]["event"])
        return message

    def at_once(self, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
        """The replies to calls that are all sent before the first is answered."""
        ids = range(self._calls + 1, self._calls + 1 + len(calls))
        self._calls += len(calls)
        for identifier, (method, params) in zip(ids, calls, strict=True):
            request = {"jsonrpc": "2.0", "id": identifier, "method": method, "params": params}
            self._stream.write(json.dumps(request).encode() + b"\n")
        self._stream.flush()
        replies: dict[int, Any] = {}
        while len(replies) < len(calls):
            message = self.receive()
            if message.get("id") in ids:
                replies[message["id"]] = message
            else:
                self.events.append(message["params"]["event"])
        return [replies[each] for each in ids]

    def call(self, method: str, **params: Any) -> Any:
        reply = self.ask(method, **params)
        assert "error" not in reply, reply
        return reply["result"]

    def receive(self) -> Any:
        line = self._stream.readline()
        assert line, "the agent hung up"
        return json.loads(line)

    def event(self, topic: str, name: str) -> Any:
        """The next event of that topic and name."""
        while True:
            for number, event in enumerate(self.events):
                if (event["topic"], event["name"]) == (topic, name):
                    del self.events[: number + 1]
                    return event
            self.events.append(self.receive()["params"]["event"])

    def close(self) -> None:
        self._stream.close()
        self._sock.close()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    host.baselines.mkdir()
    (host.baselines / "rules.yaml").write_text(RULES, "utf-8")
    host.add_instance("LOBBY01", enabled="false", password="right-secret-A1")
    host.add_instance("SURV01", password="wrong-secret-B2")
    yield host
    if host.process is not None and host.process.poll() is None:
        host.stop(signal.SIGKILL)


@pytest.fixture
def panel(host: Host) -> Iterator[Panel]:
    """A panel over the host's instances, and the agent told of it."""
    panel = Panel.over(host.instances)
    with serving(panel) as url:
        host.environment = {
            **amp_settings(url),
            "HOMEAMP_AMP__POLL_S": "0.1",
            "HOMEAMP_RESTARTS__SETTLE_S": "0",
        }
        yield panel


@contextlib.contextmanager
def looked(host: Host) -> Iterator[Wire]:
    """An agent that has heard from AMP; its events are subscribed to."""
    with host.running() as wire:
        wire.events += wire.call("events.subscribe", topics=["instances"], since=0)["replay"]
        wire.event("instances", "state_changed")
        yield wire
