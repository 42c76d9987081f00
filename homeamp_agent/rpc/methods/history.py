"""`changes.history`: who did what, when, why, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache, partial

from homeamp_agent.changes.acts import EDITS_KEPT, Acts
from homeamp_agent.changes.errors import AuditError
from homeamp_agent.model.change import Edit
from homeamp_agent.model.history import Act, ActSetting
from homeamp_agent.rpc.methods.fitting import clipped, offset_of, page_that_fits
from homeamp_agent.rpc.protocol.errors import InvalidParams
from homeamp_agent.rpc.protocol.messages import (
    Access,
    ChangesHistoryParams,
    ChangesHistoryResult,
)
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import Rooms

SETTINGS_OF_AN_ACT = 100
"""Of a bulk fix of thousands; the change itself (`changes.show`) tells of all."""

VALUE_CHARACTERS = 500


@method(
    "changes.history",
    access=Access.READ,
    params=ChangesHistoryParams,
    result=ChangesHistoryResult,
    errors=(InvalidParams,),
)
async def history(call: Call[Rooms], params: ChangesHistoryParams) -> ChangesHistoryResult:
    """A page of what was done: filtered by who, what, where, when and how it ended."""
    rooms = call.rooms
    # Of one change there are several acts: handed in, approved, applied, rolled back.
    edits_of = lru_cache(EDITS_KEPT)(partial(_edits_of, rooms))
    acts = Acts(rooms.changes().audit, edits_of)
    place = None if params.cursor is None else offset_of(params.cursor)

    async def page(limit: int) -> ChangesHistoryResult:
        try:
            found = await asyncio.to_thread(acts.page, params.filter, limit, place)
        except AuditError as error:
            raise InvalidParams(f"cursor: {error}") from error
        cursor = None if found.cursor is None else str(found.cursor)
        return ChangesHistoryResult(acts=tuple(map(_short, found.acts)), next_cursor=cursor)

    return await page_that_fits(params.limit, page)


def _edits_of(rooms: Rooms, change_id: str) -> Sequence[Edit]:
    edits = rooms.changes().edits_of(change_id)
    booked = rooms.desk.book.find(change_id) if not edits else None
    return edits if booked is None else booked.change.edits


def _short(act: Act) -> Act:
    shown = tuple(map(_short_setting, act.settings[:SETTINGS_OF_AN_ACT]))
    left_out = len(act.settings) - len(shown)
    return act.model_copy(
        update={
            "settings": shown,
            "more_settings": left_out,
            "files": act.files[:SETTINGS_OF_AN_ACT],
        }
    )


def _short_setting(setting: ActSetting) -> ActSetting:
    old, new = (clipped(each, VALUE_CHARACTERS) for each in (setting.old, setting.new))
    return setting.model_copy(update={"old": old, "new": new})


METHODS = (history,)
