"""The demo fleet on disk, the real agent on it as its own process, and a line to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homeamp_tui.demo_fleet import fixtures_folder, materialise
from tests import forked
from tests.forked import Forked
from tests.standin.panel import Panel
from tests.standin.serving import amp_settings, serving

START_SECONDS = 60
"""A bound on a start, generous for two busy cores; nothing here waits for its own sake."""


SETPRIV = shutil.which("setpriv")
ROOT = os.geteuid() == 0
WITHOUT_ROOTS_EYES = (
    [SETPRIV, "--bounding-set=-dac_override,-dac_read_search"] if ROOT and SETPRIV else []
)
"""Root reads files of mode 000; an agent in a test must meet them as any other user does."""


@dataclass
class Wire:
    """A line of JSON a request: what `nc -U | jq` would do."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    calls: int = 0
    asked: set[str] = field(default_factory=set)

    async def call(self, method: str, **params: Any) -> Any:
        """The result; an error fails the test."""
        reply = await self.ask(method, **params)
        assert "error" not in reply, reply
        return reply["result"]

    async def ask(self, method: str, **params: Any) -> Any:
        """The whole answer, a result or an error."""
        self.calls += 1
        self.asked.add(method)
        request = {"jsonrpc": "2.0", "id": self.calls, "method": method, "params": params}
        self.writer.write(json.dumps(request).encode() + b"\n")
        await self.writer.drain()
        while True:
            reply = await self.receive()
            if reply.get("id") == self.calls:
                return reply

    async def receive(self, seconds: float = START_SECONDS) -> Any:
        line = await asyncio.wait_for(self.reader.readline(), seconds)
        assert line, "the agent hung up"
        return json.loads(line)

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    async def event(self, wanted: Any, seconds: float = START_SECONDS) -> Any:
        """The first event whose body satisfies `wanted`."""
        deadline = time.monotonic() + seconds
        while True:
            message = await self.receive(deadline - time.monotonic())
            if message.get("method") == "events.event":
                event = message["params"]["event"]
                if wanted(event):
                    return event


@dataclass
class Fleet:
    """A materialised demo host and the agent that runs on it."""

    root: Path
    host: str
    socket: Path
    state: Path
    by_itself: bool = False
    """Start Python for the agent, as systemd does, and without the eyes of root."""
    process: subprocess.Popen[bytes] | Forked | None = None
    wires: list[Wire] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def instances(self) -> Path:
        return self.root / "fleet" / self.host / "instances"

    def arguments(self) -> list[str]:
        return [
            "--host", self.host,
            "--instances", str(self.instances),
            "--baselines", str(self.root / "baselines"),
        ]  # fmt: skip

    def start(self) -> None:
        arguments = ["run", *self.arguments(), "--state", str(self.state)]
        arguments += ["--socket", str(self.socket)]
        environment = {**os.environ, **self.environment}
        with (self.root / "agent.log").open("ab") as log:
            if self.by_itself:
                self.process = subprocess.Popen(
                    [*WITHOUT_ROOTS_EYES, sys.executable, "-m", "homeamp_agent", *arguments],
                    stdout=log, stderr=log, env=environment,
                )  # fmt: skip
            else:
                self.process = forked.start(*arguments, output=log, env=environment)

    async def connect(self) -> Wire:
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert self.process is not None
            assert self.process.poll() is None, (self.root / "agent.log").read_text()
            try:
                reader, writer = await asyncio.open_unix_connection(
                    str(self.socket), limit=16 * 1024 * 1024
                )
                break
            except OSError:
                assert time.monotonic() < deadline, (self.root / "agent.log").read_text()
                await asyncio.sleep(0.02)
        wire = Wire(reader, writer)
        self.wires.append(wire)
        await wire.call("agent.hello", protocol="1.0", client="test")
        await wire.call("agent.rescan", wait=True)
        return wire

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(START_SECONDS)


@contextlib.asynccontextmanager
async def fleet_at(
    tmp_path: Path, *, prepare: Callable[[Fleet], None] | None = None, by_itself: bool = False
) -> AsyncIterator[Fleet]:
    """The host `alder`, its agent started; `prepare` changes what is on disk before."""
    root = tmp_path / "demo"
    materialise(fixtures_folder(), root)
    fleet = Fleet(root, "alder", tmp_path / "agent.sock", tmp_path / "state", by_itself)
    if prepare is not None:
        prepare(fleet)
    with serving(Panel.over(fleet.instances)) as url:
        fleet.environment = amp_settings(url)
        fleet.start()
        yield fleet
        for wire in fleet.wires:
            await wire.close()
        if fleet.process is not None and fleet.process.poll() is None:
            fleet.stop(signal.SIGKILL)


async def listed(wire: Wire, **filters: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await wire.call("deviations.list", limit=200, cursor=cursor, filter=filters)
        rows += page["deviations"]
        cursor = page["next_cursor"]
        if cursor is None:
            assert len(rows) == page["total"]
            return rows
