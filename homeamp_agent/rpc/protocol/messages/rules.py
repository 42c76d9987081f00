"""`rules.*`: what the baseline says, where that reaches, and why a setting is expected."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, Field

from homeamp_agent.model.base import WireWord, Word
from homeamp_agent.model.deviation import DeviationKind
from homeamp_agent.model.expectation import Explanation
from homeamp_agent.model.query import MAX_OFFSET, PageParams
from homeamp_agent.model.rule import BaselineProblem, Rule, Scope, ScopeKind
from homeamp_agent.rpc.protocol.messages.base import MutationParams, Path


class RulesExplainParams(Word):
    """A setting by its place; `key` is dotted text, `path` exact segments (one of them)."""

    instance: str
    plugin: str | None = None
    file: str | None = None
    key: str | None = None
    path: Path | None = None


class RulesExplainResult(WireWord):
    """Why something is expected there."""

    explanation: Explanation


class RulesListParams(PageParams):
    """A window of the rules, in the order of their sources: by cursor, or by `offset`.

    `filter`: words that all stand in the rule's source, scope, selectors, demand, reason or owner
    (`review`: made by one; `expires`: has a term); a leading `!` negates.
    """

    filter: str | None = Field(default=None, max_length=1000)
    scopes: tuple[ScopeKind, ...] | None = None
    plugin: str | None = Field(default=None, description="A rule's own selector, case ignored")
    offset: int | None = Field(default=None, ge=0, le=MAX_OFFSET, description="Instead of a cursor")


class RulesListResult(WireWord):
    """A page of rules, secret values masked; `counts` by scope over all, whatever the filter."""

    rules: tuple[Rule, ...]
    total: int
    counts: dict[ScopeKind, int]
    next_cursor: str | None = None


class RulesShowParams(Word):
    """A rule by its id."""

    id: str


class RulePlace(WireWord):
    """One place that a rule speaks of; `winner` is the rule that overrules it there, if any."""

    host: str
    instance: str
    plugin: str | None
    file: str | None
    key: str | None
    path: Path | None
    won: bool
    winner: Rule | None = None
    conflict: bool = False
    unresolved: tuple[str, ...] = ()


class RulesShowResult(WireWord):
    """A rule and where it is heard: the first 200 places, those where it lost first."""

    rule: Rule
    places: tuple[RulePlace, ...]
    total: int
    won: int


class RulesProblemsParams(PageParams):
    """A window of what is wrong with the baseline.

    `filter`: words that all stand in the place, the severity or the message; `!word`: not.
    """

    filter: str | None = Field(default=None, max_length=1000)
    offset: int | None = Field(default=None, ge=0, le=MAX_OFFSET, description="Instead of a cursor")


class RulesProblemsResult(WireWord):
    """Problems with their place, errors first."""

    problems: tuple[BaselineProblem, ...]
    total: int
    next_cursor: str | None = None


class RulesApprovalsParams(PageParams):
    """A window of the approvals; `filter` as for rules."""

    filter: str | None = Field(default=None, max_length=1000)
    offset: int | None = Field(default=None, ge=0, le=MAX_OFFSET, description="Instead of a cursor")


class Decided(StrEnum):
    """What a review decided: the deviation is fine, the key does not matter, the value is right,
    every instance has its own."""

    ACCEPT = "accept"
    IGNORE = "ignore"
    PROMOTE = "promote"
    UNIQUE = "unique"


class ApprovalRow(WireWord):
    """One decision of `approved.yaml`, and what it stands for now.

    `accept`: the deviations that it `covers`; one that covers none stands for nothing, since its
    value, its rule or its instance is another, or its term has ended (`expired`). The others are
    rules: `kind` is None, `covers` counts the places where the rule wins.
    """

    id: str
    decided: Decided = Decided.ACCEPT
    scope: Scope
    plugin: str | None
    file: str | None
    key: str | None
    path: Path | None
    kind: DeviationKind | None
    expected: Any = None
    actual: Any = None
    reason: str
    by: str
    at: AwareDatetime
    expires: AwareDatetime | None
    expired: bool
    covers: int
    deviations: tuple[str, ...] = Field(
        description="The first 100 ids, as `deviations.reopen` takes them"
    )


class RulesApprovalsResult(WireWord):
    """A page of approvals: those whose term ends next first, then the newest."""

    approvals: tuple[ApprovalRow, ...]
    total: int
    next_cursor: str | None = None


class RulesRevokeParams(MutationParams):
    """Decisions of `approved.yaml` by their ids, to be taken back."""

    ids: tuple[str, ...] = Field(min_length=1, max_length=10_000)
    reason: str = Field(default="", max_length=2000)


class RulesRevokeResult(WireWord):
    """Which were taken back; the others were not there (any more)."""

    revoked: tuple[str, ...]
    unknown: tuple[str, ...] = ()
