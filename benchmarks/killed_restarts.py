"""Kill the agent at random instants while it takes games down for a change, and look what is left.

    python -m benchmarks.killed_restarts [--runs 30] [--seed 1] [--policy stop_write_start]

Each run: an agent, the stand-in of AMP over two instances, and one request that changes a plugin's
file on both and a setting that AMP owns on one, while the games are down. The agent is killed
(SIGKILL) at a random instant, sometimes its successor as well; then one more is left alone. With
the policy `on_restart` the agent is asked to restart the games one after the other meanwhile, and
the last agent once more those that were not. Judged:

- both games are up;
- the files are all old or all new, and the request says which;
- AMP's own setting is as the file;
- the journal leaves nothing open.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from homeamp_agent.changes.book import RequestBook
from tests.agent.conftest import RULES, Host, Wire
from tests.standin.game import READY
from tests.standin.panel import Panel
from tests.standin.serving import amp_settings, serving

NODE = "MinecraftModule.Limits.MaxPlayers"
NAMES = ("LOBBY01", "SURV01")
LONGEST_S = 2.5
"""From the start of a request to its end, on an idle machine."""
SETTLED_WITHIN_S = 60.0
KILLED_TWICE = 0.35
MOST_RESTARTS = 3
"""One that the killed agent had begun may be in the way of the first."""

REQUEST = {
    "reason": "killed in the middle",
    "write_policy": "stop_write_start",
    "edits": [
        {"plugin": "Sample", "file": "config.yml", "path": ["spawn", "radius"], "new": 32},
        {
            "file": "server.properties",
            "path": ["max-players"],
            "new": 150,
            "instances": ["SURV01"],
        },
    ],
}


def host_at(root: Path) -> Host:
    """A host of two instances."""
    host = Host(root)
    host.baselines.mkdir()
    (host.baselines / "rules.yaml").write_text(RULES, "utf-8")
    for name in NAMES:
        host.add_instance(name, password="right-secret-A1")  # noqa: S106 - none of anything
    folder = host.instances / "SURV01"
    (folder / "MinecraftModule.kvp").write_text("Limits.MaxPlayers=100\n", "utf-8")
    properties(host).write_text("#AMP\nmax-players=100\n", "utf-8")
    return host


def properties(host: Host) -> Path:
    return host.instances / "SURV01" / "Minecraft" / "server.properties"


def restarted(wire: Wire, names: tuple[str, ...], *, wait: bool) -> None:
    """Ask for it; an agent that is at work there says no."""
    for name in names:
        wire.ask("instances.restart", instances=[name], wait=wait)


def one_run(root: Path, chance: random.Random, policy: str) -> tuple[str, list[str]]:
    """How the request ended, and what is wrong."""
    host = host_at(root)
    panel = Panel.over(host.instances)
    with serving(panel) as url:
        host.environment = {
            **amp_settings(url),
            "HOMEAMP_AMP__POLL_S": "0.1",
            "HOMEAMP_RESTARTS__SETTLE_S": "0",
        }
        host.start()
        with contextlib.closing(host.connect()) as wire:
            wire.call("agent.rescan")
            change = wire.call("changes.submit", request=REQUEST | {"write_policy": policy})[
                "change"
            ]
            wire.call("changes.approve", ids=[change["id"]])
            wire.call("changes.apply", id=change["id"])
            if policy == "on_restart":
                restarted(wire, NAMES, wait=False)
            time.sleep(chance.uniform(0, LONGEST_S))
            host.stop(signal.SIGKILL)
        if chance.random() < KILLED_TWICE:
            host.start()
            with contextlib.closing(host.connect()):
                time.sleep(chance.uniform(0, LONGEST_S))
                host.stop(signal.SIGKILL)
        host.start()
        with contextlib.closing(host.connect()) as wire:
            if policy == "on_restart":
                wire.call("agent.rescan")
                for _ in range(MOST_RESTARTS):
                    restarted(wire, NAMES, wait=True)
                    if wire.call("changes.show", id=change["id"])["change"]["status"] != "waiting":
                        break
            shown = settled(wire, panel, change["id"])
            wrong = judged(host, panel, shown)
        host.stop()
    if RequestBook(host.state).problems:
        wrong.append("the book of requests cannot be read")
    return shown["status"], wrong


def settled(wire: Wire, panel: Panel, change_id: str) -> Any:
    """The request once it has ended and nothing is down any more, or as it is after a minute."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while True:
        shown = wire.call("changes.show", id=change_id)["change"]
        up = all(game.state == READY and not game.steps for game in panel.games.values())
        over = shown["status"] in {"applied", "failed"}
        if (up and over and not owing(shown)) or time.monotonic() > deadline:
            return shown
        time.sleep(0.05)


def owing(shown: Any) -> bool:
    return any(each["state"] in {"stopping", "stopped", "starting"} for each in shown["restarts"])


def judged(host: Host, panel: Panel, shown: Any) -> list[str]:
    """What is wrong."""
    new = {name: "radius: 32" in host.config(name).read_text("utf-8") for name in NAMES}
    players = "max-players=150" in properties(host).read_text("utf-8")
    states = {name: game.state for name, game in panel.games.items()}
    wrong = []
    if set(states.values()) != {READY}:
        wrong.append(f"games are {states}")
    if len({*new.values(), players}) != 1:
        wrong.append(f"half written: {new}, max-players new: {players}")
    if (shown["status"] == "applied") is not players:
        wrong.append(f"the request is {shown['status']}: {shown['message']}")
    if (str(panel.games["SURV01"].settings[NODE]) == "150") is not players:
        wrong.append("AMP's own setting is not as the file")
    if owing(shown):
        wrong.append(f"restarts are {shown['restarts']}")
    return wrong


def main() -> int:
    """All runs; 0 if nothing was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    policies = ("stop_write_start", "on_restart")
    parser.add_argument("--policy", choices=policies, default=policies[0])
    options = parser.parse_args()
    ends: Counter[str] = Counter()
    failures = 0
    for number in range(options.runs):
        with tempfile.TemporaryDirectory() as folder:
            chance = random.Random(options.seed * 100_000 + number)
            end, wrong = one_run(Path(folder), chance, options.policy)
        ends[end] += 1
        failures += bool(wrong)
        for line in wrong:
            print(f"run {number}: {line}")
    print(f"{options.runs} runs, {failures} wrong; requests ended {dict(ends)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
