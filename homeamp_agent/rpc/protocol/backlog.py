"""Events on their way to one reader: bounded, so that a slow reader costs nobody anything."""

from __future__ import annotations

from collections import deque

from homeamp_agent.model.event import Topic
from homeamp_agent.rpc.protocol.messages import EventNotification

BACKLOG_LIMIT = 256
"""Events kept for a reader that lags; at 100 bytes to 10 KB each, 2 MB at the very most."""


class EventBacklog:
    """A queue that folds the events of each topic into the newest one when it is full."""

    def __init__(self, limit: int = BACKLOG_LIMIT) -> None:
        self._limit = limit
        self._waiting: deque[EventNotification] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, notification: EventNotification) -> None:
        """Queue an event, folding what is queued if there is no room."""
        self._waiting.append(notification)
        if len(self._waiting) > self._limit:
            self._fold()

    def take(self) -> EventNotification | None:
        """The oldest event, or None if there is none."""
        return self._waiting.popleft() if self._waiting else None

    def _fold(self) -> None:
        newest: dict[Topic, EventNotification] = {}
        folded: dict[Topic, int] = {}
        for each in self._waiting:
            topic = each.event.topic
            folded[topic] = folded.get(topic, -1) + 1 + each.coalesced
            newest[topic] = each
        self._waiting = deque(
            sorted(
                (
                    each.model_copy(update={"coalesced": folded[topic]})
                    for topic, each in newest.items()
                ),
                key=lambda each: each.event.cursor,
            )
        )
