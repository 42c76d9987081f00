"""What a person has chosen: deviations by id, with the host whose agent is to be asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from homeamp_agent.model.deviation import Deviation
from homeamp_tui.groups import Group

Member = tuple[str, str]
"""(id, host) of a deviation."""


@dataclass(slots=True)
class Choice:
    """Chosen deviations, by host; survives every change of the rows on screen."""

    _hosts: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._hosts)

    def __contains__(self, identity: object) -> bool:
        return identity in self._hosts

    def has(self, row: Deviation | Group | None) -> bool:
        """Whether a row, or every member of a group, is chosen."""
        members = members_of(row)
        return bool(members) and all(identity in self._hosts for identity, _ in members)

    def toggle(self, members: Iterable[Member]) -> None:
        """Choose these, or let go of them where all are chosen already."""
        rows = list(members)
        if all(identity in self._hosts for identity, _ in rows):
            for identity, _ in rows:
                self._hosts.pop(identity, None)
        else:
            self.add(rows)

    def add(self, members: Iterable[Member]) -> None:
        """Choose these as well."""
        self._hosts.update(members)

    def clear(self) -> None:
        """Let go of everything."""
        self._hosts.clear()

    def by_host(self) -> dict[str, list[str]]:
        """The chosen ids of each host."""
        return by_host(self._hosts.items())


@dataclass(slots=True)
class Range:
    """A range in the making, from the row where it began to the cursor.

    `key` is that row's: rows come and go above it meanwhile, so its index alone would drift.
    """

    start: int
    key: str | None

    def bounds(self, cursor: int) -> tuple[int, int]:
        """First row, and one past the last."""
        low, high = sorted((self.start, cursor))
        return low, high + 1

    def follow(self, at: int | None, moved: int) -> None:
        """Its row stands at `at` now; where that is not known, it `moved` as the cursor did."""
        self.start = max(0, self.start + moved) if at is None else at


def members_of(row: Deviation | Group | None) -> tuple[Member, ...]:
    """The deviations of one line: itself, or all of its group."""
    if isinstance(row, Group):
        return row.members
    return ((row.id, row.host),) if row is not None else ()


def by_host(members: Iterable[Member]) -> dict[str, list[str]]:
    """(id, host) pairs as ids of each host, in their order."""
    found: dict[str, list[str]] = {}
    for identity, host in members:
        found.setdefault(host, []).append(identity)
    return found
