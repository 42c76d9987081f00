"""What a person has chosen: deviations by id, with the host whose agent is to be asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Choice:
    """Chosen deviations, by host; survives every change of the rows on screen."""

    _hosts: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._hosts)

    def __contains__(self, identity: object) -> bool:
        return identity in self._hosts

    def toggle(self, members: Iterable[tuple[str, str]]) -> None:
        """Choose these (id, host), or let go of them where all are chosen already."""
        rows = list(members)
        if all(identity in self._hosts for identity, _ in rows):
            for identity, _ in rows:
                self._hosts.pop(identity, None)
        else:
            self.add(rows)

    def add(self, members: Iterable[tuple[str, str]]) -> None:
        """Choose these (id, host) as well."""
        self._hosts.update(members)

    def clear(self) -> None:
        """Let go of everything."""
        self._hosts.clear()

    def by_host(self) -> dict[str, list[str]]:
        """The chosen ids of each host."""
        return by_host(self._hosts.items())


def by_host(members: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """(id, host) pairs as ids of each host, in their order."""
    found: dict[str, list[str]] = {}
    for identity, host in members:
        found.setdefault(host, []).append(identity)
    return found
