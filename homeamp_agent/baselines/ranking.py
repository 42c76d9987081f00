"""Which of the rules that speak of one place wins, and whether any of equal rank disagrees.

Precedence: instance > tag > host > global; among tags the one later in `tag_order`. Within one
scope what a review decided, then an `ignore`, then the more specific selector. Two tags of which
one is not in `tag_order` are of equal rank, whatever else their rules say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from homeamp_agent.baselines.selectors import Specificity, specificity
from homeamp_agent.model.rule import Condition, ConditionKind, Rule, ScopeKind
from homeamp_agent.model.setting import same_value

UNORDERED = -1
"""The position of a tag that `tag_order` does not name."""


class Rank(NamedTuple):
    """Where a rule stands; compared in this order, the highest wins."""

    scope: int
    tag: int
    reviewed: bool
    ignores: bool
    specificity: Specificity


class Speaker:
    """A rule as it is compared: what does not depend on instances is worked out once."""

    __slots__ = ("condition", "kind", "may_hold_variable", "rank", "rule")

    def __init__(self, rule: Rule, tag_order: Mapping[str, int]) -> None:
        self.rule = rule
        self.condition = rule.condition
        self.kind = rule.condition.kind
        scope = rule.scope
        of_tag = scope.kind is ScopeKind.TAG
        self.rank = Rank(
            scope.kind.rank,
            tag_order.get(scope.target or "", UNORDERED) if of_tag else 0,
            rule.approval is not None,
            self.kind is ConditionKind.IGNORE,
            specificity(rule),
        )
        self.may_hold_variable = "{{" in repr((rule.condition.value, rule.condition.values))


class Verdict(NamedTuple):
    """The rules that spoke, the winner first, and the first that disagrees at equal rank."""

    speakers: tuple[Speaker, ...]
    conflict: Rule | None

    @property
    def winner(self) -> Speaker:
        """The rule that counts."""
        return self.speakers[0]


def judge(speakers: Sequence[Speaker], filled: Callable[[Speaker], Condition]) -> Verdict:
    """Which of `speakers` (at least one) wins; `filled` gives a condition with its variables."""
    if len(speakers) == 1:
        return Verdict(tuple(speakers), None)
    ordered = sorted(speakers, key=lambda each: (each.rank, each.rule.order), reverse=True)
    winner = ordered[0]
    conflict = next(
        (
            each.rule
            for each in ordered[1:]
            if _equal(each, winner) and not same_demand(filled(each), filled(winner))
        ),
        None,
    )
    return Verdict(tuple(ordered), conflict)


def _equal(one: Speaker, other: Speaker) -> bool:
    if one.rank.scope != other.rank.scope:
        return False
    other_tag = one.rule.scope.target != other.rule.scope.target
    if one.rule.scope.kind is ScopeKind.TAG and other_tag:
        return UNORDERED in {one.rank.tag, other.rank.tag}
    return one.rank == other.rank


def same_demand(one: Condition, other: Condition) -> bool:
    """Whether two conditions ask for the same."""
    if one.kind is not other.kind:
        return False
    if one.kind is ConditionKind.EQUALS:
        return same_value(one.value, other.value)
    return one == other
