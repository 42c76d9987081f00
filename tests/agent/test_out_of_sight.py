"""A deployment whose games cannot be seen after a wave, since AMP is away."""

from __future__ import annotations

from typing import Any

from tests.agent.five import five, log, radii, reached, started, states
from tests.standin.panel import Panel


def test_an_amp_that_goes_away_after_a_wave_holds_the_deployment_until_it_is_back(
    host: Any, panel: Panel
) -> None:
    fleet = five(host, panel)
    fleet.environment |= {"HOMEAMP_AMP__READY_S": "1", "HOMEAMP_AMP__POLL_S": "5"}
    fleet.environment |= {"HOMEAMP_DEPLOYMENTS__WAVE_SOAK_S": "0.3"}
    with fleet.running() as wire:
        name = started(wire, "awaiting_approval")["id"]
        wire.call("deployments.approve", id=name)
        while states(reached(wire, name, "waves"))[1] != "checking":
            wire.event("deployments", "updated")
        panel.away = True
        held = reached(wire, name, "paused")
        assert held["message"].startswith("canary: not looked at to the end: AMP is away: AMP")
        assert "HTTP 503" in held["message"]
        assert states(held) == ["passed", "checking", "pending", "pending"]
        panel.away = False
        while states(held := reached(wire, name, "paused"))[1] != "passed":
            wire.event("deployments", "updated")
        assert held["message"] == "canary: found well since: resume it to go on"
        wire.call("deployments.resume", id=name)
        reached(wire, name, "done")
        assert log(wire, name).count("AMP is away") == 1
    assert set(radii(fleet).values()) == {"32"}
