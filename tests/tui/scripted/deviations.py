"""Deviations listed, shown and reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from homeamp_agent.model.deviation import (
    Deviation,
    DeviationGroup,
    DeviationKind,
    DeviationStatus,
)
from homeamp_agent.model.expectation import ChainLink, Expectation, Explanation, InstanceValue
from homeamp_agent.model.query import (
    DeviationEvent,
)
from homeamp_agent.model.rule import Condition, Rule, RuleSource, Scope, ScopeKind
from homeamp_agent.rpc.protocol.errors import NotFound
from homeamp_agent.rpc.protocol.messages import (
    Access,
    ContextLine,
    DeviationsApproveParams,
    DeviationsCountParams,
    DeviationsCountResult,
    DeviationsFlagParams,
    DeviationsGroupsParams,
    DeviationsGroupsResult,
    DeviationsListParams,
    DeviationsListResult,
    DeviationsReopenParams,
    DeviationsReviewResult,
    DeviationsShowParams,
    DeviationsShowResult,
    SettingsHistoryParams,
    SettingsHistoryResult,
    Skipped,
)
from homeamp_agent.rpc.registry import Call, method
from tests.tui.scripted.host import counts_of, tree_of
from tests.tui.scripted.rows import INSTANCES, LONG_AGO, deviation, matches
from tests.tui.scripted.script import Script


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


METHODS = (list_, count, groups, show, setting_history, approve, flag, reopen)
