"""`rules.approvals`: what was accepted, until when, and what of it still stands for something."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from homeamp_agent.baselines import Approval
from homeamp_agent.baselines.rule_list import holds_word
from homeamp_agent.drift.approving import covered
from homeamp_agent.model.deviation import Deviation, DeviationStatus
from homeamp_agent.model.query import PAGE_LIMIT, DeviationFilter
from homeamp_agent.rpc.methods.fitting import (
    ROW_VALUE_CHARACTERS,
    clipped,
    next_cursor,
    offset_of,
    page_that_fits,
)
from homeamp_agent.rpc.protocol.messages import (
    Access,
    ApprovalRow,
    RulesApprovalsParams,
    RulesApprovalsResult,
)
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import Rooms
from homeamp_agent.store import Store, list_deviations

IDS_SHOWN = 100
"""Of an approval: a page of 1,000 approvals must fit."""

_APPROVED = DeviationFilter(statuses=(DeviationStatus.APPROVED,))


@method(
    "rules.approvals",
    access=Access.READ,
    params=RulesApprovalsParams,
    result=RulesApprovalsResult,
)
async def approvals(call: Call[Rooms], params: RulesApprovalsParams) -> RulesApprovalsResult:
    """The approvals, those whose term ends next first, with the deviations that each covers."""
    rooms = call.rooms
    first = offset_of(params.cursor, params.offset)
    now = datetime.now(UTC)
    wanted = [
        each for each in rooms.drift.baselines.approvals if _matches(each, params.filter or "")
    ]
    wanted.sort(key=lambda each: each.at, reverse=True)
    wanted.sort(key=lambda each: each.expires or datetime.max.replace(tzinfo=UTC))
    accepted = await _accepted(rooms.store)
    covers = await asyncio.to_thread(covered, wanted, accepted, rooms.drift.snapshots, now)

    async def page(limit: int) -> RulesApprovalsResult:
        return RulesApprovalsResult(
            approvals=tuple(
                _row(each, covers[each.id], now) for each in wanted[first : first + limit]
            ),
            total=len(wanted),
            next_cursor=next_cursor(first + limit, len(wanted)),
        )

    return await page_that_fits(params.limit, page)


async def _accepted(store: Store) -> list[Deviation]:
    found: list[Deviation] = []
    cursor = None
    while True:
        page = await list_deviations(store, _APPROVED, limit=PAGE_LIMIT, cursor=cursor)
        found += page.deviations
        cursor = page.next_cursor
        if cursor is None:
            return found


def _matches(approval: Approval, text: str) -> bool:
    parts = (
        str(approval.scope), approval.plugin, approval.file, approval.key, approval.kind.value,
        approval.reason, approval.by, "expires" if approval.expires else None,
    )  # fmt: skip
    searched = "\n".join(part for part in parts if part).casefold()
    return all(holds_word(searched, word) for word in text.casefold().split())


def _row(approval: Approval, covers: Sequence[str], now: datetime) -> ApprovalRow:
    return ApprovalRow(
        id=approval.id,
        scope=approval.scope,
        plugin=approval.plugin,
        file=approval.file,
        key=approval.key,
        path=approval.path,
        kind=approval.kind,
        expected=clipped(approval.expected, ROW_VALUE_CHARACTERS),
        actual=clipped(approval.actual, ROW_VALUE_CHARACTERS),
        reason=approval.reason,
        by=approval.by,
        at=approval.at,
        expires=approval.expires,
        expired=approval.expires is not None and approval.expires <= now,
        covers=len(covers),
        deviations=tuple(covers[:IDS_SHOWN]),
    )


METHODS = (approvals,)
