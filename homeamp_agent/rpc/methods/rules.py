"""`rules.*`: why something is expected."""

from __future__ import annotations

import asyncio

from homeamp_agent.rpc.methods.explaining import Place, explain
from homeamp_agent.rpc.protocol.errors import InvalidParams, NotFound
from homeamp_agent.rpc.protocol.messages import (
    Access,
    RulesExplainParams,
    RulesExplainResult,
)
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import Rooms


@method(
    "rules.explain",
    access=Access.READ,
    params=RulesExplainParams,
    result=RulesExplainResult,
    errors=(NotFound,),
)
async def explain_(call: Call[Rooms], params: RulesExplainParams) -> RulesExplainResult:
    """The chain of rules that spoke of a setting, which won, and what other instances have."""
    if params.key is not None and params.path is not None:
        raise InvalidParams("give key or path, not both")
    snapshot = call.rooms.drift.snapshots.get(params.instance)
    if snapshot is None:
        raise NotFound(f"no instance is called {params.instance[:100]}")
    place = Place(params.plugin, params.file, params.key, params.path)
    explanation = await asyncio.to_thread(explain, call.rooms.drift, snapshot, place)
    return RulesExplainResult(explanation=explanation)


METHODS = (explain_,)
