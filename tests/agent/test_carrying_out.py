"""Requests whose games go down for them, over the socket, beside a panel; also over a SIGKILL."""

from __future__ import annotations

import contextlib
import signal
from typing import Any

from homeamp_agent.changes.audit import open_audit
from tests.agent.conftest import Host, Wire, looked
from tests.standin.game import READY, STOPPED, STOPPING
from tests.standin.panel import Panel


def asked(**more: Any) -> dict[str, Any]:
    edit = {"plugin": "Sample", "file": "config.yml", "path": ["spawn", "radius"], "new": 32}
    return {
        "reason": "larger spawn",
        "write_policy": "stop_write_start",
        "targets": {"instances": ["SURV01"]},
        "edits": [edit],
        **more,
    }


def begun(wire: Wire, **more: Any) -> str:
    change = wire.call("changes.submit", request=asked(**more))["change"]
    wire.call("changes.approve", ids=[change["id"]])
    change = wire.call("changes.apply", id=change["id"])["change"]
    assert change["status"] == "waiting"
    return str(change["id"])


def reached(wire: Wire, change_id: str, *statuses: str) -> Any:
    """The request once it stands so."""
    wire.events += wire.call("events.subscribe", topics=["changes"])["replay"]
    while True:
        change = wire.call("changes.show", id=change_id)["change"]
        if change["status"] in statuses:
            return change
        wire.event("changes", "updated")


def restarts(change: Any) -> dict[str, str]:
    return {each["instance"]: each["state"] for each in change["restarts"]}


def tries(panel: Panel) -> int:
    return sum(call.endswith("Core/Start") for call, _ in panel.calls)


def last_act(host: Host) -> tuple[str, str, str]:
    last = list(open_audit(host.state).entries())[-1]
    return last.action, last.subject, last.outcome


def radius(host: Host) -> bool:
    return "radius: 32" in host.config("SURV01").read_text("utf-8")


def test_a_request_takes_its_game_down_and_up_and_is_rolled_back(host: Host, panel: Panel) -> None:
    game = panel.games["SURV01"]
    with looked(host) as wire:
        preview = wire.call("changes.preview", request=asked())
        assert preview["plan"]["restarts"] == ["SURV01"]
        change_id = wire.call("changes.submit", request=asked())["change"]["id"]
        wire.call("changes.approve", ids=[change_id])
        first, *more = wire.at_once(*[("changes.apply", {"id": change_id})] * 3)
        assert first["result"]["change"]["status"] == "waiting"
        assert ["under way" in each["error"]["message"] for each in more] == [True, True]
        change = reached(wire, change_id, "applied")
        assert restarts(change) == {"SURV01": "ready"}
        assert (radius(host), game.stops, game.starts) == (True, 1, 1)
        assert panel.games["LOBBY01"].stops == 0
        bad = wire.ask("changes.submit", request=asked(restart={"window": "nightly"}))["error"]
        assert (bad["data"]["kind"], "restart.window" in bad["message"]) == ("invalid_params", True)

        game.fails = True
        change_id = begun(wire, edits=[{**asked()["edits"][0], "new": 64}])
        change = reached(wire, change_id, "applied")
        assert "does not come up again: SURV01 failed" in change["message"]
        (problem,) = wire.call("agent.status")["problems"]
        assert problem.startswith("SURV01 does not come up again")
        assert wire.call("changes.rollback", id=change_id)["change"]["status"] == "rolled_back"
        game.state = READY
        while wire.call("agent.status")["problems"]:
            wire.call("events.subscribe", topics=["instances"])
            wire.event("instances", "state_changed")


def test_while_players_are_online_it_waits_and_can_be_withdrawn(host: Host, panel: Panel) -> None:
    game = panel.games["SURV01"]
    game.players = 2
    with looked(host) as wire:
        waiting = begun(wire)
        while "2 online" not in (change := reached(wire, waiting, "waiting"))["message"]:
            wire.event("changes", "updated")
        assert change["waits_until"]
        assert "under way" in wire.ask("changes.apply", id=waiting)["error"]["message"]
        (gone,) = wire.call("changes.cancel", ids=[waiting], reason="not today")["changes"]
        assert (gone["status"], game.stops) == ("cancelled", 0)

        refused = begun(wire, restart={"players": "refuse"})
        change = reached(wire, refused, "approved")
        assert change["message"] == "SURV01 has 2 online: nothing was done"
        kept = begun(wire)
        host.stop()
    with host.running() as wire:
        game.players = 0
        assert restarts(reached(wire, kept, "applied")) == {"SURV01": "ready"}
    assert radius(host)


def test_killed_with_its_game_down_the_next_agent_writes_and_starts_it(
    host: Host, panel: Panel
) -> None:
    game = panel.games["SURV01"]
    game.sticks = True
    with looked(host) as wire, contextlib.suppress(AssertionError):
        change_id = begun(wire)
        while game.state != STOPPING:
            wire.call("agent.status")
        host.stop(signal.SIGKILL)
    assert not radius(host)
    game.steps, game.state, game.sticks = [], STOPPED, False

    panel.break_on = "Core/Start"
    host.start()
    with contextlib.closing(host.connect()) as wire:
        while restarts(reached(wire, change_id, "applying")) != {"SURV01": "starting"}:
            wire.event("changes", "updated")
        assert radius(host)
        host.stop(signal.SIGKILL)
    assert game.state == STOPPED

    # Ended in good order, the agent tells a game that it stopped to start.
    tried = tries(panel)
    host.start()
    with contextlib.closing(host.connect()) as wire:
        while tries(panel) == tried:
            wire.call("agent.status")
    panel.break_on = ""
    assert host.stop() == 0
    assert game.starts == 1

    with host.running() as wire:
        change = wire.call("changes.show", id=change_id)["change"]
        while restarts(change) != {"SURV01": "ready"}:
            wire.call("events.subscribe", topics=["changes"], since=0)
            wire.event("changes", "updated")
            change = wire.call("changes.show", id=change_id)["change"]
        assert change["status"] == "applied"
        while last_act(host) != ("instance.restart", "SURV01", "done"):
            wire.call("agent.status")
    assert (game.state, radius(host)) == (READY, True)
