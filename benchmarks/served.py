"""A real agent as its own process, for benchmarks that ask one."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from homeamp_agent.rpc.client import Client, ClientError

START_SECONDS = 300.0
"""Bounds the start and the first scan, of 100,000 deviations on a busy machine."""

LOOK_SECONDS = 0.05


@contextlib.asynccontextmanager
async def served(
    home: Path, instances: Path, baselines: Path, host: str = "bench"
) -> AsyncIterator[Client]:
    """A client of an agent whose first scan is over; state, socket and log are below `home`."""
    socket = home / "agent.sock"
    arguments = ["--host", host, "--instances", str(instances), "--baselines", str(baselines)]
    arguments += ["--state", str(home / "state"), "--socket", str(socket)]
    with (home / "agent.log").open("wb") as log:
        agent = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs yet
            [sys.executable, "-m", "homeamp_agent", "run", *arguments], stdout=log, stderr=log
        )
    try:
        async with await _connected(f"unix:{socket}") as client:
            await client.hello()
            await client.call_json("agent.rescan", {"wait": True}, timeout_s=START_SECONDS)
            yield client
    finally:
        agent.terminate()
        agent.wait(START_SECONDS)


async def _connected(url: str) -> Client:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return await Client.connect(url)
        except (ClientError, OSError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(LOOK_SECONDS)
