"""A stand-in for an agent: the real server on a real socket, with answers from a script.

Rows are made when they are asked for, so that an agent with 100,000 of them costs nothing. What
was asked is counted, so that a test can say how much of it a screen needed.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homeamp_agent import PRODUCT, VERSION
from homeamp_agent.model.change import (
    ChangeRequest,
    ChangeStatus,
    Edit,
    FileOutcome,
    FilePlan,
    Plan,
    RefusedEdit,
    RollbackConflict,
)
from homeamp_agent.model.deployment import Deployment
from homeamp_agent.model.deviation import (
    OPEN_STATUSES,
    Deviation,
    DeviationGroup,
    DeviationKind,
    DeviationStatus,
    OwningRule,
    Pattern,
)
from homeamp_agent.model.event import Topic
from homeamp_agent.model.expectation import ChainLink, Expectation, Explanation, InstanceValue
from homeamp_agent.model.game import GameState, InstanceState, PlayersPolicy
from homeamp_agent.model.instance import Platform
from homeamp_agent.model.query import (
    Counts,
    DeviationEvent,
    DeviationFilter,
    DeviationsSort,
    PluginCount,
    ScopeCount,
    SettingChange,
)
from homeamp_agent.model.rule import Condition, Rule, RuleSource, Scope, ScopeKind, Severity
from homeamp_agent.rpc.access import AccessPolicy
from homeamp_agent.rpc.dispatch import Dispatcher
from homeamp_agent.rpc.events import EventBus
from homeamp_agent.rpc.idempotency import AnsweredCalls
from homeamp_agent.rpc.listening import listen
from homeamp_agent.rpc.protocol.errors import Conflict, InvalidParams, NotFound
from homeamp_agent.rpc.protocol.messages import (
    Access,
    BaselineStatus,
    ChangesListParams,
    ChangesListResult,
    ChangesPreviewParams,
    ChangesPreviewResult,
    ChangesRollbackParams,
    ChangesRollbackResult,
    ChangesShowParams,
    ChangesShowResult,
    ContextLine,
    DeviationsApproveParams,
    DeviationsCountParams,
    DeviationsCountResult,
    DeviationsFixParams,
    DeviationsFixResult,
    DeviationsFlagParams,
    DeviationsGroupsParams,
    DeviationsGroupsResult,
    DeviationsListParams,
    DeviationsListResult,
    DeviationsReopenParams,
    DeviationsReviewResult,
    DeviationsShowParams,
    DeviationsShowResult,
    EventsSubscribeParams,
    EventsSubscribeResult,
    HelloParams,
    HelloResult,
    HostOverview,
    InstanceActOutcome,
    InstanceRow,
    InstancesActParams,
    InstancesActResult,
    InstancesConsoleParams,
    InstancesListParams,
    InstancesListResult,
    NoParams,
    OverviewResult,
    RescanParams,
    RescanResult,
    ScanStatus,
    SettingsHistoryParams,
    SettingsHistoryResult,
    Skipped,
    StatusResult,
)
from homeamp_agent.rpc.registry import Call, Registry, method
from homeamp_agent.rpc.server import Server
from homeamp_agent.store import open_store
from tests.tui import scripted_deployments, scripted_requests, scripted_rules, scripted_settings

LONG_AGO = dt.datetime.now(dt.UTC) - dt.timedelta(weeks=15, days=3)
"""Ages are counted from now: half a week past the full one, so that no test sees it pass."""
INSTANCES = ("CREA01", "HUB01", "LOBBY01", "MINI01", "PROXY01", "SKY01", "SURV01")
PLUGINS = ("Essentials", "LuckPerms", "WorldGuard", "DiscordSRV", None)
KEYS = ("chat.format", "teleport-cooldown", "use-sqlite", "region.max-volume", "spawn-protection")


def deviation(host: str, number: int, total: int = 0, **more: Any) -> Deviation:
    """The `number`-th of a host's made-up deviations, sorted as an agent would by severity."""
    severity = list(Severity)[min(4, number * 5 // max(1, total))] if total else Severity.MEDIUM
    instance = INSTANCES[number % len(INSTANCES)]
    plugin = PLUGINS[number % len(PLUGINS)]
    key = f"{KEYS[number % len(KEYS)]}"
    facts: dict[str, Any] = {
        "id": f"{host}-{number:06}",
        "host": host,
        "instance": instance,
        "plugin": plugin,
        "file": f"plugins/{plugin}/config.yml" if plugin else "server.properties",
        "key": key,
        "path": tuple(key.split(".")),
        "kind": DeviationKind.VALUE,
        "severity": severity,
        "expected": number % 50,
        "actual": number % 50 + 1,
        "line": 10 + number % 300,
        "rule": OwningRule(
            scope=Scope(),
            source=RuleSource(file="paper_universal_config.md", line=30 + number % 90),
        ),
        "group": f"group-{number % 40}",
        "first_seen": LONG_AGO - dt.timedelta(minutes=number),
        "last_seen": LONG_AGO,
    }
    return Deviation(**{**facts, **more})


@dataclass
class Script:
    """What the stand-in knows, and what it was asked."""

    host: str
    bus: EventBus
    rows: list[Deviation] = field(default_factory=list)
    made_up: int = 0
    access: Access = Access.OPERATE
    changes: list[ChangeRequest] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    deployment_texts: list[str] = field(default_factory=list)
    no_dev: bool = False
    conflict: RollbackConflict | None = None
    refused: tuple[RefusedEdit, ...] = ()
    problems: tuple[str, ...] = ()
    setting_changes: tuple[SettingChange, ...] = ()
    baseline: scripted_rules.Baseline = field(default_factory=scripted_rules.Baseline)
    asked: Counter[str] = field(default_factory=Counter)
    games: dict[str, InstanceState] = field(default_factory=dict)
    waits: dict[str, dt.datetime] = field(default_factory=dict)
    rows_sent: int = 0
    mutations: list[tuple[str, Any]] = field(default_factory=list)
    hold: dict[str, asyncio.Event] = field(default_factory=dict)

    def matching(self, wanted: DeviationFilter, sort: DeviationsSort) -> Sequence[Deviation]:
        """The rows of a filter, in order; made-up ones are made as they are read."""
        if self.made_up:
            return _MadeUp(self.host, self.made_up)
        found = [row for row in self.rows if matches(row, wanted)]
        return sorted(found, key=lambda row: _order(row, sort))

    def replace(self, identity: str, **changes: Any) -> Deviation:
        """Change one row, and tell subscribers."""
        at = next(at for at, row in enumerate(self.rows) if row.id == identity)
        self.rows[at] = self.rows[at].model_copy(update=changes)
        self.bus.emit(Topic.DEVIATIONS, "updated", {"count": 1, "ids": [identity]})
        return self.rows[at]

    def open_row(self, row: Deviation) -> None:
        """Another deviation is found."""
        self.rows.append(row)
        self.bus.emit(Topic.DEVIATIONS, "opened", {"count": 1, "ids": [row.id]})

    def close_row(self, identity: str) -> None:
        """A deviation vanishes."""
        self.rows = [row for row in self.rows if row.id != identity]
        self.bus.emit(Topic.DEVIATIONS, "closed", {"count": 1, "ids": [identity]})


class _MadeUp(Sequence[Deviation]):
    def __init__(self, host: str, total: int) -> None:
        self._host, self._total = host, total

    def __len__(self) -> int:
        return self._total

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(self._total))]
        return deviation(self._host, at, self._total)


