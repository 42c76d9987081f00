"""What the deviations hear of a change: being fixed, fixed, or back as they were."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from homeamp_agent.model.change import ChangeRequest
from homeamp_agent.model.deviation import Deviation, DeviationStatus
from homeamp_agent.model.event import Topic
from homeamp_agent.rpc.events import EventBus
from homeamp_agent.rpc.methods.deviations import tell_updated
from homeamp_agent.rpc.rooms import Rooms
from homeamp_agent.store import Review, review

_FIXING = frozenset({DeviationStatus.FIXING})


async def mark_fixing(
    rooms: Rooms, ids: Sequence[str], change_id: str, actor: str, reason: str
) -> None:
    """Say which change is about to fix them: once it writes, a scan may find them gone at any time
    and close them as they are."""
    decision = Review(DeviationStatus.FIXING, actor=actor, reason=reason, change_id=change_id)
    await review(rooms.store, ids, decision, datetime.now(UTC))
    await tell_updated(rooms, ids)


async def unmark(rooms: Rooms, before: Iterable[Deviation], reason: str) -> None:
    """Give those that are still being fixed their earlier status back."""
    alike: dict[tuple[object, ...], list[Deviation]] = defaultdict(list)
    for each in before:
        alike[each.status, each.reviewed_by, repr(each.replacement)].append(each)
    changed: list[str] = []
    for deviations in alike.values():
        first = deviations[0]
        decision = Review(
            first.status,
            actor=first.reviewed_by,
            reason=reason,
            replacement=first.replacement,
            from_statuses=_FIXING,
        )
        ids = [each.id for each in deviations]
        done = await review(rooms.store, ids, decision, datetime.now(UTC))
        changed += [each.id for each in done.changed]
    if changed:
        await tell_updated(rooms, changed)


async def settle(rooms: Rooms, change: ChangeRequest, before: Iterable[Deviation]) -> None:
    """After a change or its rollback: look at its files again, and tell."""
    await rooms.desk.over(change)
    await rooms.drift.reread([(each.instance, each.file) for each in change.files])
    await unmark(rooms, before, change.message or "it is still not as expected")
    tell_change(rooms.bus, change)


def tell_change(bus: EventBus, change: ChangeRequest) -> None:
    """Tell the subscribers where a change stands."""
    progress = None if change.progress is None else change.progress.model_dump()
    body = {"id": change.id, "status": change.status.value, "reason": change.reason}
    bus.emit(Topic.CHANGES, "updated", {**body, "progress": progress})
