"""A first baseline is learned from the fleet as it stands, and the fleet then satisfies it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from homeamp_agent.drift import check
from homeamp_tui.demo_fleet import fixtures_folder, materialise
from tests.drift.conftest import Network
from tests.in_process import Ran, command

SHOP = "max: {max}\nname: {name}\nlast-update: {at}\nserver-uuid: {uuid}\ndb:\n  password: {pw}\n"
UUID = "00000000-0000-4000-8000-00000000000{}"


def learned(instances: Path, out: Path, host: str = "alder") -> Ran:
    return command(
        "baselines", "learn", "--host", host, "--instances", instances, "--state", out.parent,
        "--out", out,
    )  # fmt: skip


def shops(network: Network) -> list[dict[str, Any]]:
    for number, name in enumerate(("A01", "B01", "C01")):
        text = SHOP.format(
            max=9 if name == "C01" else 5,
            name=name,
            at=number,
            uuid=UUID.format(number),
            pw="hush1",
        )
        network.instance(name)
        network.plugin(name, "Shop", text + ("extra: 1\n" if name != "A01" else ""))
    ran = learned(network.instances, network.baselines / "rules.yaml")
    assert ran.returncode == 0, ran.stderr
    written = (network.baselines / "rules.yaml").read_text("utf-8")
    assert "hush1" not in written + ran.stderr
    assert "1 secrets: left out" in ran.stderr
    assert ran.stderr.splitlines()[-3:] == [
        "homeamp-agent: 2 settings where one instance alone differs; look at these first, "
        "a slip is a rule to delete:",
        "homeamp-agent:   alder/A01  Shop/config.yml  extra",
        "homeamp-agent:   alder/C01  Shop/config.yml  max",
    ]
    rules: list[dict[str, Any]] = yaml.safe_load(written)["rules"]
    return [
        {name: value for name, value in rule.items() if name not in {"plugin", "file"}}
        for rule in rules
        if rule.get("plugin") == "Shop"
    ]


def test_the_majority_becomes_global_and_who_differs_gets_a_rule(network: Network) -> None:
    of = {"A01": "alder/A01", "B01": "alder/B01", "C01": "alder/C01"}
    assert shops(network) == [
        {"key": "max", "value": 5},
        {"key": "max", "value": 9, "scope": {"instance": of["C01"]}},
        *({"key": "name", "value": n, "scope": {"instance": of[n]}} for n in of),
        {"key": "last-update", "ignore": True},
        {"key": "server-uuid", "unique": True},
        {"key": "extra", "value": 1},
        {"key": "extra", "absent": True, "scope": {"instance": of["A01"]}},
    ]


def at_length(written: str) -> set[str]:
    """The files of which the same is said of more than half of the instances, one by one."""
    said: dict[tuple[str, str], list[str]] = {}
    for rule in yaml.safe_load(written)["rules"]:
        if "scope" in rule and "value" in rule:
            place = (rule["file"], str(rule.get("key", rule.get("path"))))
            said.setdefault(place, []).append(json.dumps(rule["value"]))
    return {
        file for (file, _), values in said.items() if max(values.count(each) for each in values) > 3
    }


def test_what_was_learned_is_quiet_until_something_changes(network: Network) -> None:
    shops(network)
    assert network.check() == ()
    network.write("B01", "plugins/Shop/config.yml", SHOP.format(
        max=6, name="B01", at=99, uuid=UUID.format(0), pw="hush1"
    ) + "extra: 1\n")  # fmt: skip
    found = {(each.instance, each.key, each.kind.value) for each in network.check()}
    assert found == {
        ("B01", "max", "value"),
        ("B01", "server-uuid", "not_unique"),
        ("A01", "server-uuid", "not_unique"),
    }


def test_an_identity_that_most_share_is_none_here(network: Network) -> None:
    for at, name in enumerate(("A01", "B01", "C01")):
        network.instance(name)
        network.plugin(name, "LuckPerms", "server: global\n")
        network.plugin(name, "QuickShop-Hikari", f"server-uuid: shop{at}\n")
    assert learned(network.instances, network.baselines / "rules.yaml").returncode == 0
    written = yaml.safe_load((network.baselines / "rules.yaml").read_text("utf-8"))["rules"]
    said = {rule["plugin"]: rule for rule in written if "plugin" in rule}
    assert said["LuckPerms"]["value"] == "global"
    assert said["QuickShop-Hikari"]["unique"] is True
    assert network.check() == ()


def test_a_file_that_is_there_is_not_overwritten(network: Network) -> None:
    network.instance("A01")
    out = network.baselines / "rules.yaml"
    out.write_text("rules: []\n")
    ran = learned(network.instances, out)
    assert ran.returncode == 2
    assert ran.stderr == f"homeamp-agent: {out}: is there already; it is not overwritten\n"
    assert out.read_text() == "rules: []\n"


def test_nothing_is_written_among_the_instances(network: Network) -> None:
    out = network.instance("A01") / "rules.yaml"
    ran = learned(network.instances, out)
    assert ran.returncode == 2
    assert ran.stderr == (f"homeamp-agent: {out}: is among the instances; choose another place\n")
    assert not out.exists()


def test_what_the_demo_fleet_teaches_leaves_only_what_no_rule_can_allow(tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    materialise(fixtures_folder(), demo)
    secrets = json.loads((demo / "secrets.json").read_text("utf-8"))["secrets"]
    left = set()
    for host in ("alder", "birch"):
        folder = tmp_path / host
        folder.mkdir()
        instances = demo / "fleet" / host / "instances"
        ran = learned(instances, folder / "rules.yaml", host)
        written = (folder / "rules.yaml").read_text("utf-8") + ran.stderr
        assert [each["name"] for each in secrets if each["value"] in written] == []
        # One instance lacks this file: a rule for all would have it missing there.
        lacking = {"animations.yml"} if host == "alder" else set()
        assert at_length((folder / "rules.yaml").read_text("utf-8")) == lacking
        report = check(host=host, instances=instances, baselines=folder, masker_key=bytes(32))
        left |= {each.kind.value for each in report.deviations}
    assert left == {"not_unique", "unreadable"}
