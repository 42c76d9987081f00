"""What AMP answers, as values: states, instances, status. Unknown fields are left out.

Source of names and numbers: AMP's published API specs 2.6 and 2.8.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from homeamp_agent.model.base import WireWord

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


def instances_in(answer: Any) -> tuple[AmpInstance, ...]:
    """The instances of `ADSModule/GetInstances`, the panel's own entry (`ADS`) left out."""
    targets = answer.get("result", []) if isinstance(answer, dict) else answer
    found: list[AmpInstance] = []
    for target in targets if isinstance(targets, list) else []:
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
    if isinstance(number, bool) or not isinstance(number, int):
        return AppState.UNDEFINED
    return AppState(number)


def status_in(answer: Any) -> AmpStatus:
    """The status in the answer of `Core/GetStatus`."""
    fields = answer if isinstance(answer, dict) else {}
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


def _metric(fields: Any) -> Metric | None:
    if not isinstance(fields, dict) or not isinstance(fields.get("RawValue"), (int, float)):
        return None
    return Metric(
        value=float(fields["RawValue"]),
        maximum=_number(fields.get("MaxValue")),
        percent=_number(fields.get("Percent")),
        units=str(fields.get("Units") or ""),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
