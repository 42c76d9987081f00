"""`rpc.*`: the agent's description of itself."""

from __future__ import annotations

from homeamp_agent.rpc.openrpc import document_of
from homeamp_agent.rpc.protocol.messages import Access, DiscoverResult, NoParams
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import Rooms


@method("rpc.discover", access=Access.READ, params=NoParams, result=DiscoverResult)
async def discover(call: Call[Rooms], params: NoParams) -> DiscoverResult:
    """The OpenRPC document of every method."""
    del params
    return DiscoverResult(document_of(call.rooms.registry))


METHODS = (discover,)