def matches(row: Deviation, wanted: DeviationFilter) -> bool:
    """As much of the filter's language as the tests speak."""
    statuses = wanted.statuses or (tuple(OPEN_STATUSES) if wanted.open else tuple(DeviationStatus))
    if row.status not in statuses:
        return False
    if wanted.ids is not None and row.id not in wanted.ids:
        return False
    for name in ("host", "instance", "group"):
        if getattr(wanted, name) is not None and getattr(wanted, name) != getattr(row, name):
            return False
    if wanted.plugin is not None and wanted.plugin != (row.plugin or ""):
        return False
    if wanted.severities is not None and row.severity not in wanted.severities:
        return False
    if wanted.kinds is not None and row.kind not in wanted.kinds:
        return False
    return all(_word_matches(row, word) for word in (wanted.text or "").split())


def _word_matches(row: Deviation, word: str) -> bool:
    if word.startswith("kind:") and word != "kind:value":
        raise InvalidParams(f"there is no kind {word[5:]}")
    name, colon, value = word.partition(":")
    if colon and name == "severity":
        return row.severity.value == value
    if colon and name == "pattern":
        return row.pattern is not None and row.pattern.name == value
    text = " ".join(map(str, (row.instance, row.plugin, row.file, row.key, row.actual)))
    return word.casefold() in text.casefold()


