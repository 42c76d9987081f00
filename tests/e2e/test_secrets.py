"""No secret leaves its file: every answer, export, message and screen, and all that is kept."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.cli import main
from homeamp_agent.model.secret import is_masked
from homeamp_tui.app import HomeampApp
from homeamp_tui.tabs import TABS
from tests.e2e.fleet import Fleet, Wire, fleet_at, listed
from tests.standin.panel import PASSWORD, USER
from tests.tui.driving import LOOK_SECONDS, screen_text

MARK = "not-a-real-"
"""What every secret of the fixtures begins with, and every one that is planted here as well."""

ESSENTIALS = "SURV01/Minecraft/plugins/Essentials"
PLANTED = {
    f"{ESSENTIALS}/discord.yml": (
        "# old password: not-a-real-comment-a1\n"
        "storage:\n"
        "  url: jdbc:mysql://root:not-a-real-url-b2@db.example.net/surv\n"
        "  hooks:\n"
        "  - https://example.net/api/webhooks/1/not-a-real-hook-c3\n"
        "password: 'not-a-real-quoted-d4'\n"
        "api-key: >-\n"
        "  not-a-real-folded-e5\n"
    ),
    f"{ESSENTIALS}/torn.yml": 'a: 1\npassword: "not-a-real-torn-f6\nb: [1\n',
    f"{ESSENTIALS}/odd.yml": "token: *not-a-real-alias-g7\nb: 1\n",
    f"{ESSENTIALS}/lost.yml": "token: &not-a-real-anchor-t2\nsecret: !not-a-real-tag-u3 x\nb: 1\n",
    f"{ESSENTIALS}/torn.json": '{"a": 1, "secret": "not-a-real-json-h8\n',
}
BASELINES = {
    "Essentials2_universal_config.md": (
        "# Essentials2 - Universal Configuration\n\n## General\n\n"
        '`mysql.password` = "not-a-real-unterminated-i9\n\n'
        '`mysql.password` = "not-a-real-twice-j1"\n\n'
        '`mysql.password` = "not-a-real-again-k2"\n'
    ),
    "rules/hosts.yaml": (
        "rules:\n"
        "- {plugin: Essentials, file: discord.yml, key: password, value: not-a-real-ruled-l3}\n"
        "- {plugin: Essentials, file: discord.yml, key: api-key,\n"
        "   one_of: [not-a-real-choice-m4, 12]}\n"
        "- {plugin: Essentials, file: discord.yml, key: storage.url,\n"
        "   value: 'jdbc:mysql://root:not-a-real-url-n5@db.example.net/surv'}\n"
        "- {plugin: Essentials, key: token, matches: 'not-a-real-pattern-o6('}\n"
        "- {plugin: DiscordSRV, key: BotToken, scope: {instance: SURV01},\n"
        "   matches: 'not-a-real-pattern-p7.*'}\n"
        "- {plugin: Essentials, key: token, value: not-a-real-bad-q8, colour: red}\n"
    ),
    "rules/torn.yaml": "rules:\n- {plugin: A, key: password, value: not-a-real-torn-r9\n",
}
NEW = "not-a-real-new-s1"
SCREEN_SECONDS = 60
PRIVATE = ("backups", "requests", "deployments")
"""Folders of the state that hold files as they were, and requests as they were given in."""


@dataclass
class Heard:
    """All that was told, with where it was told first."""

    secrets: list[str]
    by: dict[str, set[str]] = field(default_factory=dict)
    places: int = 0
    masked: int = 0

    def hear(self, place: str, told: str | bytes) -> None:
        text = told if isinstance(told, str) else told.decode("utf-8", "replace")
        self.places += 1
        self.masked += text.count('"masked"')
        if MARK in text:
            leaked = {each for each in self.secrets if each in text}
            self.by.setdefault(place, set()).update(leaked or {text[text.index(MARK) :][:60]})


@dataclass
class Asking:
    """A line to the agent on which every answer, result or error, is heard."""

    wire: Wire
    heard: Heard

    async def ask(self, method: str, **params: Any) -> Any:
        answer = await self.wire.ask(method, **params)
        told = {name: value for name, value in answer.items() if name != "id"}
        self.heard.hear(method, json.dumps(told, ensure_ascii=False))
        return answer.get("result", {})

    async def pages(self, method: str, **params: Any) -> list[Any]:
        found = []
        cursor = None
        while True:
            page = await self.ask(method, cursor=cursor, **params)
            found.append(page)
            cursor = page.get("next_cursor")
            if cursor is None:
                return found


def planted(fleet: Fleet) -> None:
    """One host with every secret of the fixtures, and with more of them in worse places."""
    elsewhere = fleet.root / "fleet" / "birch" / "instances" / "EVT01"
    shutil.move(elsewhere, fleet.instances / "EVT01")
    for name, text in PLANTED.items():
        (fleet.instances / name).write_text(text, "utf-8")
    for name, text in BASELINES.items():
        file = fleet.root / "baselines" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")


def secrets_of(fleet: Fleet) -> list[str]:
    table = json.loads((fleet.root / "secrets.json").read_text("utf-8"))["secrets"]
    text = "".join([*PLANTED.values(), *BASELINES.values()])
    words = "".join(each if each.isalnum() or each == "-" else " " for each in text).split()
    more = {word for word in words if word.startswith(MARK)}
    return [PASSWORD, NEW, *more, *(each["value"] for each in table)]


async def test_no_secret_leaves_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with fleet_at(tmp_path, prepare=planted) as fleet:
        heard = Heard(secrets_of(fleet))
        asking = Asking(await fleet.connect(), heard)
        # First, that there are changes, backups and a history to tell of.
        await change_secrets(asking)
        await ask_to_read(asking)
        methods = (await asking.ask("rpc.discover"))["methods"]
        reading = {each["name"] for each in methods if each["x-access"] == "read"}
        assert reading <= asking.wire.asked, "nobody asked these for secrets"
        await record_screens(fleet, heard)
        hear_what_is_kept(fleet, heard)
        await asyncio.to_thread(run_commands, fleet, heard, capsys)
    assert heard.by == {}
    assert heard.masked > 500, "secrets are told of, by their fingerprints"


# what is asked ----------------------------------------------------------------------------------


async def ask_to_read(asking: Asking) -> None:
    """Every method that only reads, for all that there is to be asked for."""
    ask, pages = asking.ask, asking.pages
    rows = await listed(asking.wire)
    masked = [row for row in rows if is_masked(row["expected"]) or is_masked(row["actual"])]
    assert masked
    for name in ("agent.status", "fleet.overview", "rpc.discover", "settings.plugins"):
        await ask(name)
    await ask("agent.hello", protocol="1.0", client="test")
    await ask("events.subscribe", topics=["rules"])
    await ask("backups.verify")
    for name in ("deviations.list", "deviations.groups", "instances.list", "rules.problems"):
        await pages(name, limit=200)
    for name in ("changes.list", "changes.history", "deployments.list", "rules.approvals"):
        await pages(name, limit=100)
    await ask("deviations.count")
    for row in rows:
        await ask("deviations.show", id=row["id"], context=50)
    await ask("changes.preview", ids=[row["id"] for row in rows])
    for page in await pages("rules.list", limit=1000):
        told = [rule for rule in page["rules"] if '"masked"' in json.dumps(rule)]
        for rule in [*told, page["rules"][0]]:
            await ask("rules.show", id=rule["id"])
    for place in await secret_places(asking):
        await ask("rules.explain", **place)
        await ask("settings.history", **place)
        edit = {**place, "instances": [place.pop("instance")], "operation": "set", "new": NEW}
        edit.pop("plugin")
        request = {"reason": "new secret", "edits": [edit]}
        await ask("changes.preview", request=request)
        await ask("deployments.preview", request=request, dev=[])
        await ask("changes.submit", request=request, dry_run=True)
    for page in await pages("backups.list", limit=100):
        for backup in page["backups"]:
            await ask("backups.show", id=backup["id"])
    for page in await pages("changes.list", limit=100):
        for change in page["changes"]:
            await ask("changes.show", id=change["id"])
    for page in await pages("deployments.list", limit=100):
        for deployment in page["deployments"]:
            await ask("deployments.show", id=deployment["id"])


async def secret_places(asking: Asking) -> list[dict[str, Any]]:
    """Every setting that is secret, on the first instance that has it."""
    places: list[dict[str, Any]] = []
    for each in (await asking.ask("settings.plugins"))["plugins"]:
        for page in await asking.pages("settings.matrix", plugin=each["plugin"], limit=200):
            names = [instance["instance"] for instance in page["instances"]]
            for row in page["rows"]:
                holders = [
                    name
                    for name, cell in zip(names, row["cells"], strict=True)
                    if is_masked(cell.get("value"))
                ]
                if holders:
                    place = {"plugin": each["plugin"], "file": row["file"], "path": row["path"]}
                    places.append({**place, "instance": holders[0]})
    assert len(places) >= 12
    return places


async def change_secrets(asking: Asking) -> None:
    """Approve, flag, fix and roll back what is secret; hand in what cannot be taken."""
    ask = asking.ask
    rows = await listed(asking.wire)
    secret = [row for row in rows if is_masked(row["actual"]) and row["kind"] == "value"]
    await ask("deviations.flag", ids=[secret[0]["id"]], replacement=NEW)
    for act in ("promote", "mark_unique", "ignore"):
        await ask(f"deviations.{act}", ids=[row["id"] for row in secret], preview=True)
    await ask("deviations.approve", ids=[secret[0]["id"]], reason="rotated on this one")
    await ask("deviations.ignore", ids=[secret[-1]["id"]], reason="whoever reads it")
    fixed = await ask("deviations.fix", ids=[row["id"] for row in secret[1:-1]])
    assert fixed["change"]["status"] == "applied"
    await ask("changes.rollback_many", ids=[fixed["change"]["id"]], preview=True)
    for place in (await secret_places(asking))[:2]:
        edit = {"file": place["file"], "path": place["path"], "new": NEW}
        asked = {"reason": "rotate", "edits": [{**edit, "instances": [place["instance"]]}]}
        given = (await ask("changes.submit", request=asked))["change"]["id"]
        await ask("changes.preview", id=given)
        await ask("changes.approve", ids=[given])
        assert (await ask("changes.apply", id=given))["change"]["status"] == "applied"
        await ask("settings.history", **place)
    for change in (given, fixed["change"]["id"]):
        await ask("changes.rollback", id=change, reason="test")
    deployed = await ask("deployments.start", request=asked, dev=[])
    await ask("deployments.abort", id=deployed["deployment"]["id"])
    for text in (f"edits: [{{new: {NEW}", f'{{"edits": [{{"new": "{NEW}", "colour": 1}}]}}', NEW):
        await ask("changes.submit", text=text)
    await ask("deviations.show", id=NEW, context=NEW)
    await ask("changes.submit", request={"edits": [{"new": NEW, "path": NEW, "file": [NEW]}]})


# what is kept, exported and shown ---------------------------------------------------------------


def hear_what_is_kept(fleet: Fleet, heard: Heard) -> None:
    """The log, the database, the journal, the audit log, and the decisions in the baselines."""
    heard.hear("the log", (fleet.root / "agent.log").read_bytes())
    assert (fleet.state / "homeamp.db").stat().st_size > 0
    private = 0
    for file in fleet.state.rglob("*"):
        inside = file.relative_to(fleet.state).parts
        if not file.is_file():
            continue
        if inside[0] in PRIVATE and inside[1] != "entries":
            private += 1
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, f"{file} is open to others"
        else:
            heard.hear(f"state/{'/'.join(inside)}", file.read_bytes())
    assert private > 0
    heard.hear("approved.yaml", (fleet.root / "baselines" / "approved.yaml").read_bytes())


def run_commands(fleet: Fleet, heard: Heard, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command that prints or writes something, in the process of the test."""
    out = fleet.root / "out"
    places = [*fleet.arguments(), "--state", str(fleet.state)]
    state = ["--state", str(fleet.state)]
    baselines = str(fleet.root / "baselines")
    config = fleet.root / "agent-with-secrets.yaml"
    secrets = fleet.root / "secrets.yaml"
    secrets.write_text(f"amp: {{password: {PASSWORD}}}\n", "utf-8")
    secrets.chmod(0o600)
    config.write_text(f"secrets_file: {secrets}\namp: {{user: {USER}}}\n", "utf-8")
    commands = [
        ["check", *places, "--xlsx", str(out / "drift.xlsx")],
        ["check", *places, "--json"],
        ["baselines", "check", baselines],
        ["baselines", "check", baselines, "--json"],
        ["baselines", "learn", *places],
        *(
            ["rules", "export", baselines, "--form", form, "--out", str(out / form)]
            for form in ("markdown", "yaml", "xlsx")
        ),
        ["config", "show", "--config", str(config)],
        ["config", "show", "--config", str(config), "--json"],
        ["audit", "verify", *state],
        *(
            ["audit", "export", f"--{form}", str(out / f"audit.{form}"), *state]
            for form in ("csv", "json", "xlsx")
        ),
        ["backups", "list", *state],
        ["backups", "verify", *state, "--json"],
    ]
    for command in commands:
        assert main(command) in {0, 1}, command
        told = capsys.readouterr()
        heard.hear(" ".join(command[:2]), f"{told.out}\n{told.err}")
    assert PASSWORD not in told.out
    for file in out.rglob("*"):
        if file.is_file():
            for name, content in unpacked(file):
                heard.hear(name, content)


