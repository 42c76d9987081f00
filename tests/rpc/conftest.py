"""A real server on a real socket, with a few methods of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from homeamp_agent.model.base import WireWord, Word
from homeamp_agent.model.event import Topic
from homeamp_agent.rpc.access import AccessPolicy
from homeamp_agent.rpc.dispatch import Dispatcher
from homeamp_agent.rpc.events import EventBus
from homeamp_agent.rpc.idempotency import AnsweredCalls
from homeamp_agent.rpc.listening import listen
from homeamp_agent.rpc.protocol.errors import Refused
from homeamp_agent.rpc.protocol.messages import (
    Access,
    EventsSubscribeParams,
    EventsSubscribeResult,
    MutationParams,
    NoParams,
)
from homeamp_agent.rpc.registry import Call, Registry, method
from homeamp_agent.rpc.server import Server
from homeamp_agent.store import open_store

WAIT_S = 60.0
"""A bound on everything that is awaited here, generous for a busy machine."""


class EchoParams(Word):
    text: Any
    times: int = Field(default=1, ge=1)


class EchoResult(WireWord):
    text: Any


class AddParams(MutationParams):
    amount: int


class AddResult(WireWord):
    sum: int


@dataclass
class Room:
    """What the methods of these tests work on."""

    bus: EventBus
    sum: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    entered: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))


@method("test.echo", access=Access.READ, params=EchoParams, result=EchoResult)
async def echo(call: Call[Room], params: EchoParams) -> EchoResult:
    """Say it again."""
    if isinstance(params.text, str):
        return EchoResult(text=params.text * params.times)
    return EchoResult(text=params.text)


@method("test.add", access=Access.OPERATE, params=AddParams, result=AddResult)
async def add(call: Call[Room], params: AddParams) -> AddResult:
    """Add to the sum; negative amounts are refused."""
    if params.amount < 0:
        raise Refused("only upwards")
    call.rooms.sum += params.amount
    return AddResult(sum=call.rooms.sum)


@method("test.gated_add", access=Access.OPERATE, params=AddParams, result=AddResult)
async def gated_add(call: Call[Room], params: AddParams) -> AddResult:
    """Add to the sum once the gate is open."""
    call.rooms.entered.release()
    await call.rooms.gate.wait()
    call.rooms.sum += params.amount
    return AddResult(sum=call.rooms.sum)


@method("test.wait", access=Access.READ, params=NoParams, result=EchoResult)
async def wait(call: Call[Room], params: NoParams) -> EchoResult:
    """Wait for the gate."""
    call.rooms.entered.release()
    await call.rooms.gate.wait()
    return EchoResult(text="open")


@method("test.break", access=Access.READ, params=NoParams, result=EchoResult)
async def broken(call: Call[Room], params: NoParams) -> EchoResult:
    """Fail as nobody foresaw."""
    raise KeyError("hunter2-secret")


@method("test.odd", access=Access.READ, params=NoParams, result=EchoResult)
async def odd(call: Call[Room], params: NoParams) -> EchoResult:
    """What files hold and JSON does not."""
    return EchoResult(text={"nan": float("nan"), "inf": float("inf"), "bytes\udc80": "\udcff"})


@method(
    "events.subscribe",
    access=Access.READ,
    params=EventsSubscribeParams,
    result=EventsSubscribeResult,
)
async def subscribe(call: Call[Room], params: EventsSubscribeParams) -> EventsSubscribeResult:
    """Follow the events."""
    bus = call.rooms.bus
    subscription, replay = bus.subscribe(params.topics, params.since, params.epoch)
    call.line.follow(subscription)
    return EventsSubscribeResult(epoch=bus.epoch, cursor=bus.cursor, replay=replay)


METHODS = (echo, add, gated_add, wait, broken, odd, subscribe)


@dataclass
class Agent:
    """The server under test."""

    socket: Path
    room: Room
    server: Server
    dispatcher: Dispatcher
    wires: list[Wire] = field(default_factory=list)

    @property
    def bus(self) -> EventBus:
        return self.room.bus

    def emit(self, count: int = 1, topic: Topic = Topic.SCAN, **body: Any) -> None:
        for _ in range(count):
            self.bus.emit(topic, "finished", body)

    async def wire(self) -> Wire:
        reader, writer = await asyncio.open_unix_connection(
            str(self.socket), limit=16 * 1024 * 1024
        )
        self.wires.append(Wire(reader, writer))
        return self.wires[-1]


@dataclass
class Wire:
    """Bytes to and from the socket, as any program could send them."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *documents: Any) -> None:
        for document in documents:
            raw = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.writer.write(raw + b"\n")
        await asyncio.wait_for(self.writer.drain(), WAIT_S)

    async def receive(self) -> Any:
        line = await asyncio.wait_for(self.reader.readline(), WAIT_S)
        assert line.endswith(b"\n"), "the agent hung up"
        return json.loads(line)

    async def ask(self, method: str, params: Any = None, identifier: Any = 1) -> Any:
        document = {"jsonrpc": "2.0", "id": identifier, "method": method}
        await self.send(document if params is None else {**document, "params": params})
        return await self.receive()

    async def hung_up(self) -> bool:
        return await asyncio.wait_for(self.reader.read(), WAIT_S) == b""

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    store = await open_store(tmp_path / "state")
    bus = EventBus(recent=50)
    room = Room(bus)
    dispatcher = Dispatcher(room, Registry(METHODS), AnsweredCalls(store, b"k" * 32))
    server = Server(dispatcher, bus, AccessPolicy())
    socket = tmp_path / "run" / "agent.sock"
    await server.start(listen(socket))
    agent = Agent(socket, room, server, dispatcher)
    yield agent
    room.gate.set()
    for wire in agent.wires:
        wire.writer.transport.abort()
    await server.stop()
    await store.close()


@pytest.fixture
async def wire(agent: Agent) -> Wire:
    return await agent.wire()