def _order(row: Deviation, sort: DeviationsSort) -> tuple[Any, ...]:
    place = (row.host, row.instance, row.plugin or "", row.file or "", row.key or "", row.id)
    match sort:
        case DeviationsSort.SEVERITY:
            return (row.severity.rank, *place)
        case DeviationsSort.PLUGIN:
            return (row.plugin or "", *place)
        case DeviationsSort.NEWEST:
            return (-(row.first_seen.timestamp() if row.first_seen else 0), *place)
        case _:
            return place


def counts_of(script: Script, rows: Sequence[Deviation]) -> Counts:
    """Counts over the rows of a script."""
    if script.made_up:
        each = script.made_up // 5
        return Counts(
            open=script.made_up,
            pending=script.made_up,
            **{severity.value: each for severity in Severity},
        )
    statuses = Counter(row.status.value for row in rows)
    severities = Counter(row.severity.value for row in rows if row.status in OPEN_STATUSES)
    return Counts(
        open=severities.total(),
        pending=statuses["pending"],
        flagged=statuses["flagged"],
        approved=statuses["approved"],
        fixed=statuses["fixed"],
        **severities,
    )


def tree_of(script: Script, rows: Sequence[Deviation]) -> tuple[ScopeCount, ...]:
    """Open deviations per place."""
    if script.made_up:
        each = script.made_up // len(INSTANCES)
        return tuple(
            ScopeCount(host=script.host, instance=name, plugin="Essentials", open=each)
            for name in INSTANCES
        )
    found: dict[tuple[str, str | None], list[Deviation]] = {}
    for row in rows:
        if row.status in OPEN_STATUSES:
            found.setdefault((row.instance, row.plugin), []).append(row)
    return tuple(
        ScopeCount(
            host=script.host,
            instance=instance,
            plugin=plugin,
            open=len(members),
            worst=min((row.severity for row in members), key=lambda each: each.rank),
        )
        for (instance, plugin), members in found.items()
    )


@method("agent.hello", access=Access.READ, params=HelloParams, result=HelloResult)
async def hello(call: Call[Script], params: HelloParams) -> HelloResult:
    """Who answers."""
    bus = call.rooms.bus
    return HelloResult(
        protocol="1.0",
        product=PRODUCT,
        version=VERSION,
        host=call.rooms.host,
        epoch=bus.epoch,
        cursor=bus.cursor,
        access=call.rooms.access,
        capabilities=(),
    )


def scan_status() -> ScanStatus:
    """A scan that was a moment ago."""
    now = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=4, seconds=20)
    return ScanStatus(
        running=False, started_at=now, finished_at=now, seconds=0.6, instances=7, files=412,
        settings=9_120,
    )  # fmt: skip


@method("agent.status", access=Access.READ, params=NoParams, result=StatusResult)
async def status(call: Call[Script], params: NoParams) -> StatusResult:
    """How the agent is."""
    script = call.rooms
    return StatusResult(
        host=script.host,
        version=VERSION,
        pid=4711,
        started_at=LONG_AGO,
        epoch=script.bus.epoch,
        cursor=script.bus.cursor,
        watching=True,
        watched_folders=120,
        clients=1,
        memory_bytes=60_000_000,
        instances=7,
        scan=scan_status(),
        baselines=BaselineStatus(directory="/srv/baselines", loaded_at=LONG_AGO, rules=412),
        problems=script.problems,
    )


@method("agent.rescan", access=Access.OPERATE, params=RescanParams, result=RescanResult)
async def rescan(call: Call[Script], params: RescanParams) -> RescanResult:
    """Scan again."""
    call.rooms.mutations.append(("agent.rescan", params))
    return RescanResult(scan=scan_status())


@method("fleet.overview", access=Access.READ, params=NoParams, result=OverviewResult)
async def overview(call: Call[Script], params: NoParams) -> OverviewResult:
    """The first screen."""
    script = call.rooms
    counts = counts_of(script, script.rows)
    plugins = Counter(row.plugin for row in script.rows if row.status in OPEN_STATUSES)
    host = HostOverview(
        host=script.host, state="active", instances=7, plugins=84, counts=counts, last_seen=LONG_AGO
    )
    return OverviewResult(
        hosts=(host,),
        counts=counts,
        plugins=tuple(
            PluginCount(plugin=name, open=count, instances=min(7, count))
            for name, count in plugins.most_common(20)
        ),
        variances=38,
    )


