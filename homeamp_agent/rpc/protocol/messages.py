"""Params and result of every method, by namespace. The OpenRPC document is made from these.

Lists page: `limit` rows after `cursor` (opaque text, None: from the start); a reply's
`next_cursor` is None on the last page.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, RootModel

from homeamp_agent.model.base import WireWord, Word
from homeamp_agent.model.change import ChangeRequest, ChangeStatus, Plan, RollbackConflict
from homeamp_agent.model.deviation import Deviation, DeviationGroup
from homeamp_agent.model.event import Event, Topic
from homeamp_agent.model.expectation import Explanation
from homeamp_agent.model.instance import Platform
from homeamp_agent.model.query import (
    Counts,
    DeviationEvent,
    DeviationFilter,
    DeviationsSort,
    PageParams,
    PluginCount,
    ScopeCount,
)
from homeamp_agent.model.rule import ScopeKind

__all__ = [
    "Counts",
    "DeviationEvent",
    "DeviationFilter",
    "DeviationsSort",
    "PageParams",
    "PluginCount",
    "ScopeCount",
]
# Words of the model that are part of the wire; the rest of it is defined here.

Path = tuple[str | bool | int | None, ...]


class Access(StrEnum):
    """What a peer may do: `read` looks, `operate` also changes."""

    READ = "read"
    OPERATE = "operate"


class NoParams(Word):
    """A method without params."""


class MutationParams(Word):
    """A retry with the same key never applies twice; keys are remembered for a day."""

    idempotency_key: str | None = Field(default=None, max_length=200)


def param_names(model: type[BaseModel]) -> list[str]:
    """The order of a method's params when given by position.

    Required ones first, then the method's own, then those that many methods share (`limit`,
    `cursor`, `idempotency_key`).
    """
    own = set(model.__annotations__)
    return sorted(
        model.model_fields,
        key=lambda name: (not model.model_fields[name].is_required(), name not in own),
    )


# rpc ---------------------------------------------------------------------------------------------


class DiscoverResult(RootModel[dict[str, Any]]):
    """The OpenRPC 1.3 document of this agent."""


# agent -------------------------------------------------------------------------------------------


class HelloParams(WireWord):
    """`protocol` is `MAJOR.MINOR` or just the major number.

    The only params that ignore unknown fields: a newer client must be able to introduce itself.
    Everywhere else a field that this agent does not know might have been a condition.
    """

    protocol: str = Field(default="1.0", coerce_numbers_to_str=True)
    client: str = Field(default="", max_length=200)


class HelloResult(WireWord):
    """Who the agent is and where its event sequence stands."""

    protocol: str
    product: str
    version: str
    host: str
    epoch: str = Field(description="Changes with every start: cursors of another epoch are void")
    cursor: int
    access: Access
    capabilities: tuple[str, ...]


class ScanStatus(WireWord):
    """The last scan, or the one under way."""

    running: bool
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    seconds: float | None = None
    instances: int = 0
    files: int = 0
    settings: int = 0
    error: str | None = Field(default=None, description="Why the last scan failed, in one line")


class BaselineStatus(WireWord):
    """What the baseline directory holds."""

    directory: str
    loaded_at: AwareDatetime | None = None
    rules: int = 0
    errors: int = 0
    warnings: int = 0
    stale: tuple[str, ...] = Field(
        default=(), description="Files that failed to load: their last good version counts"
    )


class StatusResult(WireWord):
    """How the agent is doing."""

    host: str
    version: str
    pid: int
    started_at: AwareDatetime
    epoch: str
    cursor: int
    watching: bool
    watched_folders: int
    clients: int
    memory_bytes: int
    instances: int
    scan: ScanStatus
    baselines: BaselineStatus
    problems: tuple[str, ...] = Field(default=(), description="What is wrong now, one line each")


class RescanParams(MutationParams):
    """Which instances (None: all); `wait` answers only when the scan is done."""

    instances: tuple[str, ...] | None = None
    wait: bool = True


class RescanResult(WireWord):
    """The scan that was asked for."""

    scan: ScanStatus


# fleet, instances --------------------------------------------------------------------------------


class HostOverview(WireWord):
    """One host as this agent sees it. `state`: active, stale or offline."""

    host: str
    state: Literal["active", "stale", "offline"]
    instances: int
    plugins: int
    counts: Counts
    last_seen: AwareDatetime | None = None


class OverviewResult(WireWord):
    """The first screen."""

    hosts: tuple[HostOverview, ...]
    counts: Counts
    plugins: tuple[PluginCount, ...] = Field(default=(), description="Worst first, 20 at most")
    variances: int = Field(default=0, description="Documented variances: different on purpose")


class InstancesListParams(PageParams):
    """Filter by host and platform."""

    host: str | None = None
    platform: Platform | None = None


class InstanceRow(WireWord):
    """One instance with its open deviations."""

    host: str
    name: str
    friendly_name: str
    platform: Platform
    tags: tuple[str, ...]
    plugins: int
    files: int
    counts: Counts
    problems: tuple[str, ...] = ()


class InstancesListResult(WireWord):
    """A page of instances, by name."""

    instances: tuple[InstanceRow, ...]
    next_cursor: str | None = None


# deviations --------------------------------------------------------------------------------------


class DeviationsListParams(PageParams):
    """A window of deviations: by cursor, or by `offset` for a virtual table."""

    filter: DeviationFilter = DeviationFilter()
    sort: DeviationsSort = DeviationsSort.SEVERITY
    offset: int | None = Field(default=None, ge=0, description="Instead of a cursor")


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


class DeviationsApproveParams(MutationParams):
    """Accept deviations as they are; becomes a rule in `approved.yaml`."""

    ids: tuple[str, ...] = Field(min_length=1, max_length=10_000)
    scope: ScopeKind = ScopeKind.INSTANCE
    target: str | None = Field(default=None, description="The tag, for scope tag")
    reason: str = Field(default="", max_length=2000)
    expires: AwareDatetime | None = None


class DeviationsFlagParams(MutationParams):
    """Mark deviations as wrong, optionally with another value to write."""

    ids: tuple[str, ...] = Field(min_length=1, max_length=10_000)
    reason: str = Field(default="", max_length=2000)
    replacement: Any = None


class DeviationsReopenParams(MutationParams):
    """Back to pending: undoes an approval or a flag."""

    ids: tuple[str, ...] = Field(min_length=1, max_length=10_000)
    reason: str = Field(default="", max_length=2000)


class Skipped(WireWord):
    """One deviation that a bulk act left alone, and why."""

    id: str
    reason: str


class DeviationsReviewResult(WireWord):
    """What a bulk review did."""

    changed: tuple[Deviation, ...]
    skipped: tuple[Skipped, ...] = ()
    more_changed: int = Field(
        default=0, description="Further ones that changed and did not fit into the reply"
    )


class ChangesPreviewParams(Word):
    """The exact plan of fixing these deviations; writes nothing."""

    ids: tuple[str, ...] = Field(min_length=1, max_length=10_000)


class ChangesPreviewResult(WireWord):
    """The plan; give its digest to `deviations.fix` to apply exactly this."""

    plan: Plan
    skipped: tuple[Skipped, ...] = ()


class DeviationsFixParams(MutationParams):
    """Put deviations right. With `digest`, only if the plan is still the one previewed."""

    ids: tuple[str, ...] = Field(min_length=1, max_length=10_000)
    reason: str = Field(default="", max_length=2000)
    digest: str | None = None


class DeviationsFixResult(WireWord):
    """The change request that did it."""

    change: ChangeRequest
    skipped: tuple[Skipped, ...] = ()


# rules -------------------------------------------------------------------------------------------


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


# changes -----------------------------------------------------------------------------------------


class ChangesListParams(PageParams):
    """Change requests, newest first."""

    status: ChangeStatus | None = None
    instance: str | None = None


class ChangesListResult(WireWord):
    """A page of change requests; their files carry no diffs here."""

    changes: tuple[ChangeRequest, ...]
    next_cursor: str | None = None


class ChangesShowParams(Word):
    """One change request."""

    id: str


class ChangesShowResult(WireWord):
    """The change request with its diffs."""

    change: ChangeRequest


class ChangesRollbackParams(MutationParams):
    """Put the exact bytes back. `force`: also over files that changed since."""

    id: str
    reason: str = Field(default="", max_length=2000)
    force: bool = False


class ChangesRollbackResult(WireWord):
    """The change request as it stands now; conflicts where nothing was rolled back."""

    change: ChangeRequest
    conflicts: tuple[RollbackConflict, ...] = ()


# events ------------------------------------------------------------------------------------------


class EventsSubscribeParams(Word):
    """Topics (None: all); with `since` and `epoch`, first what happened after that cursor."""

    topics: tuple[Topic, ...] | None = None
    since: int | None = Field(default=None, ge=0)
    epoch: str | None = None


class EventsSubscribeResult(WireWord):
    """From here on `events.event` notifications carry an `EventNotification`."""

    epoch: str
    cursor: int
    replay: tuple[Event, ...] = ()


class EventNotification(WireWord):
    """Params of the notification `events.event`.

    `coalesced` counts earlier events of this topic that were folded into this one because the
    reader was slow: then list again instead of trusting single events.
    """

    event: Event
    coalesced: int = 0
