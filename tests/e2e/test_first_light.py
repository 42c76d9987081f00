"""The whole loop on the demo fleet, with the real agent as its own process."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.e2e.fleet import ROOT, WITHOUT_ROOTS_EYES, Fleet, Wire, listed

PAIRS_TRIED = 4
"""A machine that runs other tests as well may be late now and then, but not each time."""


def planted(root: Path, host: str) -> list[dict[str, Any]]:
    table = json.loads((root / "planted.json").read_text("utf-8"))
    rows = table["planted"] if isinstance(table, dict) else table
    return [row for row in rows if row["host"] == host]


def place(deviation: dict[str, Any]) -> tuple[Any, ...]:
    path = deviation.get("path")
    return (
        deviation["instance"],
        deviation["plugin"],
        deviation["file"],
        json.dumps(path) if path is not None else deviation.get("key"),
        deviation["kind"],
    )


def check(fleet: Fleet, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "homeamp_agent", "check", *fleet.arguments(), *more],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def value_deviation(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A plain text or number that the baseline wants otherwise, in a YAML file."""
    return next(
        row
        for row in rows
        if row["kind"] == "value"
        and str(row["file"]).endswith(".yml")
        and isinstance(row["expected"], (int, str))
        and isinstance(row["actual"], (int, str))
    )


async def test_the_agent_and_check_find_what_is_planted_and_nothing_else(fleet: Fleet) -> None:
    wire = await fleet.connect()
    rows = await listed(wire)
    assert sorted(map(place, rows), key=repr) == sorted(
        map(place, planted(fleet.root, fleet.host)), key=repr
    )
    report = check(fleet, "--json")
    assert report.returncode == 1, report.stderr
    found = json.loads(report.stdout)
    assert {row["id"] for row in found["deviations"]} == {row["id"] for row in rows}


async def test_an_edit_is_seen_fixed_and_rolled_back_byte_for_byte(fleet: Fleet) -> None:
    wire = await fleet.connect()
    row = value_deviation(await listed(wire))
    file = next(fleet.instances.glob(f"{row['instance']}/*/{row['file']}"))
    before = file.read_bytes()

    preview = await wire.call("changes.preview", ids=[row["id"]])
    assert len(preview["plan"]["files"]) == 1
    assert file.read_bytes() == before

    await wire.call("events.subscribe")
    fixed = await wire.call(
        "deviations.fix", ids=[row["id"]], reason="test", digest=preview["plan"]["digest"]
    )
    assert fixed["change"]["status"] == "applied"
    right = file.read_bytes()
    assert right != before
    assert (await wire.call("deviations.show", id=row["id"]))["deviation"]["status"] == "fixed"

    await wire.call("changes.rollback", id=fixed["change"]["id"], reason="test")
    assert file.read_bytes() == before
    shown = await wire.call("deviations.show", id=row["id"])
    assert shown["deviation"]["status"] in {"pending", "flagged"}


def told(event: dict[str, Any]) -> set[tuple[str, str]]:
    """The deviations that an event tells of, and what stands there now."""
    rows = event["body"]["deviations"] if event["topic"] == "deviations" else ()
    return {(each["id"], str(each["actual"])) for each in rows}


