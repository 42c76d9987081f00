"""What of the fleet is looked at: scope, one group, which statuses, in which order."""

from __future__ import annotations

import glob
from dataclasses import dataclass

from homeamp_agent.model.deviation import DeviationStatus
from homeamp_agent.model.query import DeviationFilter, DeviationsSort
from homeamp_tui.groups import Group
from homeamp_tui.rows import Query
from homeamp_tui.widgets.scope_tree import Place
from homeamp_tui.words import plain

OPEN_AND_REVIEWED = (
    DeviationStatus.PENDING,
    DeviationStatus.FLAGGED,
    DeviationStatus.FIXING,
    DeviationStatus.APPROVED,
    DeviationStatus.FIXED,
)

EVERYWHERE = Place()


@dataclass(frozen=True, slots=True)
class LookedAt:
    """One view of the deviations; the text of the `/` filter comes on top of it."""

    place: Place = EVERYWHERE
    group: Group | None = None
    reviewed: bool = False
    sort: DeviationsSort = DeviationsSort.SEVERITY

    @property
    def narrowed(self) -> bool:
        """Whether it leaves anything out that the filter text does not."""
        return self.place != EVERYWHERE or self.group is not None

    @property
    def next_sort(self) -> DeviationsSort:
        """The order after this one."""
        orders = list(DeviationsSort)
        return orders[(orders.index(self.sort) + 1) % len(orders)]

    def query(self, text: str) -> Query:
        """What to ask the agents, with the filter text."""
        place = self.place
        wanted = DeviationFilter(
            host=glob.escape(place.host) or None,
            instance=glob.escape(place.instance) or None,
            plugin=None if place.plugin is None else glob.escape(place.plugin),
            text=text or None,
            group=self.group.head.group if self.group else None,
            statuses=OPEN_AND_REVIEWED if self.reviewed else None,
        )
        return Query(wanted, self.sort)

    def words(self, *, grouped: bool) -> list[str]:
        """The view in a few words each, for a title."""
        said: list[str] = []
        if self.group is not None:
            said.append(f"of one group: {plain(self.group.head.key or '')}")
        if self.place != EVERYWHERE:
            place = self.place
            names = (place.host, place.instance, place.plugin or "game folder")
            shown = names[: 1 + bool(place.instance) + (place.plugin is not None)]
            said.append(" › ".join(map(plain, shown)))
        if not grouped:
            said.append(f"by {self.sort.value}")
        if self.reviewed:
            said.append("reviewed too")
        return said
