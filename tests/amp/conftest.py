"""A panel with one instance, DEV01, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.standin.game import Game
from tests.standin.panel import Panel
from tests.standin.serving import serving


@pytest.fixture
def panel() -> Iterator[Panel]:
    game = Game("DEV01", players=3, settings={"MinecraftModule.Minecraft.ServerMOTD": "hi"})
    panel = Panel({"DEV01": game})
    with serving(panel):
        yield panel
