"""`rules.approvals`: what reviews decided, until when, and what of it still stands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from homeamp_agent.baselines import Approval, ReviewedRule
from homeamp_agent.baselines.declarations import ScopeEntry
from homeamp_agent.baselines.explain import masked_condition
from homeamp_agent.baselines.rule_list import holds_word
from homeamp_agent.drift.approving import covered
from homeamp_agent.drift.rule_reach import Remembering, ignored_at, rule_reach
from homeamp_agent.model.deviation import Deviation, DeviationStatus
from homeamp_agent.model.query import PAGE_LIMIT, DeviationFilter
from homeamp_agent.model.rule import ConditionKind, Scope
from homeamp_agent.model.secret import Masker
from homeamp_agent.model.setting import dotted
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
    Decided,
    RulesApprovalsParams,
    RulesApprovalsResult,
)
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import DriftRoom, Rooms
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
    """What reviews decided, those whose term ends next first, with what each covers."""
    rooms = call.rooms
    first = offset_of(params.cursor, params.offset)
    now = datetime.now(UTC)
    baselines = rooms.drift.baselines
    every: list[Approval | ReviewedRule] = [*baselines.approvals, *baselines.reviewed]
    wanted = [each for each in every if _matches(each, params.filter or "")]
    wanted.sort(key=lambda each: each.at, reverse=True)
    wanted.sort(key=lambda each: _end(each) or datetime.max.replace(tzinfo=UTC))
    approvals = [each for each in wanted if isinstance(each, Approval)]
    accepted = await _accepted(rooms.store)
    covers = await asyncio.to_thread(covered, approvals, accepted, rooms.drift.snapshots, now)

    async def page(limit: int) -> RulesApprovalsResult:
        shown = wanted[first : first + limit]
        reviewed = [each for each in shown if isinstance(each, ReviewedRule)]
        places = await asyncio.to_thread(_places, rooms.drift, reviewed)
        return RulesApprovalsResult(
            approvals=tuple(
                _row(each, covers[each.id], now)
                if isinstance(each, Approval)
                else _rule_row(each, places[each.id], now, rooms.drift.masker)
                for each in shown
            ),
            total=len(wanted),
            next_cursor=next_cursor(first + limit, len(wanted)),
        )

    return await page_that_fits(params.limit, page)


def _end(decision: Approval | ReviewedRule) -> datetime | None:
    return decision.expires if isinstance(decision, Approval) else decision.expiry()


def _places(drift: DriftRoom, reviewed: Sequence[ReviewedRule]) -> dict[str, int]:
    """How many places each rule speaks of and wins at."""
    wanted = {each.id for each in reviewed}
    counts = dict.fromkeys(wanted, 0)
    if not wanted:
        return counts
    resolver = Remembering(drift.baselines, drift.instances)
    for rule in drift.baselines.rules:
        if rule.approval in wanted:
            everywhere = drift.snapshots.values()
            if rule.condition.kind is ConditionKind.IGNORE:
                won = [there for _, there in ignored_at(rule, everywhere, resolver)]
            else:
                won = [each.won for each in rule_reach(rule, everywhere, resolver)]
            counts[rule.approval] = sum(won)
    return counts


async def _accepted(store: Store) -> list[Deviation]:
    found: list[Deviation] = []
    cursor = None
    while True:
        page = await list_deviations(store, _APPROVED, limit=PAGE_LIMIT, cursor=cursor)
        found += page.deviations
        cursor = page.next_cursor
        if cursor is None:
            return found


def _matches(decision: Approval | ReviewedRule, text: str) -> bool:
    parts = (
        str(_scope(decision)), decision.plugin, decision.file, _key(decision), _decided(decision),
        decision.kind.value if isinstance(decision, Approval) else None,
        decision.reason, decision.by, "expires" if decision.expires else None,
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


def _rule_row(rule: ReviewedRule, places: int, now: datetime, masker: Masker) -> ApprovalRow:
    path = rule.path or tuple((rule.key or "").split("."))
    end = rule.expiry()
    condition = masked_condition(rule.condition(), path, rule.plugin, masker)
    return ApprovalRow(
        id=rule.id,
        decided=_decided(rule),
        scope=_scope(rule),
        plugin=rule.plugin,
        file=rule.file,
        key=_key(rule),
        path=rule.path,
        kind=None,
        expected=clipped(condition.value, ROW_VALUE_CHARACTERS),
        reason=rule.reason or "",
        by=rule.by,
        at=rule.at,
        expires=end,
        expired=end is not None and end <= now,
        covers=places,
        deviations=(),
    )


def _scope(decision: Approval | ReviewedRule) -> Scope:
    if isinstance(decision, Approval):
        return decision.scope
    return decision.scope.scope() if isinstance(decision.scope, ScopeEntry) else Scope()


def _key(decision: Approval | ReviewedRule) -> str | None:
    return decision.key if decision.path is None else dotted(decision.path)


def _decided(decision: Approval | ReviewedRule) -> Decided:
    if isinstance(decision, Approval):
        return Decided.ACCEPT
    match decision.condition().kind:
        case ConditionKind.IGNORE:
            return Decided.IGNORE
        case ConditionKind.UNIQUE:
            return Decided.UNIQUE
        case _:
            return Decided.PROMOTE


METHODS = (approvals,)
