"""Requests from the dashboard: composed or loaded, shown, approved, carried out, rolled back."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from homeamp_agent.model.change import ChangeStatus
from homeamp_agent.model.event import Topic
from homeamp_tui.app import HomeampApp
from homeamp_tui.demo import demo_fleet
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.dialogs.file import AskFile, NotReadable, completed, read_text_file
from homeamp_tui.dialogs.handing_in import AskSaid, AskWhy, clock_of
from homeamp_tui.dialogs.review import NotAMoment
from homeamp_tui.screens.changes import ChangesScreen
from homeamp_tui.screens.deviations import DeviationsScreen
from homeamp_tui.screens.history import HistoryScreen
from tests import forked
from tests.tui.conftest import AgentOf
from tests.tui.driving import cancel_focused, screen_text, until
from tests.tui.scripted.requests import BROKEN, waiting_request

SIZE = (80, 24)
NOON = dt.datetime(2026, 11, 26, 12, 0, tzinfo=dt.UTC)


async def answered(pilot: Pilot[None], words: str) -> None:
    """The question that says `words` was asked with Cancel first, and is answered with yes."""
    await until(
        pilot, lambda: isinstance(pilot.app.screen, Confirm) and words in screen_text(pilot.app)
    )
    await cancel_focused(pilot)
    assert "Cancel  " in screen_text(pilot.app)  # no note lies over the buttons
    await pilot.press("tab", "enter")


async def test_deviations_become_a_request_that_is_approved_and_carried_out_for_real() -> None:
    async with demo_fleet(forked.starter) as (agents, fleet):
        urls = [f"unix:{agent.socket}" for agent in agents]
        app = HomeampApp(urls, start="deviations")
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            deviations = pilot.app.screen
            assert isinstance(deviations, DeviationsScreen)
            await until(pilot, lambda: deviations.reader.total > 20)
            await pilot.press("slash")
            await until(pilot, lambda: isinstance(pilot.app.focused, Input))
            await pilot.press(*"kind:value host:alder Essentials", "enter")
            await until(pilot, lambda: deviations.table.has_focus)
            await pilot.press("A")
            await until(pilot, lambda: bool(deviations.selection))
            await pilot.press("C")
            await answered(pilot, "Hand in a request for")
            await until(pilot, lambda: isinstance(pilot.app.screen, AskSaid))
            await pilot.press("tab", "tab", "tab", "tab", "tab", "enter")
            await until(pilot, lambda: "why?" in screen_text(pilot.app))
            await pilot.press(*"as agreed", "tab", "tab", "tab", "tab", "tab", "enter")
            await until(pilot, lambda: "Handed in 1 request" in screen_text(pilot.app))
            instances = fleet / "fleet" / "alder" / "instances"
            before = await asyncio.to_thread(_bytes_of, instances)

            await pilot.press("3")
            await until(pilot, lambda: isinstance(pilot.app.screen, ChangesScreen))
            changes = pilot.app.screen
            assert isinstance(changes, ChangesScreen)
            await until(pilot, lambda: [row.item.reason for row in changes.rows] == ["as agreed"])
            await pilot.press("p")
            words = "Cannot carry out: it is to approve: a approves it first"
            await until(pilot, lambda: words in screen_text(app))
            await pilot.press("a")
            await answered(pilot, "Approve 1 request?")
            await until(pilot, lambda: "Approved 1 request" in screen_text(pilot.app))
            await until(pilot, lambda: changes.rows[0].item.status.value == "approved")
            assert await asyncio.to_thread(_bytes_of, instances) == before
            await pilot.press("p")
            await answered(pilot, "Carry out 1 request?")
            await until(pilot, lambda: changes.rows[0].item.status.value == "applied")
            assert await asyncio.to_thread(_bytes_of, instances) != before

            await pilot.press("H")
            await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen))
            history = pilot.app.screen
            assert isinstance(history, HistoryScreen)
            await until(pilot, lambda: len(history.rows) == 4)
            assert [row.item.action for row in history.rows] == [
                "change.apply", "change.started", "change.approved", "change.submitted",
            ]  # fmt: skip
            await pilot.press("slash", *"what:apply", "enter")
            await until(pilot, lambda: len(history.rows) == 1)
            await pilot.press("R")
            await answered(pilot, "Roll back")
            await until(pilot, lambda: "Rolled back 1 change" in screen_text(pilot.app))
            assert await asyncio.to_thread(_bytes_of, instances) == before
            await pilot.press("escape", "escape")
            await until(pilot, lambda: isinstance(pilot.app.screen, ChangesScreen))


async def test_a_file_is_loaded_and_requests_are_approved_or_rejected_together(
    agent_of: AgentOf, tmp_path: Path
) -> None:
    agents = [await agent_of("alder"), await agent_of("birch")]
    file = tmp_path / "wishes" / "larger.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"reason": "from a file", "edits": []}), "utf-8")
    await asyncio.to_thread((file.parent / "torn.yaml").write_text, BROKEN, "utf-8")
    app = HomeampApp([agent.url for agent in agents], start="changes")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, lambda: "No change request yet" in screen_text(app))
        await pilot.press("L")
        await until(pilot, lambda: isinstance(pilot.app.screen, AskFile))
        await pilot.press(*"nowhere.json", "enter")
        await until(pilot, lambda: "nowhere.json: no such file" in screen_text(app))
        pilot.app.screen.query_one("#path", Input).value = "wishes/torn.yaml"
        await pilot.press("enter")
        # told once, where another file can be named, not by every host in a box of its own
        await until(pilot, lambda: "torn.yaml: line 1 is no YAML" in screen_text(app))
        assert isinstance(pilot.app.screen, AskFile)
        path = pilot.app.screen.query_one("#path", Input)
        assert path.value == "wishes/torn.yaml"
        path.value = ""
        await pilot.press(*"wish")
        for wanted in ("wishes/", "wishes/larger.json"):
            await until(pilot, lambda wanted=wanted: path._suggestion == wanted)  # type: ignore[misc]
            await pilot.press("tab")
            assert path.value == wanted
        await pilot.press("enter")
        await answered(pilot, "Hand in a request for 4 settings?")
        await until(pilot, lambda: isinstance(pilot.app.screen, AskSaid))
        assert pilot.app.screen.query_one("#reason", Input).value == "from a file"
        await pilot.press(*["tab"] * 5, "enter")
        await until(pilot, lambda: "Handed in 2 requests" in screen_text(app))
        (given,) = agents[0].script.mutations
        assert given[1].source == "file:larger.json"
        assert given[1].request == {"reason": "from a file", "write_policy": "now"}

        screen = pilot.app.screen
        assert isinstance(screen, ChangesScreen)
        await until(pilot, lambda: len(screen.rows) == 2)
        assert screen.current is not None
        assert screen.current.item.id == agents[0].script.changes[0].id
        await pilot.press("A", "a")
        await answered(pilot, "Approve 2 requests?")
        await until(pilot, lambda: "Approved 2 requests" in screen_text(app))
        assert [agent.script.mutations[-1][1].digest for agent in agents] == ["plan of 2"] * 2
        script = agents[1].script
        script.changes[0] = waiting_request(script, ChangeStatus.PENDING_APPROVAL)
        script.bus.emit(Topic.CHANGES, "updated", {"id": script.changes[0].id})
        await until(pilot, lambda: "? to approve" in screen_text(app))
        await pilot.press("A", "x")
        await until(pilot, lambda: isinstance(pilot.app.screen, AskWhy))
        await until(pilot, lambda: "Reject 1 request?" in screen_text(app))
        assert "Left alone: 1 change that cannot be rejected" in screen_text(app)
        await pilot.press(*"too early", "enter", "enter")
        await until(pilot, lambda: "Rejected 1 request." in screen_text(app))
        assert agents[1].script.mutations[-1][1].reason == "too early"
        assert agents[0].script.mutations[-1][0] == "changes.approve"


def _bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*.yml")
        if file.is_file()
    }


def test_a_path_is_completed_to_folders_and_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alpha").mkdir()
    for name in ("alpha/b.YAML", "alpha/a.txt", "alpha/.c.json"):
        (tmp_path / name).touch()
    assert completed("al") == "alpha/"
    assert completed(f"{tmp_path}/al") == f"{tmp_path}/alpha/"
    assert completed("alpha/") == "alpha/b.YAML"
    assert completed("alpha/.") == "alpha/.c.json"
    for text in ("", "x", "alpha/a", "nowhere/", "al\x00"):
        assert completed(text) is None


def test_what_is_no_text_file_is_never_taken(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "huge").write_bytes(b"x" * (1024 * 1024 + 1))
    for name, words in {
        "pipe": "no plain file", "noise": "no UTF-8", "huge": "more than", "none": "no such file",
        ".": "no plain file", "a\x00b": "no such name",
    }.items():  # fmt: skip
        with pytest.raises(NotReadable, match=words):
            read_text_file(f"{tmp_path}/{name}")
    (tmp_path / "good").write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_text_file(f"{tmp_path}/good").text == "a: 1\n"


def test_a_time_to_come_is_a_span_a_day_or_a_clock() -> None:
    assert clock_of("", NOON) is None
    assert clock_of("2h", NOON) == NOON + dt.timedelta(hours=2)
    assert clock_of("2027-01-31 03:00", NOON) == dt.datetime(2027, 1, 31, 3).astimezone()
    for text in ("soon", "2026-01-31 03:00", "2027-13-01 03:00", "at 3"):
        with pytest.raises(NotAMoment):
            clock_of(text, NOON)
