"""How the agent starts, stops, is killed, and what it says when it cannot."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from typing import Any


def by_key(wire: Any, **filters: Any) -> dict[tuple[str, str], Any]:
    rows = wire.call("deviations.list", filter={"open": False, **filters})["deviations"]
    return {(row["instance"], row["key"]): row for row in rows}


def test_it_finds_what_deviates_and_says_how_it_is(host: Any) -> None:
    with host.running() as wire:
        found = by_key(wire)
        assert {place: row["kind"] for place, row in found.items()} == {
            ("LOBBY01", "spawn.enabled"): "value",
            ("LOBBY01", "spawn.mode"): "missing_key",
            ("SURV01", "spawn.mode"): "missing_key",
            ("SURV01", "database.password"): "value",
        }
        status = wire.call("agent.status")
        assert status["problems"] == []
        assert status["instances"] == 2
        assert status["scan"]["settings"] > 0
        assert status["baselines"]["rules"] == 4
        assert status["clients"] == 1
        assert status["memory_bytes"] > 10_000_000


def test_hello_names_both_sides_and_refuses_another_major(host: Any) -> None:
    with host.running() as wire:
        hello = wire.call("agent.hello", protocol="1.9", client="test", future="field")
        assert (hello["protocol"], hello["product"], hello["host"]) == ("1.0", "homeamp", "alder")
        assert hello["access"] == "operate"
        assert wire.call("agent.hello", protocol=1)["epoch"] == hello["epoch"]
        refused = wire.ask("agent.hello", protocol="2.0")["error"]
        assert refused["data"] == {"kind": "protocol_mismatch", "protocol": "1.0"}


def test_it_stops_within_five_seconds_tells_its_clients_and_removes_its_socket(host: Any) -> None:
    host.by_itself = True
    host.start()
    with contextlib.closing(host.connect()) as wire:
        wire.call("events.subscribe", topics=["agent"])
        began = time.monotonic()
        assert host.stop() == 0
        assert time.monotonic() - began < 5
        assert wire.event("agent", "stopping")
        assert not host.socket.exists()
    assert host.log.splitlines()[-1].endswith("stopped")


def test_it_stops_in_time_in_the_middle_of_its_first_scan(host: Any) -> None:
    folder = host.config("LOBBY01").parent
    body = "".join(f"key{number}: [1, 2, {{a: text {number}}}]\n" for number in range(5000))
    for number in range(200):
        (folder / f"large{number}.yml").write_text(f"number: {number}\n{body}", "utf-8")
    host.start()
    with contextlib.closing(host.connect()):
        began = time.monotonic()
        assert host.stop() == 0
        assert time.monotonic() - began < 5


def test_killed_and_started_again_it_knows_what_it_knew(host: Any) -> None:
    host.by_itself = True
    host.start()
    with contextlib.closing(host.connect()) as wire:
        wire.call("agent.rescan")
        found = by_key(wire)
        flagged = found["LOBBY01", "spawn.mode"]["id"]
        approved = found["SURV01", "spawn.mode"]["id"]
        wire.call("deviations.flag", ids=[flagged], reason="wrong", replacement="safe")
        wire.call("deviations.approve", ids=[approved], reason="agreed")
        before = by_key(wire)
    host.stop(signal.SIGKILL)
    assert host.socket.exists()

    with host.running() as wire:
        after = by_key(wire)
    volatile = {"last_seen"}
    assert {
        place: {name: value for name, value in row.items() if name not in volatile}
        for place, row in after.items()
    } == {
        place: {name: value for name, value in row.items() if name not in volatile}
        for place, row in before.items()
    }
    assert after["LOBBY01", "spawn.mode"]["replacement"] == "safe"
    assert after["SURV01", "spawn.mode"]["status"] == "approved"


def test_a_second_agent_on_the_same_state_is_refused(host: Any) -> None:
    host.by_itself = True
    with host.running() as wire:
        second = host.command("run", *host.options(), "--socket", str(host.root / "second.sock"))
        assert second.returncode == 2
        assert "another agent uses this state folder" in second.stderr
        assert len(second.stderr.splitlines()) == 1
        assert wire.call("agent.status")["instances"] == 2


def test_a_second_agent_on_the_same_socket_is_refused_and_the_first_answers_on(host: Any) -> None:
    with host.running() as wire:
        options = [*host.options(), "--state", str(host.root / "other"), "--socket"]
        second = host.command("run", *options, str(host.socket))
        assert second.returncode == 2
        assert "another agent listens there" in second.stderr
        assert wire.call("agent.status")["instances"] == 2
        with contextlib.closing(host.connect()) as another:
            assert another.call("agent.status")["clients"] == 2


def test_a_state_folder_that_is_a_file_is_one_line(host: Any) -> None:
    host.state.write_text("a file")
    done = host.command("run", *host.options(), "--socket", str(host.socket))
    assert done.returncode == 2
    assert done.stderr == (
        f"homeamp-agent: {host.state}: cannot be used: File exists; give --state\n"
    )


def test_a_database_of_a_newer_homeamp_is_left_alone(host: Any) -> None:
    import sqlite3

    host.state.mkdir()
    with contextlib.closing(sqlite3.connect(host.state / "homeamp.db")) as database:
        database.execute("PRAGMA user_version = 999")
    done = host.command("run", *host.options(), "--socket", str(host.socket))
    assert done.returncode == 2
    assert "a newer homeamp wrote it" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_database_is_moved_aside_and_told(host: Any) -> None:
    host.state.mkdir()
    (host.state / "homeamp.db").write_bytes(b"this is no database" * 1000)
    with host.running() as wire:
        assert len(by_key(wire)) == 4
        assert "moved to homeamp.db.broken-" in wire.call("agent.status")["problems"][0]


def test_names_of_the_access_settings_that_nobody_has_are_told(host: Any) -> None:
    host.environment = {"HOMEAMP_ACCESS__OPERATE_USERS": "nobody-of-this-name"}
    with host.running() as wire:
        problems = wire.call("agent.status")["problems"]
        assert problems == ["access: no user 'nobody-of-this-name' on this machine"]


def test_systemd_hears_ready_alive_and_stopping(host: Any) -> None:
    host.by_itself = True
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as systemd:
        systemd.bind(str(host.root / "notify.sock"))
        systemd.settimeout(60)
        host.environment = {
            "NOTIFY_SOCKET": str(host.root / "notify.sock"),
            "WATCHDOG_USEC": "100000",
        }
        host.start()
        assert systemd.recv(4096).startswith(b"READY=1\n")
        assert systemd.recv(4096) == b"WATCHDOG=1"
        assert systemd.recv(4096) == b"WATCHDOG=1"
        host.stop()
        heard = b""
        while heard != b"STOPPING=1":
            heard = systemd.recv(4096)


def test_its_files_are_private(host: Any) -> None:
    with host.running():
        assert host.state.stat().st_mode & 0o077 == 0
        for file in host.state.rglob("*"):
            assert file.stat().st_mode & 0o077 == 0, file
        assert host.socket.stat().st_mode & 0o777 == 0o660


def test_no_secret_is_in_its_log_its_state_or_its_answers(host: Any) -> None:
    with host.running() as wire:
        told = [json.dumps(wire.call("deviations.list", filter={"open": False}))]
        for row in by_key(wire).values():
            told.append(json.dumps(wire.call("deviations.show", id=row["id"], context=50)))
        secret = by_key(wire)["SURV01", "database.password"]
        told.append(json.dumps(wire.call("changes.preview", ids=[secret["id"]])))
        fixed = wire.call("deviations.fix", ids=[secret["id"]])["change"]
        told.append(json.dumps(fixed))
        told.append(json.dumps(wire.call("changes.show", id=fixed["id"])))
        assert "right-secret-A1" in host.config("SURV01").read_text()
    told.append(host.log)
    for file in host.state.rglob("*"):
        if file.is_file() and "backups" not in file.parts:
            told.append(file.read_bytes().decode("utf-8", "replace"))
    for secret_text in ("right-secret-A1", "wrong-secret-B2"):
        assert not any(secret_text in each for each in told)


def test_a_part_that_fails_is_named_and_the_agent_lives(host: Any) -> None:
    """The instances folder vanishes under the agent: a problem, not an end."""
    with host.running() as wire:
        (host.instances).rename(host.root / "elsewhere")
        wire.ask("agent.rescan")
        status = wire.call("agent.status")
        assert any(str(host.instances) in line for line in status["problems"])
        (host.root / "elsewhere").rename(host.instances)
        wire.call("agent.rescan")
        assert wire.call("agent.status")["problems"] == []
        assert len(by_key(wire, statuses=["pending"])) == 4


def test_a_stop_while_a_stop_is_under_way_ends_it_at_once(host: Any) -> None:
    host.start()
    with contextlib.closing(host.connect()) as wire:
        wire.call("agent.status")
        os.kill(host.process.pid, signal.SIGTERM)
        os.kill(host.process.pid, signal.SIGINT)
        assert host.process.wait(60) in {0, 1}
