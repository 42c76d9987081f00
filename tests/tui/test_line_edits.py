"""Line edits from the dashboard: from an unreadable file's row, and from a request's refusal."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from textual.widgets import Input

from homeamp_agent.model.change import ChangeStatus, Plan
from homeamp_tui.app import HomeampApp
from homeamp_tui.demo import demo_fleet
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.dialogs.file import AskFile
from homeamp_tui.dialogs.handing_in import AskSaid
from homeamp_tui.dialogs.line_edit import AskLine, LineWish
from homeamp_tui.line_editing import LineEditing
from homeamp_tui.links import Link, NotConnected
from homeamp_tui.screens.changes import ChangesScreen
from homeamp_tui.screens.deviations import DeviationsScreen
from tests import forked
from tests.tui.driving import cancel_focused, screen_text, until

SIZE = (80, 24)
CONFIG = "fleet/alder/instances/SURV01/Minecraft/plugins/Essentials/config.yml"


async def test_an_unreadable_file_is_mended_with_f_and_undone_and_a_refusal_offers_the_same(
    tmp_path: Path,
) -> None:
    async with demo_fleet(forked.starter) as (agents, fleet):
        file = fleet / CONFIG
        good = file.read_text("utf-8")
        broken = good.replace("ops-name-color: 'none'", "ops-name-color: %four%")
        assert broken != good
        app = HomeampApp([f"unix:{agent.socket}" for agent in agents], start="deviations")
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            deviations = pilot.app.screen
            assert isinstance(deviations, DeviationsScreen)
            await until(pilot, lambda: deviations.reader.total > 20)
            file.write_text(broken, "utf-8")
            deviations.filter_by("kind:unreadable Essentials/config")
            await until(pilot, lambda: deviations.reader.total == 1)
            await until(pilot, lambda: "LINE EDIT" in screen_text(app))
            assert "+ ops-name-color: '%four%'" in screen_text(app)

            await pilot.press("g")  # also as a group of one
            await until(pilot, lambda: "1 group" in screen_text(app))
            await pilot.press("f")
            await until(pilot, lambda: isinstance(app.screen, AskLine))
            await pilot.press("escape", "g")
            await until(pilot, lambda: "1 group" not in screen_text(app))
            await until(pilot, lambda: deviations.reader.total == 1)
            await pilot.press("f")
            await until(pilot, lambda: isinstance(app.screen, AskLine))
            await until(pilot, lambda: "ops-name-color: %four%" in screen_text(app))
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            await until(pilot, lambda: "- ops-name-color" in screen_text(app))
            told = screen_text(app)
            assert "- ops-name-color: %four%" in told and "+ ops-name-color: '%four%'" in told
            assert "UNPROVEN line edit: reading stops at line 7, column 17" in told
            assert "then the file can be read" in told
            await cancel_focused(pilot)
            await pilot.press("tab", "enter")
            await until(pilot, lambda: "Wrote line 7." in screen_text(app))
            assert file.read_text("utf-8") == broken.replace("%four%", "'%four%'")
            deviations.filter_by("instance:SURV01 Essentials/config kind:value")
            await until(pilot, lambda: deviations.reader.total > 0)
            await pilot.press("z")
            await until(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press("tab", "enter")
            await until(pilot, lambda: file.read_text("utf-8") == broken)

            wishes = tmp_path / "wishes.json"
            edit = {"plugin": "Essentials", "file": "config.yml", "path": ["ops-name-color"],
                    "new": "none", "instances": ["SURV01"]}  # fmt: skip
            wishes.write_text(json.dumps({"reason": "colours", "edits": [edit]}), "utf-8")
            await pilot.press("3")
            await until(pilot, lambda: isinstance(app.screen, ChangesScreen))
            await pilot.press("L")
            await until(pilot, lambda: isinstance(app.screen, AskFile))
            app.screen.query_one("#path", Input).value = str(wishes)
            await pilot.press("enter")
            await until(pilot, lambda: "it could be ops-name-color: none" in screen_text(app))
            await pilot.press("e")
            await until(pilot, lambda: "1 line edit, unproven" in screen_text(app))
            await until(pilot, lambda: "+ ops-name-color: none" in screen_text(app))
            await pilot.press("tab", "enter")
            await until(pilot, lambda: isinstance(app.screen, AskSaid))
            await pilot.press(*["tab"] * 5, "enter")
            await until(pilot, lambda: "Handed in 1 request" in screen_text(app))
            assert file.read_text("utf-8") == broken


async def test_a_line_edit_that_was_handed_in_is_told_of_where_the_agent_goes_away_then() -> None:
    row = SimpleNamespace(host="alder", instance="SURV01", file="config.yml", message="no YAML")
    change = SimpleNamespace(id="c1", status=ChangeStatus.PENDING_APPROVAL)
    answers: list[Any] = [LineWish(("spawn",), "1"), True]
    told: list[tuple[str, str]] = []

    class GoesAway(Link):
        async def call(self, *_: Any) -> Any:
            return SimpleNamespace(deviation=row, mending=None)

        async def mutate(self, method: str, *_: Any) -> Any:
            if method == "changes.submit":
                return SimpleNamespace(change=change, plan=Plan(digest="0" * 64))
            raise NotConnected("the agent closed the connection")

    async def answered(_: object) -> Any:
        return answers.pop(0)

    app = SimpleNamespace(
        push_screen_wait=answered,
        tell_wrong=lambda title, words: told.append((title, words)),
        wait_ended=lambda _: None,
        wait_begun=lambda *_: None,
    )
    editing = LineEditing(cast("HomeampApp", app))
    assert not await editing.edit(GoesAway("unix:/x"), "d1")
    assert told == [
        ("Handed in, not written yet", "the agent closed the connection\n\n3: the changes")
    ]
