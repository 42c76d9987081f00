"""What is selected on the deviations screen: single rows, a range, all that the filter shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from homeamp_agent.model.deviation import Deviation
from homeamp_tui.choosing import Choice, Range, by_host, members_of
from homeamp_tui.groups import Group
from homeamp_tui.reader import DeviationsReader
from homeamp_tui.words import plural

SELECT_MAX = 10_000
"""What one bulk request may name."""


class TooMany(Exception):
    """More rows than one act takes; says so in one sentence."""


class Selection:
    """The chosen rows of a reader, with the range that grows from its start to the cursor."""

    def __init__(self, reader: DeviationsReader, cursor: Callable[[], int]) -> None:
        self._reader, self._cursor = reader, cursor
        self._choice = Choice()
        self._range: Range | None = None

    def __bool__(self) -> bool:
        return bool(self._choice) or self.ranging

    @property
    def ranging(self) -> bool:
        """Whether a range is in the making."""
        return self._range is not None

    def words(self) -> list[str]:
        """What a title says of it."""
        said = [f"{len(self._choice):,} selected"] if self else []
        return [*said, "RANGE: move, v keeps it"] if self.ranging else said

    def is_picked(self, index: int) -> bool:
        """Whether a row is painted as selected."""
        if self._range is not None:
            first, last = self._range.bounds(self._cursor())
            if first <= index < last:
                return True
        return self._choice.has(self._reader.row(index))

    def toggle(self) -> None:
        """Choose the row under the cursor, or let go of it."""
        self._choice.toggle(members_of(self._reader.row(self._cursor())))

    def clear(self) -> None:
        """Let go of every chosen row."""
        self._choice.clear()

    def begin_range(self) -> None:
        """Begin a range at the cursor, unless one is in the making."""
        if self._range is None:
            row = self._reader.row(self._cursor())
            self._range = Range(self._cursor(), key_of(row))

    def drop_range(self) -> None:
        """Forget the range in the making."""
        self._range = None

    def follow(self, moved: int) -> None:
        """Rows came or went: the cursor `moved` with its own, the range starts where its row is."""
        if self._range is not None:
            at = self._reader.index_of(self._range.key) if self._range.key else None
            self._range.follow(at, moved)

    async def keep_range(self) -> None:
        """The range in the making becomes chosen, with those of its rows that are not here.

        Raises:
            NotConnected, RpcError: as `Link.call`.
        """
        if self._range is not None:
            first, last = self._range.bounds(self._cursor())
            self._range = None
            self._choice.add(await self._reader.members(first, last))

    async def add_all(self) -> None:
        """Choose everything that the filter matches.

        Raises:
            TooMany: it matches more than one act takes.
            NotConnected, RpcError: as `Link.call`.
        """
        total = self._reader.total
        if self._reader.grouped:
            self._choice.add(await self._reader.members(0, total))
        elif total > SELECT_MAX:
            raise TooMany(
                f"{plural(total, 'row')} are more than one act takes ({SELECT_MAX:,}). "
                "Filter first."
            )
        else:
            self._choice.add(await self._reader.all_members())

    async def chosen(self) -> Mapping[str, Sequence[str]]:
        """The chosen ids by host, with the range; where nothing is, the row under the cursor.

        Raises:
            NotConnected, RpcError: as `Link.call`.
        """
        under_cursor = members_of(self._reader.row(self._cursor()))
        await self.keep_range()
        return self._choice.by_host() if self._choice else by_host(under_cursor)


def key_of(row: Deviation | Group | None) -> str | None:
    """What a row is told by: the id of a deviation, the name of a group."""
    if isinstance(row, Group):
        return row.head.group
    return row.id if row is not None else None
