"""A question about more than fits on the screen."""

from __future__ import annotations

import asyncio

import pytest
from textual.app import App
from textual.content import Content

from homeamp_agent.model.change import FilePlan, Plan
from homeamp_agent.rpc.protocol.messages import ChangesPreviewResult
from homeamp_tui.app import HOUSE_CSS
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.dialogs.dialog import DIALOG_CSS
from homeamp_tui.plans import plan_summary
from homeamp_tui.theme import DARK
from homeamp_tui.widgets.diff_view import diff_lines
from tests.tui.driving import cancel_focused, screen_text, until

LINES = 5_000
DIFF = "--- a\n+++ b\n@@ -1,1 +1,5000 @@\n" + "".join(f"+key{at}: 1\n" for at in range(LINES))


class Asking(App[None]):
    CSS = HOUSE_CSS + DIALOG_CSS

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name

    def on_mount(self) -> None:
        summary = Content("\n".join(f"line {at}" for at in range(9)))
        self.push_screen(Confirm("Approve it?", summary, diff_lines(DIFF), "Approve"))


@pytest.mark.parametrize("size", [(80, 24), (132, 40), (60, 18)])
async def test_the_answers_are_to_be_seen_below_any_summary_and_any_number_of_lines(
    size: tuple[int, int],
) -> None:
    async with Asking().run_test(size=size) as pilot:
        await cancel_focused(pilot)
        await until(pilot, lambda: "Cancel" in screen_text(pilot.app))
        assert "Approve  " in screen_text(pilot.app)
        await pilot.press("G")  # also while the focus is on a button
        await until(pilot, lambda: f"key{LINES - 1}: 1" in screen_text(pilot.app))
        await pilot.press("g")
        await until(pilot, lambda: "key0: 1" in screen_text(pilot.app))
        await pilot.resize_terminal(80, 20)
        await until(pilot, lambda: "Cancel" in screen_text(pilot.app))


def test_a_summary_names_an_instance_once_however_many_requests_restart_it() -> None:
    file = FilePlan(
        instance="EVT01", file="config.yml", before_sha256="a", after_sha256="b", diff="", edits=()
    )
    names = tuple(f"INST{at:02}" for at in range(20))
    preview = ChangesPreviewResult(
        plan=Plan(digest="d", files=(file,), refused=(), restarts=("EVT01",)), skipped=()
    )
    wide = preview.model_copy(update={"plan": preview.plan.model_copy(update={"restarts": names})})
    text = plan_summary([("birch", preview)] * 3).plain
    assert text.count("EVT01") == 1
    assert "in 1 file on 1 instance" in text
    assert plan_summary([("birch", wide)]).plain.endswith("INST11 and 8 more")


async def test_nothing_is_said_of_what_is_answered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from homeamp_tui import asking

    told: list[str] = []
    said = asyncio.Event()

    class Waits:
        def wait_begun(self, mark: object, words: str) -> None:
            told.append(words)
            said.set()

        def wait_ended(self, mark: object) -> None:
            told.append("ended")

    monkeypatch.setattr(asking, "WONDER_SECONDS", 0.01)
    with asking.waiting(Waits(), "at once"):  # type: ignore[arg-type]
        pass
    assert told == ["ended"]
    with asking.waiting(Waits(), "birch: plan it"):  # type: ignore[arg-type]
        await asyncio.wait_for(said.wait(), 5)
    assert told == ["ended", "birch: plan it", "ended"]
