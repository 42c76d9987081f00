"""Whose a change is: by our journal, by a start of the instance, else nobody's that we know."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import pytest

from homeamp_agent.drift.engine import Engine
from homeamp_agent.drift.outcome import Outcome
from tests.drift.conftest import HOST, KEY, Network

CONFIG = "plugins/Shop/config.yml"
BEFORE = "# shop\na: 1\nlist: [x, y]\nname: 'it'\nb:\n  c: true\n"


@pytest.fixture
def engine(network: Network) -> Engine:
    network.instance("SMP01")
    network.plugin("SMP01", "Shop", BEFORE)
    network.rules({"plugin": "Shop", "file": "config.yml", "key": "a", "value": 1})
    engine = Engine(HOST, network.instances, network.baselines, KEY, workers=1)
    engine.load()
    engine.scan()
    return engine


def saved(network: Network, engine: Engine, text: str) -> Outcome:
    network.write("SMP01", CONFIG, text)
    return engine.refresh({"SMP01": [CONFIG]}, settle=False)


def whose(outcome: Outcome) -> list[tuple[str, str, str | None]]:
    return [(each.key, each.by, each.change_id) for each in outcome.changes]


def logged(network: Network, *lines: str) -> None:
    clock = datetime.now().astimezone().strftime("[%H:%M:%S] [Server thread/INFO]: ")
    network.write("SMP01", "logs/latest.log", "".join(f"{clock}{line}\n" for line in lines))


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nlist: [x, y]\nname: 'it'\nb:\n  c: true\n",
        "b: {c: true}\nname: it\nlist:\n- x\n- y\n# shop, rewritten\na: 1\n",
        BEFORE.replace("\n", "\r\n"),
        "\ufeff" + BEFORE,
    ],
)
def test_a_save_that_changes_only_the_format_is_no_change_and_no_drift(
    network: Network, engine: Engine, text: str
) -> None:
    logged(network, "Running Java 21", "[Shop] Enabling Shop")
    outcome = saved(network, engine, text)
    assert outcome.changes == []
    assert all(found == () for found in outcome.units.values())


def test_what_a_plugin_writes_as_its_instance_starts_is_told_apart(
    network: Network, engine: Engine
) -> None:
    assert whose(saved(network, engine, BEFORE.replace("a: 1", "a: 2"))) == [("a", "outside", None)]
    logged(network, "Running Java 21", "[Shop] Enabling Shop")
    assert whose(saved(network, engine, BEFORE.replace("a: 1", "a: 3"))) == [("a", "start", None)]
    logged(network, "Steve joined the game")
    assert whose(saved(network, engine, BEFORE)) == [("a", "outside", None)]


def test_our_own_write_is_ours_though_the_instance_starts(network: Network, engine: Engine) -> None:
    logged(network, "Running Java 21")
    engine.attribution.amp_starting = lambda _: True
    text = BEFORE.replace("a: 1", "a: 2")
    digest = hashlib.sha256(text.encode()).hexdigest()
    engine.attribution.own_writes.note(str(network.game("SMP01") / CONFIG), digest, "chg-1")
    assert whose(saved(network, engine, text)) == [("a", "homeamp", "chg-1")]


def test_amp_s_word_that_an_instance_starts_is_evidence_too(
    network: Network, engine: Engine
) -> None:
    asked: list[str] = []

    def starting(name: str) -> bool:
        asked.append(name)
        return True

    engine.attribution.amp_starting = starting
    assert whose(saved(network, engine, BEFORE.replace("true", "false"))) == [
        ("b.c", "start", None)
    ]
    assert asked == ["SMP01"]
    assert not Path(network.game("SMP01") / "logs").exists()
