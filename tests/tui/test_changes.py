"""The changes screen: filter, and rolling back one, several, or everything since a time."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button

from homeamp_agent.model.change import ChangeRequest, ChangeStatus, FileOutcome, RollbackConflict
from homeamp_agent.model.history import Act
from homeamp_agent.rpc.client import Client
from homeamp_agent.rpc.protocol.messages import (
    DeviationsFixParams,
    DeviationsFixResult,
    DeviationsListParams,
    DeviationsListResult,
    RescanParams,
    RescanResult,
)
from homeamp_tui.app import HomeampApp
from homeamp_tui.demo import demo_fleet
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.dialogs.review import NotAMoment
from homeamp_tui.dialogs.since import AskSince, moment_ago
from homeamp_tui.links import Link
from homeamp_tui.screens.changes import ChangesScreen
from homeamp_tui.screens.history import HistoryScreen
from homeamp_tui.screens.listing import Row
from homeamp_tui.widgets.diff_view import DiffView
from homeamp_tui.words import change_text
from tests import forked
from tests.tui.conftest import AgentOf
from tests.tui.driving import cancel_focused, screen_text, until
from tests.tui.scripted import ScriptedAgent

SIZE = (80, 24)
NOON = dt.datetime(2026, 11, 26, 12, 0, tzinfo=dt.UTC)


def changed(agent: ScriptedAgent, *reasons: str) -> None:
    """Applied changes with these reasons, the last one the newest, an hour between two."""
    now = dt.datetime.now(dt.UTC)
    for number, reason in enumerate(reversed(reasons)):
        change = ChangeRequest(
            id=f"{agent.script.host}-{reason}", reason=reason, author="mira",
            status=ChangeStatus.APPLIED, created_at=now - dt.timedelta(hours=number, minutes=5),
            files=(FileOutcome(
                instance="HUB01", file="server.properties", before_sha256="0" * 64,
                after_sha256="1" * 64, state="verified",
                diff=f"--- a\n+++ b\n@@ -1,1 +1,1 @@\n-motd=before\n+motd={reason}\n",
            ),),
        )  # fmt: skip
        agent.script.changes.append(change)


async def opened(pilot: Pilot[None], count: int) -> ChangesScreen:
    await until(pilot, lambda: isinstance(pilot.app.screen, ChangesScreen))
    screen = pilot.app.screen
    assert isinstance(screen, ChangesScreen)
    await until(pilot, lambda: len(screen.rows) == count)
    return screen


def rolled_back(agent: ScriptedAgent) -> list[str]:
    return [params.id for verb, params in agent.script.mutations if verb == "changes.rollback"]


async def asked_since(pilot: Pilot[None], text: str) -> None:
    await pilot.press("S")
    await until(pilot, lambda: isinstance(pilot.app.screen, AskSince))
    await pilot.press(*text, "enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))


async def test_changes_of_all_hosts_stand_newest_first_and_are_filtered(
    agent_of: AgentOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents = [await agent_of("alder"), await agent_of("birch")]
    changed(agents[0], "spawn", "chat")
    changed(agents[1], "ports")
    urls = [agent.url for agent in agents]
    async with HomeampApp(urls, start="changes").run_test(size=SIZE, notifications=True) as pilot:
        screen = await opened(pilot, 3)
        moments = [row.item.created_at for row in screen.rows]
        assert moments == sorted(moments, reverse=True)
        await pilot.press("slash", *"host:alder !chat", "enter")
        await until(pilot, lambda: [row.item.reason for row in screen.rows] == ["spawn"])
        assert "1 change of 3" in screen_text(pilot.app)
        await pilot.press("escape")
        await until(pilot, lambda: len(screen.rows) == 3)
        assert "the newest" not in screen_text(pilot.app)
        monkeypatch.setattr(ChangesScreen, "MOST", 2)  # what is left out is never left unsaid
        screen.paint()
        await until(pilot, lambda: "3 changes · the newest 2 of a host" in screen_text(pilot.app))


async def test_everything_since_a_time_is_shown_once_and_rolled_back_newest_first(
    agent_of: AgentOf,
) -> None:
    agents = [await agent_of("alder"), await agent_of("birch")]
    changed(agents[0], "yesterday", "spawn", "chat")
    changed(agents[1], "ports")
    urls = [agent.url for agent in agents]
    async with HomeampApp(urls, start="changes").run_test(size=SIZE, notifications=True) as pilot:
        await opened(pilot, 4)
        await asked_since(pilot, "90m")
        await cancel_focused(pilot)
        shown = pilot.app.screen.query_one(DiffView).text
        assert all(f"motd={reason}" in shown for reason in ("spawn", "chat", "ports"))
        assert "yesterday" not in shown
        await pilot.press("tab", "enter")
        await until(pilot, lambda: "Rolled back 3 changes" in screen_text(pilot.app))
        assert rolled_back(agents[0]) == ["alder-chat", "alder-spawn"]
        assert rolled_back(agents[1]) == ["birch-ports"]


async def test_cancel_rolls_nothing_back(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    changed(agent, "spawn", "chat")
    async with HomeampApp([agent.url], start="changes").run_test(
        size=SIZE, notifications=True
    ) as pilot:
        screen = await opened(pilot, 2)
        await asked_since(pilot, "3h")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert rolled_back(agent) == []


async def test_what_cannot_go_back_is_said_before_and_alone_shows_its_three_sides(
    agent_of: AgentOf,
) -> None:
    agent = await agent_of("alder")
    changed(agent, "spawn", "chat")
    agent.script.conflict = RollbackConflict(
        instance="HUB01", file="server.properties", before="motd=before\n", ours="motd=chat\n",
        theirs="motd=by hand\n", reason="another program changed it since",
    )  # fmt: skip
    async with HomeampApp([agent.url], start="changes").run_test(
        size=SIZE, notifications=True
    ) as pilot:
        screen = await opened(pilot, 2)
        await asked_since(pilot, "3h")
        shown = pilot.app.screen.query_one(DiffView).text
        assert "stays as it is: chat: HUB01/server.properties: another program" in shown
        assert pilot.app.screen.query_one("#yes", Button).disabled
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        question = pilot.app.screen
        await pilot.press("tab", "enter")
        await until(
            pilot, lambda: isinstance(pilot.app.screen, Confirm) and pilot.app.screen != question
        )
        assert "AS WE LEFT IT" in screen_text(pilot.app)
        assert "motd=by hand" in screen_text(pilot.app)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert rolled_back(agent) == ["alder-chat"]


async def test_a_change_that_is_rolled_back_already_says_so(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    changed(agent, "chat")
    agent.script.changes[0] = agent.script.changes[0].model_copy(
        update={"status": ChangeStatus.ROLLED_BACK}
    )
    async with HomeampApp([agent.url], start="changes").run_test(
        size=SIZE, notifications=True
    ) as pilot:
        await opened(pilot, 1)
        await pilot.press("R")
        words = "Cannot roll back: it is rolled back"
        await until(pilot, lambda: words in screen_text(pilot.app))
        await until(pilot, lambda: "+ motd=chat" in screen_text(pilot.app))
        await agent.stop()
        await until(pilot, lambda: "lost: as last seen" in screen_text(pilot.app))
        await pilot.pause()
        assert "+ motd=chat" in screen_text(pilot.app)  # what was seen is not taken away


def test_a_request_that_a_deployment_took_over_is_not_called_withdrawn() -> None:
    change = ChangeRequest(
        id="c", reason="r", author="mira", status=ChangeStatus.CANCELLED, created_at=NOON,
        message="goes on as deployment d1",
    )  # fmt: skip
    assert change_text(change) == "→ deployed"
    assert change_text(change.model_copy(update={"message": "too early"})) == "✖ withdrawn"


async def test_fixes_of_a_real_fleet_go_back_byte_for_byte_all_at_once() -> None:
    async with demo_fleet(forked.starter) as (agents, fleet):
        host = agents[0]
        client = await Client.connect(f"unix:{host.socket}", name="test")
        await client.call("agent.rescan", RescanParams(wait=True), RescanResult)
        found = await client.call(
            "deviations.list", DeviationsListParams(limit=200), DeviationsListResult
        )
        ids = [row.id for row in found.deviations if row.kind == "value" and row.file][:6]
        instances = fleet / "fleet" / host.host / "instances"
        before = await asyncio.to_thread(_bytes_of, instances)
        for number in range(0, len(ids), 2):
            params = DeviationsFixParams(ids=tuple(ids[number : number + 2]), reason="tidy")
            await client.call("deviations.fix", params, DeviationsFixResult)
        await client.close()
        assert await asyncio.to_thread(_bytes_of, instances) != before
        urls = [f"unix:{agent.socket}" for agent in agents]
        async with HomeampApp(urls, start="changes").run_test(
            size=(140, 45), notifications=True
        ) as pilot:
            await opened(pilot, 3)
            await asked_since(pilot, "1h")
            await pilot.press("tab", "enter")
            await until(pilot, lambda: "Rolled back 3 changes" in screen_text(pilot.app))
        assert await asyncio.to_thread(_bytes_of, instances) == before


def _bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.mark.parametrize(
    ("text", "before"),
    [("30m", dt.timedelta(minutes=30)), ("2h", dt.timedelta(hours=2)), ("3 d", dt.timedelta(3))],
)
def test_a_span_is_counted_back_from_now(text: str, before: dt.timedelta) -> None:
    assert moment_ago(text, NOON) == NOON - before


def test_a_clock_time_is_of_today_and_a_day_begins_at_midnight() -> None:
    today = NOON.astimezone()
    assert moment_ago("00:00", NOON) == today.replace(hour=0, minute=0)
    assert moment_ago("2026-11-20", NOON).astimezone().isoformat().startswith("2026-11-20T00:00")


@pytest.mark.parametrize("text", ["", "soon", "25:00", "2030-01-01", "2026-13-01"])
def test_what_names_no_moment_of_the_past_is_not_guessed_at(text: str) -> None:
    with pytest.raises(NotAMoment):
        moment_ago(text, NOON)


def test_an_act_on_a_game_is_found_by_its_instance_and_called_as_on_the_screens() -> None:
    act = Act(
        number=1, at=NOON, who="kim", action="instance.cancel", subject="SURV01", outcome="done"
    )
    fields = HistoryScreen().fields(Row(Link("unix:/x"), act))
    assert (fields["instance"], "instance withdraw" in fields["what"]) == ("SURV01", True)
