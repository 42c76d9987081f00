"""What a stand-in for an agent says of its baseline: rules, problems, and what reviews decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from homeamp_agent.model.deviation import DeviationKind
from homeamp_agent.model.event import Topic
from homeamp_agent.model.rule import (
    BaselineProblem,
    Condition,
    ConditionKind,
    ProblemSeverity,
    Rule,
    RuleSource,
    Scope,
    ScopeKind,
)
from homeamp_agent.rpc.protocol.errors import NotFound
from homeamp_agent.rpc.protocol.messages import (
    Access,
    ApprovalRow,
    Decided,
    DeviationsRuleParams,
    DeviationsRuleResult,
    MadeRule,
    RulePlace,
    RulesApprovalsParams,
    RulesApprovalsResult,
    RulesListParams,
    RulesListResult,
    RulesProblemsParams,
    RulesProblemsResult,
    RulesRevokeParams,
    RulesRevokeResult,
    RulesShowParams,
    RulesShowResult,
)
from homeamp_agent.rpc.registry import Call, Method, method

if TYPE_CHECKING:
    from tests.tui.scripted.script import Script

Entry = TypeVar("Entry")


def _rule(number: int, scope: Scope, key: str, condition: Condition, line: int) -> Rule:
    return Rule(
        id=f"rule-{number}",
        scope=scope,
        plugin="Essentials",
        file="config.yml",
        key=key,
        condition=condition,
        reason="As agreed with the builders" if number == 1 else None,
        source=RuleSource(
            file="Essentials_universal_config.md" if number % 2 == 0 else "rules.yaml", line=line
        ),
    )


CREATIVE = Scope(kind=ScopeKind.INSTANCE, target="CREA01")
RULES = (
    _rule(0, Scope(), "teleport-cooldown", Condition(value=60), 21),
    _rule(1, CREATIVE, "teleport-cooldown", Condition(value=5), 40),
    _rule(2, Scope(), "max-nick-length", Condition(value=15), 22),
    _rule(3, Scope(), "mysql.password", Condition(value={"masked": "a1b2c3d4"}), 52),
    _rule(5, Scope(kind=ScopeKind.TAG, target="lobby"), "starting-balance",
          Condition(kind=ConditionKind.ONE_OF, values=(0, 100)), 61),
)  # fmt: skip
PROBLEMS = (
    BaselineProblem(
        source=RuleSource(file="rules.yaml", line=77),
        severity=ProblemSeverity.ERROR,
        message="matches is no regular expression: missing )",
    ),
    BaselineProblem(
        source=RuleSource(file="deployment_matrix.csv", line=25),
        severity=ProblemSeverity.WARNING,
        message="Vault stands here again with another URL",
    ),
)


def believable_decisions(host: str) -> list[ApprovalRow]:
    """One that stands, one that ends soon, one that ended, an ignored key."""
    now = dt.datetime.now(dt.UTC)

    def row(number: int, key: str, **more: Any) -> ApprovalRow:
        facts: dict[str, Any] = {
            "id": f"decision-{number}",
            "scope": Scope(kind=ScopeKind.INSTANCE, target=f"{host}/CREA01"),
            "plugin": "Essentials",
            "file": "plugins/Essentials/config.yml",
            "key": key,
            "path": tuple(key.split(".")),
            "kind": DeviationKind.VALUE,
            "expected": 60,
            "actual": 5,
            "reason": "builders hop about",
            "by": "mira",
            "at": now - dt.timedelta(days=9, hours=5),
            "expires": None,
            "expired": False,
            "covers": 1,
            "deviations": (f"{host}-000001",),
        }
        return ApprovalRow(**{**facts, **more})

    soon, over = now + dt.timedelta(days=3, hours=2), now - dt.timedelta(days=2, hours=3)
    return [
        row(0, "max-nick-length", expires=over, expired=True, covers=0, deviations=()),
        row(1, "teleport-cooldown", expires=soon),
        row(2, "chat.format", covers=0, deviations=(), scope=Scope()),
        row(3, "last-update", decided=Decided.IGNORE, kind=None, scope=Scope(), covers=6,
            deviations=(), reason=""),
    ]  # fmt: skip


@dataclass
class Baseline:
    """What the stand-in's baseline holds."""

    rules: Sequence[Rule] = RULES
    problems: Sequence[BaselineProblem] = PROBLEMS
    decisions: list[ApprovalRow] = field(default_factory=list)


