"""Looking after a restart, where what is to be told cannot be told."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from homeamp_agent.amp.restarts import Restart
from homeamp_agent.model.change import Reverted
from homeamp_agent.rpc.after_restart import AfterRestart, _reason
from homeamp_agent.rpc.rooms import Rooms
from homeamp_agent.store import StoreError

NOTHING: dict[str, Any] = dict.fromkeys(set(Rooms.__dataclass_fields__) - {"_later"})
RESTART = Restart("SURV01", None, datetime.now(UTC))


async def test_what_cannot_be_told_everywhere_ends_neither_the_look_nor_the_restart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def full(change_id: str) -> Any:
        raise StoreError("homeamp.db: database or disk is full")

    keeping = SimpleNamespace(look=lambda *_: ["c-1", "c-2"])
    rooms: Any = SimpleNamespace(
        changes=lambda: SimpleNamespace(keeping=keeping), desk=SimpleNamespace(show=full)
    )
    assert await AfterRestart(rooms, 0).look(RESTART) == ["c-1", "c-2"]
    assert caplog.messages == [
        f"{each}: not told everywhere: homeamp.db: database or disk is full"
        for each in ("c-1", "c-2")
    ]


async def test_work_after_a_reply_that_fails_is_one_line_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)

    async def fails() -> None:
        raise RuntimeError("hunter2")

    rooms = Rooms(**NOTHING)
    rooms.later(fails())
    await asyncio.wait(rooms._later, timeout=60)
    assert not rooms._later
    (line,) = caplog.messages
    assert line.startswith("what was begun after a reply failed: RuntimeError at ")
    assert "hunter2" not in line


def test_a_huge_value_is_not_repeated_in_the_reason_of_a_review() -> None:
    setting = Reverted(instance="A", file="f", path=("a",), wanted="x" * 10_000, found="y" * 10_000)
    assert len(_reason(setting, "c-1")) < 600
