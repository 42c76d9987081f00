"""Making replies fit: real files hold values of 572 KB, and a reply holds 1 MiB.

Long texts are cut with a note of what is left out; what is masked stays masked.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate
from typing import Any, TypeVar

from pydantic import BaseModel

from homeamp_agent.model.change import ChangeRequest, Plan, RollbackConflict
from homeamp_agent.model.deviation import Deviation, DeviationGroup
from homeamp_agent.rpc.protocol import REPLY_LIMIT_BYTES
from homeamp_agent.rpc.protocol.errors import InvalidParams

ROW_VALUE_CHARACTERS = 2_000
"""Of a value in a list: more than any screen shows."""

WHOLE_VALUE_CHARACTERS = 100_000
"""Of a value shown by itself."""

ROOM_BYTES = REPLY_LIMIT_BYTES - 64 * 1024
"""For what a reply carries beside its envelope and its smaller fields."""

SHORTEST_DIFF_CHARACTERS = 200

CURSOR_DIGITS = 12
"""No list in memory has more rows."""

Page = TypeVar("Page", bound=BaseModel)
Row = TypeVar("Row", Deviation, DeviationGroup)
Told = TypeVar("Told", Plan, ChangeRequest)
Word = TypeVar("Word", bound=BaseModel)


async def page_that_fits(limit: int, page: Callable[[int], Awaitable[Page]]) -> Page:
    """The page with as many rows up to `limit` as fit; halves until it does."""
    while True:
        made = await page(limit)
        if limit == 1 or size_of(made) <= ROOM_BYTES:
            return made
        limit = max(1, limit // 2)


def place_after(cursor: str | None, ids: Sequence[str]) -> int:
    """Where the page after `cursor`, the id of an earlier page's last row, begins.

    Raises:
        InvalidParams: no list gave that cursor.
    """
    if cursor is None:
        return 0
    if cursor not in ids:
        raise InvalidParams("cursor: is not one that a list gave")
    return ids.index(cursor) + 1


def offset_of(cursor: str | None, offset: int | None = None) -> int:
    """The row that a window of a list in memory begins with: an offset, or a cursor that is one.

    Raises:
        InvalidParams: a cursor that no list gave.
    """
    if offset is not None or cursor is None:
        return offset or 0
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > CURSOR_DIGITS:
        raise InvalidParams("the cursor is not one that a list gave")
    return int(cursor)


def next_cursor(end: int, total: int) -> str | None:
    """The cursor of the window after one that ends before row `end`; None: nothing follows."""
    return str(end) if end < total else None


def size_of(model: BaseModel) -> int:
    """Bytes of the model as JSON, or what they would be at the most where it holds odd text."""
    try:
        return len(model.model_dump_json().encode())
    except ValueError:
        return len(json.dumps(model.model_dump(mode="python"), default=str))


def short_values(row: Row, characters: int = ROW_VALUE_CHARACTERS) -> Row:
    """The row with values cut to a length."""
    expected, actual = clipped(row.expected, characters), clipped(row.actual, characters)
    if expected is row.expected and actual is row.actual:
        return row
    return row.model_copy(update={"expected": expected, "actual": actual})


def clipped(value: Any, characters: int) -> Any:
    """A value whose text is longer is cut, with a note; lists and mappings become their text."""
    text = value if isinstance(value, str) else None
    if isinstance(value, (list, tuple, dict)):
        text = json.dumps(value, ensure_ascii=False, default=str)
    if text is None or len(text) <= characters:
        return value
    return f"{text[:characters]}… ({len(text) - characters:,} more characters)"


def fitted_plan(plan: Plan, room: int = ROOM_BYTES) -> Plan:
    """The plan with its diffs cut so that it fits, and more left out if it still does not."""
    fitted = _with_cut_diffs(plan, room)
    if size_of(fitted) <= room:
        return fitted
    bare = tuple(each.model_copy(update={"edits": ()}) for each in fitted.files)
    return _shortened(fitted.model_copy(update={"files": bare}), room)


def fitted_diff(diff: str) -> str:
    """A diff cut to what one reply holds."""
    return _cut([diff], ROOM_BYTES)[0]


def fitted_change(change: ChangeRequest, room: int = ROOM_BYTES) -> ChangeRequest:
    """The change request with its diffs cut so that it fits, and more left out if need be."""
    fitted = _with_cut_diffs(change, room)
    if size_of(fitted) <= room:
        return fitted
    return _shortened(fitted.model_copy(update={"edits": ()}), room)


def fitted_conflicts(
    conflicts: Sequence[RollbackConflict], room: int
) -> tuple[RollbackConflict, ...]:
    """The conflicts, without the texts of their three sides where these do not fit."""
    if sum(map(size_of, conflicts)) <= room:
        return tuple(conflicts)
    bare = [each.model_copy(update={"before": "", "ours": "", "theirs": ""}) for each in conflicts]
    return _first_of(bare, room)


def _with_cut_diffs(told: Told, room: int) -> Told:
    diffs = [each.diff for each in told.files]
    room_for_diffs = max(room - size_of(told) + sum(len(json.dumps(each)) for each in diffs), 0)
    files = tuple(
        each.model_copy(update={"diff": diff})
        for each, diff in zip(told.files, _cut(diffs, room_for_diffs), strict=True)
    )
    return told.model_copy(update={"files": files})


def _shortened(told: Told, room: int) -> Told:
    """The first of the refused edits and of the files, as many as fit; how many more there are."""
    if size_of(told) <= room:
        return told
    left = room - size_of(told.model_copy(update={"files": (), "refused": ()}))
    refused = _first_of(told.refused, left // 2)
    files = _first_of(told.files, left - sum(map(size_of, refused)) - len(refused))
    left_out = len(told.refused) - len(refused) + len(told.files) - len(files)
    return told.model_copy(update={"files": files, "refused": refused, "left_out": left_out})


def _first_of(rows: Sequence[Word], room: int) -> tuple[Word, ...]:
    """As many rows from the first on as have this many bytes together, a comma each."""
    sizes = accumulate(size_of(each) + 1 for each in rows)
    return tuple(row for row, size in zip(rows, sizes, strict=True) if size <= room)


def _cut(diffs: list[str], room: int) -> list[str]:
    """Diffs cut to a common length, so that their JSON fits into `room`; short ones stay whole."""
    longest = max((len(diff) for diff in diffs), default=0)
    while longest > SHORTEST_DIFF_CHARACTERS:
        cut = [_cut_diff(diff, longest) for diff in diffs]
        if sum(len(json.dumps(diff)) for diff in cut) <= room:
            return cut
        longest //= 2
    return [_cut_diff(diff, SHORTEST_DIFF_CHARACTERS) for diff in diffs]


def _cut_diff(diff: str, characters: int) -> str:
    if len(diff) <= characters:
        return diff
    kept = diff[:characters].rpartition("\n")[0]
    left_out = diff.count("\n") - kept.count("\n")
    return f"{kept}\n… ({left_out:,} more lines)\n"
