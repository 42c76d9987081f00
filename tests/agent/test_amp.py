"""The agent beside a panel: states, acts and what is wrong with AMP, over the socket."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agent.conftest import Host, Wire, looked
from tests.standin.panel import Panel


def games(wire: Wire) -> dict[str, Any]:
    rows = wire.call("instances.list")["instances"]
    return {row["name"]: row["amp"] for row in rows}


def test_what_every_game_does_stands_beside_its_instance(host: Host, panel: Panel) -> None:
    panel.games["SURV01"].players = 3
    panel.games["LOBBY01"].daemon = False
    with looked(host) as wire:
        rows = games(wire)
        assert wire.call("agent.status")["amp"]["state"] == "up"
        assert wire.call("fleet.overview")["hosts"][0]["amp"]["state"] == "up"
    assert (rows["LOBBY01"]["state"], rows["SURV01"]["state"]) == ("stopped", "ready")
    assert (rows["SURV01"]["players"], rows["SURV01"]["players_max"]) == (3, 50)
    assert (rows["SURV01"]["cpu"], rows["SURV01"]["memory_mb"], rows["SURV01"]["tps"]) == (
        12, 2048, 19.9,
    )  # fmt: skip


def test_a_game_that_goes_down_is_told_without_being_asked(host: Host, panel: Panel) -> None:
    with looked(host) as wire:
        panel.games["SURV01"].daemon = False
        state = "away"
        while state == "away":  # for a look that lists it as running and then cannot reach it
            (row,) = wire.event("instances", "state_changed")["body"]["instances"]
            state = row["amp"]["state"]
    assert (row["name"], state) == ("SURV01", "stopped")


def test_an_amp_that_goes_away_is_a_problem_while_it_lasts(host: Host, panel: Panel) -> None:
    with looked(host) as wire:
        panel.break_on = "GetInstances"
        assert wire.event("instances", "state_changed")["body"]["amp"]["state"] == "away"
        status = wire.call("agent.status")
        assert status["amp"]["state"] == "away"
        assert any("amp: AMP at http://127.0.0.1" in line for line in status["problems"])
        assert games(wire)["SURV01"]["state"] == "away"
        panel.break_on = ""
        assert wire.event("instances", "state_changed")["body"]["amp"]["state"] == "up"
        assert wire.call("agent.status")["problems"] == []


def test_a_refused_login_is_told_and_the_password_is_not(host: Host, panel: Panel) -> None:
    del panel
    host.environment["HOMEAMP_AMP__PASSWORD"] = "wrong-secret-C3"
    with looked(host) as wire:
        status = wire.call("agent.status")
        assert wire.call("deviations.list")["total"] > 0
    assert status["amp"]["state"] == "refused"
    assert "wrong user name or password" in status["amp"]["message"]
    assert "wrong-secret-C3" not in f"{status} {host.log}"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"HOMEAMP_AMP__PASSWORD": ""}, "amp.password is not"),
        ({"HOMEAMP_AMP__TWO_FACTOR_TOKEN": "1 is no base32"}, "amp.two_factor_token is not"),
    ],
)
def test_an_account_that_cannot_log_in_is_said_and_the_rest_goes_on(
    host: Host, panel: Panel, settings: dict[str, str], said: str
) -> None:
    host.environment |= settings
    with host.running() as wire:
        status = wire.call("agent.status")
    assert (status["amp"]["state"], said in status["problems"][0]) == ("refused", True)
    assert panel.logins == 0


def test_without_amp_nothing_is_claimed(host: Host) -> None:
    with host.running() as wire:
        assert wire.call("agent.status")["amp"]["state"] == "off"
        assert games(wire) == {"LOBBY01": None, "SURV01": None}


def test_a_url_that_is_none_is_told_before_the_start(host: Host) -> None:
    host.environment = {"HOMEAMP_AMP__URL": "127.0.0.1:8080"}
    done = host.start().wait(60)
    assert (done, "environment HOMEAMP_AMP__URL: amp.url:" in host.log) == (2, True)
