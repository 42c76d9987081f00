"""Backups over the wire, and without any agent: by the folder alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def fixed(host: Any) -> Iterator[tuple[Any, Any, bytes]]:
    """A running agent that fixed one setting, and the file's bytes before."""
    before = host.config("LOBBY01").read_bytes()
    with host.running() as wire:
        rows = wire.call("deviations.list")["deviations"]
        row = next(each for each in rows if each["key"] == "spawn.enabled")
        change = wire.call("deviations.fix", ids=[row["id"]], reason="as agreed")["change"]
        yield wire, change, before


def test_a_backup_is_listed_shown_restored_and_that_rolled_back(
    host: Any, fixed: tuple[Any, Any, bytes]
) -> None:
    wire, change, before = fixed
    file = host.config("LOBBY01")
    right = file.read_bytes()
    listed = wire.call("backups.list", change_id=change["id"])
    (row,) = listed["backups"]
    assert (listed["total"], row["instance"], row["size"]) == (1, "LOBBY01", len(before))
    assert wire.call("backups.list", instance="SURV01")["backups"] == []

    shown = wire.call("backups.show", id=row["id"])
    assert "-  enabled: true" in shown["diff"]
    assert "+  enabled: false" in shown["diff"]
    assert "right-secret-A1" not in json.dumps(shown)

    restored = wire.call("backups.restore", id=row["id"], reason="players complained")["change"]
    assert restored["status"] == "applied"
    assert file.read_bytes() == before
    rows = wire.call("deviations.list")["deviations"]
    assert "spawn.enabled" in {each["key"] for each in rows if each["instance"] == "LOBBY01"}
    wire.call("changes.rollback", id=restored["id"])
    assert file.read_bytes() == right
    assert wire.call("backups.verify") == {"whole": 3, "problems": []}


def test_restoring_what_stands_there_or_never_was_is_refused_in_one_line(
    fixed: tuple[Any, Any, bytes],
) -> None:
    wire, change, _ = fixed
    (row,) = wire.call("backups.list", change_id=change["id"])["backups"]
    wire.call("changes.rollback", id=change["id"])
    refused = wire.ask("backups.restore", id=row["id"])["error"]
    assert refused["data"]["kind"] == "refused"
    for method in ("backups.show", "backups.restore"):
        assert wire.ask(method, id="no-such")["error"]["data"]["kind"] == "not_found"


def test_a_damaged_backup_is_named_and_not_restored(
    host: Any, fixed: tuple[Any, Any, bytes]
) -> None:
    wire, change, _ = fixed
    (row,) = wire.call("backups.list", change_id=change["id"])["backups"]
    right = host.config("LOBBY01").read_bytes()
    kept = host.state / "backups" / row["sha256"][:2] / row["sha256"]
    kept.write_bytes(b"half of it")
    problems = wire.call("backups.verify")["problems"]
    assert [(each["name"], "damaged" in each["reason"]) for each in problems] == [(row["id"], True)]
    assert "damaged" in wire.call("backups.show", id=row["id"])["problem"]
    assert "damaged" in wire.ask("backups.restore", id=row["id"])["error"]["message"]
    assert host.config("LOBBY01").read_bytes() == right


def test_without_an_agent_the_folder_is_enough(
    host: Any, fixed: tuple[Any, Any, bytes], tmp_path: Path
) -> None:
    _, _, before = fixed
    file = host.config("LOBBY01")
    right = file.read_bytes()
    state = ("--state", str(host.state))
    listed = host.command("backups", "list", "--json", *state)
    backup = json.loads(listed.stdout)["id"]
    busy = host.command("backups", "restore", backup, *state)
    assert (busy.returncode, file.read_bytes()) == (2, right)
    assert "backups.restore" in busy.stderr
    assert "Traceback" not in busy.stderr

    host.stop()
    shown = host.command("backups", "show", backup, *state)
    assert "plugins/Sample/config.yml" in shown.stdout
    copy = tmp_path / "copy.yml"
    assert host.command("backups", "restore", backup, "--to", str(copy), *state).returncode == 0
    assert copy.read_bytes() == before
    again = host.command("backups", "restore", backup, "--to", str(copy), *state)
    assert again.returncode == 2
    assert "File exists" in again.stderr

    restored = host.command("backups", "restore", backup, "--reason", "by hand", *state)
    assert restored.returncode == 0, restored.stderr
    assert file.read_bytes() == before
    told = "".join(each.read_text() for each in (host.state / "journal").iterdir())
    assert "right-secret-A1" not in told
    verified = host.command("backups", "verify", *state)
    assert (verified.returncode, verified.stdout) == (0, "2 backups are whole, 0 are not\n")
    for name in ("entries", "journal"):
        assert host.command("backups", "show", name, *state).returncode == 2
    with host.running():  # for the fixture's end
        assert file.read_bytes() == before


def test_the_audit_log_is_verified_and_names_its_first_broken_line(
    host: Any, fixed: tuple[Any, Any, bytes], tmp_path: Path
) -> None:
    wire, change, _ = fixed
    wire.call("changes.rollback", id=change["id"])
    state = ("--state", str(host.state))
    whole = host.command("audit", "verify", *state)
    assert whole.returncode == 0
    assert whole.stdout.startswith("whole: 2 entries, head ")
    log = host.state / "audit" / "audit.jsonl"
    log.write_text(log.read_text().replace("as agreed", "as i like"))
    broken = host.command("audit", "verify", *state)
    assert broken.returncode == 1
    assert broken.stdout.startswith("broken at line 1 ")
    as_json = json.loads(host.command("audit", "verify", "--json", *state).stdout)
    assert (as_json["whole"], as_json["broken_lines"][0]) == (False, 1)
    nothing = host.command("audit", "verify", "--state", str(tmp_path / "nowhere"))
    assert nothing.returncode == 2
    assert "there is no audit log" in nothing.stderr
