"""`fleet.*` and `instances.*`: what there is, and how much of it deviates."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime

from homeamp_agent.model.query import Counts, DeviationFilter
from homeamp_agent.rpc.protocol.messages import (
    Access,
    HostOverview,
    InstanceRow,
    InstancesListParams,
    InstancesListResult,
    NoParams,
    OverviewResult,
)
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import Rooms
from homeamp_agent.store import tally

WORST_PLUGINS = 20
_EVERYTHING = DeviationFilter(open=False)


@method("fleet.overview", access=Access.READ, params=NoParams, result=OverviewResult)
async def overview(call: Call[Rooms], params: NoParams) -> OverviewResult:
    """The first screen: hosts, counts, the worst plugins."""
    del params
    rooms = call.rooms
    counted = await tally(rooms.store, _EVERYTHING)
    instances = rooms.drift.instances
    here = HostOverview(
        host=rooms.host,
        state="active",
        instances=len(instances),
        plugins=len({plugin.name.casefold() for each in instances for plugin in each.plugins}),
        counts=counted.counts,
        last_seen=datetime.now(UTC),
        amp=rooms.amp.watch.link,
    )
    return OverviewResult(
        hosts=(here,),
        counts=counted.counts,
        plugins=counted.plugins(WORST_PLUGINS),
        variances=rooms.drift.variances,
    )


@method(
    "instances.list", access=Access.READ, params=InstancesListParams, result=InstancesListResult
)
async def list_instances(call: Call[Rooms], params: InstancesListParams) -> InstancesListResult:
    """A page of instances with their open deviations, by name."""
    rooms = call.rooms
    counts = (await tally(rooms.store, _EVERYTHING)).by_instance()
    wanted = sorted(
        (
            each
            for each in rooms.drift.instances
            if params.host in {None, each.host} and params.platform in {None, each.platform}
        ),
        key=lambda each: each.name,
    )
    start = bisect_right(wanted, params.cursor or "", key=lambda each: each.name)
    page = wanted[start : start + params.limit]
    more = len(wanted) > start + len(page)
    return InstancesListResult(
        instances=tuple(
            InstanceRow(
                host=each.host,
                name=each.name,
                friendly_name=each.friendly_name,
                platform=each.platform,
                tags=each.tags,
                plugins=len(each.plugins),
                files=rooms.drift.files_of(each.name),
                counts=counts.get((each.host, each.name), Counts()),
                problems=each.problems,
                amp=rooms.amp.watch.state_of(each.name),
                doing=doing,
                waits_until=waits_until,
            )
            for each in page
            for doing, waits_until in (rooms.amp.games.doing(each.name),)
        ),
        next_cursor=page[-1].name if more else None,
    )


METHODS = (overview, list_instances)
