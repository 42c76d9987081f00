"""Draws docs/dashboard.svg from the real app on the demo fleet: `python docs/screenshot.py`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from homeamp_tui.app import HomeampApp
from homeamp_tui.demo import demo_fleet
from homeamp_tui.screens.deviations import DeviationsScreen

PICTURE = Path(__file__).with_name("dashboard.svg")
CELLS = (132, 36)
BOUND_SECONDS = 60
PLANTED = 86
"""Open deviations of the demo, both hosts together."""


async def main() -> None:
    """Open the dashboard on the demo, wait until it shows everything, and take its picture."""
    async with demo_fleet() as (agents, _):
        urls = [f"unix:{agent.socket}" for agent in agents]
        app = HomeampApp(urls, start="deviations")
        async with app.run_test(size=CELLS) as pilot, asyncio.timeout(BOUND_SECONDS):
            screen = app.screen
            while not (isinstance(screen, DeviationsScreen) and screen.reader.total == PLANTED):
                await pilot.pause(0.2)
                screen = app.screen
            for _ in range(10):
                await pilot.press("j")
            await pilot.pause(1)
            PICTURE.write_text(app.export_screenshot(title="homeamp"), "utf-8")


if __name__ == "__main__":
    asyncio.run(main())