@method(
    "instances.list", access=Access.READ, params=InstancesListParams, result=InstancesListResult
)
async def instances(call: Call[Script], params: InstancesListParams) -> InstancesListResult:
    """The instances."""
    script = call.rooms
    return InstancesListResult(
        instances=tuple(
            InstanceRow(
                host=script.host, name=name, friendly_name=name.title(), platform=Platform.PAPER,
                tags=("survival",) if name.startswith("S") else ("lobby",), plugins=12, files=60,
                counts=Counts(), amp=script.games.get(name),
                doing="stopped" if name in script.waits else "", waits_until=script.waits.get(name),
            )
            for name in INSTANCES
        )
    )  # fmt: skip


def _acting(script: Script, verb: str, params: InstancesActParams) -> InstancesActResult:
    script.mutations.append((f"instances.{verb}", params))
    outcomes = []
    for name in params.instances:
        players = script.games[name].players or 0
        if players and params.players is PlayersPolicy.REFUSE:
            message = f"{players} players are online"
            outcomes.append(InstanceActOutcome(instance=name, state="refused", message=message))
            continue
        becomes = GameState.STOPPED if verb == "stop" else GameState.STARTING
        script.games[name] = script.games[name].model_copy(update={"state": becomes, "players": 0})
        outcomes.append(InstanceActOutcome(instance=name, state="begun"))
    script.bus.emit(Topic.INSTANCES, "updated", {"names": list(params.instances)})
    return InstancesActResult(results=tuple(outcomes))


@method(
    "instances.stop", access=Access.OPERATE, params=InstancesActParams, result=InstancesActResult
)
async def stop_game(call: Call[Script], params: InstancesActParams) -> InstancesActResult:
    """Stop."""
    return _acting(call.rooms, "stop", params)


@method(
    "instances.restart", access=Access.OPERATE, params=InstancesActParams, result=InstancesActResult
)
async def restart_game(call: Call[Script], params: InstancesActParams) -> InstancesActResult:
    """Restart."""
    return _acting(call.rooms, "restart", params)


@method(
    "instances.console",
    access=Access.OPERATE,
    params=InstancesConsoleParams,
    result=InstancesActResult,
)
async def console(call: Call[Script], params: InstancesConsoleParams) -> InstancesActResult:
    """Send a line."""
    call.rooms.mutations.append(("instances.console", params))
    done = (InstanceActOutcome(instance=name, state="done") for name in params.instances)
    return InstancesActResult(results=tuple(done))


@method(
    "deviations.list", access=Access.READ, params=DeviationsListParams, result=DeviationsListResult
)
async def list_(call: Call[Script], params: DeviationsListParams) -> DeviationsListResult:
    """A window."""
    script = call.rooms
    if held := script.hold.get("deviations.list"):
        await held.wait()
    script.asked["deviations.list"] += 1
    rows = script.matching(params.filter, params.sort)
    start = params.offset if params.offset is not None else int(params.cursor or 0)
    page = tuple(rows[start : start + params.limit])
    script.rows_sent += len(page)
    end = start + len(page)
    return DeviationsListResult(
        deviations=page, total=len(rows), next_cursor=str(end) if end < len(rows) else None
    )


@method(
    "deviations.count",
    access=Access.READ,
    params=DeviationsCountParams,
    result=DeviationsCountResult,
)
async def count(call: Call[Script], params: DeviationsCountParams) -> DeviationsCountResult:
    """Counts."""
    script = call.rooms
    script.asked["deviations.count"] += 1
    if script.made_up and params.filter.text is None:
        return DeviationsCountResult(
            total=script.made_up, counts=counts_of(script, ()), tree=tree_of(script, ())
        )
    any_status = params.filter.model_copy(update={"statuses": tuple(DeviationStatus)})
    rows = [row for row in script.rows if matches(row, any_status)]
    return DeviationsCountResult(
        total=sum(matches(row, params.filter) for row in script.rows),
        counts=counts_of(script, rows),
        tree=tree_of(script, rows),
    )