async def test_a_stranger_s_edit_stands_on_the_wire_within_half_a_second(fleet: Fleet) -> None:
    wire = await fleet.connect()
    row = value_deviation(await listed(wire))
    file = next(fleet.instances.glob(f"{row['instance']}/*/{row['file']}"))
    change = await wire.call("deviations.fix", ids=[row["id"]], reason="start from right")
    right = file.read_bytes()
    await wire.call("events.subscribe", topics=["deviations"])

    new_line = subprocess.run(
        ["sed", "-n", f"{row['line']}p", str(file)], capture_output=True, text=True, check=True
    ).stdout.rstrip("\r\n")
    expected = (
        str(row["expected"]).lower() if isinstance(row["expected"], bool) else str(row["expected"])
    )
    assert expected in new_line
    edits = ("4711", "4712") if isinstance(row["expected"], int) else ("stranger", "another")
    seconds = []
    stood = expected
    for stranger in edits * PAIRS_TRIED:
        began = time.monotonic()
        line = f"{row['line']}s/{stood}/{stranger}/"
        subprocess.run(["sed", "-i", line, str(file)], check=True)
        now = (row["id"], stranger)
        await wire.event(lambda event, now=now: now in told(event))
        seconds.append(time.monotonic() - began)
        stood = stranger
        if seconds[-1] < 0.5:
            break
    assert min(seconds) < 0.5, seconds
    seen = (await wire.call("deviations.show", id=row["id"]))["deviation"]
    assert str(seen["actual"]) == stranger
    assert seen["line"] == row["line"]
    assert seen["rule"]["source"] == row["rule"]["source"]

    again = await wire.call("deviations.fix", ids=[row["id"]], reason="put right")
    assert file.read_bytes() == right
    await wire.call("changes.rollback", id=again["change"]["id"])
    assert stranger in file.read_bytes().decode()
    assert change["change"]["status"] == "applied"


async def test_a_killed_agent_comes_back_with_everything_it_knew(fleet: Fleet) -> None:
    wire = await fleet.connect()
    rows = await listed(wire)
    approved, flagged = rows[0]["id"], rows[1]["id"]
    await wire.call("deviations.approve", ids=[approved], reason="agreed with the builders")
    await wire.call("deviations.flag", ids=[flagged], reason="wrong on purpose")
    fix = value_deviation([row for row in rows if row["id"] not in {approved, flagged}])
    change = (await wire.call("deviations.fix", ids=[fix["id"]], reason="fix"))["change"]
    everything = {"statuses": ["pending", "flagged", "approved", "fixing", "fixed"]}
    before = {row["id"]: row["status"] for row in await listed(wire, **everything)}

    fleet.stop(signal.SIGKILL)
    fleet.start()
    wire = await fleet.connect()

    after = {row["id"]: row["status"] for row in await listed(wire, **everything)}
    assert after == before
    assert after[approved] == "approved"
    assert after[flagged] == "flagged"
    changes = (await wire.call("changes.list"))["changes"]
    assert [each["id"] for each in changes] == [change["id"]]


async def test_it_stops_within_five_seconds_of_a_sigterm(fleet: Fleet) -> None:
    await fleet.connect()
    began = time.monotonic()
    assert fleet.stop(signal.SIGTERM) == 0
    assert time.monotonic() - began < 5
    assert not fleet.socket.exists()


async def test_broken_files_are_findings_or_ignored_and_the_rest_is_checked(fleet: Fleet) -> None:
    wire = await fleet.connect()
    before = {row["id"] for row in await listed(wire)}
    plugin = next(fleet.instances.glob("*/Minecraft/plugins/Essentials"))
    (plugin / "zero.yml").write_bytes(b"")
    (plugin / "binary.yml").write_bytes(os.urandom(64) + b"\x00" * 64)
    (plugin / "truncated.yml").write_bytes(b'a: 1\nb: "never closed\nc: [1, 2\n')
    with (plugin / "huge.yml").open("wb") as huge:
        huge.truncate(50 * 1024 * 1024)
    (plugin / "folder.yml").mkdir()
    unreadable = plugin / "secretive.yml"
    unreadable.write_bytes(b"a: 1\n")
    unreadable.chmod(0)

    await wire.call("agent.rescan", wait=True)
    rows = await listed(wire)
    assert before <= {row["id"] for row in rows}
    new = {Path(row["file"]).name: row["kind"] for row in rows if row["id"] not in before}
    expected = {"binary.yml", "truncated.yml", "huge.yml"}
    if WITHOUT_ROOTS_EYES or not ROOT:
        expected.add("secretive.yml")
    assert set(new) == expected
    assert set(new.values()) == {"unreadable"}


