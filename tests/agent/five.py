"""Five instances, one of them DEV, and a deployment over them as it goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.standin.panel import Panel

NAMES = ("DEV01", "LOBBY01", "SURV01", "SURV02", "SURV03")
WAVES = [["DEV01"], ["LOBBY01"], ["SURV01", "SURV02"], ["SURV03"]]
EDIT = {"plugin": "Sample", "file": "config.yml", "path": ["spawn", "radius"], "new": 32}
PASSWORD = {"plugin": "Sample", "file": "config.yml", "path": ["database", "password"],
            "new": "fresh-secret-C3"}  # fmt: skip
ERROR = "[12:00:00] [Server thread/ERROR]: [Sample] secret-X9 NullPointerException\n"
OVER = {"done", "aborted", "failed", "rolled_back"}


def five(host: Any, panel: Panel) -> Any:
    """Five instances, one of them DEV; nobody waits long for anything."""
    for name in NAMES:
        if name not in {"LOBBY01", "SURV01"}:
            host.add_instance(name, password="right-secret-A1")
        logs = host.instances / name / "Minecraft" / "logs"
        logs.mkdir()
        (logs / "latest.log").write_text(
            "[11:00:00] [main/INFO]: Done\n" + ERROR.replace("12", "11")
        )
    panel.games.update(Panel.over(host.instances).games)
    host.environment |= {
        "HOMEAMP_DEPLOYMENTS__DEV_INSTANCES": "DEV01",
        "HOMEAMP_DEPLOYMENTS__SOAK_S": "0.1",
        "HOMEAMP_DEPLOYMENTS__WAVE_SOAK_S": "0.1",
        "HOMEAMP_DEPLOYMENTS__WAVE_SIZE": "2",
        "HOMEAMP_AMP__READY_S": "60",
    }
    return host


def log_of(host: Any, name: str) -> Path:
    file: Path = host.instances / name / "Minecraft" / "logs" / "latest.log"
    return file


def radii(host: Any) -> dict[str, str]:
    texts = {name: host.config(name).read_text("utf-8") for name in NAMES}
    return {name: text.partition("radius: ")[2].partition("\n")[0] for name, text in texts.items()}


def started(wire: Any, *stages: str, **more: Any) -> Any:
    """A deployment that got to one of `stages`."""
    wire.call("events.subscribe", topics=["deployments"])
    asked = {"reason": "larger spawn", "edits": [EDIT]}
    deployment = wire.call("deployments.start", **({"request": asked} | more))["deployment"]
    return reached(wire, deployment["id"], *stages)


def reached(wire: Any, name: str, *stages: str) -> Any:
    while (shown := wire.call("deployments.show", id=name)["deployment"])["stage"] not in stages:
        assert shown["stage"] not in OVER, shown
        wire.event("deployments", "updated")
    return shown


def log(wire: Any, name: str) -> str:
    lines = wire.call("deployments.show", id=name, lines=1000)["lines"]
    return "\n".join(each["text"] for each in lines)


def states(deployment: Any) -> list[str]:
    return [each["state"] for each in deployment["waves"]]
