"""Deployments over the wire: DEV, approval, waves; on real files, with a stand-in, over kills."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.standin.panel import Panel

NAMES = ("DEV01", "LOBBY01", "SURV01", "SURV02", "SURV03")
WAVES = [["DEV01"], ["LOBBY01"], ["SURV01", "SURV02"], ["SURV03"]]
EDIT = {"plugin": "Sample", "file": "config.yml", "path": ["spawn", "radius"], "new": 32}
ERROR = "[12:00:00] [Server thread/ERROR]: [Sample] secret-X9 NullPointerException\n"
OVER = {"done", "aborted", "failed", "rolled_back"}


@pytest.fixture
def fleet(host: Any, panel: Panel) -> Any:
    """Five instances, one of them DEV; nobody waits long for anything."""
    for name in NAMES:
        if name not in {"LOBBY01", "SURV01"}:
            host.add_instance(name, password="right-secret-A1")
        logs = host.instances / name / "Minecraft" / "logs"
        logs.mkdir()
        (logs / "latest.log").write_text(
            "[11:00:00] [main/INFO]: Done\n" + ERROR.replace("12", "11")
        )
    panel.games.update(Panel.over(host.instances).games)
    host.environment |= {
        "HOMEAMP_DEPLOYMENTS__DEV_INSTANCES": "DEV01",
        "HOMEAMP_DEPLOYMENTS__SOAK_S": "0.1",
        "HOMEAMP_DEPLOYMENTS__WAVE_SOAK_S": "0.1",
        "HOMEAMP_DEPLOYMENTS__WAVE_SIZE": "2",
        "HOMEAMP_AMP__READY_S": "1",
    }
    return host


def log_of(host: Any, name: str) -> Path:
    file: Path = host.instances / name / "Minecraft" / "logs" / "latest.log"
    return file


def radii(host: Any) -> dict[str, str]:
    texts = {name: host.config(name).read_text("utf-8") for name in NAMES}
    return {name: text.partition("radius: ")[2].partition("\n")[0] for name, text in texts.items()}


def started(wire: Any, *stages: str, **more: Any) -> Any:
    """A deployment that got to one of `stages`."""
    wire.call("events.subscribe", topics=["deployments"])
    asked = {"reason": "larger spawn", "edits": [EDIT]}
    deployment = wire.call("deployments.start", **({"request": asked} | more))["deployment"]
    return reached(wire, deployment["id"], *stages)


def reached(wire: Any, name: str, *stages: str) -> Any:
    while (shown := wire.call("deployments.show", id=name)["deployment"])["stage"] not in stages:
        assert shown["stage"] not in OVER, shown
        wire.event("deployments", "updated")
    return shown


def log(wire: Any, name: str) -> str:
    lines = wire.call("deployments.show", id=name, lines=1000)["lines"]
    return "\n".join(each["text"] for each in lines)


def states(deployment: Any) -> list[str]:
    return [each["state"] for each in deployment["waves"]]


def test_a_change_goes_over_dev_and_approval_into_production(fleet: Any) -> None:
    with fleet.running() as wire:
        asked = {"request": {"reason": "larger spawn", "edits": [EDIT]}}
        preview = wire.call("deployments.preview", **asked)
        assert [each["instances"] for each in preview["waves"]] == WAVES
        assert "-  radius: 16" in preview["waves"][2]["plan"]["files"][0]["diff"]
        shown = started(wire, "awaiting_approval", digest=preview["digest"])
        name = shown["id"]
        assert radii(fleet) == {each: "32" if each == "DEV01" else "16" for each in NAMES}
        checks = {each["name"]: each["outcome"] for each in shown["waves"][0]["checks"]}
        assert checks == dict.fromkeys(("applied", "ready", "log", "readable", "kept"), "passed")

        again = wire.ask("deployments.start", **asked)["error"]
        assert "hold these values already" in again["message"]
        other = wire.ask("deployments.start", **asked, dev=[])["error"]
        assert (other["data"]["kind"], "is under way on" in other["message"]) == ("refused", True)
        wrong = wire.ask("deployments.approve", id=name, digest="0" * 64)["error"]
        assert wrong["data"]["kind"] == "conflict"
        wire.call("deployments.approve", id=name, digest=shown["digest"])
        done = reached(wire, name, "done")
        assert set(radii(fleet).values()) == {"32"}
        assert states(done) == ["passed"] * 4
        assert "wave 3: found well" in log(wire, name)
        (row,) = wire.call("deployments.list", stages=["done"])["deployments"]
        assert (row["id"], row["waves"][0]["checks"]) == (name, [])
        change = wire.call("changes.show", id=f"{name}-w2")["change"]
        assert (change["status"], change["deployment_id"]) == ("applied", name)

        wire.call("deployments.rollback", id=name, reason="players complained")
        reached(wire, name, "rolled_back")
        assert set(radii(fleet).values()) == {"16"}
        text = log(wire, name)
        order = [
            text.index(f"{each}: rolled back") for each in ("wave 3", "wave 2", "canary", "DEV")
        ]
        assert order == sorted(order)
    acts = fleet.command("audit", "verify", "--state", str(fleet.state))
    assert acts.returncode == 0
    assert not list((fleet.state / "deployments").glob("*.json"))
