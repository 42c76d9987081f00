"""Starting, stopping and restarting games over the socket."""

from __future__ import annotations

from typing import Any

from homeamp_agent.changes.audit import open_audit
from tests.agent.conftest import Host, Wire, looked
from tests.standin.panel import Panel


def outcomes(answer: Any) -> dict[str, str]:
    return {each["instance"]: each["state"] for each in answer["results"]}


def act(wire: Wire, name: str, *instances: str, **more: Any) -> Any:
    return wire.call(f"instances.{name}", instances=instances, reason="test", **more)


def test_a_restart_is_done_told_and_written_down(host: Host, panel: Panel) -> None:
    with looked(host) as wire:
        done = act(wire, "restart", "SURV01", players="refuse")
        event = wire.event("instances", "acted")["body"]
    assert outcomes(done) == {"SURV01": "done"}
    assert done["results"][0]["amp"]["state"] == "ready"
    assert (event["act"], event["instance"], event["state"]) == ("restart", "SURV01", "done")
    assert (panel.games["SURV01"].stops, panel.games["SURV01"].starts) == (1, 1)
    (entry,) = open_audit(host.state).entries()
    assert (entry.action, entry.subject, entry.reason, entry.outcome) == (
        "instance.restart", "SURV01", "test", "done",
    )  # fmt: skip


def test_one_with_players_is_spared_and_the_other_stopped(
    host: Host,
    panel: Panel,
) -> None:
    panel.games["SURV01"].players = 2
    with looked(host) as wire:
        done = act(wire, "stop", "SURV01", "LOBBY01", players="refuse")
    assert outcomes(done) == {"SURV01": "refused", "LOBBY01": "done"}
    assert "2 players are online" in done["results"][0]["message"]
    assert (panel.games["SURV01"].stops, panel.games["LOBBY01"].stops) == (0, 1)


def test_a_retry_with_the_same_key_restarts_once(host: Host, panel: Panel) -> None:
    with looked(host) as wire:
        first = act(wire, "restart", "SURV01", idempotency_key="k1")
        again = act(wire, "restart", "SURV01", idempotency_key="k1")
    assert (first, panel.games["SURV01"].starts) == (again, 1)


def test_not_waited_for_it_ends_as_an_event(host: Host, panel: Panel) -> None:
    panel.games["SURV01"].fails = True
    with looked(host) as wire:
        assert outcomes(act(wire, "restart", "SURV01", wait=False)) == {"SURV01": "begun"}
        event = wire.event("instances", "acted")["body"]
    assert (event["state"], event["message"]) == ("failed", "SURV01 failed on its way to ready")


def test_a_wait_for_players_is_withdrawn_told_and_written_down(host: Host, panel: Panel) -> None:
    game = panel.games["SURV01"]
    game.players = 2
    with looked(host) as wire:
        act(wire, "restart", "SURV01", wait=False)
        while not wire.call("instances.list")["instances"][-1]["waits_until"]:
            pass
        gone = act(wire, "cancel", "SURV01", "LOBBY01", announce="the restart is off")
        told: dict[tuple[str, str], str] = {}
        while len(told) < 3:
            body = wire.event("instances", "acted")["body"]
            told[body["act"], body["instance"]] = body["state"]
        again = act(wire, "cancel", "SURV01")
    assert [(each["instance"], each["state"], each["message"]) for each in gone["results"]] == [
        ("SURV01", "done", "it waited to be restarted"),
        ("LOBBY01", "refused", "LOBBY01: no stop and no restart waits"),
    ]
    assert outcomes(again) == {"SURV01": "refused"}
    assert (game.stops, game.console) == (0, ["say the restart is off"])
    assert told == {
        ("restart", "SURV01"): "withdrawn",
        ("cancel", "SURV01"): "done",
        ("cancel", "LOBBY01"): "refused",
    }
    kept = [(each.action, each.subject, each.outcome) for each in open_audit(host.state).entries()]
    assert ("instance.restart", "SURV01", "withdrawn") in kept
    assert ("instance.cancel", "SURV01", "done") in kept


def test_an_unknown_name_stops_the_whole_call(host: Host, panel: Panel) -> None:
    with looked(host) as wire:
        reply = wire.ask("instances.stop", instances=["SURV01", "NOPE"])
    assert reply["error"]["message"] == "no instance is called NOPE"
    assert panel.games["SURV01"].stops == 0


def test_without_amp_it_is_refused_with_what_to_do(host: Host) -> None:
    with host.running() as wire:
        reply = wire.ask("instances.restart", instances=["SURV01"])
    assert reply["error"]["data"]["kind"] == "refused"
    assert "amp.url" in reply["error"]["message"]


def test_backups_and_console_lines_go_to_amp_and_into_the_audit_log(
    host: Host, panel: Panel
) -> None:
    game = panel.games["SURV01"]
    with looked(host) as wire:
        done = act(wire, "backup", "SURV01", title="before the update")
        assert outcomes(done) == {"SURV01": "done"}
        assert game.backups[-1]["Title"] == "before the update"
        act(wire, "console", "SURV01", "LOBBY01", line="say hello all")
        act(wire, "console", "SURV01", line="login hunter-secret")
        assert game.console == ["say hello all", "login hunter-secret"]
        twice = wire.ask("instances.console", instances=["SURV01"], line="say a\nstop")["error"]
        assert twice["data"]["kind"] == "invalid_params"
        panel.deny = "LocalFileBackupPlugin/TakeBackup"
        assert outcomes(act(wire, "backup", "SURV01")) == {"SURV01": "failed"}
    audit = [(each.action, each.subject, each.outcome) for each in open_audit(host.state).entries()]
    assert audit[0] == ("instance.backup", "SURV01", "done")
    assert sorted(audit[1:3]) == [
        ("instance.console", "LOBBY01", "done"),
        ("instance.console", "SURV01", "done"),
    ]
    assert audit[-1] == ("instance.backup", "SURV01", "failed")
    log = (host.state / "audit" / "audit.jsonl").read_text("utf-8")
    assert "say hello all" in log
    assert "hunter-secret" not in log + host.log
