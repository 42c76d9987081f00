"""`instances.start`, `.stop`, `.restart`, with regard for who plays, and `.cancel` while they wait;
`.backup` and `.console`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal

from homeamp_agent.amp.games import Act, Manners, NotBegun, Withdrawn
from homeamp_agent.amp.lifecycle import LifecycleError
from homeamp_agent.model.event import Topic
from homeamp_agent.rpc.protocol.errors import NotFound, Refused
from homeamp_agent.rpc.protocol.messages import (
    Access,
    InstanceActOutcome,
    InstancesActParams,
    InstancesActResult,
    InstancesBackUpParams,
    InstancesCancelParams,
    InstancesConsoleParams,
)
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import Rooms


@method(
    "instances.start",
    access=Access.OPERATE,
    params=InstancesActParams,
    result=InstancesActResult,
    errors=(NotFound, Refused),
)
async def start(call: Call[Rooms], params: InstancesActParams) -> InstancesActResult:
    """Start games, and wait until players can join."""
    return await _each(call, Act.START, params)


@method(
    "instances.stop",
    access=Access.OPERATE,
    params=InstancesActParams,
    result=InstancesActResult,
    errors=(NotFound, Refused),
)
async def stop(call: Call[Rooms], params: InstancesActParams) -> InstancesActResult:
    """Stop games; with players online only as `players` says."""
    return await _each(call, Act.STOP, params)


@method(
    "instances.restart",
    access=Access.OPERATE,
    params=InstancesActParams,
    result=InstancesActResult,
    errors=(NotFound, Refused),
)
async def restart(call: Call[Rooms], params: InstancesActParams) -> InstancesActResult:
    """Restart games; with players online only as `players` says."""
    return await _each(call, Act.RESTART, params)


@method(
    "instances.cancel",
    access=Access.OPERATE,
    params=InstancesCancelParams,
    result=InstancesActResult,
    errors=(NotFound, Refused),
)
async def cancel(call: Call[Rooms], params: InstancesCancelParams) -> InstancesActResult:
    """Withdraw stops and restarts that wait for players; refused where none waits."""
    rooms, who = call.rooms, str(call.peer)
    names = await _known(rooms, params.instances)

    async def one(name: str) -> InstanceActOutcome:
        try:
            was = await rooms.amp.games.withdraw(name, who)
        except NotBegun as error:
            return InstanceActOutcome(instance=name, state="refused", message=str(error))
        message = f"it waited to be {was}"
        if params.announce:
            try:
                await rooms.amp.lifecycle.announce(name, params.announce)
            except LifecycleError as error:
                message += f"; players were not told: {error}"
        return InstanceActOutcome(instance=name, state="done", message=message)

    noted = (_noted(rooms, "cancel", name, who, params.reason, one, {}) for name in names)
    return InstancesActResult(results=tuple(await asyncio.gather(*noted)))


@method(
    "instances.backup",
    access=Access.OPERATE,
    params=InstancesBackUpParams,
    result=InstancesActResult,
    errors=(NotFound, Refused),
)
async def backup(call: Call[Rooms], params: InstancesBackUpParams) -> InstancesActResult:
    """Ask AMP for a backup of whole instances; AMP makes them in its own time."""
    rooms, who = call.rooms, str(call.peer)
    names = await _known(rooms, params.instances)

    async def one(name: str) -> InstanceActOutcome:
        await rooms.amp.lifecycle.back_up(name, params.title)
        return InstanceActOutcome(instance=name, state="done", message="AMP was asked for it")

    facts = {"title": params.title}
    noted = (_noted(rooms, "backup", name, who, params.reason, one, facts) for name in names)
    return InstancesActResult(results=tuple(await asyncio.gather(*noted)))


@method(
    "instances.console",
    access=Access.OPERATE,
    params=InstancesConsoleParams,
    result=InstancesActResult,
    errors=(NotFound, Refused),
)
async def console(call: Call[Rooms], params: InstancesConsoleParams) -> InstancesActResult:
    """Send a line to the console of games."""
    rooms, who = call.rooms, str(call.peer)
    names = await _known(rooms, params.instances)
    word, _, rest = params.line.strip().partition(" ")
    shown = params.line if word.casefold() == "say" else word + (" …" if rest else "")

    async def one(name: str) -> InstanceActOutcome:
        await rooms.amp.lifecycle.console(name, params.line)
        return InstanceActOutcome(instance=name, state="done")

    facts = {"line": shown}
    noted = (_noted(rooms, "console", name, who, params.reason, one, facts) for name in names)
    return InstancesActResult(results=tuple(await asyncio.gather(*noted)))


async def _noted(
    rooms: Rooms,
    act: str,
    instance: str,
    who: str,
    reason: str,
    work: Callable[[str], Awaitable[InstanceActOutcome]],
    facts: Mapping[str, str],
) -> InstanceActOutcome:
    """Do it, write it into the audit log, and tell everybody."""
    try:
        outcome = await work(instance)
    except LifecycleError as error:
        outcome = InstanceActOutcome(instance=instance, state="failed", message=str(error))
    await _note(rooms, act, who, reason, outcome, facts)
    return outcome


async def _note(
    rooms: Rooms,
    act: str,
    who: str,
    reason: str,
    outcome: InstanceActOutcome,
    facts: Mapping[str, str],
) -> None:
    """Write what came of it into the audit log, and tell everybody."""
    await asyncio.to_thread(
        rooms.changes().audit.append,
        who=who,
        action=f"instance.{act}",
        subject=outcome.instance,
        reason=reason,
        outcome=outcome.state,
        message=outcome.message,
        **facts,
    )
    told = {"act": act, "by": who, "reason": reason}
    rooms.bus.emit(Topic.INSTANCES, "acted", told | outcome.model_dump(mode="json"))


async def _known(rooms: Rooms, instances: Sequence[str]) -> tuple[str, ...]:
    """The instances, each once.

    Raises:
        NotFound: this host has no instance of one of the names.
        Refused: the agent speaks to no AMP.
    """
    known = {each.name for each in rooms.drift.instances}
    if unknown := sorted(set(instances) - known):
        raise NotFound(f"no instance is called {', '.join(unknown[:5])}")
    if not rooms.amp.lifecycle.available:
        state = await rooms.amp.lifecycle.state(instances[0])
        raise Refused(state.message)
    return tuple(dict.fromkeys(instances))


async def _each(call: Call[Rooms], act: Act, params: InstancesActParams) -> InstancesActResult:
    rooms = call.rooms
    names = await _known(rooms, params.instances)
    acting = _all(rooms, act, names, params, str(call.peer))
    if params.wait:
        return InstancesActResult(results=await acting)
    rooms.later(acting)
    begun = (InstanceActOutcome(instance=name, state="begun") for name in names)
    return InstancesActResult(results=tuple(begun))


async def _all(
    rooms: Rooms, act: Act, names: Sequence[str], params: InstancesActParams, who: str
) -> tuple[InstanceActOutcome, ...]:
    return tuple(await asyncio.gather(*(_one(rooms, act, name, params, who) for name in names)))


async def _one(
    rooms: Rooms, act: Act, instance: str, params: InstancesActParams, who: str
) -> InstanceActOutcome:
    """Do it, write it into the audit log, and tell everybody."""
    manners = Manners(params.players, params.wait_minutes * 60, params.announce)
    try:
        message = await rooms.amp.games.act(act, instance, manners)
        outcome = InstanceActOutcome(instance=instance, state="done", message=message)
    except NotBegun as error:
        state: Literal["withdrawn", "refused"] = (
            "withdrawn" if isinstance(error, Withdrawn) else "refused"
        )
        outcome = InstanceActOutcome(instance=instance, state=state, message=str(error))
    except LifecycleError as error:
        outcome = InstanceActOutcome(instance=instance, state="failed", message=str(error))
    amp = await rooms.amp.lifecycle.state(instance)
    outcome = outcome.model_copy(update={"amp": amp})
    rooms.amp.watch.look_soon()
    await _note(rooms, act.value, who, params.reason, outcome, {"players": params.players.value})
    return outcome


METHODS = (start, stop, restart, cancel, backup, console)
