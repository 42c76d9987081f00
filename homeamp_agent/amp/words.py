"""What AMP answers, as values: states, instances, status. Unknown fields are left out.

Source of names and numbers: AMP's published API specs 2.6 and 2.8.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Any

from homeamp_agent.amp.errors import AmpAway
from homeamp_agent.model.base import WireWord
from homeamp_agent.model.game import GameState, InstanceState

LARGEST_FIGURE = 1e15
"""Beyond it a JSON number is no count, no percentage and no size in MB of any machine."""
EMPTY_GUID = "00000000-0000-0000-0000-000000000000"

LOGIN_RESULTS = {
    0: "wrong user name or password",
    1: "the login token was rejected",
    2: "a full login is required",
    5: "this account has no access to the instance",
    6: "the instance is suspended",
    10: "success",
    20: "the password must be changed first",
    25: "the account is disabled",
    40: "a two-factor code is required",
    45: "two-factor login must be set up first",
    50: "the two-factor code was wrong",
    500: "the login service is unavailable",
}


LOGIN_SERVER_AWAY = 500
"""The one refused login that trying again may help."""


_UPTIME = re.compile(r"(?:(\d{1,6})[.:])?(\d{1,4}):(\d{1,2}):(\d{1,2}(?:\.\d{1,9})?)", re.ASCII)


class AppState(IntEnum):
    """The state of the game in an instance; an unknown number is INDETERMINATE."""

    UNDEFINED = -1
    STOPPED = 0
    PRE_START = 5
    CONFIGURING = 7
    STARTING = 10
    READY = 20
    RESTARTING = 30
    STOPPING = 40
    PREPARING_FOR_SLEEP = 45
    SLEEPING = 50
    WAITING = 60
    INSTALLING = 70
    UPDATING = 75
    AWAITING_USER_INPUT = 80
    FAILED = 100
    SUSPENDED = 200
    MAINTENANCE = 250
    INDETERMINATE = 999

    @classmethod
    def _missing_(cls, value: object) -> AppState:  # noqa: ARG003  (enum's own signature)
        return cls.INDETERMINATE


_GAME_STATES = {
    AppState.STOPPED: GameState.STOPPED,
    AppState.SUSPENDED: GameState.STOPPED,
    AppState.PRE_START: GameState.STARTING,
    AppState.CONFIGURING: GameState.STARTING,
    AppState.STARTING: GameState.STARTING,
    AppState.WAITING: GameState.STARTING,
    AppState.INSTALLING: GameState.STARTING,
    AppState.UPDATING: GameState.STARTING,
    AppState.AWAITING_USER_INPUT: GameState.STARTING,
    AppState.READY: GameState.READY,
    AppState.RESTARTING: GameState.RESTARTING,
    AppState.STOPPING: GameState.STOPPING,
    AppState.PREPARING_FOR_SLEEP: GameState.SLEEPING,
    AppState.SLEEPING: GameState.SLEEPING,
    AppState.FAILED: GameState.FAILED,
}
"""What has no word of the agent's own is UNKNOWN: nobody should act on it."""


class AmpInstance(WireWord):
    """One instance as the panel lists it: a snapshot that may be stale; ask its status for truth.

    `running` is the instance's daemon, not the game in it.
    """

    id: str
    name: str
    friendly_name: str
    module: str
    running: bool
    state: AppState
    suspended: bool = False
    tags: tuple[str, ...] = ()
    target: str = ""


class Metric(WireWord):
    """A figure AMP measures, in AMP's own units."""

    value: float
    maximum: float | None = None
    percent: float | None = None
    units: str = ""


class AmpStatus(WireWord):
    """What an instance's game does now. Metrics are None where AMP does not give them."""

    state: AppState
    uptime: str = ""
    cpu: Metric | None = None
    memory: Metric | None = None
    players: Metric | None = None
    tps: Metric | None = None


def game_state_of(state: AppState) -> GameState:
    """The agent's own word for AMP's state."""
    return _GAME_STATES.get(state, GameState.UNKNOWN)


