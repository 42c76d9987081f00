"""`rules.*`: what the baseline says, where that reaches, and why a setting is expected."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from homeamp_agent.baselines.rule_list import holds_word, shown_rule
from homeamp_agent.drift.rule_reach import Heard, rule_reach
from homeamp_agent.model.rule import ProblemSeverity, Rule
from homeamp_agent.rpc.methods.explaining import Place, explain
from homeamp_agent.rpc.methods.fitting import (
    ROW_VALUE_CHARACTERS,
    clipped,
    next_cursor,
    offset_of,
    page_that_fits,
)
from homeamp_agent.rpc.protocol.errors import InvalidParams, NotFound
from homeamp_agent.rpc.protocol.messages import (
    Access,
    RulePlace,
    RulesExplainParams,
    RulesExplainResult,
    RulesListParams,
    RulesListResult,
    RulesProblemsParams,
    RulesProblemsResult,
    RulesShowParams,
    RulesShowResult,
)
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import DriftRoom, Rooms

PLACES_SHOWN = 200
"""Of a rule: a global one on 100 instances, twice over."""

_WORST_FIRST = (ProblemSeverity.ERROR, ProblemSeverity.WARNING, ProblemSeverity.INFO)


@method("rules.list", access=Access.READ, params=RulesListParams, result=RulesListResult)
async def list_(call: Call[Rooms], params: RulesListParams) -> RulesListResult:
    """A window of the baseline's rules, in the order of their sources."""
    first = offset_of(params.cursor, params.offset)
    rules, found = await asyncio.to_thread(_found, call.rooms.drift, params)
    counts = Counter(rule.scope.kind for rule in rules)

    async def page(limit: int) -> RulesListResult:
        return RulesListResult(
            rules=tuple(map(_short, found[first : first + limit])),
            total=len(found),
            counts=dict(counts),
            next_cursor=next_cursor(first + limit, len(found)),
        )

    return await page_that_fits(params.limit, page)


def _found(drift: DriftRoom, params: RulesListParams) -> tuple[Sequence[Rule], list[Rule]]:
    whole = drift.rules()
    return whole.rules, whole.found(params.filter, params.scopes, params.plugin)


def _short(rule: Rule) -> Rule:
    condition = rule.condition
    value = clipped(condition.value, ROW_VALUE_CHARACTERS)
    values = tuple(clipped(each, ROW_VALUE_CHARACTERS) for each in condition.values)
    short = condition.model_copy(update={"value": value, "values": values})
    return rule.model_copy(update={"condition": short})


@method(
    "rules.show",
    access=Access.READ,
    params=RulesShowParams,
    result=RulesShowResult,
    errors=(NotFound,),
)
async def show(call: Call[Rooms], params: RulesShowParams) -> RulesShowResult:
    """One rule, the places it speaks of, and what overrules it there."""
    shown = await asyncio.to_thread(_shown, call.rooms.drift, params.id)
    if shown is None:
        raise NotFound(f"no such rule: {params.id[:40]}")
    return shown


def _shown(drift: DriftRoom, identity: str) -> RulesShowResult | None:
    rule = drift.rules().rule(identity)
    if rule is None:
        return None
    heard = list(rule_reach(rule, drift.snapshots.values(), drift.resolver))
    lost_first = sorted(heard, key=lambda each: each.won)
    return RulesShowResult(
        rule=_short(rule),
        places=tuple(_place(drift, each) for each in lost_first[:PLACES_SHOWN]),
        total=len(heard),
        won=sum(each.won for each in heard),
    )


def _place(drift: DriftRoom, heard: Heard) -> RulePlace:
    resolved = heard.resolved
    return RulePlace(
        host=resolved.host,
        instance=resolved.instance,
        plugin=resolved.plugin,
        file=resolved.file,
        key=resolved.key,
        path=resolved.path,
        won=heard.won,
        winner=None if heard.won else _short(shown_rule(heard.winner, drift.masker)),
        conflict=resolved.conflict is not None,
        unresolved=resolved.unresolved,
    )


@method(
    "rules.problems",
    access=Access.READ,
    params=RulesProblemsParams,
    result=RulesProblemsResult,
)
async def problems(call: Call[Rooms], params: RulesProblemsParams) -> RulesProblemsResult:
    """What is wrong with the baseline, each with file and place; errors first."""
    first = offset_of(params.cursor, params.offset)
    words = (params.filter or "").casefold().split()
    found = [
        each
        for each in sorted(
            call.rooms.drift.baselines.problems, key=lambda each: _WORST_FIRST.index(each.severity)
        )
        if all(holds_word(str(each).casefold(), word) for word in words)
    ]

    async def page(limit: int) -> RulesProblemsResult:
        return RulesProblemsResult(
            problems=tuple(found[first : first + limit]),
            total=len(found),
            next_cursor=next_cursor(first + limit, len(found)),
        )

    return await page_that_fits(params.limit, page)


@method(
    "rules.explain",
    access=Access.READ,
    params=RulesExplainParams,
    result=RulesExplainResult,
    errors=(NotFound,),
)
async def explain_(call: Call[Rooms], params: RulesExplainParams) -> RulesExplainResult:
    """The chain of rules that spoke of a setting, which won, and what other instances have."""
    if params.key is not None and params.path is not None:
        raise InvalidParams("give key or path, not both")
    snapshot = call.rooms.drift.snapshots.get(params.instance)
    if snapshot is None:
        raise NotFound(f"no instance is called {params.instance[:100]}")
    place = Place(params.plugin, params.file, params.key, params.path)
    explanation = await asyncio.to_thread(explain, call.rooms.drift, snapshot, place)
    return RulesExplainResult(explanation=explanation)


METHODS = (list_, show, problems, explain_)
