"""What the baseline says, as it may be shown: its rules, where they are heard, what they cover."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from homeamp_agent.baselines import approval_of
from homeamp_agent.baselines.rule_list import RuleLists
from homeamp_agent.drift.approving import covered
from homeamp_agent.drift.engine import Engine
from homeamp_agent.drift.rule_reach import rule_reach
from homeamp_agent.model.rule import Rule, Scope, ScopeKind
from tests.drift.conftest import HOST, KEY, Network

SETTING = {"plugin": "Shop", "file": "config.yml", "key": "a"}


@pytest.fixture
def network(network: Network) -> Network:
    for name, value in (("SMP01", 1), ("SMP02", 2)):
        network.instance(name)
        network.plugin(name, "Shop", f"a: {value}\npassword: hunter2\n")
    return network


def looked(network: Network) -> Engine:
    engine = Engine(HOST, network.instances, network.baselines, KEY, workers=1)
    engine.load()
    engine.scan()
    return engine


def heard(engine: Engine, rule: Rule) -> list[tuple[str, bool, str]]:
    return [
        (each.resolved.instance, each.won, str(each.winner.scope))
        for each in rule_reach(rule, engine.snapshots.values(), engine.resolver)
    ]


def test_a_rule_is_heard_where_it_wins_and_where_a_narrower_one_overrules_it(
    network: Network,
) -> None:
    network.rules({**SETTING, "value": 1}, {**SETTING, "value": 2, "scope": {"instance": "SMP02"}})
    engine = looked(network)
    wide, narrow = engine.baselines.rules
    assert heard(engine, wide) == [("SMP01", True, "global"), ("SMP02", False, "instance SMP02")]
    assert heard(engine, narrow) == [("SMP02", True, "instance SMP02")]


def test_rules_of_patterns_and_of_absent_plugins_are_heard_too(network: Network) -> None:
    network.rules({**SETTING, "plugin": "Sh*", "value": 1}, {"plugin": "Bank", "present": True})
    engine = looked(network)
    pattern, presence = engine.baselines.rules
    assert [instance for instance, _, _ in heard(engine, pattern)] == ["SMP01", "SMP02"]
    assert [instance for instance, _, _ in heard(engine, presence)] == ["SMP01", "SMP02"]


def test_rules_are_found_by_words_scope_and_plugin_and_hold_no_secret(network: Network) -> None:
    network.rules(
        {**SETTING, "value": 1, "reason": "As the builders agreed"},
        {**SETTING, "value": 2, "scope": {"instance": "SMP02"}, "expires": "2099-01-01"},
        {"plugin": "Shop", "file": "config.yml", "key": "password", "value": "hunter2"},
        {"plugin": "Bank", "file": "config.yml", "key": "a", "one_of": [1, 2]},
    )
    engine = looked(network)
    lists = RuleLists()
    listed = lists.of(engine.baselines, engine.masker)
    assert lists.of(engine.baselines, engine.masker) is listed
    assert "hunter2" not in json.dumps([rule.model_dump(mode="json") for rule in listed.rules])

    def found(text: str | None, *scopes: ScopeKind, plugin: str | None = None) -> list[int]:
        return [listed.rules.index(rule) for rule in listed.found(text, scopes or None, plugin)]

    assert found(None) == [0, 1, 2, 3]
    assert found("BUILDERS") == [0]
    assert found("shop !password") == [0, 1]
    assert found("expires") == [1]
    assert found(None, ScopeKind.INSTANCE) == [1]
    assert found(None, plugin="bank") == [3]
    assert found("hunter2") == []


def test_an_approval_covers_what_it_accepted_until_its_term_ends(network: Network) -> None:
    network.rules({**SETTING, "value": 1})
    (deviation,) = network.check()
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    term = now + dt.timedelta(days=1)
    approval = approval_of(deviation, scope=Scope(), reason="agreed", by="me", at=now, expires=term)
    snapshots = looked(network).snapshots
    assert covered([approval], [deviation], snapshots, now) == {approval.id: [deviation.id]}
    assert covered([approval], [deviation], snapshots, term) == {approval.id: []}
    other = deviation.model_copy(update={"actual": 3})
    assert covered([approval], [other], snapshots, now) == {approval.id: []}