async def test_every_method_in_the_openrpc_document_answers_as_it_says(fleet: Fleet) -> None:
    wire = await fleet.connect()
    document = await wire.call("rpc.discover")
    unasked = {method["name"]: method for method in document["methods"]}

    async def ask(name: str, **params: Any) -> Any:
        result = await wire.call(name, **params)
        schema = unasked.pop(name)["result"]["schema"]
        whole = {**schema, "components": document["components"]}
        jsonschema.Draft7Validator(whole).validate(result)
        return result

    for name in ("agent.status", "fleet.overview", "instances.list", "rpc.discover"):
        await ask(name)
    await ask("agent.hello", protocol="1.0", client="test")
    await ask("events.subscribe")
    row = value_deviation((await ask("deviations.list", limit=200))["deviations"])
    await ask("deviations.count")
    await ask("deviations.groups")
    await ask("deviations.show", id=row["id"])
    await ask("rules.explain", **{key: row[key] for key in ("instance", "plugin", "file", "path")})
    names = {each["plugin"] for each in (await ask("settings.plugins"))["plugins"]}
    assert {None, row["plugin"]} <= names
    compared = await ask("settings.matrix", plugin=row["plugin"], variance=["drift"])
    assert row["id"] in {cell["deviation"] for each in compared["rows"] for cell in each["cells"]}
    ids = [row["id"]]
    shown = await ask("rules.show", id=row["rule"]["id"])
    assert row["instance"] in {each["instance"] for each in shown["places"] if each["won"]}
    assert shown["rule"] in (await ask("rules.list", plugin=row["plugin"], limit=1000))["rules"]
    problems = (await ask("rules.problems"))["problems"]
    assert (await wire.call("rules.problems", offset=1))["problems"] == problems[1:]
    wanted = {"filter": f"{problems[0]['source']['file']} !{problems[-1]['source']['file']}"}
    assert problems[-1] not in (await wire.call("rules.problems", **wanted))["problems"]
    await ask("deviations.approve", ids=ids, reason="agreed")
    approvals = (await ask("rules.approvals"))["approvals"]
    assert [each["covers"] for each in approvals if each["deviations"] == ids] == [1]
    await ask("deviations.reopen", ids=ids, reason="not any more")
    would = await ask("deviations.promote", ids=ids, preview=True)
    assert row["instance"] in would["rules"][0]["meets"]
    assert would["decisions"] != (await ask("deviations.ignore", ids=ids))["decisions"]
    again = {"ids": ids, "scope": "instance"}
    skipped = (await ask("deviations.mark_unique", **again))["skipped"]
    assert [each["id"] for each in skipped] == ids, "what is ignored deviates no more"
    decisions = (await wire.call("rules.approvals", filter="ignore"))["approvals"]
    assert [each["covers"] > 0 for each in decisions] == [True]
    revoked = await ask("rules.revoke", ids=[each["id"] for each in decisions])
    assert revoked["revoked"] == [each["id"] for each in decisions]
    await ask("deviations.flag", ids=ids, reason="wrong")
    await ask("changes.preview", ids=ids)
    change = (await ask("deviations.fix", ids=ids))["change"]
    await ask("changes.list")
    acts = (await ask("changes.history", filter={"subject": change["id"]}))["acts"]
    assert acts[0]["settings"][0]["key"] == row["key"]
    await ask("changes.show", id=change["id"])
    backup = (await ask("backups.list", change_id=change["id"]))["backups"][0]["id"]
    await ask("backups.show", id=backup)
    assert (await ask("backups.verify"))["problems"] == []
    await ask("changes.rollback_many", ids=[change["id"]], preview=True)
    await ask("changes.rollback", id=change["id"])
    place = {key: row[key] for key in ("instance", "file", "path")}
    back, forth = (await ask("settings.history", **place))["changes"]
    told = [tuple(each[of] for of in ("old", "new", "by", "change_id")) for each in (forth, back)]
    assert told == [
        (row["actual"], row["expected"], "homeamp", change["id"]),
        (row["expected"], row["actual"], "homeamp", change["id"]),
    ]
    again = (await wire.call("deviations.fix", ids=ids))["change"]
    assert (await ask("backups.restore", id=backup))["change"]["id"] != again["id"]
    for name in ("instances.start", "instances.stop", "instances.restart"):
        await ask(name, instances=[row["instance"]], reason="test", players="refuse")
    (kept,) = (await ask("instances.cancel", instances=[row["instance"]]))["results"]
    assert (kept["state"], "waits" in kept["message"]) == ("refused", True)
    await ask("instances.backup", instances=[row["instance"]], reason="test")
    await ask("instances.console", instances=[row["instance"]], line="say hello")
    edit = {"file": row["file"], "path": row["path"], "operation": "unset"}
    asked = {"reason": "not needed", "edits": [{**edit, "instances": [row["instance"]]}]}
    await wire.call("changes.preview", request=asked)
    first = (await ask("changes.submit", request=asked))["change"]["id"]
    await ask("changes.approve", ids=[first])
    assert (await ask("changes.apply", id=first))["change"]["status"] == "applied"
    await wire.call("changes.rollback", id=first)
    for act in ("reject", "cancel"):
        given = await wire.call("changes.submit", request=asked)
        await ask(f"changes.{act}", ids=[given["change"]["id"]])
    await ask_of_deployments(wire, ask, asked)
    await ask("agent.rescan", wait=True)
    assert not unasked, "methods that no test asks with the params they want"


