"""What the audit log hears of decisions about deviations: who, which, why."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from homeamp_agent.rpc.rooms import Rooms
from homeamp_agent.store import get_deviations

SETTINGS_OF_A_LINE = 1000
"""A line of the log names as many; of a larger decision it tells the number."""


async def note_decision(rooms: Rooms, act: str, ids: Sequence[str], who: str, reason: str) -> None:
    """Write one line for all deviations that were approved, flagged or reopened together."""
    if not ids:
        return
    known = await get_deviations(rooms.store, ids[:SETTINGS_OF_A_LINE])
    settings = [
        {
            "instance": each.instance,
            "plugin": each.plugin,
            "file": each.file,
            "key": each.key,
            "path": each.path,
        }
        for each in known.values()
    ]
    await asyncio.to_thread(
        rooms.changes().audit.append,
        who=who,
        action=f"deviation.{act}",
        subject=ids[0] if len(ids) == 1 else f"{len(ids):,} deviations",
        reason=reason,
        settings=settings,
    )
