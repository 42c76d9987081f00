"""One deployment over all ten demo instances, on two folders, with AMP's stand-in over HTTP."""

from __future__ import annotations

import itertools
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.conftest import WAIT_S, Wire
from tests.agent.ten import (
    NAMES,
    NODE,
    WAVES,
    TenHost,
    at,
    request,
    ten_instances,
    until,
)
from tests.standin.game import READY
from tests.standin.panel import Panel

ERROR = "[12:00:00] [Server thread/ERROR]: [Essentials] secret-X9 NullPointerException\n"


@pytest.fixture
def ten(tmp_path: Path) -> Iterator[tuple[TenHost, Panel]]:
    # Games that take no time need no watching; how slow ones are awaited has tests of its own.
    with ten_instances(tmp_path, HOMEAMP_AMP__POLL_S="5") as (host, panel):
        for game in panel.games.values():
            game.at_once = True
        yield host, panel
        if host.process is not None and host.process.poll() is None:
            host.stop(signal.SIGKILL)


def begun(wire: Wire) -> str:
    """A deployment that its DEV instance has passed, and that production is approved of."""
    wire.call("events.subscribe", topics=["deployments"])
    name: str = wire.call("deployments.start", request=request())["deployment"]["id"]
    shown = until(wire, name, at("awaiting_approval"))
    wire.call("deployments.approve", id=name, digest=shown["digest"])
    return name


def states(shown: Any) -> list[str]:
    return [each["state"] for each in shown["waves"]]


def killed(host: TenHost, wire: Wire) -> Wire:
    """The connection to a new agent, once this one is killed, as it was to be."""
    assert host.process is not None
    assert host.process.wait(WAIT_S) == -signal.SIGKILL
    wire.close()
    host.start()
    wire = host.connect()
    wire.call("events.subscribe", topics=["deployments"])
    return wire


def test_errors_in_the_second_wave_take_all_back_and_a_kill_in_it_leaves_all_ten_as_planned(
    ten: tuple[TenHost, Panel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host, panel = ten
    games = panel.games.values()

    def errs(game: Any) -> None:
        with host.log_of(game.name).open("a") as log:
            log.write(ERROR if game.starts == 1 else "")

    panel.games["HARD01"].at_start.append(errs)
    with host.running() as first:
        failed = until(first, name := begun(first), at("rolled_back"))
        assert [each["instances"] for each in failed["waves"]] == WAVES
        assert states(failed) == ["rolled_back"] * 3 + ["pending"]
        assert failed["failure"].startswith("wave 2: HARD01: log: 1 new error")
        assert "secret-X9" not in json.dumps(first.call("deployments.show", id=name, lines=1000))
        assert host.now() == host.before
        written = [each for wave in WAVES[:3] for each in wave]
        starts = {each.name: each.starts for each in games}
        assert starts == {each: 2 if each in written else 0 for each in NAMES}
        assert all(each.state == READY and not each.steps for each in games)

        panel.games["HARD01"].at_start.clear()
        for game in games:
            game.starts = game.stops = 0
        name = begun(first)

        plain = panel.games["HARD01"].set

        def kills(node: str, value: Any) -> None:
            plain(node, value)
            monkeypatch.undo()
            if host.process is not None:
                host.process.send_signal(signal.SIGKILL)

        monkeypatch.setattr(panel.games["HARD01"], "set", kills)
        wire = killed(host, first)  # with all games of the wave down, and some of it written
        done = until(wire, name, at("done"))
        assert host.now() == host.wanted
        assert all(each.stops == each.starts for each in games)
        assert {each.stops for each in games if each.name in WAVES[2]} == {2}
        assert done["waves"][2]["change_id"] == f"{name}-w2.2"  # cut short, taken back, again
        assert {each.starts for each in games if each.name not in WAVES[2]} == {1}
        assert [each.settings[NODE] for each in games if NODE in each.settings] == ["77"] * 8
        for wave in done["waves"]:
            found = {(each["instance"], each["name"], each["outcome"]) for each in wave["checks"]}
            looks = itertools.product(wave["instances"], ("ready", "log", "readable", "kept"))
            assert found == {(None, "applied", "passed"), *((*each, "passed") for each in looks)}
        acts = wire.call("changes.history", limit=500)["acts"]
        applied = {each["subject"] for each in acts if each["action"] == "change.apply"}
        assert applied >= {each["change_id"] for each in done["waves"]}
        mine = [each["action"] for each in acts if each["subject"] == name]
        assert sorted(mine) == [f"deployment.{act}" for act in ("approved", "done", "started")]
        wire.close()
    verified = host.command("audit", "verify", "--state", str(host.state))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert not list((host.state / "deployments").glob("*.json"))
