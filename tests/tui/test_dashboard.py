"""The dashboard on the demo fleet, with real agents behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from homeamp_agent.model.deviation import Deviation
from homeamp_tui.app import HomeampApp
from homeamp_tui.demo import DemoAgent, demo_fleet
from homeamp_tui.links import LinkState
from homeamp_tui.screens.ask import Confirm
from homeamp_tui.screens.deviations import DeviationsScreen

BOUND_SECONDS = 60


@pytest.fixture
async def demo() -> AsyncIterator[tuple[list[DemoAgent], Path]]:
    async with demo_fleet() as running:
        yield running


async def until(pilot: Pilot[None], true: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        while not true():
            await pilot.pause(0.05)


async def opened(pilot: Pilot[None], agents: list[DemoAgent]) -> DeviationsScreen:
    """The deviations screen, once every agent's first scan is shown."""
    app = pilot.app
    assert isinstance(app, HomeampApp)
    await until(pilot, lambda: isinstance(app.screen, DeviationsScreen))
    screen = app.screen
    assert isinstance(screen, DeviationsScreen)
    await until(pilot, lambda: screen.rows.total == 86)
    assert len(app.links) == len(agents)
    return screen


def dashboard(agents: list[DemoAgent], *, read_only: bool = False) -> HomeampApp:
    return HomeampApp([f"unix:{agent.socket}" for agent in agents], read_only=read_only)


async def find(pilot: Pilot[None], screen: DeviationsScreen, text: str) -> Deviation:
    await pilot.press("slash", *text, "enter")
    await until(pilot, lambda: screen.rows.total == 1 and screen.chosen() != [])
    return screen.chosen()[0]


async def test_the_planted_deviations_of_both_hosts_are_shown(
    demo: tuple[list[DemoAgent], Path],
) -> None:
    agents, _ = demo
    async with dashboard(agents).run_test(size=(140, 45)) as pilot:
        screen = await opened(pilot, agents)
        row = screen.rows.row(0)
        assert row is not None
        assert row.severity.value == "critical"


async def test_a_fix_shows_its_diff_asks_with_cancel_first_and_is_undone_byte_for_byte(
    demo: tuple[list[DemoAgent], Path],
) -> None:
    agents, fleet = demo
    async with dashboard(agents).run_test(size=(140, 45)) as pilot:
        screen = await opened(pilot, agents)
        row = await find(pilot, screen, "auto-op")
        game = fleet / "fleet" / row.host / "instances" / row.instance / "Minecraft"
        file = game / str(row.file)
        before = file.read_bytes()

        await pilot.press("f")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        assert pilot.app.focused is not None
        assert pilot.app.focused.id == "cancel"
        shown = str(pilot.app.screen.query_one("#confirm-body", Static).render())
        assert "-auto-op: true" in shown
        assert "+auto-op: false" in shown
        assert file.read_bytes() == before
        await pilot.press("tab", "enter")
        await until(pilot, lambda: file.read_bytes() == before.replace(
            b"\nauto-op: true", b"\nauto-op: false"))  # fmt: skip
        await until(pilot, lambda: screen.rows.total == 0)

        await pilot.press("u")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: file.read_bytes() == before)
        await until(pilot, lambda: screen.rows.total == 1)


async def test_a_lost_agent_is_told_and_comes_back_by_itself(
    demo: tuple[list[DemoAgent], Path],
) -> None:
    agents, _ = demo
    async with dashboard(agents).run_test(size=(80, 24)) as pilot:
        await opened(pilot, agents)
        app = pilot.app
        assert isinstance(app, HomeampApp)
        link = app.links[0]
        agents[0].process.kill()
        agents[0].process.wait()
        await until(pilot, lambda: link.state is LinkState.LOST)
        assert "lost" in str(app.screen.query_one("#banner", Static).render())
        assert app.links[1].state is LinkState.CONNECTED


async def test_read_only_greys_out_what_changes_anything(
    demo: tuple[list[DemoAgent], Path],
) -> None:
    agents, _ = demo
    async with dashboard(agents, read_only=True).run_test(size=(140, 45)) as pilot:
        screen = await opened(pilot, agents)
        assert screen.check_action("fix", ()) is None
        assert screen.check_action("filter", ()) is True
        await pilot.press("f")
        await pilot.pause()
        assert isinstance(pilot.app.screen, DeviationsScreen)
