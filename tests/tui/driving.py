"""Driving the app in tests: waiting for what is to be seen, and reading the screen as text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual.app import App
from textual.pilot import Pilot

BOUND_SECONDS = 60.0
"""A bound on everything that is awaited, generous for a busy machine."""
LOOK_SECONDS = 0.02


async def until(pilot: Pilot[Any], true: Callable[[], bool]) -> None:
    """Let the app go on until something is so; with the screen in the failure if it never is."""
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            while not true():
                await pilot.pause(LOOK_SECONDS)
    except TimeoutError:
        raise AssertionError(f"never so; the screen:\n{screen_text(pilot.app)}") from None


async def cancel_focused(pilot: Pilot[Any]) -> None:
    """A question begins on its Cancel."""
    await until(pilot, lambda: getattr(pilot.app.focused, "id", None) == "cancel")


def screen_text(app: App[Any]) -> str:
    """What stands on the screen, line by line, without colours."""
    width, height = app.size
    strips = app.screen._compositor.render_strips(app.size)
    lines = [strip.crop(0, width).text.rstrip() for strip in strips[:height]]
    return "\n".join(lines)