@method(
    "deviations.groups",
    access=Access.READ,
    params=DeviationsGroupsParams,
    result=DeviationsGroupsResult,
)
async def groups(call: Call[Script], params: DeviationsGroupsParams) -> DeviationsGroupsResult:
    """Groups."""
    script = call.rooms
    found: dict[str, list[Deviation]] = {}
    for row in script.rows:
        if matches(row, params.filter):
            found.setdefault(row.group, []).append(row)
    made = [
        DeviationGroup(
            group=name,
            plugin=rows[0].plugin,
            file=rows[0].file,
            key=rows[0].key,
            kind=rows[0].kind,
            severity=rows[0].severity,
            expected=rows[0].expected,
            actual=rows[0].actual,
            count=len(rows),
            instances=tuple(row.instance for row in rows),
            ids=tuple(row.id for row in rows),
        )
        for name, rows in found.items()
    ]
    made.sort(key=lambda group: -group.count)
    start = int(params.cursor or 0)
    end = min(len(made), start + params.limit)
    return DeviationsGroupsResult(
        groups=tuple(made[start:end]),
        total=len(made),
        next_cursor=str(end) if end < len(made) else None,
    )


@method(
    "deviations.show",
    access=Access.READ,
    params=DeviationsShowParams,
    result=DeviationsShowResult,
    errors=(NotFound,),
)
async def show(call: Call[Script], params: DeviationsShowParams) -> DeviationsShowResult:
    """One of them."""
    script = call.rooms
    script.asked["deviations.show"] += 1
    row = find(script, params.id)
    line = row.line or 1
    indent = "  " if len(row.path or ()) > 1 else ""
    here = f"{indent}{(row.path or ('?',))[-1]}: {row.actual}"
    context = tuple(
        ContextLine(number=line + step, text=here if step == 0 else f"{indent}# line {line + step}",
                    here=step == 0)
        for step in range(-params.context, params.context + 1)
        if line + step > 0
    )  # fmt: skip
    rule = Rule(
        id="global", condition=Condition(value=row.expected), scope=Scope(),
        source=RuleSource(file="paper_universal_config.md", line=30), plugin=row.plugin,
    )  # fmt: skip
    narrower = rule.model_copy(
        update={
            "scope": Scope(kind=ScopeKind.INSTANCE, target="HUB01"),
            "source": RuleSource(file="Master_Variable_Configurations.xlsx", cell="Essentials!C14"),
            "condition": Condition(value="something else"),
        }
    )
    expectation = Expectation(
        host=row.host,
        instance=row.instance,
        plugin=row.plugin,
        file=row.file,
        path=row.path,
        key=row.key,
        condition=rule.condition,
        scope=rule.scope,
        chain=(
            ChainLink(rule=rule, won=True, note="the only rule that reaches this instance"),
            ChainLink(rule=narrower, won=False, note="for another instance"),
        ),
    )
    elsewhere = tuple(
        InstanceValue(
            host=row.host,
            instance=name,
            value=row.actual if name == row.instance else row.expected,
            as_expected=name != row.instance,
        )
        for name in INSTANCES
    )
    history = (
        DeviationEvent(
            at=row.first_seen or LONG_AGO,
            event="opened",
            status=DeviationStatus.PENDING,
            actual=row.actual,
        ),
    )
    return DeviationsShowResult(
        deviation=row,
        context=context,
        explanation=Explanation(expectation=expectation, sentences=(), elsewhere=elsewhere),
        history=history,
        fixable=row.kind is DeviationKind.VALUE,
        not_fixable_because=None if row.kind is DeviationKind.VALUE else "no edit puts it right",
    )


@method(
    "settings.history",
    access=Access.READ,
    params=SettingsHistoryParams,
    result=SettingsHistoryResult,
)
async def setting_history(
    call: Call[Script], params: SettingsHistoryParams
) -> SettingsHistoryResult:
    """How a setting changed."""
    return SettingsHistoryResult(
        changes=tuple(
            each
            for each in call.rooms.setting_changes
            if each.instance == params.instance and each.path == params.path
        )
    )


def find(script: Script, identity: str) -> Deviation:
    """A row by its id."""
    if script.made_up:
        return deviation(script.host, int(identity.rpartition("-")[2]), script.made_up)
    for row in script.rows:
        if row.id == identity:
            return row
    raise NotFound(f"no such deviation: {identity}")


def _review(script: Script, ids: Sequence[str], **changes: Any) -> DeviationsReviewResult:
    known = {row.id for row in script.rows}
    changed = tuple(script.replace(each, **changes) for each in ids if each in known)
    skipped = tuple(Skipped(id=each, reason="no such deviation") for each in set(ids) - known)
    return DeviationsReviewResult(changed=changed, skipped=skipped)


