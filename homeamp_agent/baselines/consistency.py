"""Rules of the directory that say different things of the same selector within the same scope.

Wherever both reach they are of equal rank, so they will be a rule conflict: it is told here first,
before any instance is looked at. No problem shows a value.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from homeamp_agent.baselines.content import Baselines
from homeamp_agent.baselines.ranking import same_demand
from homeamp_agent.model.rule import BaselineProblem, ConditionKind, ProblemSeverity, Rule

_BESIDE = frozenset({ConditionKind.UNIQUE, ConditionKind.IGNORE})
"""A demand to be unique holds beside one for a value, and an ignore outranks both."""


def disagreeing(baselines: Baselines, now: dt.datetime | None = None) -> list[BaselineProblem]:
    """One problem for each rule that an earlier one of the same selector and scope contradicts."""
    now = now or dt.datetime.now(dt.UTC)
    first: dict[tuple[object, ...], Rule] = {}
    return list(_contradictions(baselines, first, now))


def _contradictions(
    baselines: Baselines, first: dict[tuple[object, ...], Rule], now: dt.datetime
) -> Iterator[BaselineProblem]:
    for rule in baselines.rules:
        expired = rule.expires is not None and rule.expires <= now
        # What a review decided outranks every other rule of its scope.
        if expired or rule.approval is not None or rule.condition.kind in _BESIDE:
            continue
        if rule.complete and rule.key is None and rule.path is None:
            continue
        before = first.setdefault(_selector(baselines, rule), rule)
        if before is not rule and not same_demand(before.condition, rule.condition):
            place = " ".join(str(part) for part in (rule.plugin, rule.file, rule.key) if part)
            yield BaselineProblem(
                source=rule.source,
                severity=ProblemSeverity.WARNING,
                message=f"{place} ({rule.scope}): {before.source} says otherwise at equal rank",
            )


def _selector(baselines: Baselines, rule: Rule) -> tuple[object, ...]:
    plugin = None if rule.plugin is None else baselines.plugin_key(rule.plugin)
    target = rule.scope.target
    if target is not None and rule.scope.kind.value == "instance":
        target = baselines.instance_name(target)
    return (rule.scope.kind, target, rule.platform, plugin, rule.file, rule.key, rule.path)
