"""Deployments under random kills: the agent is killed in the middle, starts again, and goes on.

    python -m benchmarks.deployments [--runs 40] [--policy now|stop_write_start] [--seed N]

Each run starts a deployment over the Paper instances of the demo's first host, with AMP's stand-in,
and kills the agent (SIGKILL, sometimes SIGTERM) once or twice at random instants; then it must end
as `done` with the new value in every file. After that it is rolled back, half of the time with
another kill; then every file must hold its first bytes, no request may be left in the state folder,
and the audit log's chain must be whole. Exit code 1 at the first run of which that is not true.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from homeamp_agent.changes import open_audit
from homeamp_tui.demo_fleet import fixtures_folder, materialise
from tests.standin.panel import PASSWORD, USER, Panel
from tests.standin.serving import serving

HOST = "alder"
FILE = "Minecraft/plugins/Essentials/config.yml"
KEY, NEW = "teleport-cooldown", 7
LONGEST_S = {"now": 2.5, "stop_write_start": 8.0}
"""About as long as a deployment takes: a kill hits any stage of it."""

WAIT_S = 90.0
OVER = {"done", "rolled_back", "failed", "aborted", "paused"}


class Laboratory:
    """A host with an agent that can be killed."""

    def __init__(self, root: Path, url: str) -> None:
        self.root = root
        self.state = root / "state"
        instances = root / "demo" / "fleet" / HOST / "instances"
        self.files = [each / FILE for each in sorted(instances.iterdir()) if (each / FILE).exists()]
        self.before = [each.read_bytes() for each in self.files]
        settings = {
            "HOMEAMP_HOST": HOST,
            "HOMEAMP_INSTANCES": str(instances),
            "HOMEAMP_BASELINES": str(root / "demo" / "baselines"),
            "HOMEAMP_STATE": str(self.state),
            "HOMEAMP_SOCKET": str(root / "s"),
            "HOMEAMP_AMP__URL": url,
            "HOMEAMP_AMP__USER": USER,
            "HOMEAMP_AMP__PASSWORD": PASSWORD,
            "HOMEAMP_RESTARTS__SETTLE_S": "0",
            "HOMEAMP_DEPLOYMENTS__APPROVAL": "at_once",
            "HOMEAMP_DEPLOYMENTS__SOAK_S": "0.2",
            "HOMEAMP_DEPLOYMENTS__WAVE_SOAK_S": "0.2",
            "HOMEAMP_DEPLOYMENTS__WAVE_SIZE": "2",
        }
        self._environment = {**os.environ, **settings}
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        with (self.root / "agent.log").open("ab") as log:
            command = [sys.executable, "-m", "homeamp_agent", "run"]
            return subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the agent so, and start another one."""
        self.process.send_signal(how)
        self.process.wait()
        self.process = self._started()

    def call(self, method: str, **params: Any) -> Any:
        """The result of one call, as soon as the agent listens."""
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as sock:
                    sock.settimeout(WAIT_S)
                    sock.connect(str(self.root / "s"))
                    stream = sock.makefile("rwb")
                    asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
                    stream.write(json.dumps(asked).encode() + b"\n")
                    stream.flush()
                    answer = json.loads(stream.readline())
                    stream.close()
            except (OSError, ValueError):
                assert time.monotonic() < deadline, (self.root / "agent.log").read_text()[-2000:]
                time.sleep(0.02)
            else:
                assert "error" not in answer, answer
                return answer["result"]

    def until(self, name: str, stages: set[str]) -> Any:
        """The deployment once it stands at one of these."""
        deadline = time.monotonic() + WAIT_S
        while True:
            deployment = self.call("deployments.show", id=name)["deployment"]
            if deployment["stage"] in stages:
                return deployment
            assert time.monotonic() < deadline, deployment
            time.sleep(0.05)


def run(laboratory: Laboratory, policy: str, tally: Counter[str]) -> None:
    """One deployment there and back."""
    edit = {"plugin": "Essentials", "file": "config.yml", "path": [KEY], "new": NEW}
    request = {"reason": "under fire", "write_policy": policy, "edits": [edit]}
    name = laboratory.call("deployments.start", request=request)["deployment"]["id"]
    for _ in range(random.choice((1, 1, 2))):
        time.sleep(random.uniform(0, LONGEST_S[policy]))
        laboratory.kill(random.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)))
        tally["kills"] += 1
    done = laboratory.until(name, OVER)
    tally[done["stage"]] += 1
    tally["waves written again"] += sum("." in each["change_id"] for each in done["waves"])
    assert done["stage"] == "done", done
    wanted = f"{KEY}: {NEW}".encode()
    assert all(wanted in each.read_bytes() for each in laboratory.files)
    laboratory.call("deployments.rollback", id=name)
    if random.random() < 0.5:
        time.sleep(random.uniform(0, LONGEST_S[policy] / 5))
        laboratory.kill()
        tally["kills"] += 1
    back = laboratory.until(name, OVER - {"done"})
    assert back["stage"] == "rolled_back", back
    assert [each.read_bytes() for each in laboratory.files] == laboratory.before
    assert not list((laboratory.state / "deployments").glob("*.json"))
    assert open_audit(laboratory.state).verify().whole


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--policy", choices=sorted(LONGEST_S), default="now")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random.seed(options.seed)
    tally: Counter[str] = Counter()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="homeamp-") as folder:
        root = Path(folder)
        materialise(fixtures_folder(), root / "demo")
        with serving(Panel.over(root / "demo" / "fleet" / HOST / "instances")) as url:
            laboratory = Laboratory(root, url)
            try:
                for number in range(1, options.runs + 1):
                    try:
                        run(laboratory, options.policy, tally)
                    except AssertionError as error:
                        print(f"run {number}: {error}")
                        return 1
                    print(f"{number}: {dict(tally)}", flush=True)
            finally:
                laboratory.process.kill()
                laboratory.process.wait()
    print(f"{options.runs} runs, {tally['kills']} kills in {time.monotonic() - began:.0f} s: whole")
    return 0


if __name__ == "__main__":
    sys.exit(main())
