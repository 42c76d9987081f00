"""The host: who answers, what was scanned, what is counted, and events."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence

from homeamp_agent import PRODUCT, VERSION
from homeamp_agent.model.deviation import (
    OPEN_STATUSES,
    Deviation,
)
from homeamp_agent.model.query import (
    Counts,
    PluginCount,
    ScopeCount,
)
from homeamp_agent.model.rule import Severity
from homeamp_agent.rpc.protocol.messages import (
    Access,
    BaselineStatus,
    EventsSubscribeParams,
    EventsSubscribeResult,
    HelloParams,
    HelloResult,
    HostOverview,
    NoParams,
    OverviewResult,
    RescanParams,
    RescanResult,
    ScanStatus,
    StatusResult,
)
from homeamp_agent.rpc.registry import Call, method
from tests.tui.scripted.rows import INSTANCES, LONG_AGO
from tests.tui.scripted.script import Script


def counts_of(script: Script, rows: Sequence[Deviation]) -> Counts:
    """Counts over the rows of a script."""
    if script.made_up:
        each = script.made_up // 5
        return Counts(
            open=script.made_up,
            pending=script.made_up,
            **{severity.value: each for severity in Severity},
        )
    statuses = Counter(row.status.value for row in rows)
    severities = Counter(row.severity.value for row in rows if row.status in OPEN_STATUSES)
    return Counts(
        open=severities.total(),
        pending=statuses["pending"],
        flagged=statuses["flagged"],
        approved=statuses["approved"],
        fixed=statuses["fixed"],
        **severities,
    )


def tree_of(script: Script, rows: Sequence[Deviation]) -> tuple[ScopeCount, ...]:
    """Open deviations per place."""
    if script.made_up:
        each = script.made_up // len(INSTANCES)
        return tuple(
            ScopeCount(host=script.host, instance=name, plugin="Essentials", open=each)
            for name in INSTANCES
        )
    found: dict[tuple[str, str | None], list[Deviation]] = {}
    for row in rows:
        if row.status in OPEN_STATUSES:
            found.setdefault((row.instance, row.plugin), []).append(row)
    return tuple(
        ScopeCount(
            host=script.host,
            instance=instance,
            plugin=plugin,
            open=len(members),
            worst=min((row.severity for row in members), key=lambda each: each.rank),
        )
        for (instance, plugin), members in found.items()
    )


@method("agent.hello", access=Access.READ, params=HelloParams, result=HelloResult)
async def hello(call: Call[Script], params: HelloParams) -> HelloResult:
    """Who answers."""
    bus = call.rooms.bus
    return HelloResult(
        protocol="1.0",
        product=PRODUCT,
        version=VERSION,
        host=call.rooms.host,
        epoch=bus.epoch,
        cursor=bus.cursor,
        access=call.rooms.access,
        capabilities=(),
    )


def scan_status() -> ScanStatus:
    """A scan that was a moment ago."""
    now = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=4, seconds=20)
    return ScanStatus(
        running=False, started_at=now, finished_at=now, seconds=0.6, instances=7, files=412,
        settings=9_120,
    )  # fmt: skip


@method("agent.status", access=Access.READ, params=NoParams, result=StatusResult)
async def status(call: Call[Script], params: NoParams) -> StatusResult:
    """How the agent is."""
    script = call.rooms
    return StatusResult(
        host=script.host,
        version=VERSION,
        pid=4711,
        started_at=LONG_AGO,
        epoch=script.bus.epoch,
        cursor=script.bus.cursor,
        watching=True,
        watched_folders=120,
        clients=1,
        memory_bytes=60_000_000,
        instances=7,
        scan=scan_status(),
        baselines=BaselineStatus(directory="/srv/baselines", loaded_at=LONG_AGO, rules=412),
        problems=script.problems,
    )


@method("agent.rescan", access=Access.OPERATE, params=RescanParams, result=RescanResult)
async def rescan(call: Call[Script], params: RescanParams) -> RescanResult:
    """Scan again."""
    call.rooms.mutations.append(("agent.rescan", params))
    return RescanResult(scan=scan_status())


@method("fleet.overview", access=Access.READ, params=NoParams, result=OverviewResult)
async def overview(call: Call[Script], params: NoParams) -> OverviewResult:
    """The first screen."""
    script = call.rooms
    counts = counts_of(script, script.rows)
    plugins = Counter(row.plugin for row in script.rows if row.status in OPEN_STATUSES)
    host = HostOverview(
        host=script.host, state="active", instances=7, plugins=84, counts=counts, last_seen=LONG_AGO
    )
    return OverviewResult(
        hosts=(host,),
        counts=counts,
        plugins=tuple(
            PluginCount(plugin=name, open=count, instances=min(7, count))
            for name, count in plugins.most_common(20)
        ),
        variances=38,
    )


@method(
    "events.subscribe",
    access=Access.READ,
    params=EventsSubscribeParams,
    result=EventsSubscribeResult,
)
async def subscribe(call: Call[Script], params: EventsSubscribeParams) -> EventsSubscribeResult:
    """Follow."""
    bus = call.rooms.bus
    call.rooms.asked["events.subscribe"] += 1
    subscription, replay = bus.subscribe(params.topics, params.since, params.epoch)
    call.line.follow(subscription)
    return EventsSubscribeResult(epoch=bus.epoch, cursor=bus.cursor, replay=replay)


METHODS = (hello, status, rescan, overview, subscribe)
