"""The other end of the socket, for the dashboard, the command line and scripts.

    client = await Client.connect("unix:/run/homeamp/agent.sock", name="homeamp-tui")
    overview = await client.call("fleet.overview", NoParams(), OverviewResult)
    async for notification in client.events():
        ...
    await client.close()

A lost connection fails every call under way with `ConnectionLost` and ends `events()` with it;
connecting again is the caller's.

ClientError
├── BadUrl              the URL is none of unix:PATH, ssh://[user@]host[:port][/socket]
├── ConnectionLost      the connection could not be made, or is gone; says why
└── CallTimeout         no reply in time; the call may still be carried out
Error replies are raised as `protocol.errors.RpcError`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Sequence
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ValidationError

from homeamp_agent.rpc.link import (
    BadUrl,
    CallTimeout,
    ClientError,
    ConnectionLost,
    Link,
    open_link,
)
from homeamp_agent.rpc.place import default_socket
from homeamp_agent.rpc.protocol import PROTOCOL_MAJOR, PROTOCOL_MINOR
from homeamp_agent.rpc.protocol.backlog import EventBacklog
from homeamp_agent.rpc.protocol.errors import LineTooLong, ParseError, from_wire
from homeamp_agent.rpc.protocol.jsonrpc import decode, encode, request
from homeamp_agent.rpc.protocol.lines import CHUNK_BYTES, LineCutter
from homeamp_agent.rpc.protocol.messages import (
    EventNotification,
    EventsSubscribeParams,
    EventsSubscribeResult,
    HelloParams,
    HelloResult,
)

__all__ = [
    "CALL_TIMEOUT_S",
    "BadUrl",
    "CallTimeout",
    "Client",
    "ClientError",
    "ConnectionLost",
    "default_socket",
]

CALL_TIMEOUT_S = 30.0
"""Lists answer in milliseconds; a fix of a thousand files takes seconds."""

CONNECT_TIMEOUT_S = 15.0
"""A TCP connection plus key exchange over a slow line."""

Result = TypeVar("Result", bound=BaseModel)


class Client:
    """A connection to one agent. Make it with `connect`."""

    def __init__(self, link: Link, name: str) -> None:
        self._link = link
        self._name = name
        self._ids = itertools.count(1)
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._backlog = EventBacklog()
        self._news = asyncio.Event()
        self._lost: str | None = None
        self._reading = asyncio.create_task(self._read(), name=f"rpc client {link.url}")

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        name: str = "",
        timeout_s: float = CONNECT_TIMEOUT_S,
        ssh_command: Sequence[str] | None = None,
    ) -> Self:
        """Connect to `unix:PATH` (or just a path) or `ssh://[user@]host[:port][/socket]`.

        `name` says who calls (`agent.hello`). `ssh_command` replaces `ssh` by another argument
        vector (None: that of $HOMEAMP_SSH_COMMAND, else `ssh`).

        Raises:
            BadUrl: the URL cannot be understood, or would be taken for an option by ssh.
            ConnectionLost: nobody answers there.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return cls(await open_link(url, ssh_command), name)
        except TimeoutError as error:
            raise ConnectionLost(f"{url}: no answer within {timeout_s:g} s") from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()

    @property
    def url(self) -> str:
        """Where this is connected to."""
        return self._link.url

    @property
    def lost(self) -> str | None:
        """Why the connection is gone; None while it stands."""
        return self._lost

    async def hello(self, timeout_s: float = CALL_TIMEOUT_S) -> HelloResult:
        """Introduce ourselves; raises ProtocolMismatch where the agent speaks another major."""
        params = HelloParams(protocol=f"{PROTOCOL_MAJOR}.{PROTOCOL_MINOR}", client=self._name)
        return await self.call("agent.hello", params, HelloResult, timeout_s=timeout_s)

    async def subscribe(
        self, params: EventsSubscribeParams | None = None, timeout_s: float = CALL_TIMEOUT_S
    ) -> EventsSubscribeResult:
        """Subscribe to events, which `events()` then gives."""
        wanted = params or EventsSubscribeParams()
        return await self.call(
            "events.subscribe", wanted, EventsSubscribeResult, timeout_s=timeout_s
        )

    async def call(
        self,
        method: str,
        params: BaseModel,
        result: type[Result],
        *,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> Result:
        """Call a method.

        Raises:
            RpcError: the agent answered with an error.
            CallTimeout: it did not answer in time. The call may still be carried out.
            ConnectionLost: the connection is gone, or the reply is no such result.
        """
        wire = params.model_dump(mode="json", exclude_unset=True)
        reply = await self.call_json(method, wire, timeout_s=timeout_s)
        try:
            return result.model_validate(reply)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise ConnectionLost(
                f"{self.url}: the reply to {method} is not understood ({place}: {first['msg']})"
            ) from error

    async def call_json(
        self, method: str, params: Any, *, timeout_s: float | None = CALL_TIMEOUT_S
    ) -> Any:
        """Call a method with JSON params; returns the JSON result. Raises as `call` does."""
        identifier = next(self._ids)
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._calls[identifier] = reply
        try:
            async with asyncio.timeout(timeout_s):
                await self._send(encode(request(method, params, identifier)))
                return await reply
        except TimeoutError as error:
            raise CallTimeout(f"{self.url}: no reply to {method} within {timeout_s:g} s") from error
        finally:
            self._calls.pop(identifier, None)

    async def events(self) -> AsyncIterator[EventNotification]:
        """The events subscribed to, as they come; folded if this is read too slowly.

        Raises:
            ConnectionLost: the connection is gone.
        """
        while True:
            while (event := self._backlog.take()) is not None:
                yield event
            if self._lost is not None:
                raise ConnectionLost(self._lost)
            self._news.clear()
            await self._news.wait()

    async def close(self) -> None:
        """Hang up. May be called twice."""
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        self._lose(f"{self.url}: closed")
        await self._link.close()

    async def _send(self, line: bytes) -> None:
        if self._lost is not None:
            raise ConnectionLost(self._lost)
        try:
            self._link.writer.write(line)
            await self._link.writer.drain()
        except OSError as error:
            # The reader knows better why: it hears what ssh says.
            await asyncio.wait([self._reading])
            raise ConnectionLost(str(self._lost)) from error

    async def _read(self) -> None:
        cutter = LineCutter()
        why = "the agent hung up"
        try:
            while chunk := await self._link.reader.read(CHUNK_BYTES):
                for line in cutter.feed(chunk):
                    self._take(line)
        except OSError as error:
            why = error.strerror or str(error)
        except ParseError as error:
            why = f"what answers is no agent: {error.message}"
        except ValidationError:
            why = "an event that is none"
        self._lose(f"{self.url}: {await self._link.explain(why)}")

    def _take(self, line: bytes | None) -> None:
        if line is None:
            raise ParseError("a reply longer than any agent's")
        message = decode(line)
        if not isinstance(message, dict):
            raise ParseError("a reply that is no object")
        if "method" in message:
            if message["method"] == "events.event":
                self._backlog.add(EventNotification.model_validate(message.get("params")))
                self._news.set()
            return
        self._answer(message)

    def _answer(self, message: dict[str, Any]) -> None:
        identifier = message.get("id")
        error = from_wire(message["error"]) if "error" in message else None
        if identifier is None and isinstance(error, LineTooLong):
            for call in self._calls.values():
                if not call.done():
                    call.set_exception(error)
            return
        reply = self._calls.get(identifier) if isinstance(identifier, int) else None
        if reply is None or reply.done():
            return
        if error is not None:
            reply.set_exception(error)
        else:
            reply.set_result(message.get("result"))

    def _lose(self, why: str) -> None:
        if self._lost is None:
            self._lost = why
        for call in self._calls.values():
            if not call.done():
                call.set_exception(ConnectionLost(self._lost))
        self._news.set()
