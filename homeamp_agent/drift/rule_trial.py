"""What rules that a review is about to make would do, before they are written. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from homeamp_agent.baselines import Baselines, Resolver, ReviewedRule
from homeamp_agent.baselines.approvals import rules_of
from homeamp_agent.drift.judging import judged
from homeamp_agent.drift.rule_reach import Heard, Remembering, ignored_at, rule_reach
from homeamp_agent.drift.spread import canonical
from homeamp_agent.model.rule import ConditionKind, Rule
from homeamp_agent.model.secret import Masker
from homeamp_agent.model.snapshot import MISSING, InstanceSnapshot


class Tried(NamedTuple):
    """A rule, and the instances by what it would do there, each in order.

    `meets`: the value there is as the rule wants it, or is ignored by it. `deviates`: another
    value is there. `overruled`: a narrower rule speaks instead.
    """

    rule: Rule
    meets: tuple[str, ...]
    deviates: tuple[str, ...]
    overruled: tuple[str, ...]


def tried(
    reviewed: Sequence[ReviewedRule],
    baselines: Baselines,
    snapshots: Mapping[str, InstanceSnapshot],
    masker: Masker,
    instead_of: Collection[str] = (),
) -> Iterator[Tried]:
    """Each rule as if all of them were in force, and the decisions `instead_of` no more."""
    rules = rules_of(reviewed)
    gone = {*instead_of, *(each.id for each in reviewed)}
    standing = [rule for rule in baselines.rules if rule.approval not in gone]
    every = [*standing, *rules]
    trial = replace(
        baselines,
        rules=tuple(rule.model_copy(update={"order": at}) for at, rule in enumerate(every)),
    )
    resolver = Remembering(trial, [each.instance for each in snapshots.values()])
    for rule in rules:
        there = list(_there(rule, snapshots, resolver, masker))
        yield Tried(
            rule,
            tuple(name for name, met in there if met is True),
            tuple(name for name, met in there if met is False),
            tuple(name for name, met in there if met is None),
        )


def _there(
    rule: Rule, snapshots: Mapping[str, InstanceSnapshot], resolver: Resolver, masker: Masker
) -> Iterator[tuple[str, bool | None]]:
    """Each instance, and whether the rule is met there; None: a narrower one speaks."""
    if rule.condition.kind is ConditionKind.IGNORE:
        for name, ignored in ignored_at(rule, snapshots.values(), resolver):
            yield name, True if ignored else None
        return
    own = _shared(rule, snapshots, resolver) if rule.condition.kind is ConditionKind.UNIQUE else ()
    for heard in rule_reach(rule, snapshots.values(), resolver):
        name = heard.resolved.instance
        if rule.id not in {each.id for each in heard.resolved.rules}:
            continue
        if not heard.won:
            yield name, None
        else:
            yield name, name not in own and _met(heard, snapshots[name], masker) is not False


def _shared(rule: Rule, snapshots: Mapping[str, InstanceSnapshot], resolver: Resolver) -> set[str]:
    """The instances whose value at the rule's place another one has too."""
    values: dict[str, list[str]] = defaultdict(list)
    for name, snapshot in snapshots.items():
        for place in resolver.named(snapshot, rule):
            file = snapshot.files.get(place.file or "")
            if file is None or file.table is None or place.path is None:
                continue
            value = file.table.value(place.path)
            if value is not MISSING:
                values[canonical(value)].append(name)
    return {name for names in values.values() if len(names) > 1 for name in names}


def _met(heard: Heard, snapshot: InstanceSnapshot, masker: Masker) -> bool | None:
    resolved = heard.resolved
    file = snapshot.files.get(resolved.file or "")
    if file is None or file.table is None or resolved.path is None:
        return judged(resolved, MISSING, True, masker)
    return judged(resolved, file.table.value(resolved.path), file.table.typed, masker)
