"""How each setting of a plugin compares over the instances, and why it differs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from homeamp_agent.drift.engine import Engine
from homeamp_agent.drift.setting_matrix import (
    MATRICES_KEPT,
    Matrices,
    Row,
    SettingMatrix,
    plugins_of,
    setting_matrix,
)
from homeamp_agent.model.secret import is_masked
from homeamp_agent.model.variance import CellState, Variance
from tests.drift.conftest import HOST, KEY, Network

NAMES = ("CREA01", "SMP01", "SMP02", "SMP03")


def looked(network: Network) -> Engine:
    engine = Engine(HOST, network.instances, network.baselines, KEY, workers=1)
    engine.load()
    engine.scan()
    return engine


def compared(network: Network, plugin: str | None = "Shop") -> SettingMatrix:
    engine = looked(network)
    return setting_matrix(plugin, engine.snapshots.values(), engine.resolver, engine.deviations_of)


def shop(network: Network, key: str, *values: Any) -> None:
    """One setting of Shop on the instances of `NAMES`, in their order."""
    for name, value in zip(NAMES, values, strict=True):
        network.instance(name)
        network.plugin(name, "Shop", f"{key}: {json.dumps(value)}\n")


def only_row(network: Network) -> Row:
    (row,) = compared(network).rows
    return row


def variances(row: Row) -> list[str]:
    return [cell.variance.value for cell in row.cells]


def test_equal_values_are_the_same_whatever_way_they_are_written(network: Network) -> None:
    shop(network, "a", 1, 1.0, 1, 1)
    row = only_row(network)
    assert (row.file, row.key, row.variance) == ("config.yml", "a", Variance.SAME)
    assert variances(row) == ["same"] * 4


def test_the_odd_one_out_of_a_setting_without_a_rule_is_drift(network: Network) -> None:
    shop(network, "a", 1, 1, 2, 1)
    assert variances(only_row(network)) == ["same", "same", "drift", "same"]


def test_an_even_split_without_a_rule_is_drift_on_every_instance(network: Network) -> None:
    shop(network, "a", 1, 1, 2, 2)
    assert variances(only_row(network)) == ["drift"] * 4


def test_a_rule_says_which_of_two_values_is_drift_even_against_the_majority(
    network: Network,
) -> None:
    shop(network, "a", 1, 2, 2, 2)
    network.rules({"plugin": "Shop", "file": "config.yml", "key": "a", "value": 1})
    row = only_row(network)
    assert variances(row) == ["same", "drift", "drift", "drift"]
    assert [cell.deviation is not None for cell in row.cells] == [False, True, True, True]


def test_all_of_them_wrong_in_the_same_way_is_drift(network: Network) -> None:
    shop(network, "a", 2, 2, 2, 2)
    network.rules({"plugin": "Shop", "file": "config.yml", "key": "a", "value": 1})
    assert only_row(network).variance is Variance.DRIFT


@pytest.mark.parametrize(
    ("scope", "variance"),
    [({"instance": "CREA01"}, "instance"), ({"tag": "creative"}, "tag")],
)
def test_a_narrower_rule_names_the_reason_of_a_difference(
    network: Network, scope: dict[str, str], variance: str
) -> None:
    shop(network, "a", 2, 1, 1, 1)
    place = {"plugin": "Shop", "file": "config.yml", "key": "a"}
    network.rules(
        {**place, "value": 1},
        {**place, "value": 2, "scope": scope},
        tags={"creative": {"include": ["CREA01"]}},
    )
    row = only_row(network)
    assert variances(row) == [variance, "same", "same", "same"]
    assert row.variance.value == variance


def test_a_rule_of_the_host_names_the_host(network: Network) -> None:
    shop(network, "a", 2, 1, 2, 2)
    place = {"plugin": "Shop", "file": "config.yml", "key": "a"}
    network.rules(
        {**place, "value": 2, "scope": {"host": HOST}},
        {**place, "value": 1, "scope": {"instance": "SMP01"}},
    )
    assert variances(only_row(network)) == ["host", "instance", "host", "host"]


def test_what_a_variable_fills_or_a_condition_leaves_open_is_variable(network: Network) -> None:
    shop(network, "a", *NAMES)
    place = {"plugin": "Shop", "file": "config.yml", "key": "a"}
    network.rules({**place, "value": "{{INSTANCE}}"})
    assert variances(only_row(network)) == ["variable"] * 4
    network.rules({**place, "unique": True})
    assert variances(only_row(network)) == ["variable"] * 4
    network.rules({**place, "ignore": True})
    assert variances(only_row(network)) == ["variable"] * 4


def test_a_key_that_only_some_have_is_told_from_a_file_that_is_not_there(
    network: Network,
) -> None:
    shop(network, "a", 1, 1, 1, 1)
    network.write("CREA01", "plugins/Shop/config.yml", "other: 1\n")
    network.write("SMP01", "plugins/Shop/config.yml", "a: [unclosed\n")
    (network.game("SMP02") / "plugins/Shop/config.yml").unlink()
    network.write("SMP02", "plugins/Shop/lang.yml", "a: 1\n")
    rows = {(row.file, row.key): row for row in compared(network).rows}
    states = [cell.state for cell in rows["config.yml", "a"].cells]
    assert states == [CellState.MISSING, CellState.UNREADABLE, CellState.NO_FILE, CellState.VALUE]
    assert variances(rows["lang.yml", "a"]) == ["same"] * 4


def test_a_missing_key_that_a_rule_wants_is_a_row_though_nobody_has_it(network: Network) -> None:
    shop(network, "a", 1, 1, 1, 1)
    network.rules({"plugin": "Shop", "file": "config.yml", "key": "b", "value": 1})
    rows = {row.key: row for row in compared(network).rows}
    assert [cell.state for cell in rows["b"].cells] == [CellState.MISSING] * 4
    assert variances(rows["b"]) == ["drift"] * 4


def test_a_rule_on_an_item_speaks_of_the_list_it_is_in(network: Network) -> None:
    shop(network, "a", ["x", "y"], ["x", "z"], ["x", "y"], ["x", "y"])
    network.rules({"plugin": "Shop", "file": "config.yml", "path": ["a", 1], "value": "y"})
    row = only_row(network)
    assert row.path == ("a",)
    assert variances(row) == ["same", "drift", "same", "same"]


def test_secrets_are_compared_but_never_shown(network: Network) -> None:
    shop(network, "password", "hunter2", "hunter2", "swordfish", "hunter2")
    row = only_row(network)
    assert all(is_masked(cell.value) for cell in row.cells)
    assert variances(row) == ["same", "same", "drift", "same"]
    assert compared(network).found("hunter2", None) == []


def test_words_find_rows_by_file_key_or_value(network: Network) -> None:
    for name in NAMES[:2]:
        network.instance(name)
        network.plugin(name, "Shop", "Spawn: {radius: 10, world: hub}\nlimit: 5\n")
    matrix = compared(network)

    def keys(text: str | None, *wanted: Variance) -> list[str]:
        return [row.key for row in matrix.found(text, wanted or None)]

    assert keys(None) == ["Spawn.radius", "Spawn.world", "limit"]
    assert keys("spawn") == ["Spawn.radius", "Spawn.world"]
    assert keys("spawn HUB") == ["Spawn.world"]
    assert keys("config.yml !spawn") == ["limit"]
    assert keys("", Variance.DRIFT) == []
    assert matrix.counts() == {Variance.SAME: 3}


def test_the_game_folder_is_compared_like_a_plugin(network: Network) -> None:
    for name, value in zip(NAMES, ("true", "True", "true", "false"), strict=True):
        network.instance(name, {"server.properties": f"pvp={value}\n"})
    assert list(plugins_of(looked(network).snapshots.values())) == [None]
    matrix = compared(network, None)
    assert [column.instance for column in matrix.columns] == list(NAMES)
    (row,) = [row for row in matrix.rows if row.key == "pvp"]
    assert variances(row) == ["same", "same", "same", "drift"]


def test_a_matrix_is_made_anew_only_when_something_in_it_changed(network: Network) -> None:
    shop(network, "a", 1, 1, 1, 1)
    engine = looked(network)
    matrices = Matrices()

    def ask(plugin: str = "Shop") -> SettingMatrix:
        return matrices.of(plugin, engine.snapshots, engine.resolver, engine.deviations_of)

    first = ask()
    assert ask() is first
    network.write("SMP01", "plugins/Shop/config.yml", "a: 2\n")
    engine.refresh({"SMP01": ["plugins/Shop/config.yml"]}, settle=False)
    second = ask()
    assert variances(second.rows[0]) == ["same", "drift", "same", "same"]
    for number in range(MATRICES_KEPT):
        ask(f"Other{number}")
    assert ask() is not second
