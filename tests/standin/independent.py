"""Drive the stand-in with `cc-ampapi`, a client of AMP that others wrote. One line, not a test:

    .venv/bin/python -m tests.standin.independent

It makes an environment of its own in a temporary folder (needs the package index; that client is
GPL and never a dependency of ours), serves the stand-in over a copy of the fixtures, and lets the
client log in, list, read, start, stop, talk and set. It proves that the stand-in and a client made
for the real AMP agree, not that the stand-in is AMP.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from tests.standin.panel import PASSWORD, USER, Panel
from tests.standin.serving import serving

PACKAGES = ("cc-ampapi==4.6.0", "dataclass-wizard<1")
"""dataclass-wizard 1.0 breaks it."""
FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "fleet" / "alder" / "instances"
NODE = "MinecraftModule.Minecraft.PortNumber"


def main() -> int:
    """Make the environment, serve, drive; 0 if all went as expected."""
    if len(sys.argv) > 1:
        return asyncio.run(_drive(sys.argv[1]))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        venv.create(place / "env", with_pip=True)
        python = place / "env" / "bin" / "python"
        pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", *PACKAGES]
        subprocess.run(pip, check=True, timeout=300)
        shutil.copytree(FIXTURES, place / "instances")
        panel = Panel.over(place / "instances")
        with serving(panel) as url:
            root = Path(__file__).resolve().parents[2]
            command: list[str | Path] = [python, "-m", "tests.standin.independent", url]
            driven = subprocess.run(command, check=False, timeout=120, cwd=root)
        print(f"{len(panel.calls)} calls, {panel.logins} logins")
    return driven.returncode


async def _drive(url: str) -> int:
    from ampapi.bridge import Bridge
    from ampapi.controller import AMPControllerInstance
    from ampapi.modules import APIParams

    Bridge(api_params=APIParams(url=url, user=USER, password=PASSWORD))
    panel = AMPControllerInstance()
    await panel.get_instances(include_self=True, format_data=True)
    rows = {each.instance_name: each for each in panel.instances}
    game = rows["SURV01"]
    status = await game.get_status(format_data=True)
    await game.send_console_message("say hello")
    updates = await game.get_updates(format_data=True)
    before = await game.get_config(NODE, format_data=False)
    await game.set_config(NODE, "25999", format_data=False)
    after = await game.get_config(NODE, format_data=False)
    await game.stop_application()
    stopped = await _reach(game, 0)
    await game.start_application(format_data=False)
    started = await _reach(game, 20)
    backup = await game.take_backup(
        name="before", description="a change", sticky=False, format_data=False
    )
    daemon = await panel.stop_instance(instance_name="SURV01", format_data=False)
    away = await game.get_status(format_data=False)
    checks = {
        "lists every instance and the panel": {"ADS01", "DEV01", "SURV01"} <= set(rows),
        "reads the status": int(getattr(status.state, "value", status.state)) == 20,
        "reads the metrics": float(status.metrics.active_users.raw_value) == 0,
        "hears the console": "say hello" in str(updates),
        "reads a setting": "25572" in str(before),
        "writes a setting": "25999" in str(after),
        "stops the game": stopped,
        "starts the game": started,
        "takes a backup": "True" in str(backup),
        "stops the daemon": "True" in str(daemon),
        "is told of a daemon that is away": "Instance Unavailable" in str(away),
    }
    for what, good in checks.items():
        print(f"{'ok  ' if good else 'FAIL'} {what}")
    await panel.__adel__()
    return 0 if all(checks.values()) else 1


async def _reach(game: Any, wanted: int) -> bool:
    """Ask for the status until it is `wanted`; the stand-in moves one step a question."""
    for _ in range(10):
        status = await game.get_status(format_data=True)
        if int(getattr(status.state, "value", status.state)) == wanted:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
