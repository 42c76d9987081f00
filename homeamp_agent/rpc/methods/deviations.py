"""`deviations.*`: listing, explaining and reviewing them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from homeamp_agent.baselines import Approval, approval_of
from homeamp_agent.changes.nodes import refusal
from homeamp_agent.drift.ledger import EVENT_IDS, EVENT_ROWS
from homeamp_agent.model.deviation import Deviation, DeviationStatus
from homeamp_agent.model.event import Topic
from homeamp_agent.model.query import DeviationEvent
from homeamp_agent.model.secret import holds_mask
from homeamp_agent.rpc.methods.context import context_of, mending_of
from homeamp_agent.rpc.methods.deciding import OPEN_TO_REVIEW, note_decision, scope_of
from homeamp_agent.rpc.methods.edits import Edits, NotFixable
from homeamp_agent.rpc.methods.explaining import explain_deviation
from homeamp_agent.rpc.methods.fitting import (
    ROOM_BYTES,
    WHOLE_VALUE_CHARACTERS,
    page_that_fits,
    short_values,
    size_of,
)
from homeamp_agent.rpc.methods.owning import owned_sentence, owner_of
from homeamp_agent.rpc.protocol.errors import InvalidParams, NotFound, Refused
from homeamp_agent.rpc.protocol.messages import (
    Access,
    DeviationsApproveParams,
    DeviationsCountParams,
    DeviationsCountResult,
    DeviationsFlagParams,
    DeviationsGroupsParams,
    DeviationsGroupsResult,
    DeviationsListParams,
    DeviationsListResult,
    DeviationsReopenParams,
    DeviationsReviewResult,
    DeviationsShowParams,
    DeviationsShowResult,
    Skipped,
)
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import Rooms
from homeamp_agent.store import (
    Review,
    count_deviations,
    get_deviations,
    group_deviations,
    history_of,
    list_deviations,
    review,
)

NO_SUCH = "no such deviation"


@method(
    "deviations.list", access=Access.READ, params=DeviationsListParams, result=DeviationsListResult
)
async def list_(call: Call[Rooms], params: DeviationsListParams) -> DeviationsListResult:
    """A window of the deviations that a filter matches."""

    async def page(limit: int) -> DeviationsListResult:
        found = await list_deviations(
            call.rooms.store,
            params.filter,
            params.sort,
            limit=limit,
            cursor=params.cursor,
            offset=params.offset,
        )
        return DeviationsListResult(
            deviations=tuple(map(short_values, found.deviations)),
            total=found.total,
            next_cursor=found.next_cursor,
        )

    return await page_that_fits(params.limit, page)


@method(
    "deviations.count",
    access=Access.READ,
    params=DeviationsCountParams,
    result=DeviationsCountResult,
)
async def count(call: Call[Rooms], params: DeviationsCountParams) -> DeviationsCountResult:
    """Counts over a filter, and per host, instance and plugin."""
    total, counted = await count_deviations(call.rooms.store, params.filter)
    return DeviationsCountResult(total=total, counts=counted.counts, tree=counted.tree())


@method(
    "deviations.groups",
    access=Access.READ,
    params=DeviationsGroupsParams,
    result=DeviationsGroupsResult,
)
async def groups(call: Call[Rooms], params: DeviationsGroupsParams) -> DeviationsGroupsResult:
    """The same deviation on many instances as one line."""

    async def page(limit: int) -> DeviationsGroupsResult:
        found = await group_deviations(
            call.rooms.store, params.filter, limit=limit, cursor=params.cursor
        )
        return DeviationsGroupsResult(
            groups=tuple(map(short_values, found.groups)),
            total=found.total,
            next_cursor=found.next_cursor,
        )

    return await page_that_fits(params.limit, page)


@method(
    "deviations.show",
    access=Access.READ,
    params=DeviationsShowParams,
    result=DeviationsShowResult,
    errors=(NotFound,),
)
async def show(call: Call[Rooms], params: DeviationsShowParams) -> DeviationsShowResult:
    """One deviation with its lines in the file, its explanation and its history."""
    rooms = call.rooms
    deviation = (await get_deviations(rooms.store, [params.id])).get(params.id)
    if deviation is None:
        raise NotFound(f"{NO_SUCH}: {params.id[:40]}")
    history = await history_of(rooms.store, deviation.id)
    return await asyncio.to_thread(_shown, rooms, deviation, params.context, history)


def _shown(
    rooms: Rooms, deviation: Deviation, context: int, history: tuple[DeviationEvent, ...]
) -> DeviationsShowResult:
    because = None
    try:
        Edits(rooms.drift).edit(deviation)
    except NotFixable as error:
        because = str(error)
    owner = owner_of(rooms, deviation)
    if because is None and owner is not None:
        because = refusal(owner, amp_there=rooms.amp.amp is not None)
    lines, problem = context_of(rooms.drift, deviation, context)
    result = DeviationsShowResult(
        deviation=short_values(deviation, WHOLE_VALUE_CHARACTERS),
        context=lines,
        context_problem=problem,
        explanation=explain_deviation(rooms.drift, deviation),
        history=history,
        fixable=because is None,
        not_fixable_because=because,
        amp_node=None if owner is None else owner.node,
        amp_owned=None if owner is None else owned_sentence(owner, rooms.drift.masker, deviation),
        mending=mending_of(rooms.drift, deviation),
    )
    if size_of(result) <= ROOM_BYTES:
        return result
    return result.model_copy(update={"explanation": None, "history": history[-20:]})


@method(
    "deviations.approve",
    access=Access.OPERATE,
    params=DeviationsApproveParams,
    result=DeviationsReviewResult,
    errors=(Refused,),
)
async def approve(call: Call[Rooms], params: DeviationsApproveParams) -> DeviationsReviewResult:
    """Accept deviations as they are, on one instance or wider; written to `approved.yaml`."""
    rooms = call.rooms
    now = datetime.now(UTC)
    if params.expires is not None and params.expires <= now:
        raise InvalidParams("expires: is in the past")
    known = await get_deviations(rooms.store, params.ids)
    approvals: list[Approval] = []
    accepted: list[str] = []
    skipped = [Skipped(id=each, reason=NO_SUCH) for each in params.ids if each not in known]
    for deviation in known.values():
        if deviation.status not in OPEN_TO_REVIEW:
            skipped.append(Skipped(id=deviation.id, reason=f"it is {deviation.status.value}"))
            continue
        scope = scope_of(rooms, params.scope, params.target, deviation)
        if isinstance(scope, str):
            skipped.append(Skipped(id=deviation.id, reason=scope))
            continue
        accepted.append(deviation.id)
        approvals.append(
            approval_of(
                deviation,
                scope=scope,
                reason=params.reason,
                by=str(call.peer),
                at=now,
                expires=params.expires,
            )
        )
    if approvals:
        await rooms.drift.decide(approvals, ())
    await note_decision(rooms, "approved", accepted, str(call.peer), params.reason)
    return await _reviewed(rooms, accepted, skipped)


@method(
    "deviations.flag",
    access=Access.OPERATE,
    params=DeviationsFlagParams,
    result=DeviationsReviewResult,
    errors=(Refused,),
)
async def flag(call: Call[Rooms], params: DeviationsFlagParams) -> DeviationsReviewResult:
    """Mark deviations as wrong, optionally with another value to write."""
    rooms = call.rooms
    if params.replacement is not None:
        for deviation in (await get_deviations(rooms.store, params.ids)).values():
            _refuse_secret(rooms, deviation, params.replacement)
    decision = Review(
        DeviationStatus.FLAGGED,
        actor=str(call.peer),
        reason=params.reason,
        replacement=params.replacement,
        from_statuses=OPEN_TO_REVIEW,
    )
    return await _decide(rooms, params.ids, decision, [])


def _refuse_secret(rooms: Rooms, deviation: Deviation, replacement: object) -> None:
    """A replacement is kept and shown: a secret must come from the baseline instead."""
    masked = rooms.drift.masker.mask(deviation.path or (), replacement, deviation.plugin)
    if holds_mask(masked) or holds_mask(deviation.actual) or holds_mask(deviation.expected):
        raise Refused(
            f"{deviation.key or deviation.id} is a secret: put its value into the baseline, "
            "where it stays out of the database"
        )


@method(
    "deviations.reopen",
    access=Access.OPERATE,
    params=DeviationsReopenParams,
    result=DeviationsReviewResult,
)
async def reopen(call: Call[Rooms], params: DeviationsReopenParams) -> DeviationsReviewResult:
    """Back to pending: takes back an approval (wherever else it reached) or a flag."""
    rooms = call.rooms
    known = await get_deviations(rooms.store, params.ids)
    approved = [each for each in known.values() if each.status is DeviationStatus.APPROVED]
    if approved:
        await rooms.drift.decide((), _approvals_covering(rooms, approved))
    decision = Review(
        DeviationStatus.PENDING,
        actor=str(call.peer),
        reason=params.reason,
        from_statuses=frozenset({DeviationStatus.FLAGGED, DeviationStatus.PENDING}),
    )
    return await _decide(rooms, params.ids, decision, [])


def _approvals_covering(rooms: Rooms, deviations: Sequence[Deviation]) -> list[str]:
    now = datetime.now(UTC)
    tags = {name: each.instance.tags for name, each in rooms.drift.snapshots.items()}
    return [
        approval.id
        for approval in rooms.drift.baselines.approvals
        if any(approval.covers(each, tags.get(each.instance, ()), now) for each in deviations)
    ]


async def _decide(
    rooms: Rooms, ids: Sequence[str], decision: Review, skipped: list[Skipped]
) -> DeviationsReviewResult:
    done = await review(rooms.store, ids, decision, datetime.now(UTC))
    skipped = [*skipped, *(Skipped(id=each, reason=why) for each, why in done.skipped)]
    changed = [each.id for each in done.changed]
    if changed:
        await tell_updated(rooms, changed)
    act = "flagged" if decision.status is DeviationStatus.FLAGGED else "reopened"
    await note_decision(rooms, act, changed, decision.actor or "", decision.reason or "")
    return await _reviewed(rooms, changed, skipped)


async def _reviewed(
    rooms: Rooms, changed: Sequence[str], skipped: Sequence[Skipped]
) -> DeviationsReviewResult:
    """The rows as they stand now; as many as fit."""
    rows = tuple(map(short_values, (await get_deviations(rooms.store, changed)).values()))
    shown = len(rows)
    while True:
        result = DeviationsReviewResult(
            changed=rows[:shown], skipped=tuple(skipped), more_changed=len(rows) - shown
        )
        if shown == 0 or size_of(result) <= ROOM_BYTES:
            return result
        shown //= 2


async def tell_updated(rooms: Rooms, ids: Sequence[str]) -> None:
    """Tell subscribers that these deviations stand otherwise now, as the detector tells."""
    rows = await get_deviations(rooms.store, ids[:EVENT_ROWS])
    body = {
        "count": len(ids),
        "ids": list(ids[:EVENT_IDS]),
        "deviations": [short_values(row).model_dump(mode="json") for row in rows.values()],
    }
    rooms.bus.emit(Topic.DEVIATIONS, "updated", body)


METHODS = (list_, count, groups, show, approve, flag, reopen)
