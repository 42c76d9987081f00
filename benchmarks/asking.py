"""Ask every method with whatever its schema allows, and with what it does not, at random.

    .venv/bin/python -m benchmarks.asking [--calls 2000] [--seed 1]

An agent on a copy of the demo's first host, beside the stand-in of AMP. Arguments are made of the
agent's own OpenRPC document: of the right shape, at the edges of it, or of another. Judged:

- no reply is an internal error, none is lost, and no connection ends;
- the log holds no traceback and no error;
- the audit log is whole afterwards.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from homeamp_agent.changes import open_audit
from homeamp_tui.demo_fleet import fixtures_folder, materialise
from tests.agent.conftest import Host, Wire
from tests.standin.panel import Panel
from tests.standin.serving import amp_settings, serving

WRONG_SHAPE = 0.04
OPTIONAL = 0.4
"""How often a value is of another kind than its schema says, and an optional one is given."""
DEEPEST = 8
ODD: tuple[Any, ...] = (None, 1, "x", [], {}, True, 1.5, "\0", "é" * 50, 10**20, -1)
ANYTHING: tuple[Any, ...] = (None, 1, "x", [1], {"a": 1}, True, "new", -3.5)
TEXTS = ("", "x", "spawn", "a\nb", "\x1b[31m", "é", "x" * 300, "1h", "{}", "../x", "\0")
MOMENTS = (
    "2026-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "soon",
)
NAMED: dict[str, tuple[Any, ...]] = {
    "instance": ("DEV01", "HUB01", "dev01", "nope", ""),
    "file": ("spigot.yml", "server.properties", "../x", "plugins/WorldGuard/config.yml"),
    "plugin": ("WorldGuard", "Essentials", "x"),
    "key": ("*", "[", "security.*", "("),
    "cursor": ("", "0", "9" * 20, "-1", "१"),
    "limit": (1, 0, -1, 1000, 10**9),
}
LEFT_ALONE = frozenset({"events.subscribe", "instances.stop"})
"""Its replay is no reply to fuzz; and stopped games would make the other acts wait."""


class Asker:
    """Makes arguments of schemas; knows ids that some reply gave."""

    def __init__(self, document: dict[str, Any], seed: int, ids: list[str]) -> None:
        self._random = random.Random(seed)
        self._schemas = document["components"]["schemas"]
        self._methods = [each for each in document["methods"] if each["name"] not in LEFT_ALONE]
        self.ids = ids

    def call(self) -> tuple[str, dict[str, Any]]:
        """A method and its params."""
        method = self._random.choice(self._methods)
        given = [each for each in method["params"] if each.get("required") or self._now(OPTIONAL)]
        if method["name"] in {"changes.submit", "changes.preview"} and self._now(0.6):
            return method["name"], {"request": self._request()}
        return method["name"], {
            each["name"]: self.value(each["schema"], each["name"]) for each in given
        }

    def value(self, schema: dict[str, Any], name: str, depth: int = 0) -> Any:
        """A value by its schema, mostly."""
        if self._now(WRONG_SHAPE):
            return self._random.choice(ODD)
        if "$ref" in schema:
            return self.value(self._schemas[schema["$ref"].rpartition("/")[2]], name, depth + 1)
        for several in ("anyOf", "oneOf", "allOf"):
            if several in schema:
                return self.value(self._random.choice(schema[several]), name, depth + 1)
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        return self._of_kind(schema, name, depth)

    def _of_kind(self, schema: dict[str, Any], name: str, depth: int) -> Any:
        match schema.get("type"):
            case "string":
                return self._text(schema, name)
            case "integer" | "number":
                return self._random.choice(
                    NAMED["limit"] if name == "limit" else (0, 1, -1, 10**12)
                )
            case "boolean":
                return self._now(0.5)
            case "null":
                return None
            case "array":
                count = self._random.choice((0, 1, 1, 2, 3)) if depth < DEEPEST else 0
                items = schema.get("items") or {}
                return [self.value(items, name, depth + 1) for _ in range(count)]
            case "object" if depth < DEEPEST:
                wanted = schema.get("required", ())
                fields = schema.get("properties", {}).items()
                return {
                    key: self.value(each, key, depth + 1)
                    for key, each in fields
                    if key in wanted or self._now(OPTIONAL)
                }
            case "object":
                return {}
            case _:
                return self._random.choice(ANYTHING)

    def _text(self, schema: dict[str, Any], name: str) -> str:
        if schema.get("format") == "date-time":
            return self._random.choice(MOMENTS)
        noun = name.removesuffix("s").rpartition("_")[2]
        if noun == "id" and self.ids:
            return self._random.choice((*self.ids, *TEXTS))
        known = [each for each in NAMED.get(noun, TEXTS) if isinstance(each, str)]
        return self._random.choice(known or TEXTS)

    def _request(self) -> dict[str, Any]:
        key = self._random.choice(("timeout-time", "sample-count"))
        edit = {
            "file": "spigot.yml",
            "path": ["settings", key],
            "new": self._random.randrange(10**6),
        }
        return {
            "reason": "asked at random",
            "write_policy": self._random.choice(("now", "on_restart", "stop_write_start")),
            "targets": {"instances": [self._random.choice(("DEV01", "HUB01"))]},
            "edits": [edit],
        }

    def _now(self, often: float) -> bool:
        return self._random.random() < often


def asked(wire: Wire, calls: int, seed: int) -> tuple[Counter[str], list[str]]:
    """How often each kind of reply came, and what was answered with an internal error."""
    wire.call("agent.rescan")
    known = wire.call("deviations.list", limit=50)["deviations"]
    asker = Asker(wire.call("rpc.discover"), seed, [each["id"] for each in known])
    kinds: Counter[str] = Counter()
    faults = []
    for _ in range(calls):
        method, params = asker.call()
        reply = wire.ask(method, **params)
        kind = reply["error"]["data"]["kind"] if "error" in reply else "ok"
        kinds[kind] += 1
        if kind == "internal_error":
            faults.append(f"{method} {params!r:.400}")
        if kind == "ok" and method == "changes.submit":
            asker.ids.append(reply["result"]["change"]["id"])
    return kinds, faults


def main() -> int:
    """Ask, and print what was found."""
    parser = argparse.ArgumentParser(description="Ask every method at random")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        materialise(fixtures_folder(), root / "demo")
        host = Host(root)
        (root / "instances").symlink_to(root / "demo/fleet/alder/instances")
        (root / "baselines").symlink_to(root / "demo/baselines")
        panel = Panel.over(host.instances)
        for game in panel.games.values():
            game.players = 0
        with serving(panel) as url:
            host.environment = {
                **amp_settings(url),
                "HOMEAMP_AMP__POLL_S": "0.2",
                "HOMEAMP_RESTARTS__SETTLE_S": "0",
                "HOMEAMP_BACKUPS__MIN_FREE_MB": "0",
            }
            host.start()
            with contextlib.closing(host.connect()) as wire:
                kinds, faults = asked(wire, options.calls, options.seed)
            host.stop()
        errors = [each for each in host.log.splitlines() if "ERROR" in each or "Traceback" in each]
        whole = open_audit(host.state).verify().whole
    told = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    print(f"{options.calls:,} calls, seed {options.seed}: {told}")
    print(*faults, *errors, sep="\n")
    print(f"audit log whole: {whole}")
    return int(bool(faults or errors or not whole))


if __name__ == "__main__":
    sys.exit(main())