@method(
    "deviations.approve",
    access=Access.OPERATE,
    params=DeviationsApproveParams,
    result=DeviationsReviewResult,
)
async def approve(call: Call[Script], params: DeviationsApproveParams) -> DeviationsReviewResult:
    """Accept."""
    call.rooms.mutations.append(("deviations.approve", params))
    return _review(
        call.rooms,
        params.ids,
        status=DeviationStatus.APPROVED,
        reviewed_by="root",
        reviewed_at=LONG_AGO,
        review_reason=params.reason,
    )


@method(
    "deviations.flag",
    access=Access.OPERATE,
    params=DeviationsFlagParams,
    result=DeviationsReviewResult,
)
async def flag(call: Call[Script], params: DeviationsFlagParams) -> DeviationsReviewResult:
    """Mark."""
    call.rooms.mutations.append(("deviations.flag", params))
    return _review(
        call.rooms, params.ids, status=DeviationStatus.FLAGGED, replacement=params.replacement
    )


@method(
    "deviations.reopen",
    access=Access.OPERATE,
    params=DeviationsReopenParams,
    result=DeviationsReviewResult,
)
async def reopen(call: Call[Script], params: DeviationsReopenParams) -> DeviationsReviewResult:
    """Back."""
    call.rooms.mutations.append(("deviations.reopen", params))
    if held := call.rooms.hold.get("deviations.reopen"):
        await held.wait()
    return _review(call.rooms, params.ids, status=DeviationStatus.PENDING, replacement=None)


def plan_of(script: Script, ids: Sequence[str]) -> Plan:
    """One file per deviation."""
    files = []
    for each in ids:
        row = find(script, each)
        if row.kind is not DeviationKind.VALUE:
            continue
        key = (row.path or ("?",))[-1]
        edit = Edit(
            instance=row.instance, file=row.file or "", path=row.path or (), deviation_id=each,
            expected_old=row.actual, new=row.expected,
        )  # fmt: skip
        first = (row.line or 2) - 1
        diff = (
            f"--- a/{row.file}\n+++ b/{row.file}\n@@ -{first},3 +{first},3 @@\n"
            f" # before\n-  {key}: {row.actual}\n+  {key}: {row.expected}\n # after\n"
        )
        files.append(
            FilePlan(
                instance=row.instance,
                file=row.file or "",
                before_sha256="0" * 64,
                after_sha256="1" * 64,
                diff=diff,
                edits=(edit,),
                restart=True,
            )
        )
    restarts = tuple(sorted({file.instance for file in files}))
    return Plan(
        digest=f"plan of {len(ids)}", files=tuple(files), refused=script.refused, restarts=restarts
    )


@method(
    "changes.preview",
    access=Access.READ,
    params=ChangesPreviewParams,
    result=ChangesPreviewResult,
)
async def preview(call: Call[Script], params: ChangesPreviewParams) -> ChangesPreviewResult:
    """The plan."""
    script = call.rooms
    if params.id is not None:
        return ChangesPreviewResult(plan=plan_of(script, [row.id for row in script.rows[:2]]))
    skipped = tuple(
        Skipped(id=each, reason="its kind is not put right by an edit")
        for each in params.ids
        if find(script, each).kind is not DeviationKind.VALUE
    )
    return ChangesPreviewResult(plan=plan_of(script, params.ids), skipped=skipped)


@method(
    "deviations.fix",
    access=Access.OPERATE,
    params=DeviationsFixParams,
    result=DeviationsFixResult,
    errors=(Conflict,),
)
async def fix(call: Call[Script], params: DeviationsFixParams) -> DeviationsFixResult:
    """Put right."""
    script = call.rooms
    script.mutations.append(("deviations.fix", params))
    plan = plan_of(script, params.ids)
    if params.digest != plan.digest:
        raise Conflict("the files changed since the preview")
    change = ChangeRequest(
        id=f"change-{len(script.changes) + 1}",
        reason=params.reason,
        author="root",
        status=ChangeStatus.APPLIED,
        created_at=LONG_AGO + dt.timedelta(hours=len(script.changes)),
        edits=tuple(edit for file in plan.files for edit in file.edits),
        files=tuple(
            FileOutcome(
                instance=file.instance,
                file=file.file,
                before_sha256=file.before_sha256,
                after_sha256=file.after_sha256,
                state="verified",
                diff=file.diff,
            )
            for file in plan.files
        ),
    )
    script.changes.insert(0, change)
    for edit in change.edits:
        script.replace(str(edit.deviation_id), status=DeviationStatus.FIXED, change_id=change.id)
    script.bus.emit(Topic.CHANGES, "updated", {"id": change.id, "status": "applied"})
    return DeviationsFixResult(change=change)


