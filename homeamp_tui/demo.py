"""The demo: the fixtures fleet in a temporary folder, one real agent per host on it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from homeamp_tui.demo_fleet import fixtures_folder, materialise

START_SECONDS = 30.0
"""An agent is up in under a second; a machine busy with an install needs longer."""
STOP_SECONDS = 5.0
POLL_SECONDS = 0.05


class DemoError(Exception):
    """The demo could not be started; says what and why."""


SOON = {"HOMEAMP_DEPLOYMENTS__SOAK_S": "6", "HOMEAMP_DEPLOYMENTS__WAVE_SOAK_S": "4"}
"""Nobody who tries a deployment out waits for an hour."""


class Process(Protocol):
    """An agent that was started, as `subprocess.Popen` has it."""

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int, /) -> None: ...
    def kill(self) -> None: ...


Starter = Callable[[list[str], IO[bytes], Mapping[str, str]], Process]
"""Starts `homeamp-agent` with arguments, a file for all that it says, and an environment."""


@dataclass(frozen=True, slots=True)
class DemoAgent:
    """One agent of the demo."""

    host: str
    socket: Path
    log: Path
    process: Process


def _started(arguments: list[str], output: IO[bytes], environment: Mapping[str, str]) -> Process:
    return subprocess.Popen(
        [sys.executable, "-m", "homeamp_agent", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        env=environment,
    )


@contextlib.asynccontextmanager
async def demo_fleet(start: Starter = _started) -> AsyncIterator[tuple[list[DemoAgent], Path]]:
    """Run the demo's agents; yields them and the folder of the fleet, and cleans up.

    Raises:
        DemoError: an agent did not start; with the end of what it said.
    """
    root = Path(tempfile.mkdtemp(prefix="homeamp-demo-"))
    fleet = root / "demo"
    agents: list[DemoAgent] = []
    copying = asyncio.create_task(asyncio.to_thread(materialise, fixtures_folder(), fleet))
    try:
        await asyncio.shield(copying)
        for folder in sorted((fleet / "fleet").iterdir()):
            agents.append(_start(folder, fleet / "baselines", root, start))
        for agent in agents:
            await _wait_for(agent)
        yield agents, fleet
    finally:
        await asyncio.to_thread(_stop, agents)
        await asyncio.wait([copying])
        await asyncio.to_thread(shutil.rmtree, root, True)


def _start(folder: Path, baselines: Path, root: Path, start: Starter) -> DemoAgent:
    host = folder.name
    socket, log = root / f"{host}.sock", root / f"{host}.log"
    arguments = [
        "run",
        "--host", host,
        "--instances", str(folder / "instances"),
        "--baselines", str(baselines),
        "--state", str(root / f"{host}.state"),
        "--socket", str(socket),
    ]  # fmt: skip
    with log.open("wb") as output:
        process = start(arguments, output, {**os.environ, **SOON})
    return DemoAgent(host, socket, log, process)


async def _wait_for(agent: DemoAgent) -> None:
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while not agent.socket.exists():
        if agent.process.poll() is not None:
            raise DemoError(f"the agent of {agent.host} ended:\n{_said(agent)}")
        if asyncio.get_running_loop().time() > deadline:
            raise DemoError(f"the agent of {agent.host} does not start:\n{_said(agent)}")
        await asyncio.sleep(POLL_SECONDS)


def _said(agent: DemoAgent) -> str:
    try:
        return "\n".join(agent.log.read_text("utf-8", "replace").splitlines()[-10:])
    except OSError as error:
        return str(error)


def _stop(agents: list[DemoAgent]) -> None:
    for agent in agents:
        if agent.process.poll() is None:
            agent.process.send_signal(signal.SIGTERM)
    for agent in agents:
        try:
            agent.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            agent.process.kill()
            agent.process.wait()
