"""What a plugin does not keep over a restart comes back, with what the plugin wrote instead."""

from __future__ import annotations

from typing import Any

import pytest

from homeamp_agent.changes.audit import open_audit
from tests.agent.conftest import Host, Wire, looked
from tests.standin.game import STARTING, Game
from tests.standin.panel import Panel


def fixed(wire: Wire) -> str:
    """The change that set LOBBY01's spawn.enabled to true, as the rules want it."""
    (row,) = wire.call("deviations.list", filter={"key": "spawn.enabled"})["deviations"]
    done = wire.call("deviations.fix", ids=[row["id"]], reason="as in the baseline")
    assert done["change"]["status"] == "applied"
    return str(done["change"]["id"])


def states(event: Any) -> list[str]:
    return [row["amp"]["state"] for row in event["body"]["instances"]]


@pytest.mark.parametrize("by_us", [True, False])
def test_a_value_that_a_plugin_puts_back_is_told_everywhere(
    host: Host, panel: Panel, by_us: bool
) -> None:
    file = host.config("LOBBY01")

    def put_back(game: Game) -> None:
        del game
        file.write_bytes(file.read_bytes().replace(b"enabled: true", b"enabled: false"))

    game = panel.games["LOBBY01"]
    game.at_start.append(put_back)
    with looked(host) as wire:
        wire.events += wire.call("events.subscribe", topics=["instances", "changes"], since=0)[
            "replay"
        ]
        change_id = fixed(wire)
        if by_us:
            wire.call("instances.restart", instances=["LOBBY01"])
        else:
            game.state = STARTING
            while states(wire.event("instances", "state_changed")) != ["starting"]:
                pass
            game.start()
        while wire.event("changes", "updated")["body"]["status"] != "reverted_by_plugin":
            pass
        change = wire.call("changes.show", id=change_id)["change"]
        (row,) = wire.call("deviations.list", filter={"key": "spawn.enabled"})["deviations"]
        # Not of interest to anybody: every call to AMP.
        assert "HTTP Request" not in host.log
    assert [(each["wanted"], each["found"]) for each in change["reverted"]] == [(True, False)]
    assert (row["status"], row["review_reason"]) == ("pending", _REASON.format(change_id))
    (entry,) = [e for e in open_audit(host.state).entries() if e.action == "change.reverted"]
    assert (entry.subject, entry.outcome) == (change_id, "reverted")


_REASON = "reverted_by_plugin: change {} wrote True; after the restart it holds False"
