"""One instance under several names, several instances under nearly one, and what nobody knows."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from homeamp_agent.baselines import Baselines, Resolver, load_baselines
from homeamp_agent.baselines.names import with_names_checked
from homeamp_agent.cli import main
from homeamp_agent.model.instance import Instance, Platform, Plugin
from homeamp_agent.model.rule import ConditionKind
from homeamp_agent.model.snapshot import InstanceSnapshot

ALIASES = {
    "instances": {"BIGG01": "BIG01", "HC01": "HARD01", "HCRE01": "HARD01", "Velocity01": "VEL01"},
    "plugins": {"AxiomPaper": "Axiom", "JobsReborn": "Jobs"},
}
MATRIX = (
    "plugin_name,plugin_type,auto_update,update_source,server_BIG01,server_HARD01\n"
    "Axiom,bukkit/paper,False,manual,True,False\n"
    "ViaVersion,velocity,False,manual,False,True\n"
)


def instance(
    name: str, *plugins: str, host: str = "alder", platform: Platform = Platform.PAPER
) -> Instance:
    return Instance(
        host=host,
        name=name,
        platform=platform,
        plugins=tuple(Plugin(name=each, folder=f"plugins/{each}") for each in plugins),
    )


def loaded(folder: Path, *rules: object, **declared: object) -> Baselines:
    document = {"version": 1, **declared, "rules": list(rules)}
    (folder / "rules.yaml").write_text(yaml.safe_dump(document), "utf-8")
    return load_baselines(folder)


def on(name: str) -> dict[str, object]:
    return {"plugin": "Axiom", "file": "config.yml", "key": "a", "value": 1,
            "scope": {"instance": name}}  # fmt: skip


def expected(baselines: Baselines, of: Instance) -> list[tuple[str | None, str]]:
    resolver = Resolver(baselines, [of])
    return [
        (each.plugin, each.condition.kind.value)
        for each in resolver.resolve(InstanceSnapshot(of, {}))
    ]


def test_an_alias_is_the_instance_and_likeness_is_not(tmp_path: Path) -> None:
    baselines = loaded(tmp_path, on("HC01"), on("MIN01"), aliases=ALIASES)
    assert expected(baselines, instance("HARD01", "Axiom")) == [("Axiom", "equals")]
    assert expected(baselines, instance("MIN01", "AxiomPaper")) == [("AxiomPaper", "equals")]
    for other in ("MINE01", "MINT01", "HARD02", "min01"):
        assert expected(baselines, instance(other, "Axiom")) == []


def test_two_hosts_may_have_an_instance_of_one_name(tmp_path: Path) -> None:
    baselines = loaded(tmp_path, on("birch/ADS01"))
    assert expected(baselines, instance("ADS01", "Axiom", host="birch")) != []
    assert expected(baselines, instance("ADS01", "Axiom", host="alder")) == []
    both = loaded(tmp_path, on("ADS01"))
    assert expected(both, instance("ADS01", "Axiom", host="alder")) != []


def test_what_nobody_is_called_is_told_with_the_nearest(tmp_path: Path) -> None:
    rules = [on("MINE1"), on("HC01"), {**on("BIG01"), "plugin": "VillagerOptimizer"}]
    baselines = loaded(tmp_path, *rules, aliases=ALIASES)
    there = [instance("MINE01", "Axiom"), instance("MINT01"), instance("HARD01"),
             instance("BIG01", "VillagerOptimiser")]  # fmt: skip
    told = [each.message for each in with_names_checked(baselines, there).problems]
    assert told == [
        "no instance is called MINE1; nearest: MINE01, MINT01 (declare an alias if it is one)",
        "no instance has a plugin VillagerOptimizer; nearest: VillagerOptimiser "
        "(declare an alias if it is one)",
    ]


def test_a_cell_of_the_matrix_is_a_rule_only_where_it_is_declared_authoritative(
    tmp_path: Path,
) -> None:
    (tmp_path / "deployment_matrix.csv").write_text(MATRIX, "utf-8")
    assert loaded(tmp_path).rules == ()
    rules = loaded(tmp_path, matrix={"authoritative": True}).rules
    assert [(each.plugin, each.scope.target, each.condition.kind) for each in rules] == [
        ("Axiom", "BIG01", ConditionKind.PRESENT),
        ("Axiom", "HARD01", ConditionKind.ABSENT),
        ("ViaVersion", "BIG01", ConditionKind.ABSENT),
        ("ViaVersion", "HARD01", ConditionKind.PRESENT),
    ]
    baselines = loaded(tmp_path, matrix={"authoritative": True}, aliases=ALIASES)
    # The proxy's ViaVersion says nothing of a backend's.
    assert expected(baselines, instance("HARD01")) == [("Axiom", "absent")]
    proxy = instance("HARD01", platform=Platform.VELOCITY)
    assert expected(baselines, proxy) == [("ViaVersion", "present")]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("version: 1\nrules: []\n", 0),
        ("version: 1\nrules:\n- {plugin: A, key: b, value: 1, scope: {instance: X}}\n", 0),
        ("version: 1\nrules:\n- {plugin: A, key: b}\n", 1),
        ("rules: [\n", 1),
        (None, 2),
    ],
)
def test_the_check_ends_with_1_on_errors_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, code: int
) -> None:
    folder = tmp_path / "baselines"
    if text is not None:
        folder.mkdir()
        (folder / "rules.yaml").write_text(text, "utf-8")
    for more in ([], ["--json"]):
        assert main(["baselines", "check", str(folder), *more]) == code
    capsys.readouterr()