def _page(every: Sequence[Entry], text: str | None, offset: int, limit: int) -> list[Entry]:
    found = [each for each in every if all(word in str(each) for word in (text or "").split())]
    return found[offset : offset + limit]


def _total(every: Sequence[Any], text: str | None) -> int:
    return len(_page(every, text, 0, 1_000_000))


@method("rules.list", access=Access.READ, params=RulesListParams, result=RulesListResult)
async def list_(call: Call[Script], params: RulesListParams) -> RulesListResult:
    """The rules."""
    rules = call.rooms.baseline.rules
    page = _page(rules, params.filter, params.offset or 0, params.limit)
    total = _total(rules, params.filter)
    return RulesListResult(rules=tuple(page), total=total, counts={})


@method(
    "rules.show",
    access=Access.READ,
    params=RulesShowParams,
    result=RulesShowResult,
    errors=(NotFound,),
)
async def show(call: Call[Script], params: RulesShowParams) -> RulesShowResult:
    """One rule, overruled on the creative instance."""
    rules = call.rooms.baseline.rules
    rule = next((each for each in rules if each.id == params.id), None)
    if rule is None:
        raise NotFound("no such rule")
    places = tuple(
        RulePlace(
            host=call.rooms.host, instance=name, plugin=rule.plugin,
            file="plugins/Essentials/config.yml", key=rule.key,
            path=tuple((rule.key or "").split(".")), won=name != "CREA01",
            winner=rules[1] if name == "CREA01" else None,
        )
        for name in ("CREA01", "HUB01", "LOBBY01")
    )  # fmt: skip
    return RulesShowResult(rule=rule, places=places, total=3, won=2)


@method(
    "rules.problems", access=Access.READ, params=RulesProblemsParams, result=RulesProblemsResult
)
async def problems(call: Call[Script], params: RulesProblemsParams) -> RulesProblemsResult:
    """What is wrong."""
    every = call.rooms.baseline.problems
    page = _page(every, params.filter, params.offset or 0, params.limit)
    return RulesProblemsResult(problems=tuple(page), total=_total(every, params.filter))


@method(
    "rules.approvals", access=Access.READ, params=RulesApprovalsParams, result=RulesApprovalsResult
)
async def approvals(call: Call[Script], params: RulesApprovalsParams) -> RulesApprovalsResult:
    """What was decided."""
    every = call.rooms.baseline.decisions
    page = _page(every, params.filter, params.offset or 0, params.limit)
    return RulesApprovalsResult(approvals=tuple(page), total=_total(every, params.filter))


@method("rules.revoke", access=Access.OPERATE, params=RulesRevokeParams, result=RulesRevokeResult)
async def revoke(call: Call[Script], params: RulesRevokeParams) -> RulesRevokeResult:
    """Take back."""
    script = call.rooms
    script.mutations.append(("rules.revoke", params))
    script.baseline.decisions = [
        each for each in script.baseline.decisions if each.id not in params.ids
    ]
    script.bus.emit(Topic.RULES, "reloaded", {})
    return RulesRevokeResult(revoked=params.ids)


def _ruling(name: str, kind: ConditionKind) -> Method[Any]:
    @method(
        f"deviations.{name}",
        access=Access.OPERATE,
        params=DeviationsRuleParams,
        result=DeviationsRuleResult,
    )
    async def rule(call: Call[Script], params: DeviationsRuleParams) -> DeviationsRuleResult:
        """A rule of this kind, and the deviations are closed."""
        if not params.preview:
            call.rooms.mutations.append((f"deviations.{name}", params))
            for identity in params.ids:
                call.rooms.close_row(identity)
        scope = (
            Scope() if params.scope is ScopeKind.GLOBAL else Scope(kind=params.scope, target="x")
        )
        made = MadeRule(
            id="decided-9",
            rule=_rule(9, scope, "chat.format", Condition(kind=kind, value="{MESSAGE}"), 3),
            meets=("HUB01",),
            deviates=() if kind is ConditionKind.IGNORE else ("LOBBY01", "SURV01"),
            overruled=("CREA01",),
        )
        return DeviationsRuleResult(rules=(made,), decisions=("decided-9",), ids=params.ids)

    return rule


METHODS = (
    list_, show, problems, approvals, revoke,
    _ruling("ignore", ConditionKind.IGNORE),
    _ruling("promote", ConditionKind.EQUALS),
    _ruling("mark_unique", ConditionKind.UNIQUE),
)  # fmt: skip
