from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.fleet import Fleet, fleet_at


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    """The demo host `alder` with the real agent on it."""
    async with fleet_at(tmp_path, by_itself=True) as fleet:
        yield fleet
