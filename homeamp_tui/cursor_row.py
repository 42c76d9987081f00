"""The row that the cursor stands on, while rows come and go above it."""

from __future__ import annotations

from collections.abc import Callable


class CursorRow:
    """Which row the cursor was last seen on, and where that was.

    Until somebody moves, the cursor is not held by a row: it stays on the worst one, whichever host
    that comes from.
    """

    def __init__(self) -> None:
        self._key: str | None = None
        self._at = 0  # a key pressed since may have moved the cursor on
        self._held = False

    def hold(self) -> None:
        """From now on the cursor goes where its row goes."""
        self._held = True

    def stand_on(self, key: str | None, at: int) -> bool:
        """The cursor is on this row, at this index; whether it is another than before."""
        another = key != self._key
        self._key, self._at = key, at
        return another

    def moved(self, index_of: Callable[[str], int | None]) -> int:
        """By how many rows its row moved; 0 too where it is not held, or its row is not here."""
        at = index_of(self._key) if self._key and self._held else None
        return 0 if at is None else at - self._at
