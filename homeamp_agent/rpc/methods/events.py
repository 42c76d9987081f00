"""`events.*`: what happens, as it happens."""

from __future__ import annotations

from homeamp_agent.rpc.protocol.errors import EventsLost
from homeamp_agent.rpc.protocol.messages import (
    Access,
    EventsSubscribeParams,
    EventsSubscribeResult,
)
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import Rooms


@method(
    "events.subscribe",
    access=Access.READ,
    params=EventsSubscribeParams,
    result=EventsSubscribeResult,
    errors=(EventsLost,),
)
async def subscribe(call: Call[Rooms], params: EventsSubscribeParams) -> EventsSubscribeResult:
    """Follow events on this connection, instead of what it followed before."""
    bus = call.rooms.bus
    subscription, replay = bus.subscribe(params.topics, params.since, params.epoch)
    call.line.follow(subscription)
    return EventsSubscribeResult(epoch=bus.epoch, cursor=bus.cursor, replay=replay)


METHODS = (subscribe,)
