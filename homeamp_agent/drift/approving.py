"""Which deviations are accepted: an approval fits exactly one value under one rule, for a time."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from homeamp_agent.baselines.approvals import Approval
from homeamp_agent.model.deviation import Deviation, DeviationStatus
from homeamp_agent.model.snapshot import InstanceSnapshot


def approved(
    deviations: Iterable[Deviation],
    approvals: Sequence[Approval],
    snapshots: Mapping[str, InstanceSnapshot],
    now: dt.datetime,
) -> list[Deviation]:
    """The deviations, those that an approval covers today marked so with who, when and why."""
    by_place: dict[tuple[str, str | None], list[Approval]] = defaultdict(list)
    for approval in approvals:
        by_place[approval.kind.value, approval.file].append(approval)
    marked: list[Deviation] = []
    for deviation in deviations:
        candidates = by_place.get((deviation.kind.value, deviation.file), ())
        snapshot = snapshots.get(deviation.instance)
        tags = snapshot.instance.tags if snapshot is not None else ()
        covering = next((each for each in candidates if each.covers(deviation, tags, now)), None)
        marked.append(deviation if covering is None else _marked(deviation, covering))
    return marked


def covered(
    approvals: Iterable[Approval],
    deviations: Iterable[Deviation],
    snapshots: Mapping[str, InstanceSnapshot],
    now: dt.datetime,
) -> dict[str, list[str]]:
    """By approval, the ids of the deviations that it covers today; none where it covers nothing."""
    by_place: dict[tuple[str, str | None], list[Deviation]] = defaultdict(list)
    for deviation in deviations:
        by_place[deviation.kind.value, deviation.file].append(deviation)
    tags = {name: snapshot.instance.tags for name, snapshot in snapshots.items()}
    return {
        approval.id: [
            each.id
            for each in by_place.get((approval.kind.value, approval.file), ())
            if approval.covers(each, tags.get(each.instance, ()), now)
        ]
        for approval in approvals
    }


def _marked(deviation: Deviation, approval: Approval) -> Deviation:
    return deviation.model_copy(
        update={
            "status": DeviationStatus.APPROVED,
            "reviewed_by": approval.by or None,
            "reviewed_at": approval.at,
            "review_reason": approval.reason or None,
            "expires": approval.expires,
        }
    )
