"""Deployments over the ten demo instances under random kills: the agent goes on, and all is whole.

    python -m benchmarks.deployments [--runs 40] [--policy now|stop_write_start] [--seed N]

One agent serves both demo hosts' folders, with AMP's stand-in over HTTP. Each run is one deployment
over all ten (five formats, a setting that AMP owns). One in three has a game of the second wave
that does not come up, one in three a game there that logs new errors, the others are well; but the
first of each kind, the agent is killed once or twice (SIGKILL, sometimes SIGTERM) at random
instants, most of them in the second wave. Then it must end as `rolled_back` with every file's first
bytes, or as `done` with exactly the planned ones, each game up, restarted alike often as stopped,
and once if nobody was killed. What is done is rolled back, half of the time over another kill.
After each: no request is left in the state folder, and the audit log's chain is whole. Exit code 1
at the first run of which that is not true.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homeamp_agent.changes import open_audit
from tests.agent.conftest import Wire
from tests.agent.ten import OVER, TenHost, request, ten_instances
from tests.standin.game import READY, Game
from tests.standin.panel import Panel

WAIT_S = 120.0
KINDS = ("well", "not up", "errors")
FAILING = "GEY01", "HARD01"
ERROR = "[12:00:00] [Server thread/ERROR]: [Essentials] {number} NullPointerException: {word}\n"
LONGEST_S = {"now": 1.5, "stop_write_start": 6.0}
"""About as long as a wave takes: a kill hits any moment of it."""


@dataclass
class Laboratory:
    """The host under fire."""

    host: TenHost
    panel: Panel
    policy: str
    tally: Counter[str] = field(default_factory=Counter)
    wire: Wire | None = None

    def call(self, method: str, **params: Any) -> Any:
        if self.wire is None:
            self.wire = self.host.connect()
        return self.wire.call(method, **params)

    def kill(self) -> None:
        """End the agent, and start another one."""
        if self.wire is not None:
            self.wire.close()
            self.wire = None
        self.host.stop(random.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)))
        self.host.start()
        self.tally["kills"] += 1

    def until(self, name: str, wanted: Callable[[Any], bool]) -> Any:
        """The deployment once it stands so."""
        deadline = time.monotonic() + WAIT_S
        while not wanted(shown := self.call("deployments.show", id=name)["deployment"]):
            assert time.monotonic() < deadline, shown
            time.sleep(0.05)
        return shown

    def all_up(self) -> bool:
        """Whether every game ends up ready; those that start are given their time."""
        deadline = time.monotonic() + WAIT_S
        while any(game.state != READY or game.steps for game in self.panel.games.values()):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


def plant(laboratory: Laboratory, kind: str, number: int) -> None:
    """What goes wrong in this run."""
    for game in laboratory.panel.games.values():
        game.at_start.clear()
        game.starts = game.stops = 0
        game.fails = False
    up, logs = (laboratory.panel.games[each] for each in FAILING)
    if kind == "not up":
        # Until it is as it was: the new values keep it from starting.
        def fails(game: Game) -> None:
            game.fails = (
                b"max-players: 55" in (laboratory.host.game(up.name) / "config.yml").read_bytes()
            )

        up.at_start.append(fails)
    elif kind == "errors":
        text = ERROR.format(number=number, word="abcdefghij"[number % 10] * (number // 10 + 1))

        def errs(game: Game) -> None:
            with laboratory.host.log_of(game.name).open("a") as log:
                log.write(text)

        logs.at_start.append(errs)


def run(laboratory: Laboratory, kind: str, number: int, *, kills: int) -> None:
    """One deployment, and back."""
    host, games = laboratory.host, laboratory.panel.games.values()
    plant(laboratory, kind, number)
    asked = request(laboratory.policy)
    name = laboratory.call("deployments.start", request=asked)["deployment"]["id"]
    laboratory.until(name, lambda shown: shown["stage"] == "awaiting_approval")
    laboratory.call("deployments.approve", id=name)
    for _ in range(kills):
        if random.random() < 0.8:
            laboratory.until(name, _second_wave_begun)
        time.sleep(random.uniform(0, LONGEST_S[laboratory.policy]))
        laboratory.kill()
    ended = laboratory.until(name, lambda shown: shown["stage"] in OVER)
    laboratory.tally[f"{kind}: {ended['stage']}"] += 1
    laboratory.tally["waves written again"] += sum(
        "." in each["change_id"] for each in ended["waves"]
    )
    # A policy that restarts no game meets none that does not come up.
    well = kind == "well" or laboratory.policy == "now"
    assert ended["stage"] == ("done" if well else "rolled_back"), ended
    assert laboratory.all_up(), {each.name: (each.state, each.steps) for each in games}
    assert host.now() == (host.wanted if well else host.before), ended
    if not kills and well and laboratory.policy != "now":
        assert {(each.stops, each.starts) for each in games} == {(1, 1)}
    if well:
        back(laboratory, name)
    assert not list((host.state / "deployments").glob("*.json"))
    assert open_audit(host.state).verify().whole


def back(laboratory: Laboratory, name: str) -> None:
    """Roll a deployment back that is done, half of the time over a kill."""
    laboratory.call("deployments.rollback", id=name)
    if random.random() < 0.5:
        time.sleep(random.uniform(0, LONGEST_S[laboratory.policy]))
        laboratory.kill()
    ended = laboratory.until(name, lambda shown: shown["stage"] in OVER - {"done"})
    assert ended["stage"] == "rolled_back", ended
    assert laboratory.host.now() == laboratory.host.before
    assert laboratory.all_up()


def _second_wave_begun(shown: Any) -> bool:
    return shown["waves"][2]["state"] != "pending" or shown["stage"] in OVER


def main() -> int:
    """All runs; 0 if nothing was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--policy", choices=sorted(LONGEST_S), default="stop_write_start")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random.seed(options.seed)
    began = time.monotonic()
    settings = {"HOMEAMP_AMP__POLL_S": "0.2", "HOMEAMP_AMP__READY_S": "30"}
    with (
        tempfile.TemporaryDirectory(prefix="homeamp-") as folder,
        ten_instances(Path(folder), **settings) as (host, panel),
    ):
        laboratory = Laboratory(host, panel, options.policy)
        host.start()
        try:
            for number in range(options.runs):
                kills = 0 if number < len(KINDS) else random.choice((1, 1, 2))
                run(laboratory, KINDS[number % len(KINDS)], number, kills=kills)
                print(f"{number + 1}: {dict(laboratory.tally)}", flush=True)
        except AssertionError as error:
            print(f"run {number + 1}: {error}")
            return 1
        finally:
            host.stop(signal.SIGKILL)
    kills = laboratory.tally["kills"]
    print(f"{options.runs} runs, {kills} kills in {time.monotonic() - began:.0f} s: whole")
    return 0


if __name__ == "__main__":
    sys.exit(main())
