"""What decisions about deviations share: how far they reach, and what the audit log hears."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from homeamp_agent.model.deviation import Deviation, DeviationStatus
from homeamp_agent.model.rule import Scope, ScopeKind
from homeamp_agent.rpc.rooms import Rooms
from homeamp_agent.store import get_deviations

OPEN_TO_REVIEW = frozenset({DeviationStatus.PENDING, DeviationStatus.FLAGGED})

SETTINGS_OF_A_LINE = 1000
"""A line of the log names as many; of a larger decision it tells the number."""


def scope_of(
    rooms: Rooms, kind: ScopeKind, target: str | None, deviation: Deviation
) -> Scope | str:
    """How far a decision about the deviation reaches, or why it cannot; `target`: the tag."""
    match kind:
        case ScopeKind.GLOBAL:
            return Scope()
        case ScopeKind.HOST:
            return Scope(kind=ScopeKind.HOST, target=deviation.host)
        case ScopeKind.INSTANCE:
            return Scope(kind=ScopeKind.INSTANCE, target=f"{deviation.host}/{deviation.instance}")
        case ScopeKind.TAG:
            snapshot = rooms.drift.snapshots.get(deviation.instance)
            tags = snapshot.instance.tags if snapshot is not None else ()
            if target not in tags:
                return f"{deviation.instance} has no tag {target or '(none given)'}"
            return Scope(kind=ScopeKind.TAG, target=target)


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


async def note_revoked(rooms: Rooms, ids: Sequence[str], who: str, reason: str) -> None:
    """Write one line for all decisions that were taken back together."""
    await asyncio.to_thread(
        rooms.changes().audit.append,
        who=who,
        action="rule.revoked",
        subject=ids[0] if len(ids) == 1 else f"{len(ids):,} decisions",
        reason=reason,
    )