@method("changes.list", access=Access.READ, params=ChangesListParams, result=ChangesListResult)
async def changes(call: Call[Script], params: ChangesListParams) -> ChangesListResult:
    """Newest first."""
    return ChangesListResult(changes=tuple(call.rooms.changes))


@method(
    "changes.show",
    access=Access.READ,
    params=ChangesShowParams,
    result=ChangesShowResult,
    errors=(NotFound,),
)
async def change_shown(call: Call[Script], params: ChangesShowParams) -> ChangesShowResult:
    """One of them."""
    for change in call.rooms.changes:
        if change.id == params.id:
            return ChangesShowResult(change=change)
    raise NotFound(f"no such change request: {params.id}")


@method(
    "changes.rollback",
    access=Access.OPERATE,
    params=ChangesRollbackParams,
    result=ChangesRollbackResult,
)
async def rollback(call: Call[Script], params: ChangesRollbackParams) -> ChangesRollbackResult:
    """Put back."""
    script = call.rooms
    script.mutations.append(("changes.rollback", params))
    at = next(at for at, change in enumerate(script.changes) if change.id == params.id)
    if script.conflict is not None and not params.force:
        return ChangesRollbackResult(change=script.changes[at], conflicts=(script.conflict,))
    script.changes[at] = script.changes[at].model_copy(
        update={"status": ChangeStatus.ROLLED_BACK, "rolled_back_at": LONG_AGO}
    )
    for edit in script.changes[at].edits:
        script.replace(str(edit.deviation_id), status=DeviationStatus.PENDING)
    script.bus.emit(Topic.CHANGES, "updated", {"id": params.id, "status": "rolled_back"})
    return ChangesRollbackResult(change=script.changes[at])


@method(
    "events.subscribe",
    access=Access.READ,
    params=EventsSubscribeParams,
    result=EventsSubscribeResult,
)
async def subscribe(call: Call[Script], params: EventsSubscribeParams) -> EventsSubscribeResult:
    """Follow."""
    bus = call.rooms.bus
    call.rooms.asked["events.subscribe"] += 1
    subscription, replay = bus.subscribe(params.topics, params.since, params.epoch)
    call.line.follow(subscription)
    return EventsSubscribeResult(epoch=bus.epoch, cursor=bus.cursor, replay=replay)


METHODS = (
    hello, status, rescan, overview, instances, list_, count, groups, show, approve, flag, reopen,
    preview, fix, changes, change_shown, rollback, subscribe,
    stop_game, restart_game, console,
    setting_history, *scripted_settings.METHODS, *scripted_requests.METHODS,
    *scripted_deployments.METHODS, *scripted_rules.METHODS,
)  # fmt: skip


def running_games() -> dict[str, InstanceState]:
    """Every game runs; on HUB01 three people play."""
    return {
        name: InstanceState(
            state=GameState.READY, players=3 if name == "HUB01" else 0, players_max=20,
            cpu=12.0, memory_mb=2048.0,
        )
        for name in INSTANCES
    }  # fmt: skip


class ScriptedAgent:
    """A stand-in on its socket; can be killed and started again."""

    def __init__(self, host: str, socket: Path, state: Path) -> None:
        self.socket, self._state = socket, state
        self.script = Script(host, EventBus())
        self._closing: list[Callable[[], Any]] = []

    @property
    def url(self) -> str:
        return f"unix:{self.socket}"

    async def start(self) -> None:
        store = await open_store(self._state)
        self.script.bus = EventBus()
        dispatcher = Dispatcher(self.script, Registry(METHODS), AnsweredCalls(store, b"k" * 32))
        server = Server(dispatcher, self.script.bus, AccessPolicy())
        await server.start(listen(self.socket))
        self._closing = [server.stop, store.close]

    async def stop(self) -> None:
        closing, self._closing = self._closing, []
        for close in closing:
            await close()


