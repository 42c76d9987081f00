"""Deployments over the wire: DEV, approval, waves; on real files, with a stand-in, over kills."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from tests.agent.five import (
    EDIT,
    NAMES,
    PASSWORD,
    WAVES,
    five,
    log,
    radii,
    reached,
    started,
    states,
)
from tests.standin.panel import Panel


@pytest.fixture
def fleet(host: Any, panel: Panel) -> Any:
    return five(host, panel)


def test_a_change_goes_over_dev_and_approval_into_production(fleet: Any) -> None:
    with fleet.running() as wire:
        asked = {"request": {"reason": "larger spawn", "edits": [EDIT, PASSWORD]}}
        preview = wire.call("deployments.preview", **asked)
        assert [each["instances"] for each in preview["waves"]] == WAVES
        assert "-  radius: 16" in preview["waves"][2]["plan"]["files"][0]["diff"]
        shown = started(wire, "awaiting_approval", **asked, digest=preview["digest"])
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
        rest = wire.call("deployments.preview", id=name)
        assert [each["instances"] for each in rest["waves"]] == WAVES[1:]
        assert rest["digest"] == shown["digest"]
        wire.call("deployments.approve", id=name, digest=rest["digest"])
        done = reached(wire, name, "done")
        assert set(radii(fleet).values()) == {"32"}
        assert states(done) == ["passed"] * 4
        assert "wave 3: found well" in log(wire, name)
        assert all("fresh-secret-C3" in fleet.config(each).read_text("utf-8") for each in NAMES)
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
        told = json.dumps([preview, rest, done, text, wire.call("changes.history"), wire.events])
    kept = [each.read_bytes() for each in fleet.state.glob("homeamp.db*")]
    for secret in ("fresh-secret-C3", "right-secret-A1", "wrong-secret-B2"):
        assert secret not in told + fleet.log
        assert not any(secret.encode() in each for each in kept)
    assert not list((fleet.state / "deployments").glob("*.json"))


def with_hook(host: Any, script: str) -> str:
    """The option that gives the agent a hook which a shell runs."""
    file = host.root / "agent.yaml"
    hook = {"name": "smoke", "command": ["/bin/sh", "-c", script], "timeout_s": 20}
    file.write_text(json.dumps({"deployments": {"hooks": [hook]}}))
    return f"--config={file}"


def test_what_fails_in_a_later_wave_is_rolled_back_and_what_cannot_be_is_told(fleet: Any) -> None:
    fleet.start(with_hook(fleet, 'echo "saw $HOMEAMP_INSTANCES"; [ "$HOMEAMP_WAVE" != 2 ]'))
    wire = fleet.connect()
    before = {name: fleet.config(name).read_bytes() for name in NAMES}
    shown = started(wire, "awaiting_approval")
    wire.call("deployments.approve", id=shown["id"])
    back = reached(wire, shown["id"], "rolled_back")
    assert states(back) == ["rolled_back"] * 3 + ["pending"]
    assert back["failure"] == "wave 2: hook:smoke: exit code 1: saw SURV01 SURV02"
    assert {name: fleet.config(name).read_bytes() for name in NAMES} == before
    text = log(wire, shown["id"])
    order = [text.index(f"{each}: rolled back") for each in ("wave 2", "canary", "DEV")]
    assert order == sorted(order)

    shown = started(wire, "awaiting_approval")
    dev = fleet.config("DEV01")
    written = dev.read_bytes()
    dev.write_bytes(written + b"# mine\n")
    wire.call("deployments.approve", id=shown["id"])
    stuck = reached(wire, shown["id"], "failed")
    assert states(stuck) == ["not_rolled_back", "rolled_back", "rolled_back", "pending"]
    assert "config.yml: another program changed it since" in stuck["waves"][0]["message"]
    assert dev.read_bytes() == written + b"# mine\n"
    dev.write_bytes(written)
    wire.call("deployments.rollback", id=shown["id"])
    reached(wire, shown["id"], "rolled_back")
    assert {name: fleet.config(name).read_bytes() for name in NAMES} == before
    history = wire.call("changes.history", filter={"subject": shown["id"]})["acts"]
    acts = ("started", "approved", "failed", "rollback asked", "rolled_back")
    assert {each["action"] for each in history} == {f"deployment.{act}" for act in acts}
    wire.close()
    fleet.stop()


def test_what_befalls_instances_between_waves_holds_the_deployment_and_is_told(
    fleet: Any,
) -> None:
    go = fleet.root / "go"
    waits = f"while [ ! -e {go} ]; do sleep 0.05; done"
    option = with_hook(fleet, f'[ "$HOMEAMP_WAVE" != 2 ] || {waits}')
    away = fleet.root / "away"
    away.mkdir()
    fleet.start(option)
    wire = fleet.connect()
    name = started(wire, "awaiting_approval")["id"]
    wire.call("deployments.approve", id=name)
    while states(wire.call("deployments.show", id=name)["deployment"])[2] != "checking":
        wire.event("deployments", "updated")
    lobby = fleet.config("LOBBY01")
    lobby.write_text(lobby.read_text().replace("radius: 32", "radius: 20"))
    (fleet.instances / "SURV03").rename(away / "SURV03")
    wire.call("agent.rescan")
    go.touch()
    paused = reached(wire, name, "paused")
    assert states(paused)[2:] == ["passed", "pending"]
    slipped = "LOBBY01: kept: not kept: plugins/Sample/config.yml: spawn.radius"
    assert paused["message"] == f"wave 3: not begun: canary is no longer well: {slipped}"

    wire.close()
    fleet.stop(signal.SIGKILL)
    fleet.start(option)
    wire = fleet.connect()
    wire.call("events.subscribe", topics=["deployments"])
    assert wire.call("deployments.show", id=name)["deployment"]["stage"] == "paused"
    wire.call("agent.rescan")
    wire.call("deployments.resume", id=name)
    other = reached(wire, name, "awaiting_approval")
    assert "SURV03: not on this host any more" in other["message"]
    assert other["approved_by"] is None
    wire.call("deployments.approve", id=name, digest=other["digest"])
    assert states(reached(wire, name, "done")) == ["passed"] * 4

    (fleet.instances / "SURV02").rename(away / "SURV02")
    wire.call("agent.rescan")
    wire.call("deployments.rollback", id=name)
    stuck = reached(wire, name, "failed")
    assert states(stuck)[:3] == ["rolled_back", "not_rolled_back", "not_rolled_back"]
    assert "SURV02/plugins/Sample/config.yml: there is no instance" in stuck["waves"][2]["message"]
    assert {
        each: fleet.config(each).read_text().count("radius: 16") for each in ("DEV01", "SURV01")
    } == {"DEV01": 1, "SURV01": 1}
    wire.close()
    fleet.stop()


def test_an_agent_killed_in_the_second_wave_goes_on_when_it_starts_again(fleet: Any) -> None:
    seen = fleet.root / "seen"
    script = f'[ "$HOMEAMP_WAVE" != 2 ] || [ -e {seen} ] || {{ echo $$ > {seen}; exec sleep 30; }}'
    option = with_hook(fleet, script)
    fleet.start(option)
    wire = fleet.connect()
    shown = started(wire, "awaiting_approval")
    wire.call("deployments.approve", id=shown["id"])
    while not (seen.exists() and seen.read_text().strip()):
        wire.call("agent.status")
    wire.close()
    fleet.stop(signal.SIGKILL)
    os.kill(int(seen.read_text()), signal.SIGKILL)
    assert radii(fleet) == {each: "16" if each == "SURV03" else "32" for each in NAMES}
    stray = fleet.state / "deployments" / "stray.json"
    stray.write_text("{}")
    fleet.start(option)
    wire = fleet.connect()
    wire.call("events.subscribe", topics=["deployments"])
    done = reached(wire, shown["id"], "done")
    assert states(done) == ["passed"] * 4
    assert set(radii(fleet).values()) == {"32"}
    changes = wire.call("changes.list")["changes"]
    assert sorted(each["id"] for each in changes) == [each["change_id"] for each in done["waves"]]
    assert not stray.exists()
    wire.close()
    fleet.stop()


def test_a_request_that_waits_is_taken_over_and_the_deployment_paused_and_aborted(
    fleet: Any,
) -> None:
    with fleet.running() as wire:
        asked = {"reason": "larger spawn", "edits": [EDIT]}
        given = wire.call("changes.submit", request=asked)["change"]["id"]
        error = wire.ask("deployments.start", change_id=given, request=asked)["error"]
        assert "give one of" in error["message"]
        shown = started(wire, "awaiting_approval", change_id=given, request=None)
        name = shown["id"]
        taken = wire.call("changes.show", id=given)["change"]
        assert (taken["status"], name in taken["message"]) == ("cancelled", True)
        assert shown["change_id"] == given

        wire.call("deployments.pause", id=name, reason="lunch")
        refused = wire.ask("deployments.approve", id=name)["error"]
        assert "is paused" in refused["message"]
        wire.call("deployments.resume", id=name)
        sky = fleet.config("SURV03")
        sky.write_bytes(sky.read_bytes() + b"# mine\n")
        conflict = wire.ask("deployments.approve", id=name)["error"]
        assert conflict["data"]["kind"] == "conflict"
        changed = wire.call("deployments.show", id=name)["deployment"]
        assert changed["digest"] != shown["digest"]
        assert "changed since" in changed["message"]
        wire.call("deployments.abort", id=name, reason="not today")
        assert radii(fleet)["DEV01"] == "32"
        wire.call("deployments.rollback", id=name)
        reached(wire, name, "rolled_back")
        assert set(radii(fleet).values()) == {"16"}
        assert sky.read_bytes().endswith(b"# mine\n")
        assert wire.ask("deployments.pause", id="none")["error"]["data"]["kind"] == "not_found"


def test_a_game_that_does_not_come_up_has_the_waves_rolled_back_and_started_again(
    fleet: Any, panel: Panel
) -> None:
    failing, played = panel.games["SURV01"], panel.games["LOBBY01"]
    failing.at_start.append(lambda game: setattr(game, "fails", game.starts == 1))
    played.at_start.append(lambda game: setattr(game, "players", 2))
    before = {name: fleet.config(name).read_bytes() for name in NAMES}
    with fleet.running() as wire:
        asked = {"reason": "r", "edits": [EDIT], "write_policy": "stop_write_start"}
        shown = started(wire, "awaiting_approval", request=asked)
        assert panel.games["DEV01"].starts == 1
        wire.call("deployments.approve", id=shown["id"])
        back = reached(wire, shown["id"], "rolled_back")
        text = log(wire, shown["id"])
    assert back["failure"].startswith("wave 2: SURV01: ready: the game is failed")
    assert {name: fleet.config(name).read_bytes() for name in NAMES} == before
    assert "LOBBY01 runs on the new values until its next start: LOBBY01: 2 players" in text
    starts = {name: panel.games[name].starts for name in NAMES}
    assert starts == {"DEV01": 2, "LOBBY01": 1, "SURV01": 2, "SURV02": 2, "SURV03": 0}


def test_a_wave_that_waits_for_players_is_withdrawn_by_a_pause_and_written_when_it_goes_on(
    fleet: Any, panel: Panel
) -> None:
    panel.games["LOBBY01"].players = 3
    edit = EDIT | {"instances": ["LOBBY01"]}
    asked = {"reason": "r", "edits": [edit], "write_policy": "stop_write_start"}
    with fleet.running() as wire:
        name = started(wire, "awaiting_approval", request=asked, dev=[])["id"]
        wire.call("events.subscribe", topics=["deployments", "changes"])
        wire.call("deployments.approve", id=name)
        while (waits := wire.event("changes", "updated")["body"])["status"] != "waiting":
            pass
        assert waits["id"] == f"{name}-w1"
        wire.call("deployments.pause", id=name, reason="lunch")
        while (shown := reached(wire, name, "paused"))["waves"][0]["state"] != "pending":
            wire.event("deployments", "updated")
        assert shown["waves"][0]["change_id"] == f"{name}-w1.2"
        assert wire.call("changes.show", id=f"{name}-w1")["change"]["status"] == "cancelled"
        panel.games["LOBBY01"].players = 0
        wire.call("deployments.resume", id=name)
        reached(wire, name, "done")
        assert radii(fleet)["LOBBY01"] == "32"
        assert panel.games["LOBBY01"].starts == 1


def test_waves_that_are_written_at_their_games_next_stop_and_one_that_is_half_written(
    fleet: Any,
) -> None:
    edit = EDIT | {"instances": ["LOBBY01", "SURV01", "SURV02"]}
    asked = {"reason": "r", "edits": [edit], "write_policy": "on_restart"}

    def becomes(wave: int, state: str) -> None:
        while states(wire.call("deployments.show", id=name)["deployment"])[wave - 1] != state:
            wire.event("deployments", "updated")

    def waits(wave: int) -> None:
        becomes(wave, "applying")
        while True:
            reply = wire.ask("changes.show", id=f"{name}-w{wave}")
            if "result" in reply and reply["result"]["change"]["status"] == "waiting":
                return

    with fleet.running() as wire:
        name = started(wire, "awaiting_approval", request=asked, dev=[])["id"]
        wire.call("deployments.approve", id=name)
        waits(1)
        wire.call("instances.restart", instances=["LOBBY01"], wait=True)
        becomes(1, "passed")
        waits(2)
        wire.call("instances.restart", instances=["SURV01"], wait=True)
        assert radii(fleet)["SURV01"] == "32"
        wire.call("deployments.abort", id=name)
        becomes(2, "failed")
        assert radii(fleet) == {each: "32" if each == "LOBBY01" else "16" for each in NAMES}
        wire.call("deployments.rollback", id=name)
        reached(wire, name, "rolled_back")
        assert set(radii(fleet).values()) == {"16"}
        assert "wave 2: not written: what was written of it is taken back" in log(wire, name)


def test_its_changes_rolled_back_as_changes_are_seen_by_the_deployment(fleet: Any) -> None:
    edits = [{**EDIT, "instances": ["DEV01", "LOBBY01", "SURV01"]}]
    asked = {"request": {"reason": "larger spawn", "edits": edits}, "wave_size": 1}
    with fleet.running() as wire:
        shown = started(wire, "awaiting_approval", **asked)
        name, dev = shown["id"], shown["waves"][0]["change_id"]
        # Under way it would go on as if DEV had been found well: it takes itself back as a whole.
        refused = wire.ask("changes.rollback", id=dev)["error"]["message"]
        assert f"deployment {name}, which wrote it, is under way" in refused
        (one,) = wire.call("changes.rollback_many", deployment_id=name)["changes"]
        assert (one["state"], "deployments.rollback" in one["message"]) == ("refused", True)
        assert radii(fleet)["DEV01"] == "32"

        wire.call("deployments.approve", id=name)
        reached(wire, name, "done")
        wire.call("changes.rollback", id=dev, reason="DEV is needed")
        shown = wire.call("deployments.show", id=name)["deployment"]
        assert (shown["stage"], states(shown)) == ("done", ["rolled_back", "passed", "passed"])
        assert "DEV is needed; canary, wave 2 stays" in shown["message"]

        seen = wire.call("changes.rollback_many", deployment_id=name, preview=True)
        assert [each["state"] for each in seen["changes"]] == ["ready", "ready", "already"]
        assert wire.call("deployments.show", id=name)["deployment"]["stage"] == "done"
        wire.call(
            "changes.rollback_many", deployment_id=name, digest=seen["digest"], reason="too large"
        )
        shown = wire.call("deployments.show", id=name)["deployment"]
        assert (shown["stage"], set(states(shown))) == ("rolled_back", {"rolled_back"})
        assert set(radii(fleet).values()) == {"16"}
        assert "canary: rolled back by" in log(wire, name)
        assert "it is so already" in wire.ask("deployments.rollback", id=name)["error"]["message"]
