"""A changed rule has only what it is about compared again, and nothing is forgotten by that."""

from __future__ import annotations

from typing import Any

import pytest

from homeamp_agent.drift.compare import Comparison
from homeamp_agent.drift.engine import Engine
from homeamp_agent.drift.unit import UnitFindings
from homeamp_agent.model.snapshot import InstanceSnapshot
from tests.drift.conftest import HOST, KEY, Network

INSTANCES = ("SMP01", "SMP02", "SMP03")
SHOP = {"plugin": "Shop", "file": "config.yml", "key": "a"}
BANK = {"plugin": "Bank", "file": "config.yml", "key": "a"}
GAME = {"file": "server.properties", "key": "port"}
ON_2 = {"scope": {"instance": "SMP02"}}
ON_3 = {"scope": {"instance": "Third"}}
ALIASES = {"aliases": {"instances": {"Third": "SMP03"}, "plugins": {"Store": "Shop"}}}
RULES: list[dict[str, Any]] = [{**SHOP, "value": 1}, {**BANK, "value": 1}, {**GAME, "value": 1}]

Units = set[tuple[str, str | None]]
SHOPS: Units = {(each, "shop") for each in INSTANCES}
BANKS: Units = {(each, "bank") for each in INSTANCES}
GAMES: Units = {(each, None) for each in INSTANCES}


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Network, Engine]:
    """A network, and one engine that has looked at it; each test begins from the same rules."""
    network = Network(tmp_path_factory.mktemp("network"))
    network.instances.mkdir()
    for at, name in enumerate(INSTANCES, 1):
        network.instance(name, {"server.properties": f"port={at}\n"})
        for plugin in ("Shop", "Bank"):
            network.plugin(name, plugin, f"a: {at}\nb: {at % 2}\n")
    network.rules(*RULES, **ALIASES)
    engine = Engine(HOST, network.instances, network.baselines, KEY, workers=1)
    engine.load()
    engine.scan()
    return network, engine


@pytest.mark.parametrize(
    ("rules", "declared", "compared"),
    [
        (RULES, ALIASES, set()),
        ([{**SHOP, "value": 2}, *RULES[1:]], ALIASES, SHOPS),
        ([*RULES[:2], {**GAME, "value": 2}], ALIASES, GAMES),
        ([*RULES, {**SHOP, **ON_2, "value": 2}], ALIASES, {("SMP02", "shop")}),
        ([*RULES, {**SHOP, **ON_3, "value": 2}], ALIASES, {("SMP03", "shop")}),
        (
            [*RULES, {**SHOP, **ON_2, "value": 2}, {**BANK, **ON_3, "absent": True}],
            ALIASES,
            {("SMP02", "shop"), ("SMP03", "bank")},
        ),
        ([*RULES, {**SHOP, **ON_2, "value": 2}, {**SHOP, "key": "b", "value": 0}], ALIASES, SHOPS),
        ([*RULES, {**SHOP, **ON_2, "plugin": "Store", "value": 2}], ALIASES, {("SMP02", "shop")}),
        ([*RULES, {**SHOP, "key": "b", "unique": True}], ALIASES, SHOPS),
        # On another line a rule is another one: its deviations name its line.
        (RULES[:1] + RULES[2:], ALIASES, BANKS | GAMES),
        ([*RULES, {**SHOP, "plugin": "S*", "key": "b", "value": 0}], ALIASES, None),
        ([*RULES, {"plugin": "Shop", "absent": True}], ALIASES, None),
        (RULES, {**ALIASES, "variables": {"X": 1}}, None),
    ],
)
def test_only_what_a_changed_rule_is_about_is_compared_again(
    looked: tuple[Network, Engine],
    monkeypatch: pytest.MonkeyPatch,
    rules: list[dict[str, Any]],
    declared: dict[str, Any],
    compared: Units | None,
) -> None:
    network, engine = looked
    network.rules(*RULES, **ALIASES)
    engine.reload_baselines()
    seen: list[tuple[str, str | None]] = []
    compare = Comparison._unit

    def counting(
        self: Comparison, snapshot: InstanceSnapshot, plugin: str | None, *more: Any
    ) -> UnitFindings:
        seen.append((snapshot.instance.name, plugin and plugin.casefold()))
        return compare(self, snapshot, plugin, *more)

    monkeypatch.setattr(Comparison, "_unit", counting)
    network.rules(*rules, **declared)
    outcome = engine.reload_baselines()
    assert outcome is not None
    assert len(seen) == len(set(seen))
    assert set(seen) == (SHOPS | BANKS | GAMES if compared is None else compared)
    kept = [each for unit in engine._lists.values() for each in unit]
    anew = network.check()
    assert {each.id: each for each in kept} == {each.id: each for each in anew}
