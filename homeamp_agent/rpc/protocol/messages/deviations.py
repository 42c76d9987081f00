"""`deviations.*`: listing, explaining, reviewing and fixing."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from homeamp_agent.model.base import Moment, WireWord, Word
from homeamp_agent.model.change import ChangeRequest, LineChange, Plan
from homeamp_agent.model.deviation import Deviation, DeviationGroup
from homeamp_agent.model.expectation import Explanation
from homeamp_agent.model.query import (
    MAX_OFFSET,
    Counts,
    DeviationEvent,
    DeviationFilter,
    DeviationsSort,
    PageParams,
    ScopeCount,
)
from homeamp_agent.model.rule import Rule, ScopeKind
from homeamp_agent.rpc.protocol.messages.base import MutationParams


class DeviationsListParams(PageParams):
    """A window of deviations: by cursor, or by `offset` for a virtual table."""

    filter: DeviationFilter = DeviationFilter()
    sort: DeviationsSort = DeviationsSort.SEVERITY
    offset: int | None = Field(default=None, ge=0, le=MAX_OFFSET, description="Instead of a cursor")


class DeviationsListResult(WireWord):
    """A page of deviations and how many the filter matches in all."""

    deviations: tuple[Deviation, ...]
    total: int
    next_cursor: str | None = None


class DeviationsCountParams(Word):
    """What to count."""

    filter: DeviationFilter = DeviationFilter()


class DeviationsCountResult(WireWord):
    """Counts over the filter, and per (host, instance, plugin) for the scope tree."""

    total: int
    counts: Counts
    tree: tuple[ScopeCount, ...]


class DeviationsGroupsParams(PageParams):
    """Groups of the same deviation over instances, largest first."""

    filter: DeviationFilter = DeviationFilter()


class DeviationsGroupsResult(WireWord):
    """A page of groups."""

    groups: tuple[DeviationGroup, ...]
    total: int
    next_cursor: str | None = None


class DeviationsShowParams(Word):
    """One deviation, with `context` lines before and after its line."""

    id: str
    context: int = Field(default=4, ge=0, le=50)


class ContextLine(WireWord):
    """A line of the file; secrets in it are blotted out."""

    number: int
    text: str
    here: bool = False


class MendingLine(WireWord):
    """The line edit that may make a file readable: `path` and `value` as an edit says them."""

    path: tuple[str, ...]
    value: str
    line_edit: LineChange


class DeviationsShowResult(WireWord):
    """All there is to say of one deviation."""

    deviation: Deviation
    context: tuple[ContextLine, ...] = ()
    context_problem: str | None = Field(
        default=None, description="Why there is no context: the file is gone, no line, ..."
    )
    explanation: Explanation | None = None
    history: tuple[DeviationEvent, ...] = ()
    fixable: bool
    not_fixable_because: str | None = None
    amp_node: str | None = Field(default=None, description="AMP's own setting, where AMP owns it")
    amp_owned: str | None = Field(
        default=None, description="One sentence, where AMP writes this setting at every start"
    )
    mending: MendingLine | None = Field(
        default=None, description="Of an unreadable file: the line edit to try first"
    )


class Skipped(WireWord):
    """One deviation that a bulk act left alone, and why."""

    id: str
    reason: str


class DeviationsApproveParams(MutationParams):
    """Accept deviations as they are; becomes a rule in `approved.yaml`."""

    ids: tuple[str, ...] = Field(min_length=1, max_length=10_000)
    scope: ScopeKind = ScopeKind.INSTANCE
    target: str | None = Field(default=None, description="The tag, for scope tag")
    reason: str = Field(default="", max_length=2000)
    expires: Moment | None = None


class DeviationsRuleParams(MutationParams):
    """Make rules of deviations, within a scope; written to `approved.yaml`.

    `preview`: say what they would do, and write nothing.
    """

    ids: tuple[str, ...] = Field(min_length=1, max_length=10_000)
    scope: ScopeKind = ScopeKind.GLOBAL
    target: str | None = Field(default=None, description="The tag, for scope tag")
    reason: str = Field(default="", max_length=2000)
    expires: Moment | None = None
    preview: bool = False


class MadeRule(WireWord):
    """A rule that a review makes, and its instances by what it does there.

    `id` is that of the decision, as `rules.revoke` takes it. `meets`: as the rule wants it (or
    ignored by it); `deviates`: another value is there; `overruled`: a narrower rule speaks.
    """

    id: str
    rule: Rule
    meets: tuple[str, ...]
    deviates: tuple[str, ...]
    overruled: tuple[str, ...]


class DeviationsRuleResult(WireWord):
    """The rules that were made, or would be: the first 100; `decisions`: all their ids."""

    rules: tuple[MadeRule, ...]
    decisions: tuple[str, ...]
    ids: tuple[str, ...] = Field(description="The deviations that they were made of")
    skipped: tuple[Skipped, ...] = ()


class DeviationsFlagParams(MutationParams):
    """Mark deviations as wrong, optionally with another value to write."""

    ids: tuple[str, ...] = Field(min_length=1, max_length=10_000)
    reason: str = Field(default="", max_length=2000)
    replacement: Any = None


class DeviationsReopenParams(MutationParams):
    """Back to pending: undoes an approval or a flag."""

    ids: tuple[str, ...] = Field(min_length=1, max_length=10_000)
    reason: str = Field(default="", max_length=2000)


class DeviationsReviewResult(WireWord):
    """What a bulk review did."""

    changed: tuple[Deviation, ...]
    skipped: tuple[Skipped, ...] = ()
    more_changed: int = Field(
        default=0, description="Further ones that changed and did not fit into the reply"
    )


class ChangesPreviewParams(Word):
    """The exact plan of fixing deviations (`ids`), of a `request`, or of one that waits (`id`)."""

    ids: tuple[str, ...] = Field(default=(), max_length=10_000)
    request: dict[str, Any] | None = None
    id: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if [bool(self.ids), self.request is not None, self.id is not None].count(True) != 1:
            raise ValueError("give `ids`, or `request`, or `id`")
        return self


class ChangesPreviewResult(WireWord):
    """The plan; its digest ties `deviations.fix` and `changes.approve` to exactly this."""

    plan: Plan
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()


class DeviationsFixParams(MutationParams):
    """Put deviations right. With `digest`, only if the plan is still the one previewed."""

    ids: tuple[str, ...] = Field(min_length=1, max_length=10_000)
    reason: str = Field(default="", max_length=2000)
    digest: str | None = None


class DeviationsFixResult(WireWord):
    """The change request that did it."""

    change: ChangeRequest
    skipped: tuple[Skipped, ...] = ()
