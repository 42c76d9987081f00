"""The inbox of a running agent: dropped, handed in, never carried out by itself."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WAIT_S = 60.0
REQUEST = json.dumps(
    {
        "reason": "larger spawn",
        "edits": [
            {"plugin": "Sample", "file": "config.yml", "path": ["spawn", "radius"], "new": 32}
        ],
    }
)


def settled(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_S
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def line(file: Path) -> str:
    settled(lambda: file.exists() and file.read_text("utf-8").endswith("\n"))
    return file.read_text("utf-8").rstrip("\n")


def test_what_is_dropped_waits_for_approval_and_what_is_none_is_refused(host: Any) -> None:
    inbox = host.root / "inbox"
    inbox.mkdir(mode=0o700)
    host.environment = {
        "HOMEAMP_CHANGES__INBOX": str(inbox),
        "HOMEAMP_CHANGES__APPROVAL": "at_once",
    }
    (inbox / "taken").mkdir(mode=0o700)
    (inbox / "taken" / "old.json").write_text("{}", "utf-8")
    (inbox / "taken" / "old.json.txt").write_text("c1: pending_approval, 1 file\n", "utf-8")
    os.utime(inbox / "taken" / "old.json.txt", (0, 0))
    before = host.config("SURV01").read_bytes()
    nothing = {"reason": "r", "edits": [{"file": "none.yml", "path": ["a"], "new": 1}]}
    with host.running() as wire:
        os.mkfifo(inbox / "pipe.json")
        (inbox / "nothing.json").write_text(json.dumps(nothing), "utf-8")
        (inbox / "larger.json").write_text(REQUEST, "utf-8")
        assert line(inbox / "refused" / "pipe.json.txt") == "it is a named pipe"
        refused = line(inbox / "refused" / "nothing.json.txt")
        assert refused.startswith("nothing of it can be done: ")
        assert "inbox: nothing.json is refused: nothing of it can be done" in host.log
        taken = line(inbox / "taken" / "larger.json.txt")
        change_id, _, rest = taken.partition(": ")
        assert rest == "pending_approval, 2 files"
        # As if the agent had been killed between handing in and moving: it is the same request.
        (inbox / "taken" / "larger.json").rename(inbox / "larger.json")
        assert line(inbox / "taken" / "larger.json.1.txt") == taken
        change = wire.call("changes.show", id=change_id)["change"]
        assert (change["status"], change["source"], bool(change["author"])) == (
            "pending_approval", "inbox:larger.json", True,
        )  # fmt: skip
        assert host.config("SURV01").read_bytes() == before
        assert not [each for each in (inbox / "taken").iterdir() if "old" in each.name]
        (act,) = wire.call("changes.history", filter={"action": "inbox.*"})["acts"]
        assert (act["who"], act["action"], act["subject"], act["message"]) == (
            "agent", "inbox.pruned", "taken", "1 of taken/: too old, or more than are kept",
        )  # fmt: skip
        inbox.chmod(0o777)
        told = settled(
            lambda: [
                each for each in wire.call("agent.status")["problems"] if each.startswith("inbox: ")
            ]
        )
        assert told == [f"inbox: {inbox}: everybody may write in it (mode 0777): chmod o-w"]
        (inbox / "late.json").write_text(REQUEST, "utf-8")
        inbox.chmod(0o700)
        line(inbox / "taken" / "late.json.txt")
        settled(lambda: not any("inbox" in each for each in wire.call("agent.status")["problems"]))
        ids = [each["id"] for each in wire.call("changes.list")["changes"]]
        assert len(ids) == 2
