"""The stand-in on its socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from homeamp_agent.rpc.access import AccessPolicy
from homeamp_agent.rpc.dispatch import Dispatcher
from homeamp_agent.rpc.events import EventBus
from homeamp_agent.rpc.idempotency import AnsweredCalls
from homeamp_agent.rpc.listening import listen
from homeamp_agent.rpc.registry import Registry
from homeamp_agent.rpc.server import Server
from homeamp_agent.store import open_store
from tests.tui.scripted import (
    changes,
    deployments,
    deviations,
    games,
    host,
    requests,
    rules,
    settings,
)
from tests.tui.scripted.script import Script

METHODS = tuple(
    each
    for noun in (host, games, deviations, changes, settings, requests, deployments, rules)
    for each in noun.METHODS
)


class ScriptedAgent:
    """A stand-in on its socket; can be killed and started again."""

    def __init__(self, host: str, socket: Path, state: Path) -> None:
        self.socket, self._state = socket, state
        self.script = Script(host, EventBus())
        self._closing: list[Callable[[], Any]] = []

    @property
    def url(self) -> str:
        return f"unix:{self.socket}"

    async def start(self) -> None:
        store = await open_store(self._state)
        self.script.bus = EventBus()
        dispatcher = Dispatcher(self.script, Registry(METHODS), AnsweredCalls(store, b"k" * 32))
        server = Server(dispatcher, self.script.bus, AccessPolicy())
        await server.start(listen(self.socket))
        self._closing = [server.stop, store.close]

    async def stop(self) -> None:
        closing, self._closing = self._closing, []
        for close in closing:
            await close()
