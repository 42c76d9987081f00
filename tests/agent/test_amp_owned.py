"""Settings that AMP owns, fixed in AMP and in the file at once, and kept over the next start."""

from __future__ import annotations

from pathlib import Path

from tests.agent.conftest import Host, looked
from tests.agent.test_carrying_out import reached
from tests.standin.panel import Panel

NODE = "MinecraftModule.Limits.MaxPlayers"
RULE = """\
version: 1
rules:
  - {file: server.properties, key: max-players, value: 150, scope: {instance: SURV01}}
"""


def properties(host: Host) -> Path:
    """SURV01 as AMP made it; its max-players is not as the rules want it."""
    folder = host.instances / "SURV01"
    (folder / "MinecraftModule.kvp").write_text("Limits.MaxPlayers=100\n", "utf-8")
    (host.baselines / "rules.yaml").write_text(RULE, "utf-8")
    file = folder / "Minecraft" / "server.properties"
    file.write_text("#AMP\nmax-players=100\nspawn=1\n", "utf-8")
    return file


def test_drift_of_amp_s_own_is_fixed_in_amp_and_stays(host: Host, panel: Panel) -> None:
    file = properties(host)
    game = panel.games["SURV01"]
    game.load_settings()
    with looked(host) as wire:
        (row,) = wire.call("deviations.list")["deviations"]
        shown = wire.call("deviations.show", id=row["id"])
        assert (shown["amp_node"], shown["fixable"]) == (NODE, True)
        assert shown["amp_owned"].endswith(f'from its own setting {NODE}, which is "100" now')
        (plan,) = wire.call("changes.preview", ids=[row["id"]])["plan"]["files"]
        assert plan["amp_owned"] == [
            {"path": ["max-players"], "node": NODE, "before": "100", "after": "150"}
        ]
        change = wire.call("deviations.fix", ids=[row["id"]], reason="as in the rules")["change"]
        assert (change["status"], game.settings[NODE]) == ("applied", "150")
        assert wire.call("deviations.list")["total"] == 0

        wire.call("instances.restart", instances=["SURV01"])
        assert "max-players=150" in file.read_text("utf-8")
        file.write_text("#written anew\nmax-players=150\nspawn=2\n", "utf-8")
        back = wire.call("changes.rollback", id=change["id"])["change"]
        assert (back["status"], game.settings[NODE]) == ("rolled_back", "100")
        assert file.read_text("utf-8") == "#written anew\nmax-players=100\nspawn=2\n"

        panel.deny = "Core/SetConfig"
        change = wire.call("deviations.fix", ids=[row["id"]], reason="again")["change"]
        change = reached(wire, change["id"], "failed")
        assert "Core/SetConfig" in change["message"]
    assert "max-players=100" in file.read_text("utf-8")


def test_without_amp_it_is_told_that_it_would_not_last(host: Host) -> None:
    properties(host)
    with host.running() as wire:
        (row,) = wire.call("deviations.list")["deviations"]
        shown = wire.call("deviations.show", id=row["id"])
        assert (shown["fixable"], "amp.url" in shown["not_fixable_because"]) == (False, True)
        plan = wire.call("changes.preview", ids=[row["id"]])["plan"]
        assert (plan["files"], "amp.url" in plan["refused"][0]["reason"]) == ([], True)


def test_a_way_back_that_needs_amp_is_gone_as_soon_as_amp_is_back(host: Host, panel: Panel) -> None:
    file = properties(host)
    before = file.read_bytes()
    game = panel.games["SURV01"]
    game.load_settings()
    with looked(host) as wire:
        wire.call("events.subscribe", topics=["changes", "instances"])
        (row,) = wire.call("deviations.list")["deviations"]
        said = {"reason": "as in the rules"}
        given = wire.call("changes.submit", deviation_ids=[row["id"]], request=said)
        change_id = given["change"]["id"]
        wire.call("changes.approve", ids=[change_id])
        panel.leave_on = "Core/SetConfig"  # done, but it cannot say so, and is away from then on
        change = wire.call("changes.apply", id=change_id)["change"]
        assert (change["status"], file.read_bytes()) == ("failed", before)
        assert "not everything could be undone yet" in change["message"]
        while wire.call("agent.status")["amp"]["state"] != "away":
            wire.event("instances", "state_changed")
        busy = wire.ask("deviations.fix", ids=[row["id"]])["error"]
        assert "could not be settled yet" in busy["message"]
        assert game.settings[NODE] == "150"
        panel.leave_on, panel.away = "", False
        while "not everything" in wire.call("changes.show", id=change_id)["change"]["message"]:
            wire.event("changes", "updated")
        assert (game.settings[NODE], file.read_bytes()) == ("100", before)
        assert not [each for each in wire.call("agent.status")["problems"] if "settled" in each]
        assert wire.call("deviations.fix", ids=[row["id"]])["change"]["status"] == "applied"
