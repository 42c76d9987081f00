"""The instances and their games."""

from __future__ import annotations

from typing import Literal

from homeamp_agent.model.event import Topic
from homeamp_agent.model.game import GameState, InstanceState, PlayersPolicy
from homeamp_agent.model.instance import Platform
from homeamp_agent.model.query import (
    Counts,
)
from homeamp_agent.rpc.protocol.messages import (
    Access,
    InstanceActOutcome,
    InstanceRow,
    InstancesActParams,
    InstancesActResult,
    InstancesCancelParams,
    InstancesConsoleParams,
    InstancesListParams,
    InstancesListResult,
)
from homeamp_agent.rpc.registry import Call, method
from tests.tui.scripted.rows import INSTANCES
from tests.tui.scripted.script import Script


@method(
    "instances.list", access=Access.READ, params=InstancesListParams, result=InstancesListResult
)
async def instances(call: Call[Script], params: InstancesListParams) -> InstancesListResult:
    """The instances."""
    script = call.rooms
    return InstancesListResult(
        instances=tuple(
            InstanceRow(
                host=script.host, name=name, friendly_name=name.title(), platform=Platform.PAPER,
                tags=("survival",) if name.startswith("S") else ("lobby",), plugins=12, files=60,
                counts=Counts(), amp=script.games.get(name),
                doing="stopped" if name in script.waits else "", waits_until=script.waits.get(name),
            )
            for name in INSTANCES
        )
    )  # fmt: skip


def _acting(script: Script, verb: str, params: InstancesActParams) -> InstancesActResult:
    script.mutations.append((f"instances.{verb}", params))
    outcomes = []
    for name in params.instances:
        players = script.games[name].players or 0
        if players and params.players is PlayersPolicy.REFUSE:
            message = f"{players} players are online"
            outcomes.append(InstanceActOutcome(instance=name, state="refused", message=message))
            continue
        becomes = GameState.STOPPED if verb == "stop" else GameState.STARTING
        script.games[name] = script.games[name].model_copy(update={"state": becomes, "players": 0})
        outcomes.append(InstanceActOutcome(instance=name, state="begun"))
    script.bus.emit(Topic.INSTANCES, "updated", {"names": list(params.instances)})
    return InstancesActResult(results=tuple(outcomes))


@method(
    "instances.stop", access=Access.OPERATE, params=InstancesActParams, result=InstancesActResult
)
async def stop_game(call: Call[Script], params: InstancesActParams) -> InstancesActResult:
    """Stop."""
    return _acting(call.rooms, "stop", params)


@method(
    "instances.restart", access=Access.OPERATE, params=InstancesActParams, result=InstancesActResult
)
async def restart_game(call: Call[Script], params: InstancesActParams) -> InstancesActResult:
    """Restart."""
    return _acting(call.rooms, "restart", params)


@method(
    "instances.cancel",
    access=Access.OPERATE,
    params=InstancesCancelParams,
    result=InstancesActResult,
)
async def cancel(call: Call[Script], params: InstancesCancelParams) -> InstancesActResult:
    """Withdraw what waits, and tell of its end."""
    script = call.rooms
    script.mutations.append(("instances.cancel", params))
    outcomes = []
    for name in params.instances:
        waited = script.waits.pop(name, None) is not None
        message = "" if waited else f"{name}: no stop and no restart waits"
        state: Literal["done", "refused"] = "done" if waited else "refused"
        outcomes.append(InstanceActOutcome(instance=name, state=state, message=message))
        if waited:
            told = {"act": "stop", "instance": name, "state": "withdrawn"}
            told["message"] = f"{name}: withdrawn by kim: nothing was done"
            script.bus.emit(Topic.INSTANCES, "acted", told)
    return InstancesActResult(results=tuple(outcomes))


@method(
    "instances.console",
    access=Access.OPERATE,
    params=InstancesConsoleParams,
    result=InstancesActResult,
)
async def console(call: Call[Script], params: InstancesConsoleParams) -> InstancesActResult:
    """Send a line."""
    call.rooms.mutations.append(("instances.console", params))
    done = (InstanceActOutcome(instance=name, state="done") for name in params.instances)
    return InstancesActResult(results=tuple(done))


def running_games() -> dict[str, InstanceState]:
    """Every game runs; on HUB01 three people play."""
    return {
        name: InstanceState(
            state=GameState.READY, players=3 if name == "HUB01" else 0, players_max=20,
            cpu=12.0, memory_mb=2048.0,
        )
        for name in INSTANCES
    }  # fmt: skip


METHODS = (instances, stop_game, restart_game, cancel, console)
