"""`agent.*`: who the agent is, how it is doing, and scanning again on demand."""

from __future__ import annotations

import os
from pathlib import Path

from homeamp_agent import PRODUCT, VERSION
from homeamp_agent.rpc.protocol import PROTOCOL_MAJOR, PROTOCOL_MINOR
from homeamp_agent.rpc.protocol.errors import NotFound, ProtocolMismatch
from homeamp_agent.rpc.protocol.messages import (
    Access,
    HelloParams,
    HelloResult,
    NoParams,
    RescanParams,
    RescanResult,
    StatusResult,
)
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import Rooms

CAPABILITIES = ("deviations", "changes", "events", "rules")
_STATM = Path("/proc/self/statm")
_RESIDENT_PAGES = 1


@method(
    "agent.hello",
    access=Access.READ,
    params=HelloParams,
    result=HelloResult,
    errors=(ProtocolMismatch,),
)
async def hello(call: Call[Rooms], params: HelloParams) -> HelloResult:
    """Say who calls, and learn who answers and what the caller may do."""
    major = params.protocol.partition(".")[0]
    if major != str(PROTOCOL_MAJOR):
        raise ProtocolMismatch(
            f"this agent speaks protocol {PROTOCOL_MAJOR}, the client {major[:20]}: "
            "update the older of the two",
            protocol=f"{PROTOCOL_MAJOR}.{PROTOCOL_MINOR}",
        )
    rooms = call.rooms
    return HelloResult(
        protocol=f"{PROTOCOL_MAJOR}.{PROTOCOL_MINOR}",
        product=PRODUCT,
        version=VERSION,
        host=rooms.host,
        epoch=rooms.bus.epoch,
        cursor=rooms.bus.cursor,
        access=call.access,
        capabilities=CAPABILITIES,
    )


@method("agent.status", access=Access.READ, params=NoParams, result=StatusResult)
async def status(call: Call[Rooms], params: NoParams) -> StatusResult:
    """How the agent is doing: scans, baselines, clients, memory, and what is wrong."""
    del params
    rooms = call.rooms
    return StatusResult(
        host=rooms.host,
        version=VERSION,
        pid=os.getpid(),
        started_at=rooms.started_at,
        epoch=rooms.bus.epoch,
        cursor=rooms.bus.cursor,
        watching=rooms.drift.watched_folders > 0,
        watched_folders=rooms.drift.watched_folders,
        clients=rooms.clients(),
        memory_bytes=_memory_bytes(),
        instances=len(rooms.drift.instances),
        scan=rooms.drift.scan_status,
        baselines=rooms.drift.baseline_status,
        amp=rooms.amp.watch.link,
        problems=rooms.problems(),
    )


@method(
    "agent.rescan",
    access=Access.OPERATE,
    params=RescanParams,
    result=RescanResult,
    errors=(NotFound,),
)
async def rescan(call: Call[Rooms], params: RescanParams) -> RescanResult:
    """Scan all instances or some again, now."""
    drift = call.rooms.drift
    if params.instances is not None:
        known = {each.name for each in drift.instances}
        if unknown := sorted(set(params.instances) - known):
            raise NotFound(f"no instance is called {', '.join(unknown[:5])}")
    if params.wait:
        await drift.rescan(params.instances)
    else:
        call.rooms.later(drift.rescan(params.instances))
    return RescanResult(scan=drift.scan_status)


def _memory_bytes() -> int:
    try:
        pages = int(_STATM.read_text("ascii").split()[_RESIDENT_PAGES])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGESIZE")


METHODS = (hello, status, rescan)
