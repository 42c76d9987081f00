"""Groups: the same deviation on many instances as one line, over all agents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from homeamp_agent.model.deviation import DeviationGroup
from homeamp_agent.model.query import DeviationFilter
from homeamp_agent.rpc.protocol.messages import DeviationsGroupsParams, DeviationsGroupsResult
from homeamp_tui.links import Link

GROUPS_PAGE = 200
GROUPS_MAX = 1_000
"""Largest first, so what is left out is what a list shows as well: groups of one."""


@dataclass(frozen=True, slots=True)
class Group:
    """One group over all agents. `members` are (id, host); `places` are (host, instance)."""

    head: DeviationGroup
    members: tuple[tuple[str, str], ...]
    places: tuple[tuple[str, str], ...]
    count: int


@dataclass(frozen=True, slots=True)
class GroupShare:
    """The largest groups of one agent, and how many there are in all."""

    host: str
    groups: tuple[DeviationGroup, ...]
    total: int


async def read_groups(link: Link, wanted: DeviationFilter) -> GroupShare:
    """The largest groups of one agent.

    Raises:
        NotConnected, RpcError: as `Link.call`.
    """
    groups: list[DeviationGroup] = []
    cursor: str | None = None
    while True:
        params = DeviationsGroupsParams(filter=wanted, limit=GROUPS_PAGE, cursor=cursor)
        page = await link.call("deviations.groups", params, DeviationsGroupsResult)
        groups += page.groups
        cursor = page.next_cursor
        if cursor is None or len(groups) >= GROUPS_MAX:
            return GroupShare(link.host, tuple(groups), page.total)


def merged(shares: Sequence[GroupShare]) -> list[Group]:
    """One line for each group, over all agents; the largest first, then the worst."""
    parts: dict[str, list[tuple[str, DeviationGroup]]] = {}
    for share in shares:
        for group in share.groups:
            parts.setdefault(group.group, []).append((share.host, group))
    groups = [
        Group(
            head=found[0][1],
            members=tuple((identity, host) for host, group in found for identity in group.ids),
            places=tuple((host, instance) for host, group in found for instance in group.instances),
            count=sum(group.count for _, group in found),
        )
        for found in parts.values()
    ]
    return sorted(groups, key=lambda each: (-each.count, each.head.severity.rank, each.head.group))
