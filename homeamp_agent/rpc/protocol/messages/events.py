"""`events.*`: what happens, as it happens."""

from __future__ import annotations

from pydantic import Field

from homeamp_agent.model.base import WireWord, Word
from homeamp_agent.model.event import Event, Topic


class EventsSubscribeParams(Word):
    """Topics (None: all); with `since` and `epoch`, first what happened after that cursor."""

    topics: tuple[Topic, ...] | None = None
    since: int | None = Field(default=None, ge=0)
    epoch: str | None = None


class EventsSubscribeResult(WireWord):
    """From here on `events.event` notifications carry an `EventNotification`."""

    epoch: str
    cursor: int
    replay: tuple[Event, ...] = ()


class EventNotification(WireWord):
    """Params of the notification `events.event`.

    `coalesced` counts earlier events of this topic that were folded into this one because the
    reader was slow: then list again instead of trusting single events.
    """

    event: Event
    coalesced: int = 0