def instance_state_of(status: AmpStatus) -> InstanceState:
    """AMP's status as the agent tells it."""
    state = game_state_of(status.state)
    plain = state.value == status.state.name.lower()
    return InstanceState(
        state=state,
        players=_count(status.players.value) if status.players else None,
        players_max=_count(status.players.maximum) if status.players else None,
        cpu=_percent(status.cpu),
        memory_mb=status.memory.value if status.memory else None,
        tps=status.tps.value if status.tps else None,
        uptime_s=uptime_seconds(status.uptime),
        message="" if plain else f"AMP calls it {status.state.name.lower().replace('_', ' ')}",
    )


def instances_in(answer: Any) -> tuple[AmpInstance, ...]:
    """The instances of `ADSModule/GetInstances`, the panel's own entry (`ADS`) left out.

    Raises:
        AmpAway: it is no list of instances.
    """
    targets = answer.get("result") if isinstance(answer, dict) else answer
    if not isinstance(targets, list):
        raise AmpAway("AMP answered ADSModule/GetInstances with no list of instances")
    found: list[AmpInstance] = []
    for target in targets:
        if not isinstance(target, dict):
            continue
        rows = target.get("AvailableInstances")
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and row.get("Module") != "ADS" and row.get("InstanceName"):
                found.append(_instance(row, str(target.get("FriendlyName", ""))))
    return tuple(found)


def _instance(row: dict[str, Any], target: str) -> AmpInstance:
    tags = row.get("Tags")
    return AmpInstance(
        id=str(row.get("InstanceID", "")),
        name=str(row["InstanceName"]),
        friendly_name=str(row.get("FriendlyName") or row["InstanceName"]),
        module=str(row.get("Module", "")),
        running=row.get("Running") is True,
        state=state_of(row.get("AppState")),
        suspended=row.get("Suspended") is True,
        tags=tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
        target=target,
    )


def state_of(number: Any) -> AppState:
    """The state for AMP's number; UNDEFINED where it sent none."""
    value = _number(number)
    if value is None or value != int(value):
        return AppState.UNDEFINED
    return AppState(int(value))


def status_in(answer: Any) -> AmpStatus:
    """The status in the answer of `Core/GetStatus`.

    Raises:
        AmpAway: it is no status.
    """
    if not isinstance(answer, dict) or "State" not in answer:
        raise AmpAway("AMP answered Core/GetStatus without a state")
    fields = answer
    metrics = fields.get("Metrics")
    metrics = metrics if isinstance(metrics, dict) else {}
    return AmpStatus(
        state=state_of(fields.get("State")),
        uptime=str(fields.get("Uptime", "")),
        cpu=_metric(metrics.get("CPU Usage")),
        memory=_metric(metrics.get("Memory Usage")),
        players=_metric(metrics.get("Active Users")),
        tps=_metric(metrics.get("TPS")),
    )


def uptime_seconds(text: str) -> float | None:
    """AMP's `0:10:29:25` (days, hours, minutes, seconds), or `10:29:25`; None for what is none."""
    found = _UPTIME.fullmatch(text.strip())
    if found is None:
        return None
    days, hours, minutes, seconds = (float(each or 0) for each in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _count(value: float | None) -> int | None:
    return None if value is None or value < 0 else int(value)


def _percent(metric: Metric | None) -> float | None:
    if metric is None:
        return None
    return metric.value if metric.percent is None else metric.percent


def _metric(fields: Any) -> Metric | None:
    value = _number(fields.get("RawValue")) if isinstance(fields, dict) else None
    if value is None:
        return None
    return Metric(
        value=value,
        maximum=_number(fields.get("MaxValue")),
        percent=_number(fields.get("Percent")),
        units=str(fields.get("Units") or ""),
    )


def _number(value: Any) -> float | None:
    """A figure; None for what is none, or too large to be one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < LARGEST_FIGURE else None