def believable(host: str) -> Iterator[Deviation]:
    """Rows as an operator meets them, of every kind."""
    rule = OwningRule(scope=Scope(), source=RuleSource(file="paper_universal_config.md", line=128))
    odd = Pattern(
        name="odd_one_out",
        evidence="6 of 7 instances have 60; only CREA01 has 5",
        confidence=0.93,
        action="fix this one",
    )
    facts: tuple[dict[str, Any], ...] = (
        {"severity": Severity.CRITICAL, "instance": "SURV01", "plugin": "WorldGuard",
         "file": "plugins/WorldGuard/config.yml", "key": "security.block-in-game-op-command",
         "expected": True, "actual": False, "line": 12,
         "pattern": Pattern(name="security_downgrade", evidence="blocking of /op is switched off",
                            confidence=0.99, action="fix it")},
        {"severity": Severity.CRITICAL, "instance": "HUB01", "plugin": None,
         "file": "server.properties", "key": "enable-command-block", "expected": False,
         "actual": "true", "line": 23},
        {"severity": Severity.HIGH, "instance": "CREA01", "plugin": "Essentials",
         "file": "plugins/Essentials/config.yml", "key": "chat.format",
         "expected": "<{DISPLAYNAME}> {MESSAGE}", "actual": "&7{DISPLAYNAME} » [b]{MESSAGE}[/b]",
         "line": 128, "pattern": odd},
        {"severity": Severity.HIGH, "instance": "SKY01", "plugin": "LuckPerms",
         "file": "plugins/LuckPerms/config.yml", "key": "data.password",
         "expected": {"masked": "a1b2c3d4e5f6"}, "actual": {"masked": "f6e5d4c3b2a1"}, "line": 61},
        {"severity": Severity.HIGH, "instance": "MINI01", "plugin": "DiscordSRV",
         "file": None, "key": None, "path": None, "line": None, "expected": None, "actual": None,
         "kind": DeviationKind.MISSING_PLUGIN},
        {"severity": Severity.MEDIUM, "instance": "LOBBY01", "plugin": "Essentials",
         "file": "plugins/Essentials/config.yml", "key": "teleport-cooldown", "expected": 60,
         "actual": 5, "line": 77, "pattern": odd, "status": DeviationStatus.FLAGGED,
         "reviewed_by": "mira", "reviewed_at": LONG_AGO, "review_reason": "never agreed"},
        {"severity": Severity.MEDIUM, "instance": "SURV01", "plugin": "Multiverse-Core",
         "file": "plugins/Multiverse-Core/config.yml", "key": "command.confirm-timeout",
         "expected": 30, "actual": 60, "line": 32},
        {"severity": Severity.MEDIUM, "instance": "CREA01", "plugin": "Multiverse-Core",
         "file": "plugins/Multiverse-Core/config.yml", "key": "command.confirm-timeout",
         "expected": 30, "actual": 60, "line": 32},
        {"severity": Severity.MEDIUM, "instance": "SURV01", "plugin": "PlaceholderAPI",
         "file": "plugins/PlaceholderAPI/config.yml", "key": "expansions.server.tps_color.high",
         "expected": "&a", "actual": None, "kind": DeviationKind.MISSING_KEY, "line": None},
        {"severity": Severity.LOW, "instance": "HUB01", "plugin": "CoreProtect",
         "file": "plugins/CoreProtect/config.yml", "key": "default-radius", "expected": 10,
         "actual": "10", "kind": DeviationKind.TYPE, "line": 41},
        {"severity": Severity.INFO, "instance": "PROXY01", "plugin": "Geyser",
         "file": "plugins/Geyser-Velocity/config.yml", "key": "remote.auth-type",
         "expected": {"one_of": ["floodgate", "online"]}, "actual": "offline", "line": 58},
    )  # fmt: skip
    for number, each in enumerate(facts):
        key = each["key"]
        more = {
            "rule": rule,
            "path": tuple(key.split(".")) if key else None,
            "group": f"{each['plugin']}-{key}",
            "first_seen": dt.datetime.now(dt.UTC)
            - dt.timedelta(minutes=7 * number * number + 3, seconds=20),
            **each,
        }
        yield deviation(host, number, **more)


def setting_changes(row: Deviation) -> Iterator[SettingChange]:
    """How the setting of a deviation came to be what it is, newest first."""
    facts: tuple[dict[str, Any], ...] = (
        {"old": row.expected, "new": row.actual, "by": "outside", "while_away": True},
        {
            "old": "none",
            "new": row.expected,
            "by": "homeamp",
            "change_id": "20260801T101500-4f2a91",
        },
        {"old": None, "new": "none", "by": "outside"},
    )
    for number, each in enumerate(facts):
        yield SettingChange(
            at=LONG_AGO - dt.timedelta(weeks=number),
            instance=row.instance,
            plugin=row.plugin,
            file=row.file or "",
            key=row.key or "",
            path=row.path or (),
            **each,
        )