def unpacked(file: Path) -> Iterator[tuple[str, bytes]]:
    """A file's bytes; of a workbook those of each of its parts."""
    content = file.read_bytes()
    if file.suffix != ".xlsx":
        yield file.name, content
        return
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        for name in parts.namelist():
            yield f"{file.name} {name}", parts.read(name)


async def record_screens(fleet: Fleet, heard: Heard) -> None:
    """Every screen of the dashboard, the plan of a fix of secrets among them."""
    app = HomeampApp([f"unix:{fleet.socket}"])
    async with app.run_test(size=(160, 50)) as pilot:

        async def press(*keys: str, until: Callable[[str], bool] = bool) -> None:
            await pilot.press(*keys)
            before, now = "", screen_text(app)
            async with asyncio.timeout(SCREEN_SECONDS):
                while before != now or not until(now):
                    await pilot.pause(LOOK_SECONDS)
                    before, now = now, screen_text(app)
            heard.hear(f"the screen after {' '.join(keys)[:30]}", now)

        for tab in TABS:
            await press(tab.key)
            await press("j")
        await press("2")
        await press("slash", *"secret", "enter", until=lambda text: "EVT01" in text)
        await press("f", until=lambda text: "paper-global.yml" in text)
        await press("escape")
        await press("slash", *"password", "enter")
        for _ in range(3):
            await press("j")
        await press("5")
        for _ in range(2):
            await press("right_square_bracket")
