"""Which rule wins, where it points to, and what is told when that is not clear."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeamp_agent.baselines import Resolved, Resolver, load_baselines
from homeamp_agent.model.instance import Instance, Platform, Plugin
from homeamp_agent.model.rule import ConditionKind
from homeamp_agent.model.snapshot import FileSnapshot, InstanceSnapshot, SettingTable


def instance(name: str = "DEV01", tags: tuple[str, ...] = ()) -> Instance:
    shop = Plugin(name="Shop", folder="plugins/Shop")
    return Instance(host="alder", name=name, platform=Platform.PAPER, tags=tags, plugins=(shop,))


def snapshot(
    files: Mapping[str, Mapping[tuple[Any, ...], Any]], of: Instance | None = None
) -> InstanceSnapshot:
    seen = {}
    for path, leaves in files.items():
        table = SettingTable(dict(leaves), dict.fromkeys(leaves, 1))
        plugin = "Shop" if path.startswith("plugins/Shop/") else None
        seen[path] = FileSnapshot(path, plugin, "0", 1, 1, table)
    return InstanceSnapshot(of or instance(), seen)


def resolve(folder: Path, rules: str, seen: InstanceSnapshot, head: str = "") -> list[Resolved]:
    (folder / "rules.yaml").write_text(f"{head}\nrules:\n{rules}")
    baselines = load_baselines(folder)
    told = [str(each) for each in baselines.problems]
    assert [each for each in told if "says otherwise at equal rank" not in each] == []
    return Resolver(baselines, [seen.instance]).resolve(seen)


CONFIG = {"plugins/Shop/config.yml": {("max",): 5}}


def test_the_narrower_scope_wins_and_the_chain_tells_all(tmp_path: Path) -> None:
    rules = (
        "  - {plugin: Shop, key: max, value: 4, scope: {instance: DEV01}}\n"
        "  - {plugin: Shop, key: max, value: 1}\n"
        "  - {plugin: Shop, key: max, value: 3, scope: {tag: dev}}\n"
        "  - {plugin: Shop, key: max, value: 2, scope: {host: alder}}\n"
    )
    head = "tags: {dev: {include: ['DEV*']}}"
    (only,) = resolve(tmp_path, rules, snapshot(CONFIG), head)
    assert only.condition.value == 4
    assert [rule.condition.value for rule in only.rules] == [4, 3, 2, 1]
    assert only.variance
    assert only.conflict is None


def test_two_rules_of_equal_rank_that_disagree_are_a_conflict(tmp_path: Path) -> None:
    rules = "  - {plugin: Shop, key: max, value: 1}\n  - {plugin: Shop, key: max, value: 2}\n"
    (only,) = resolve(tmp_path, rules, snapshot(CONFIG))
    assert only.conflict is not None


def test_two_that_agree_are_none(tmp_path: Path) -> None:
    rules = "  - {plugin: Shop, key: max, value: 1}\n  - {plugin: Shop, key: max, value: 1.0}\n"
    (only,) = resolve(tmp_path, rules, snapshot(CONFIG))
    assert only.conflict is None


@pytest.mark.parametrize(("order", "value"), [("[a, b]", 2), ("[b, a]", 1), ("[]", None)])
def test_of_two_tags_the_later_declared_wins_else_it_is_a_conflict(
    tmp_path: Path, order: str, value: int | None
) -> None:
    rules = (
        "  - {plugin: Shop, key: max, value: 1, scope: {tag: a}}\n"
        "  - {plugin: Shop, key: max, value: 2, scope: {tag: b}}\n"
    )
    seen = snapshot(CONFIG, instance(tags=("a", "b")))
    (only,) = resolve(tmp_path, rules, seen, f"tag_order: {order}")
    if value is None:
        assert only.conflict is not None
    else:
        assert only.conflict is None
        assert only.condition.value == value


def test_a_key_without_a_file_lives_in_the_main_config_first(tmp_path: Path) -> None:
    files = {"plugins/Shop/other.yml": {("max",): 1}, **CONFIG}
    (only,) = resolve(tmp_path, "  - {plugin: Shop, key: max, value: 1}\n", snapshot(files))
    assert only.file == "plugins/Shop/config.yml"


def test_else_in_the_one_file_that_has_it(tmp_path: Path) -> None:
    files: dict[str, Any] = {"plugins/Shop/other.yml": {("deep", "max"): 1}, **CONFIG}
    (only,) = resolve(tmp_path, "  - {plugin: Shop, key: deep.max, value: 1}\n", snapshot(files))
    assert (only.file, only.path) == ("plugins/Shop/other.yml", ("deep", "max"))


def test_two_files_that_could_be_meant_are_named(tmp_path: Path) -> None:
    files = {"plugins/Shop/a.yml": {("x",): 1}, "plugins/Shop/b.yml": {("x",): 1}, **CONFIG}
    (only,) = resolve(tmp_path, "  - {plugin: Shop, key: x, value: 1}\n", snapshot(files))
    assert only.candidates == ("plugins/Shop/a.yml", "plugins/Shop/b.yml")


def test_a_key_with_dots_matches_the_joined_path(tmp_path: Path) -> None:
    files = {"plugins/Shop/config.yml": {("groups", "a.b", "c"): 1}}
    (only,) = resolve(
        tmp_path, "  - {plugin: Shop, key: groups.a.b.c, value: 1}\n", snapshot(files)
    )
    assert only.path == ("groups", "a.b", "c")


def test_instances_without_the_plugin_are_not_compared(tmp_path: Path) -> None:
    rules = "  - {plugin: Other, key: x, value: 1}\n  - {plugin: Other, present: true}\n"
    (only,) = resolve(tmp_path, rules, snapshot(CONFIG))
    assert only.condition.kind is ConditionKind.PRESENT
    assert (only.plugin, only.file, only.path) == ("Other", None, None)


def test_an_ignored_key_is_expected_nothing_of(tmp_path: Path) -> None:
    rules = (
        "  - {plugin: Shop, key: max, value: 1}\n  - {plugin: '*', key: '**.max', ignore: true}\n"
    )
    assert resolve(tmp_path, rules, snapshot(CONFIG)) == []


def test_variables_are_filled_in_from_the_narrowest_and_keep_their_type(tmp_path: Path) -> None:
    rules = (
        "  - {plugin: Shop, key: max, value: '{{PORT}}'}\n"
        "  - {plugin: Shop, key: name, value: 'on {{HOST}}/{{INSTANCE}} {{name}}'}\n"
        "  - {plugin: Shop, key: lost, value: '{{LOST}}'}\n"
    )
    head = "variables: {PORT: 1}\ninstances: {DEV01: {variables: {PORT: 25566}}}"
    found = {each.key: each for each in resolve(tmp_path, rules, snapshot(CONFIG), head)}
    assert found["max"].condition.value == 25566
    assert found["name"].condition.value == "on alder/DEV01 {{name}}"
    assert found["lost"].unresolved == ("LOST",)


def test_shape_b2_decides_by_the_disk_whether_its_first_segment_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "Shop_universal_config.md").write_text("```yaml\nconfig.max: 1\nroot.key: 2\n```\n")
    files = {"plugins/Shop/config.yml": {("max",): 5, ("root", "key"): 2}}
    found = resolve(tmp_path, "  []\n", snapshot(files))
    assert {each.path for each in found} == {("max",), ("root", "key")}
    assert {each.file for each in found} == {"plugins/Shop/config.yml"}


def test_a_missing_file_is_where_its_settings_were_expected(tmp_path: Path) -> None:
    rules = "  - {plugin: Shop, file: kits.yml, key: a, value: 1}\n"
    (only,) = resolve(tmp_path, rules, snapshot(CONFIG))
    assert (only.file, only.key) == ("plugins/Shop/kits.yml", "a")


def test_a_rule_of_the_game_folder_names_no_plugin(tmp_path: Path) -> None:
    files = {"server.properties": {("view-distance",): "10"}}
    rules = "  - {file: server.properties, key: view-distance, value: 10}\n"
    (only,) = resolve(tmp_path, rules, snapshot(files))
    assert (only.plugin, only.file) == (None, "server.properties")


def test_an_expired_rule_says_nothing(tmp_path: Path) -> None:
    rules = "  - {plugin: Shop, key: max, value: 1, expires: 2001-01-01}\n"
    assert resolve(tmp_path, rules, snapshot(CONFIG)) == []


SCOPES = ["global", "{host: alder}", "{tag: a}", "{tag: b}", "{instance: DEV01}", "{host: birch}"]


@given(st.lists(st.tuples(st.sampled_from(SCOPES), st.booleans(), st.integers(0, 2)), max_size=6))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_precedence_is_as_a_brute_force_oracle_says(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, bool, int]]
) -> None:
    folder = tmp_path_factory.mktemp("rules")
    rules = "".join(
        f"  - {{plugin: Shop, {'file: config.yml, ' if exact else ''}key: max, value: {value},"
        f" scope: {scope}}}\n"
        for scope, exact, value in drawn
    )
    seen = snapshot(CONFIG, instance(tags=("a", "b")))
    found = resolve(folder, rules or "  []\n", seen, "tag_order: [a, b]")
    rank = {scope: at for at, scope in enumerate(SCOPES[:-1])}
    speaking = [(rank[scope], exact, value) for scope, exact, value in drawn if scope in rank]
    if not speaking:
        assert found == []
        return
    top = max((scope, exact) for scope, exact, _ in speaking)
    values = {value for scope, exact, value in speaking if (scope, exact) == top}
    (only,) = found
    assert only.condition.value in values
    assert (only.conflict is not None) == (len(values) > 1)
