"""Requests that are written as their games next stop, whoever stops them."""

from __future__ import annotations

import contextlib
import signal
from typing import Any

from tests.agent.conftest import Host, Wire, looked
from tests.agent.test_carrying_out import begun, reached, restarts
from tests.standin.game import READY, STARTING, STOPPED
from tests.standin.panel import Panel

BOTH = {"write_policy": "on_restart", "targets": {}}


def written(host: Host) -> dict[str, bool]:
    return {
        name: "radius: 32" in host.config(name).read_text("utf-8") for name in ("LOBBY01", "SURV01")
    }


def when(wire: Wire, change_id: str, said: str) -> Any:
    """The request once its message holds that text."""
    while said not in (change := reached(wire, change_id, "waiting"))["message"]:
        wire.event("changes", "updated")
    return change


def test_each_instance_is_written_as_it_stops_and_all_go_back_together(
    host: Host, panel: Panel
) -> None:
    before = {name: host.config(name).read_bytes() for name in ("LOBBY01", "SURV01")}
    lobby, surv = panel.games["LOBBY01"], panel.games["SURV01"]
    with looked(host) as wire:
        change_id = begun(wire, **BOTH)
        change = when(wire, change_id, "waits for the next stop of LOBBY01, SURV01")
        assert written(host) == {"LOBBY01": False, "SURV01": False}

        surv.steps = [*[STARTING] * 4, READY]
        when(wire, change_id, "SURV01 (restarted too quickly at")
        assert written(host) == {"LOBBY01": False, "SURV01": False}

        # Up for two seconds only, and never seen as anything but ready.
        lobby.uptime = "0:0:0:2"
        change = when(wire, change_id, "LOBBY01 (restarted too quickly at")
        assert [len(each["missed_at"]) for each in change["restarts"]] == [1, 1]
        told = wire.call("agent.status")["problems"]
        waits = f"change {change_id} waits for the next stop of LOBBY01, which restarted too"
        assert any(each.startswith(waits) and "instances.restart" in each for each in told)
        assert written(host) == {"LOBBY01": False, "SURV01": False}

        lobby.state = STOPPED
        change = when(wire, change_id, "waits for the next stop of SURV01")
        assert restarts(change) == {"LOBBY01": "written", "SURV01": "waiting"}
        assert (change["progress"]["done"], len(change["files"])) == (1, 2)
        assert written(host) == {"LOBBY01": True, "SURV01": False}
        early = wire.ask("changes.cancel", ids=[change_id], reason="no")["error"]["message"]
        assert "written into LOBBY01 already: roll it back" in early
        with contextlib.suppress(AssertionError):
            host.stop(signal.SIGKILL)

    with looked(host) as wire:
        seen: list[bool] = []
        surv.at_start.append(lambda _: seen.append(written(host)["SURV01"]))
        wire.call("instances.restart", instances=["SURV01"])
        assert seen == [True]
        change = reached(wire, change_id, "applied")
        assert {each["state"] for each in change["files"]} == {"verified"}
        wire.call("changes.rollback", id=change_id)
        assert {name: host.config(name).read_bytes() for name in before} == before


def test_one_instance_that_cannot_have_it_takes_it_from_all(host: Host, panel: Panel) -> None:
    before = host.config("LOBBY01").read_bytes()
    with looked(host) as wire:
        panel.games["LOBBY01"].state = STOPPED
        change_id = begun(wire, **BOTH)
        when(wire, change_id, "waits for the next stop of SURV01")
        assert written(host)["LOBBY01"]
        file = host.config("SURV01")
        file.write_bytes(theirs := file.read_bytes().replace(b"radius: 16", b"radius: 17"))
        wire.call("instances.restart", instances=["SURV01"])
        change = reached(wire, change_id, "rolled_back")
        assert change["message"].startswith("SURV01: its files changed since it was approved; what")
    assert (host.config("LOBBY01").read_bytes(), file.read_bytes()) == (before, theirs)


def test_rolled_back_halfway_the_rest_is_not_written(host: Host, panel: Panel) -> None:
    with looked(host) as wire:
        panel.games["LOBBY01"].state = STOPPED
        change_id = begun(wire, **BOTH)
        when(wire, change_id, "waits for the next stop of SURV01")
        back = wire.call("changes.rollback", id=change_id)["change"]
        assert back["status"] == "rolled_back"
        wire.call("instances.restart", instances=["SURV01"])
    assert written(host) == {"LOBBY01": False, "SURV01": False}
