"""Agents with a script behind a real socket, for screens that need no real fleet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.tui.scripted import ScriptedAgent, believable

AgentOf = Callable[[str], Awaitable[ScriptedAgent]]


@pytest.fixture
async def agent_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AgentOf]:
    """Starts an agent of a host with believable rows. Its address is `unix:HOST.sock`: screens show
    addresses, and a golden file must not know where its test ran."""
    monkeypatch.chdir(tmp_path)
    started: list[ScriptedAgent] = []

    async def start(host: str) -> ScriptedAgent:
        agent = ScriptedAgent(host, Path(f"{host}.sock"), tmp_path / host)
        agent.script.rows = list(believable(host))
        await agent.start()
        started.append(agent)
        return agent

    yield start
    for agent in started:
        await agent.stop()
