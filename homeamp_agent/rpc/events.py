"""The event bus: what happened, in one increasing sequence per start of the agent.

Everything here runs on the event loop; another thread hands its events over with
`loop.call_soon_threadsafe`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from homeamp_agent.model.event import Event, Topic
from homeamp_agent.rpc.protocol import REPLY_LIMIT_BYTES
from homeamp_agent.rpc.protocol.backlog import EventBacklog
from homeamp_agent.rpc.protocol.errors import EventsLost
from homeamp_agent.rpc.protocol.messages import EventNotification

RECENT_EVENTS = 4096
"""How far back a client that reconnects can be replayed to: minutes of the busiest fleet."""

REPLAY_LIMIT_BYTES = REPLY_LIMIT_BYTES // 2
"""A replay larger than this is no cheaper than listing again."""

EVENT_LIMIT_BYTES = 64 * 1024
"""50 deviations of usual size fit; one may hold a value of 572 KB."""

EPOCH_BYTES = 8


class Subscription:
    """The events for one connection; a slow one gets them coalesced, and holds nobody up."""

    def __init__(self, topics: Iterable[Topic] | None) -> None:
        self.topics = None if topics is None else frozenset(topics)
        self._backlog = EventBacklog()
        self._ready = asyncio.Event()
        self._ended = False

    def wants(self, topic: Topic) -> bool:
        """Whether events of this topic go to this subscriber."""
        return self.topics is None or topic in self.topics

    def offer(self, event: Event) -> None:
        """Queue an event for the subscriber."""
        self._backlog.add(EventNotification(event=event))
        self._ready.set()

    async def next(self) -> EventNotification | None:
        """The next event, once there is one; None when the subscription ended."""
        while (notification := self._backlog.take()) is None and not self._ended:
            self._ready.clear()
            await self._ready.wait()
        return notification

    def end(self) -> None:
        """Let `next` give what waits, then None."""
        self._ended = True
        self._ready.set()


class EventBus:
    """Numbers events, remembers the recent ones, and hands them to the subscribers."""

    def __init__(self, recent: int = RECENT_EVENTS) -> None:
        self.epoch = secrets.token_hex(EPOCH_BYTES)
        self.cursor = 0
        self._recent: deque[Event] = deque(maxlen=recent)
        self._subscriptions: set[Subscription] = set()

    def emit(self, topic: Topic, name: str, body: dict[str, Any] | None = None) -> Event:
        """Tell every subscriber of `topic` what happened; `body` is JSON, secrets masked.

        Of a body that is too large for an event its lists are left out: then list again.
        """
        self.cursor += 1
        event = Event(
            cursor=self.cursor,
            topic=topic,
            name=name,
            at=datetime.now(UTC),
            body=_bounded(body or {}),
        )
        self._recent.append(event)
        for subscription in self._subscriptions:
            if subscription.wants(topic):
                subscription.offer(event)
        return event

    def subscribe(
        self,
        topics: Iterable[Topic] | None = None,
        since: int | None = None,
        epoch: str | None = None,
    ) -> tuple[Subscription, tuple[Event, ...]]:
        """A subscription from now on, and the events after `since` that are known still.

        Raises:
            EventsLost: not every event after `since` is known; nothing was subscribed.
        """
        subscription = Subscription(topics)
        replay = self._after(since, epoch, subscription) if since is not None else ()
        self._subscriptions.add(subscription)
        return subscription, replay

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; unknown ones are ignored."""
        self._subscriptions.discard(subscription)

    def _after(
        self, since: int, epoch: str | None, subscription: Subscription
    ) -> tuple[Event, ...]:
        oldest = self._recent[0].cursor if self._recent else self.cursor + 1
        if epoch not in {None, self.epoch}:
            self._lost("the agent was started again since")
        if since > self.cursor:
            self._lost(f"there is no event {since} yet")
        if since < oldest - 1:
            self._lost(f"events up to {oldest - 1} are no longer known")
        replay = tuple(
            each for each in self._recent if each.cursor > since and subscription.wants(each.topic)
        )
        if sum(len(each.model_dump_json()) for each in replay) > REPLAY_LIMIT_BYTES:
            self._lost("more happened since than one reply can hold")
        return replay

    def _lost(self, why: str) -> None:
        raise EventsLost(
            f"{why}: subscribe without `since`, then list again",
            epoch=self.epoch,
            cursor=self.cursor,
        )


def _bounded(body: dict[str, Any]) -> dict[str, Any]:
    """The body without its largest lists, until it fits."""
    sizes = {name: len(json.dumps(value, default=str)) for name, value in body.items()}
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if sum(sizes.values()) <= EVENT_LIMIT_BYTES:
            break
        body = {**body, name: None}
        sizes[name] = 0
    return body
