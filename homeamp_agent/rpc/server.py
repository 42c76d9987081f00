"""The socket's server: many clients, each with bounded memory, none able to hold the others up.

    server = Server(dispatcher, bus, policy)
    server.start(listening)
    ...
    await server.stop()

Per connection at most `CONCURRENCY` requests are answered at once; then nothing more is read until
a reply was taken. Events wait in a backlog that folds. So a client that does not read costs at most
its replies, and the agent never waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import select
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from homeamp_agent.rpc.access import AccessPolicy, Peer, credentials, look_up
from homeamp_agent.rpc.dispatch import Caller, Dispatcher
from homeamp_agent.rpc.events import EventBus, Subscription
from homeamp_agent.rpc.listening import ListeningSocket
from homeamp_agent.rpc.protocol import LINE_LIMIT_BYTES
from homeamp_agent.rpc.protocol.errors import Busy, LineTooLong
from homeamp_agent.rpc.protocol.jsonrpc import encode, failure, notification
from homeamp_agent.rpc.protocol.lines import CHUNK_BYTES, LineCutter
from homeamp_agent.rpc.protocol.messages import Access

CONCURRENCY = 16
"""Requests of one connection answered at once: a dashboard never has more under way."""

MAX_CLIENTS = 128
"""Dozens of operators and scripts; more is a script that forgot to hang up."""

STOP_TIMEOUT_S = 2.5
"""For calls under way when the agent stops; the whole stop has 5 s."""

LISTENER_LOOK_S = 1.0
"""How soon a half-closed subscriber that goes away is noticed though nothing happens."""

LOOKUP_THREADS = 2
"""The name service may block (LDAP): it gets threads of its own."""

log = logging.getLogger(__name__)


class Connection:
    """One client, from accept to hang-up."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        dispatcher: Dispatcher,
        bus: EventBus,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._dispatcher = dispatcher
        self._bus = bus
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._sending = asyncio.Lock()
        self._subscription: Subscription | None = None
        self._pump: asyncio.Task[None] | None = None
        self._input_ended = asyncio.Event()

    async def serve(self, peer: Peer, access: Access | None) -> None:
        """Answer until the client hangs up, and until what it asked for is answered."""
        caller = Caller(peer, access, self)
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._read(caller, tasks)
        except* ConnectionError:
            pass  # the client is gone: nobody is left to be told
        finally:
            self.follow(None)

    def follow(self, subscription: Subscription | None) -> None:
        """Send the events of `subscription` from the next reply on, instead of an earlier one's."""
        if self._subscription is not None:
            self._bus.unsubscribe(self._subscription)
        if self._pump is not None:
            self._pump.cancel()
        self._subscription = subscription
        self._pump = None

    async def finish(self) -> None:
        """Wait until every request under way is answered and every event waiting is sent."""
        for _ in range(CONCURRENCY):
            await self._slots.acquire()
        pump = self._pump
        if self._subscription is not None:
            self._subscription.end()
        if pump is not None:
            await asyncio.wait([pump])

    async def refuse(self) -> None:
        """Say that there are too many clients."""
        error = Busy(f"the agent serves at most {MAX_CLIENTS} clients at once")
        with contextlib.suppress(ConnectionError):
            await self._send(encode(failure(None, error)))

    def abort(self) -> None:
        """Hang up at once, whatever waits to be sent."""
        self._writer.transport.abort()

    def close(self) -> None:
        """Hang up once the client took what was sent."""
        self._writer.close()

    async def _read(self, caller: Caller, tasks: asyncio.TaskGroup) -> None:
        cutter = LineCutter()
        while chunk := await self._reader.read(CHUNK_BYTES):
            for line in cutter.feed(chunk):
                await self._take(line, caller, tasks)
        for line in cutter.end():
            await self._take(line, caller, tasks)
        self._input_ended.set()

    async def _take(self, line: bytes | None, caller: Caller, tasks: asyncio.TaskGroup) -> None:
        if line is None:
            error = LineTooLong(f"a line holds at most {LINE_LIMIT_BYTES} bytes")
            await self._send(encode(failure(None, error)))
        elif line.strip():
            await self._slots.acquire()
            answering = tasks.create_task(self._answer(line, caller, tasks))
            # Not in the task itself: one that is cancelled before it began runs nothing.
            answering.add_done_callback(lambda _: self._slots.release())

    async def _answer(self, line: bytes, caller: Caller, tasks: asyncio.TaskGroup) -> None:
        reply = await self._dispatcher.answer(line, caller)
        if reply is not None:
            await self._send(reply)
        if self._subscription is not None and self._pump is None:
            self._pump = tasks.create_task(self._send_events(self._subscription))
            tasks.create_task(self._end_with_listener(self._pump))

    async def _send_events(self, subscription: Subscription) -> None:
        while (event := await subscription.next()) is not None:
            await self._send(encode(notification("events.event", event.model_dump(mode="json"))))

    async def _end_with_listener(self, pump: asyncio.Task[None]) -> None:
        """After a half-close nothing tells that a listener went away, but asking."""
        await self._input_ended.wait()
        hung_up = select.poll()
        hung_up.register(self._writer.get_extra_info("socket").fileno(), 0)
        while not pump.done():
            if hung_up.poll(0):
                raise ConnectionResetError
            await asyncio.wait([pump], timeout=LISTENER_LOOK_S)

    async def _send(self, line: bytes) -> None:
        async with self._sending:
            self._writer.write(line)
            await self._writer.drain()


class Server:
    """Accepts clients on a listening socket."""

    def __init__(self, dispatcher: Dispatcher, bus: EventBus, policy: AccessPolicy) -> None:
        self._dispatcher = dispatcher
        self._bus = bus
        self._policy = policy
        self._listening: ListeningSocket | None = None
        self._accepting: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._lookups = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="peer")

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    async def start(self, listening: ListeningSocket) -> None:
        """Begin to accept."""
        self._listening = listening
        self._accepting = await asyncio.start_unix_server(
            self._accept, sock=listening.sock, limit=LINE_LIMIT_BYTES
        )

    async def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Accept nobody more, finish what is under way within `timeout_s`, hang up."""
        self._dispatcher.stopping = True
        if self._accepting is not None:
            self._accepting.close()
        if self._listening is not None:
            self._listening.close()
        finishing = [asyncio.ensure_future(each.finish()) for each in self._connections.values()]
        waiting = [*finishing, *self._dispatcher.mutations]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=timeout_s)
            for task in set(finishing) & late:
                task.cancel()
        await self._hang_up()
        self._lookups.shutdown(wait=False, cancel_futures=True)

    async def _hang_up(self) -> None:
        connections = dict(self._connections)
        for task, connection in connections.items():
            task.cancel()
            connection.abort()
        await asyncio.gather(*connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer, self._dispatcher, self._bus)
        task = asyncio.get_running_loop().create_task(self._serve(connection, writer))
        self._connections[task] = connection
        task.add_done_callback(self._connections.pop)

    async def _serve(self, connection: Connection, writer: asyncio.StreamWriter) -> None:
        try:
            if self.clients > MAX_CLIENTS:
                await connection.refuse()
                return
            peer = await self._peer(writer)
            gid = self._listening.gid if self._listening else None
            await connection.serve(peer, self._policy.access_of(peer, gid))
        except OSError as error:
            log.warning("a client could not be served: %s", error.strerror)
        finally:
            connection.close()

    async def _peer(self, writer: asyncio.StreamWriter) -> Peer:
        sock: Any = writer.get_extra_info("socket")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._lookups, look_up, *credentials(sock))
