"""Making rules of deviations (ignore the key, promote the value, each its own), and taking any
decision back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from homeamp_agent.baselines import (
    Decision,
    NotPromotable,
    ReviewedRule,
    ignoring,
    marking_unique,
    promoting,
    rule_ids,
)
from homeamp_agent.baselines.rule_list import shown_rule
from homeamp_agent.drift.rule_trial import Tried, tried
from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.instance import Instance
from homeamp_agent.model.rule import Scope
from homeamp_agent.model.setting import same_value
from homeamp_agent.rpc.methods.deciding import (
    OPEN_TO_REVIEW,
    note_decision,
    note_revoked,
    scope_of,
)
from homeamp_agent.rpc.methods.fitting import ROW_VALUE_CHARACTERS, clipped
from homeamp_agent.rpc.protocol.errors import InvalidParams, Refused
from homeamp_agent.rpc.protocol.messages import (
    Access,
    DeviationsRuleParams,
    DeviationsRuleResult,
    MadeRule,
    RulesRevokeParams,
    RulesRevokeResult,
    Skipped,
)
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import DriftRoom, Rooms
from homeamp_agent.store import get_deviations

RULES_SHOWN = 100
"""Of a bulk act: each is tried on every instance, and a person reads no more."""

Make = Callable[[Deviation, Instance, Decision], ReviewedRule]


@method(
    "deviations.ignore",
    access=Access.OPERATE,
    params=DeviationsRuleParams,
    result=DeviationsRuleResult,
    errors=(Refused,),
)
async def ignore(call: Call[Rooms], params: DeviationsRuleParams) -> DeviationsRuleResult:
    """Ignore the keys of deviations, whatever their values are; written to `approved.yaml`."""
    return await _ruled(call, params, ignoring, "ignored")


@method(
    "deviations.promote",
    access=Access.OPERATE,
    params=DeviationsRuleParams,
    result=DeviationsRuleResult,
    errors=(Refused,),
)
async def promote(call: Call[Rooms], params: DeviationsRuleParams) -> DeviationsRuleResult:
    """Make the values that deviate the expected ones; written to `approved.yaml`."""
    return await _ruled(call, params, promoting, "promoted")


@method(
    "deviations.mark_unique",
    access=Access.OPERATE,
    params=DeviationsRuleParams,
    result=DeviationsRuleResult,
    errors=(Refused,),
)
async def mark_unique(call: Call[Rooms], params: DeviationsRuleParams) -> DeviationsRuleResult:
    """Expect every instance to have its own value there; written to `approved.yaml`."""
    return await _ruled(call, params, marking_unique, "marked_unique")


@dataclass(slots=True)
class _Making:
    """The rules that deviations lead to, one a place and scope."""

    rules: dict[str, ReviewedRule] = field(default_factory=dict)
    instead_of: set[str] = field(default_factory=set)
    made_of: dict[str, Deviation] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def skip(self, identity: str, reason: str) -> None:
        self.skipped.append(Skipped(id=identity, reason=reason))

    def add(self, rule: ReviewedRule, deviation: Deviation, scope: Scope) -> None:
        other = self.made_of.setdefault(rule.id, deviation)
        if "value" in rule.model_fields_set and not same_value(other.actual, deviation.actual):
            self.skip(deviation.id, f"{other.instance} has another value: choose one to promote")
            return
        self.rules.setdefault(rule.id, rule)
        self.instead_of |= rule_ids(deviation, scope) - {rule.id}
        self.ids.append(deviation.id)


async def _ruled(
    call: Call[Rooms], params: DeviationsRuleParams, make: Make, act: str
) -> DeviationsRuleResult:
    rooms, now = call.rooms, datetime.now(UTC)
    if params.expires is not None and params.expires <= now:
        raise InvalidParams("expires: is in the past")
    known = await get_deviations(rooms.store, params.ids)
    making = _Making()
    for identity in params.ids:
        deviation = known.get(identity)
        if deviation is None:
            making.skip(identity, "no such deviation")
        else:
            _make(rooms, params, deviation, make, str(call.peer), now, making)
    first = list(making.rules.values())[:RULES_SHOWN]
    shown = await asyncio.to_thread(_tried, rooms.drift, first, making.instead_of)
    if making.rules and not params.preview:
        await rooms.drift.decide(list(making.rules.values()), sorted(making.instead_of))
        await note_decision(rooms, act, making.ids, str(call.peer), params.reason)
    return DeviationsRuleResult(
        rules=shown,
        decisions=tuple(making.rules),
        ids=tuple(making.ids),
        skipped=tuple(making.skipped),
    )


def _make(
    rooms: Rooms,
    params: DeviationsRuleParams,
    deviation: Deviation,
    make: Make,
    by: str,
    now: datetime,
    making: _Making,
) -> None:
    """Make the rule of one deviation, or note why there is none."""
    snapshot = rooms.drift.snapshots.get(deviation.instance)
    if deviation.status not in OPEN_TO_REVIEW:
        making.skip(deviation.id, f"it is {deviation.status.value}")
        return
    if snapshot is None:
        making.skip(deviation.id, "its instance is gone")
        return
    scope = scope_of(rooms, params.scope, params.target, deviation)
    if isinstance(scope, str):
        making.skip(deviation.id, scope)
        return
    try:
        decision = Decision(scope, params.reason, by, now, params.expires)
        rule = make(deviation, snapshot.instance, decision)
    except NotPromotable as error:
        making.skip(deviation.id, str(error))
    else:
        making.add(rule, deviation, scope)


def _tried(
    drift: DriftRoom, rules: Sequence[ReviewedRule], instead_of: Collection[str]
) -> tuple[MadeRule, ...]:
    if not rules:
        return ()
    found = tried(rules, drift.baselines, drift.snapshots, drift.masker, instead_of)
    return tuple(_made(each, drift) for each in found)


def _made(each: Tried, drift: DriftRoom) -> MadeRule:
    rule = shown_rule(each.rule, drift.masker)
    value = clipped(rule.condition.value, ROW_VALUE_CHARACTERS)
    condition = rule.condition.model_copy(update={"value": value})
    return MadeRule(
        id=each.rule.approval or "",
        rule=rule.model_copy(update={"condition": condition}),
        meets=each.meets,
        deviates=each.deviates,
        overruled=each.overruled,
    )


@method(
    "rules.revoke",
    access=Access.OPERATE,
    params=RulesRevokeParams,
    result=RulesRevokeResult,
    errors=(Refused,),
)
async def revoke(call: Call[Rooms], params: RulesRevokeParams) -> RulesRevokeResult:
    """Take decisions back: what was accepted, ignored or promoted by them deviates again."""
    rooms = call.rooms
    baselines = rooms.drift.baselines
    known = {each.id for each in baselines.approvals} | {each.id for each in baselines.reviewed}
    revoked = tuple(each for each in dict.fromkeys(params.ids) if each in known)
    if revoked:
        await rooms.drift.decide((), revoked)
        await note_revoked(rooms, revoked, str(call.peer), params.reason)
    return RulesRevokeResult(
        revoked=revoked, unknown=tuple(each for each in params.ids if each not in known)
    )


METHODS = (ignore, promote, mark_unique, revoke)