async def ask_of_deployments(wire: Wire, ask: Any, asked: Any) -> None:
    """Every method of theirs, on one that goes without DEV and is ended in its first wave."""

    async def until(stage: str) -> Any:
        async with asyncio.timeout(60):
            while True:
                row = (await wire.call("deployments.list"))["deployments"][0]
                if row["stage"] == stage:
                    return row
                await asyncio.sleep(0.01)

    digest = (await ask("deployments.preview", request=asked, dev=[]))["digest"]
    given = await ask("deployments.start", request=asked, dev=[], digest=digest)
    name = given["deployment"]["id"]
    await until("awaiting_approval")
    for act in ("pause", "resume", "approve", "abort", "rollback"):
        await ask(f"deployments.{act}", id=name)
        if act == "approve":
            while (await until("waves"))["waves"][0]["state"] in {"pending", "applying"}:
                await asyncio.sleep(0.01)
    await until("rolled_back")
    await ask("deployments.list")
    assert (await ask("deployments.show", id=name))["lines"][-1]["text"] == "rolled back"


async def test_unix_tools_alone_can_ask(fleet: Fleet) -> None:
    await fleet.connect()
    request = '{"jsonrpc":"2.0","id":1,"method":"agent.status"}'
    done = subprocess.run(
        [sys.executable, "-m", "homeamp_agent", "call", "agent.status",
         "--socket", str(fleet.socket)],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["host"] == "alder"
    if not Path("/usr/bin/nc").exists() and not Path("/bin/nc").exists():
        pytest.skip("no nc on this machine")
    answer = subprocess.run(
        ["nc", "-U", "-N", str(fleet.socket)],
        input=request + "\n", capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert json.loads(answer.stdout)["result"]["host"] == "alder"


def digest(folder: Path) -> str:
    """One hash over every file below `folder`."""
    seen = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink():
            seen.update(str(file).encode() + file.read_bytes())
    return seen.hexdigest()


async def test_looking_never_writes_below_an_instance(fleet: Fleet) -> None:
    before = digest(fleet.instances)
    wire = await fleet.connect()
    rows = await listed(wire)
    await wire.call("changes.preview", ids=[row["id"] for row in rows])
    check(fleet, "--json")
    assert digest(fleet.instances) == before
