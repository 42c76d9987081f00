"""Rules that reviews make: what they would do is told before, and is what they do after."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from homeamp_agent.baselines import (
    Decision,
    NotPromotable,
    ReviewedRule,
    approval_of,
    ignoring,
    marking_unique,
    promoting,
    rewrite_approved,
    rule_ids,
    write_approved,
)
from homeamp_agent.drift.engine import Engine
from homeamp_agent.drift.rule_trial import tried
from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.rule import Scope, ScopeKind
from tests.drift.conftest import HOST, KEY, Network

SETTING = {"plugin": "Shop", "file": "config.yml", "key": "a"}
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
ON_SMP02 = Scope(kind=ScopeKind.INSTANCE, target=f"{HOST}/SMP02")


@pytest.fixture
def network(network: Network) -> Network:
    """Wanted everywhere is 1; there are 1, 2, 2, and 4, which a narrower rule wants."""
    for name, value in (("SMP01", 1), ("SMP02", 2), ("SMP03", 2), ("SMP04", 4)):
        network.instance(name)
        network.plugin(name, "Shop", f"a: {value}\npassword: hunter2\n")
    network.rules({**SETTING, "value": 1}, {**SETTING, "value": 4, "scope": {"instance": "SMP04"}})
    return network


def looked(network: Network) -> Engine:
    engine = Engine(HOST, network.instances, network.baselines, KEY, workers=1)
    engine.load()
    engine.scan()
    return engine


def decided(
    engine: Engine, act: Callable[..., ReviewedRule], row: Deviation, scope: Scope | None = None
) -> ReviewedRule:
    instance = engine.snapshots[row.instance].instance
    return act(row, instance, Decision(scope or Scope(), "agreed", "nell", NOW))


def deviating(network: Network) -> list[tuple[str, Any, Any]]:
    return [(each.instance, each.expected, each.actual) for each in network.check()]


def test_a_promoted_value_deviates_where_it_was_said_to(network: Network) -> None:
    engine = looked(network)
    row = network.check()[0]
    rule = decided(engine, promoting, row)
    (would,) = tried([rule], engine.baselines, engine.snapshots, engine.masker)
    assert would.meets == ("SMP02", "SMP03")
    assert would.deviates == ("SMP01",)
    assert would.overruled == ("SMP04",)
    assert (would.rule.condition.value, str(would.rule.source)) == (2, "approved.yaml")
    rewrite_approved(network.baselines, [rule])
    assert deviating(network) == [("SMP01", 2, 1)]
    rewrite_approved(network.baselines, drop=[rule.id])
    assert [instance for instance, _, _ in deviating(network)] == ["SMP02", "SMP03"]


def test_a_rule_of_one_instance_an_ignored_key_and_own_values_end_what_they_should(
    network: Network,
) -> None:
    engine = looked(network)
    row = network.check()[0]
    own = decided(engine, promoting, row, ON_SMP02)
    rewrite_approved(network.baselines, [own])
    assert deviating(network) == [("SMP03", 1, 2)]
    ignored = decided(engine, ignoring, row, ON_SMP02)
    (would,) = tried([ignored], engine.baselines, engine.snapshots, engine.masker, {own.id})
    assert (would.meets, would.deviates, would.overruled) == (("SMP02",), (), ())
    assert {own.id, ignored.id} < rule_ids(row, ON_SMP02)
    rewrite_approved(network.baselines, [decided(engine, ignoring, row)], [own.id])
    assert deviating(network) == []
    unique = decided(engine, marking_unique, row)
    rewrite_approved(network.baselines, [unique], rule_ids(row, Scope()) - {unique.id})
    (would,) = tried([unique], engine.baselines, engine.snapshots, engine.masker)
    assert (would.meets, would.deviates) == (("SMP01", "SMP04"), ("SMP02", "SMP03"))
    found = [(each.instance, each.kind.value) for each in network.check()]
    assert found == [("SMP02", "not_unique"), ("SMP03", "not_unique")]


def test_what_a_rule_hid_is_the_same_deviation_when_the_rule_is_taken_back(
    network: Network,
) -> None:
    network.instance("LOBBY")
    engine = looked(network)
    row = network.check()[0]
    rule = decided(engine, ignoring, row)
    write_approved(network.baselines, [])
    engine.reload_baselines()
    for add, drop, wanted in (([rule], [], []), ([], [rule.id], [row.id])):
        rewrite_approved(network.baselines, add, drop)
        outcome = engine.reload_baselines()
        assert outcome is not None
        assert {instance for instance, _ in outcome.units} == {"SMP02", "SMP03"}
        assert [each.id for each in outcome.units["SMP02", "shop"]] == wanted


def test_a_secret_and_what_is_not_there_cannot_be_promoted(network: Network) -> None:
    network.rules(
        {**SETTING, "key": "password", "value": "other"}, {**SETTING, "key": "b.c", "value": 1}
    )
    engine = looked(network)
    secret = next(each for each in network.check() if each.key == "password")
    missing = next(each for each in network.check() if each.key == "b.c")
    with pytest.raises(NotPromotable, match="secret"):
        decided(engine, promoting, secret)
    with pytest.raises(NotPromotable, match="no value"):
        decided(engine, promoting, missing)
    assert "hunter2" not in decided(engine, ignoring, secret).model_dump_json()


def test_an_approval_ends_with_the_rule_it_was_given_under(network: Network) -> None:
    row = network.check()[0]
    approval = approval_of(row, scope=ON_SMP02, reason="agreed", by="nell", at=NOW)
    write_approved(network.baselines, [approval])

    assert [each.instance for each in network.check()] == ["SMP03"]
    network.rules({**SETTING, "value": 7}, {**SETTING, "value": 4, "scope": {"instance": "SMP04"}})
    assert [each.instance for each in network.check()] == ["SMP01", "SMP02", "SMP03"]


@pytest.mark.parametrize(
    ("scope", "others"),
    [
        (ON_SMP02, {"SMP03"}),
        (Scope(kind=ScopeKind.TAG, target="shops"), {"SMP02"}),
        (Scope(kind=ScopeKind.HOST, target=HOST), set()),
        (Scope(), set()),
    ],
    ids=str,
)
def test_an_approval_reaches_as_far_as_its_scope(
    network: Network, scope: Scope, others: set[str]
) -> None:
    network.rules({**SETTING, "value": 1}, {**SETTING, "value": 4, "scope": {"instance": "SMP04"}},
                  tags={"shops": {"include": ["SMP03"]}})  # fmt: skip
    row = network.check()[0]
    approval = approval_of(row, scope=scope, reason="agreed", by="nell", at=NOW)
    write_approved(network.baselines, [approval])
    assert {each.instance for each in network.check()} == others
    first = (network.baselines / "approved.yaml").read_text()
    another = approval_of(row, scope=scope, reason="", by="nell", at=NOW)
    rewrite_approved(network.baselines, [another.model_copy(update={"id": "0", "plugin": "Bank"})])
    rewrite_approved(network.baselines, drop=["0"])
    assert (network.baselines / "approved.yaml").read_text() == first
