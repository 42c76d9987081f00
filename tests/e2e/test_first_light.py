"""The whole loop on the demo fleet, with the real agent as its own process."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.standin.panel import PASSWORD, USER, Panel
from tests.standin.serving import serving

pytest.importorskip("homeamp_agent.agent", reason="the daemon is not built yet")
demo_fleet = pytest.importorskip("homeamp_tui.demo_fleet", reason="the demo is not built yet")
fixtures_folder, materialise = demo_fleet.fixtures_folder, demo_fleet.materialise

START_SECONDS = 60
"""A bound on a start, generous for two busy cores; nothing here waits for its own sake."""


SETPRIV = shutil.which("setpriv")
ROOT = os.geteuid() == 0
WITHOUT_ROOTS_EYES = (
    [SETPRIV, "--bounding-set=-dac_override,-dac_read_search"] if ROOT and SETPRIV else []
)
"""Root reads files of mode 000; an agent in a test must meet them as any other user does."""


@dataclass
class Wire:
    """A line of JSON a request: what `nc -U | jq` would do."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    calls: int = 0

    async def call(self, method: str, **params: Any) -> Any:
        self.calls += 1
        request = {"jsonrpc": "2.0", "id": self.calls, "method": method, "params": params}
        self.writer.write(json.dumps(request).encode() + b"\n")
        await self.writer.drain()
        while True:
            reply = await self.receive()
            if reply.get("id") == self.calls:
                assert "error" not in reply, reply
                return reply["result"]

    async def receive(self, seconds: float = 30) -> Any:
        line = await asyncio.wait_for(self.reader.readline(), seconds)
        assert line, "the agent hung up"
        return json.loads(line)

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    async def event(self, wanted: Any, seconds: float = 10) -> Any:
        """The first event whose body satisfies `wanted`."""
        deadline = time.monotonic() + seconds
        while True:
            message = await self.receive(deadline - time.monotonic())
            if message.get("method") == "events.event":
                event = message["params"]["event"]
                if wanted(event):
                    return event


@dataclass
class Fleet:
    """A materialised demo host and the agent that runs on it."""

    root: Path
    host: str
    socket: Path
    state: Path
    process: subprocess.Popen[bytes] | None = None
    wires: list[Wire] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def instances(self) -> Path:
        return self.root / "fleet" / self.host / "instances"

    def arguments(self) -> list[str]:
        return [
            "--host", self.host,
            "--instances", str(self.instances),
            "--baselines", str(self.root / "baselines"),
        ]  # fmt: skip

    def start(self) -> None:
        log = (self.root / "agent.log").open("ab")
        self.process = subprocess.Popen(
            [*WITHOUT_ROOTS_EYES, sys.executable, "-m", "homeamp_agent", "run", *self.arguments(),
             "--state", str(self.state), "--socket", str(self.socket)],
            stdout=log, stderr=log, env={**os.environ, **self.environment},
        )  # fmt: skip
        log.close()

    async def connect(self) -> Wire:
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert self.process is not None
            assert self.process.poll() is None, (self.root / "agent.log").read_text()
            try:
                reader, writer = await asyncio.open_unix_connection(
                    str(self.socket), limit=16 * 1024 * 1024
                )
                break
            except OSError:
                assert time.monotonic() < deadline, (self.root / "agent.log").read_text()
                await asyncio.sleep(0.02)
        wire = Wire(reader, writer)
        self.wires.append(wire)
        await wire.call("agent.hello", protocol="1.0", client="test")
        await wire.call("agent.rescan", wait=True)
        return wire

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(10)


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    root = tmp_path / "demo"
    materialise(fixtures_folder(), root)
    fleet = Fleet(root, "alder", tmp_path / "agent.sock", tmp_path / "state")
    with serving(Panel.over(fleet.instances)) as url:
        fleet.environment = {
            "HOMEAMP_AMP__URL": url,
            "HOMEAMP_AMP__USER": USER,
            "HOMEAMP_AMP__PASSWORD": PASSWORD,
        }
        fleet.start()
        yield fleet
        for wire in fleet.wires:
            await wire.close()
        if fleet.process is not None and fleet.process.poll() is None:
            fleet.stop(signal.SIGKILL)


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


async def listed(wire: Wire, **filters: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await wire.call("deviations.list", limit=200, cursor=cursor, filter=filters)
        rows += page["deviations"]
        cursor = page["next_cursor"]
        if cursor is None:
            assert len(rows) == page["total"]
            return rows


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
    stranger = "4711" if isinstance(row["expected"], int) else "stranger"
    began = time.monotonic()
    subprocess.run(["sed", "-i", f"{row['line']}s/{expected}/{stranger}/", str(file)], check=True)
    event = await wire.event(lambda event: row["id"] in json.dumps(event))
    assert time.monotonic() - began < 0.5
    assert event["topic"] == "deviations"
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
    assert [(each["old"], each["new"], each["by"]) for each in (forth, back)] == [
        (row["actual"], row["expected"], "homeamp"),
        (row["expected"], row["actual"], "homeamp"),
    ]
    again = (await wire.call("deviations.fix", ids=ids))["change"]
    assert (await ask("backups.restore", id=backup))["change"]["id"] != again["id"]
    for name in ("instances.start", "instances.stop", "instances.restart"):
        await ask(name, instances=[row["instance"]], reason="test", players="refuse")
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
        async with asyncio.timeout(10):
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


async def test_no_planted_secret_leaves_its_file(fleet: Fleet) -> None:
    wire = await fleet.connect()
    table = json.loads((fleet.root / "secrets.json").read_text("utf-8"))
    secrets = [
        str(each["value"] if isinstance(each, dict) else each)
        for each in (table["secrets"] if isinstance(table, dict) else table)
    ]
    assert secrets
    heard = []
    for row in await listed(wire):
        heard.append(json.dumps(row))
        heard.append(json.dumps(await wire.call("deviations.show", id=row["id"], context=50)))
    for each in (await wire.call("settings.plugins"))["plugins"]:
        cursor = None
        while True:
            page = await wire.call("settings.matrix", plugin=each["plugin"], cursor=cursor)
            heard.append(json.dumps(page))
            cursor = page["next_cursor"]
            if cursor is None:
                break
    cursor = None
    while True:
        page = await wire.call("rules.list", limit=1000, cursor=cursor)
        heard.append(json.dumps(page))
        heard.append(json.dumps(await wire.call("rules.show", id=page["rules"][0]["id"])))
        cursor = page["next_cursor"]
        if cursor is None:
            break
    heard.append(json.dumps(await wire.call("rules.problems", limit=1000)))
    fixable = [row["id"] for row in await listed(wire) if row["kind"] in {"value", "missing_key"}]
    heard.append(json.dumps(await wire.call("changes.preview", ids=fixable)))
    change = (await wire.call("deviations.fix", ids=fixable))["change"]
    heard.append(json.dumps(await wire.call("changes.show", id=change["id"])))
    for instance in {edit["instance"] for edit in change["edits"]}:
        heard.append(json.dumps(await wire.call("settings.history", instance=instance)))
    heard.append((fleet.root / "agent.log").read_text("utf-8"))
    for file in fleet.state.rglob("*"):
        if file.is_file() and "backups" not in file.parts:
            heard.append(file.read_bytes().decode("utf-8", "replace"))
    told = "\n".join(heard)
    assert [secret for secret in secrets if secret in told] == []


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
