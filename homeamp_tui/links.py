"""One task per agent: connects, says hello, listens, and comes back when the agent was away.

A lost agent never ends or freezes anything: its link says so, and tries again on its own.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from pydantic import BaseModel

from homeamp_agent.model.event import Event
from homeamp_agent.rpc.client import Client, ClientError
from homeamp_agent.rpc.protocol.errors import EventsLost, RpcError
from homeamp_agent.rpc.protocol.messages import (
    EventNotification,
    EventsSubscribeParams,
    HelloResult,
    MutationParams,
)

BACK_OFF_FIRST_SECONDS = 0.2
BACK_OFF_LAST_SECONDS = 5.0
"""An agent that restarts is back in a blink; one that is down should not be hammered."""

Result = TypeVar("Result", bound=BaseModel)


class LinkState(StrEnum):
    """Whether the agent can be asked."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"


class NotConnected(Exception):
    """The agent cannot be asked right now; the link is trying to reach it."""


@dataclass(slots=True, eq=False)
class Link:
    """The way to one agent. `host` is known after the first hello, and stays known."""

    url: str
    on_state: Callable[[Link], None] = lambda _link: None
    on_event: Callable[[Link, Event], None] = lambda _link, _event: None
    on_relist: Callable[[Link], None] = lambda _link: None
    state: LinkState = LinkState.CONNECTING
    since: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    why: str = ""
    hello: HelloResult | None = None
    _client: Client | None = None
    _cursor: int | None = None

    @property
    def host(self) -> str:
        """The agent's host, or its address until it has said hello."""
        return self.hello.host if self.hello else self.url

    async def run(self) -> None:
        """Keep the link up until cancelled."""
        pause = BACK_OFF_FIRST_SECONDS
        while True:
            try:
                await self._session()
                pause = BACK_OFF_FIRST_SECONDS
            except (ClientError, OSError, RpcError) as error:
                was_up = self.state is LinkState.CONNECTED
                self._become(LinkState.LOST, str(error) or type(error).__name__)
                if was_up:
                    pause = BACK_OFF_FIRST_SECONDS
            await asyncio.sleep(pause)
            pause = min(pause * 2, BACK_OFF_LAST_SECONDS)

    async def _session(self) -> None:
        client = await Client.connect(self.url, name="homeamp-tui")
        try:
            known = self.hello
            self.hello = await client.hello()
            self._client = client
            await self._subscribe(client, known)
            self._become(LinkState.CONNECTED, "")
            self.on_relist(self)
            async for notification in client.events():
                self._hear(notification)
        finally:
            self._client = None
            await client.close()

    async def _subscribe(self, client: Client, known: HelloResult | None) -> None:
        assert self.hello is not None  # noqa: S101  (narrows for mypy; the caller has set it)
        params = EventsSubscribeParams()
        if known is not None and known.epoch == self.hello.epoch and self._cursor is not None:
            params = EventsSubscribeParams(since=self._cursor, epoch=known.epoch)
        try:
            answer = await client.subscribe(params)
        except EventsLost:
            answer = await client.subscribe()
        self._cursor = answer.cursor

    def _hear(self, told: EventNotification) -> None:
        self._cursor = told.event.cursor
        if told.coalesced:
            self.on_relist(self)
        self.on_event(self, told.event)

    def _become(self, state: LinkState, why: str) -> None:
        if state is not self.state or why != self.why:
            if state is not self.state:
                self.since = dt.datetime.now(dt.UTC)
            self.state, self.why = state, why
            self.on_state(self)

    async def call(self, method: str, params: BaseModel, result: type[Result]) -> Result:
        """Ask the agent.

        Raises:
            NotConnected: the agent is away, or did not answer in time.
            RpcError: it answered with an error.
        """
        if self._client is None:
            raise NotConnected(f"{self.host} cannot be reached: {self.why or 'connecting'}")
        try:
            return await self._client.call(method, params, result)
        except ClientError as error:
            raise NotConnected(str(error)) from error

    async def mutate(self, method: str, params: MutationParams, result: type[Result]) -> Result:
        """Ask for a change under a fresh idempotency key."""
        named = type(params)(
            **{**params.model_dump(exclude_unset=True), "idempotency_key": uuid.uuid4().hex}
        )
        return await self.call(method, named, result)
