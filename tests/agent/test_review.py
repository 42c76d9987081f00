"""Explain, approve, flag, fix, roll back: the operator's loop over the wire, on real files."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture
def wire(host: Any) -> Iterator[Any]:
    with host.running() as wire:
        yield wire


def deviation(wire: Any, instance: str, key: str) -> Any:
    rows = wire.call("deviations.list", filter={"open": False})["deviations"]
    return next(row for row in rows if (row["instance"], row["key"]) == (instance, key))


def status_of(wire: Any, row: Any) -> str:
    return str(wire.call("deviations.show", id=row["id"])["deviation"]["status"])


def test_show_gives_lines_explanation_and_history(host: Any, wire: Any) -> None:
    row = deviation(wire, "LOBBY01", "spawn.enabled")
    shown = wire.call("deviations.show", id=row["id"], context=1)
    assert shown["fixable"]
    assert [(line["number"], line["text"], line["here"]) for line in shown["context"]] == [
        (2, "spawn:", False),
        (3, "  enabled: false   # keep me", True),
        (4, "  radius: 16", False),
    ]
    chain = shown["explanation"]["expectation"]["chain"]
    assert [link["rule"]["source"] for link in chain] == [
        {"file": "rules.yaml", "line": 3, "cell": None}
    ]
    elsewhere = {each["instance"]: each for each in shown["explanation"]["elsewhere"]}
    assert (elsewhere["SURV01"]["value"], elsewhere["SURV01"]["as_expected"]) == (True, True)
    assert (elsewhere["LOBBY01"]["value"], elsewhere["LOBBY01"]["as_expected"]) == (False, False)
    assert [step["event"] for step in shown["history"]] == ["opened"]


def test_show_blots_the_secret_out_of_its_line(wire: Any) -> None:
    row = deviation(wire, "SURV01", "database.password")
    shown = wire.call("deviations.show", id=row["id"])
    here = next(line["text"] for line in shown["context"] if line["here"])
    assert here == "  password: ••••••"
    assert "masked" in shown["deviation"]["expected"]
    values = [each["value"] for each in shown["explanation"]["elsewhere"]]
    assert all("masked" in value for value in values)


def test_explain_answers_for_a_setting_that_is_right(wire: Any) -> None:
    explained = wire.call("rules.explain", instance="SURV01", plugin="Sample", key="spawn.radius")[
        "explanation"
    ]
    assert explained["expectation"]["condition"]["value"] == 16
    assert len(explained["sentences"]) == 1
    nothing = wire.call("rules.explain", instance="SURV01", plugin="Sample", key="no.such")
    assert nothing["explanation"]["expectation"] is None
    assert wire.ask("rules.explain", instance="NONE")["error"]["data"]["kind"] == "not_found"


def test_a_fix_changes_one_value_and_a_rollback_brings_the_exact_bytes_back(
    host: Any, wire: Any
) -> None:
    file: Path = host.config("LOBBY01")
    before = file.read_bytes()
    row = deviation(wire, "LOBBY01", "spawn.enabled")
    wire.call("events.subscribe", topics=["deviations", "changes"])

    preview = wire.call("changes.preview", ids=[row["id"]])
    assert "-  enabled: false   # keep me" in preview["plan"]["files"][0]["diff"]
    assert file.read_bytes() == before

    fixed = wire.call(
        "deviations.fix", ids=[row["id"]], reason="by rule", digest=preview["plan"]["digest"]
    )["change"]
    assert fixed["status"] == "applied"
    assert file.read_bytes() == before.replace(b"enabled: false", b"enabled: true")
    assert status_of(wire, row) == "fixed"
    assert wire.call("deviations.show", id=row["id"])["deviation"]["change_id"] == fixed["id"]
    assert row["id"] in wire.event("deviations", "closed")["body"]["ids"]
    assert wire.event("changes", "updated")["body"]["id"] == fixed["id"]

    undone = wire.call("changes.rollback", id=fixed["id"], reason="try it")["change"]
    assert undone["status"] == "rolled_back"
    assert file.read_bytes() == before
    assert status_of(wire, row) == "pending"
    assert [each["id"] for each in wire.call("changes.list")["changes"]] == [fixed["id"]]
    assert wire.call("changes.show", id=fixed["id"])["change"]["reason"] == "by rule"


def test_a_secret_is_fixed_from_the_baseline_and_never_told(host: Any, wire: Any) -> None:
    row = deviation(wire, "SURV01", "database.password")
    fixed = wire.call("deviations.fix", ids=[row["id"]])
    assert "right-secret-A1" in host.config("SURV01").read_text()
    assert "secret-A1" not in json.dumps(fixed)
    assert status_of(wire, row) == "fixed"


def test_a_plan_that_is_out_of_date_is_not_carried_out(host: Any, wire: Any) -> None:
    row = deviation(wire, "LOBBY01", "spawn.enabled")
    digest = wire.call("changes.preview", ids=[row["id"]])["plan"]["digest"]
    file: Path = host.config("LOBBY01")
    file.write_bytes(file.read_bytes() + b"# somebody was here\n")
    between = file.read_bytes()
    refused = wire.ask("deviations.fix", ids=[row["id"]], digest=digest)
    assert refused["error"]["data"]["kind"] == "conflict"
    assert file.read_bytes() == between
    assert status_of(wire, row) == "pending"


def test_what_cannot_be_fixed_says_why_and_what_next(wire: Any) -> None:
    row = deviation(wire, "LOBBY01", "spawn.mode")
    shown = wire.call("deviations.show", id=row["id"])
    assert not shown["fixable"]
    assert "flag it with the one to write" in shown["not_fixable_because"]
    refused = wire.ask("deviations.fix", ids=[row["id"], "unknown"])["error"]
    assert refused["data"]["kind"] == "refused"
    assert {each["id"] for each in refused["data"]["skipped"]} == {row["id"], "unknown"}


def test_a_flag_with_a_value_makes_a_missing_key_and_a_shared_identity_fixable(
    host: Any, wire: Any
) -> None:
    row = deviation(wire, "LOBBY01", "spawn.mode")
    flagged = wire.call("deviations.flag", ids=[row["id"]], replacement="safe", reason="choose")
    assert [each["status"] for each in flagged["changed"]] == ["flagged"]
    wire.call("deviations.fix", ids=[row["id"]])
    assert yaml.safe_load(host.config("LOBBY01").read_text())["spawn"]["mode"] == "safe"
    assert status_of(wire, row) == "fixed"
    radius = "spawn.radius"
    rules = host.baselines / "rules.yaml"
    wire.call("events.subscribe", topics=["rules"])
    rules.write_text(rules.read_text().replace(f"{radius}, value: 16", f"{radius}, unique: true"))
    wire.event("rules", "reloaded")
    wire.call("agent.rescan", wait=True)
    mine, other = (deviation(wire, name, radius) for name in ("LOBBY01", "SURV01"))
    refused = wire.ask("deviations.fix", ids=[mine["id"]])["error"]
    assert "flag the instance" in refused["data"]["skipped"][0]["reason"]
    wire.call("deviations.flag", ids=[mine["id"]], replacement=24)
    wire.call("deviations.fix", ids=[mine["id"]])
    assert yaml.safe_load(host.config("LOBBY01").read_text())["spawn"]["radius"] == 24
    assert [status_of(wire, each) for each in (mine, other)] == ["fixed", "resolved"]


def test_a_secret_is_never_kept_as_a_flag_s_value(wire: Any) -> None:
    row = deviation(wire, "SURV01", "database.password")
    refused = wire.ask("deviations.flag", ids=[row["id"]], replacement="another-secret-C3")
    assert refused["error"]["data"]["kind"] == "refused"
    assert "secret-C3" not in json.dumps(refused)


def test_an_approval_stands_in_approved_yaml_and_reopening_takes_it_out(
    host: Any, wire: Any
) -> None:
    row = deviation(wire, "LOBBY01", "spawn.enabled")
    done = wire.call("deviations.approve", ids=[row["id"]], reason="builders asked for it")
    assert [each["status"] for each in done["changed"]] == ["approved"]
    approved = yaml.safe_load((host.baselines / "approved.yaml").read_text())["approvals"]
    assert [(each["key"], each["reason"]) for each in approved] == [
        ("spawn.enabled", "builders asked for it")
    ]
    skipped = wire.call("deviations.approve", ids=[row["id"], "none"])["skipped"]
    assert {each["reason"] for each in skipped} == {"it is approved", "no such deviation"}

    wire.call("deviations.reopen", ids=[row["id"]])
    assert status_of(wire, row) == "pending"
    assert not yaml.safe_load((host.baselines / "approved.yaml").read_text())["approvals"]
    acts = wire.call("changes.history", filter={"action": "deviation.*"})["acts"]
    assert [(each["action"], each["settings"][0]["key"]) for each in acts] == [
        ("deviation.reopened", row["key"]), ("deviation.approved", row["key"]),
    ]  # fmt: skip
    assert acts[1]["reason"] == "builders asked for it"


def test_a_global_approval_covers_the_same_on_every_instance(wire: Any) -> None:
    lobby, surv = (deviation(wire, name, "spawn.mode") for name in ("LOBBY01", "SURV01"))
    wire.call("deviations.approve", ids=[lobby["id"]], scope="global", reason="not needed")
    assert status_of(wire, lobby) == status_of(wire, surv) == "approved"


def test_an_approval_for_a_tag_that_the_instance_lacks_is_skipped(wire: Any) -> None:
    row = deviation(wire, "LOBBY01", "spawn.enabled")
    done = wire.call("deviations.approve", ids=[row["id"]], scope="tag", target="creative")
    assert done["skipped"][0]["reason"] == "LOBBY01 has no tag creative"


def test_values_are_promoted_in_bulk_and_taken_back_and_no_secret_is(host: Any, wire: Any) -> None:
    wanted = [("LOBBY01", "spawn.enabled"), ("SURV01", "database.password")]
    rows = [deviation(wire, *each) for each in wanted]
    ids = [row["id"] for row in rows]
    would = wire.call("deviations.promote", ids=ids, preview=True)
    assert [each["id"] for each in would["skipped"]] == ids[1:]
    assert (would["rules"][0]["meets"], would["rules"][0]["deviates"]) == (["LOBBY01"], ["SURV01"])
    assert not (host.baselines / "approved.yaml").exists()
    made = wire.call("deviations.promote", ids=ids, reason="as it grew", scope="instance")
    assert status_of(wire, rows[0]) == "resolved"
    (row,) = wire.call("rules.approvals", filter="promote")["approvals"]
    assert (row["reason"], row["covers"], row["expected"]) == ("as it grew", 1, False)
    ignored = wire.call("deviations.ignore", ids=ids[1:])["decisions"]
    text = (host.baselines / "approved.yaml").read_text()
    assert "secret-A1" not in text
    decisions = [*made["decisions"], *ignored, "unknown"]
    revoked = wire.call("rules.revoke", ids=decisions)
    assert (len(revoked["revoked"]), revoked["unknown"]) == (2, ["unknown"])
    assert [status_of(wire, row) for row in rows] == ["pending", "pending"]


def test_an_approved_yaml_that_cannot_be_read_is_never_written_over(host: Any, wire: Any) -> None:
    broken = host.baselines / "approved.yaml"
    broken.write_text("approvals: [half a hand edit\n")
    row = deviation(wire, "LOBBY01", "spawn.enabled")
    refused = wire.ask("deviations.approve", ids=[row["id"]])["error"]
    assert refused["data"]["kind"] == "refused"
    assert "repair it first" in refused["message"]
    assert broken.read_text() == "approvals: [half a hand edit\n"


def test_a_retry_after_a_lost_connection_applies_once(host: Any, wire: Any) -> None:
    row = deviation(wire, "LOBBY01", "spawn.enabled")
    first = wire.call("deviations.fix", ids=[row["id"]], idempotency_key="key-1")
    with contextlib.closing(host.connect()) as another:
        again = another.call("deviations.fix", ids=[row["id"]], idempotency_key="key-1")
    assert again == first
    assert len(wire.call("changes.list")["changes"]) == 1


def test_a_retry_after_the_agent_was_killed_finds_the_first_change_and_takes_it_back_at_once(
    host: Any,
) -> None:
    file: Path = host.config("LOBBY01")
    before = file.read_bytes()
    host.start()
    with contextlib.closing(host.connect()) as wire:
        wire.call("agent.rescan")
        row = deviation(wire, "LOBBY01", "spawn.enabled")
        first = wire.call("deviations.fix", ids=[row["id"]], idempotency_key="key-1")["change"]
    host.stop(signal.SIGKILL)
    with host.running() as wire:
        again = wire.call("deviations.fix", ids=[row["id"]], idempotency_key="key-1")["change"]
        assert again["id"] == first["id"]
        assert len(wire.call("changes.list")["changes"]) == 1
    host.start()
    with contextlib.closing(host.connect()) as wire:
        # The first look at the instances has only begun.
        assert wire.call("changes.rollback", id=first["id"])["change"]["status"] == "rolled_back"
    assert file.read_bytes() == before


def test_a_rollback_over_somebody_s_edit_asks_first(host: Any, wire: Any) -> None:
    row = deviation(wire, "LOBBY01", "spawn.enabled")
    change = wire.call("deviations.fix", ids=[row["id"]])["change"]
    file: Path = host.config("LOBBY01")
    file.write_bytes(file.read_bytes() + b"# somebody was here\n")
    between = file.read_bytes()
    asked = wire.call("changes.rollback", id=change["id"])
    assert [each["file"] for each in asked["conflicts"]] == ["plugins/Sample/config.yml"]
    assert file.read_bytes() == between
    wire.call("changes.rollback", id=change["id"], force=True)
    assert b"enabled: false" in file.read_bytes()


def test_an_edit_by_hand_is_on_the_wire_at_once(host: Any, wire: Any) -> None:
    wire.call("events.subscribe", topics=["deviations"])
    file: Path = host.config("SURV01")
    file.write_bytes(file.read_bytes().replace(b"radius: 16", b"radius: 99"))
    opened = wire.event("deviations", "opened")["body"]
    assert [(each["key"], each["actual"]) for each in opened["deviations"]] == [
        ("spawn.radius", 99)
    ]


AS_READER = """
import json, os, socket, sys
os.setgroups([])
os.setgid(54321)
os.setuid(54321)
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
stream = sock.makefile("rwb")
for method in ("fleet.overview", "agent.rescan"):
    request = {"jsonrpc": "2.0", "id": method, "method": method}
    stream.write(json.dumps(request).encode() + b"\\n")
    stream.flush()
    print(stream.readline().decode(), end="")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_reader_may_look_and_not_touch(host: Any) -> None:
    host.environment = {"HOMEAMP_ACCESS__READ_USERS": "54321"}
    with tempfile.TemporaryDirectory() as folder:
        host.socket_folder = Path(folder)
        host.socket_folder.chmod(0o755)
        with host.running():
            host.socket.chmod(0o666)
            done = subprocess.run(
                [sys.executable, "-c", AS_READER, str(host.socket)],
                capture_output=True, text=True, timeout=30, check=True,
            )  # fmt: skip
    allowed, denied = map(json.loads, done.stdout.splitlines())
    assert allowed["result"]["counts"]["open"] == 4
    assert denied["error"]["data"]["kind"] == "access_denied"
