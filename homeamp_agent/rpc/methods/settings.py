"""`settings.*`: how the settings of instances compare, and how they changed."""

from __future__ import annotations

from homeamp_agent.model.query import SettingChange
from homeamp_agent.rpc.methods.fitting import ROW_VALUE_CHARACTERS, clipped, page_that_fits
from homeamp_agent.rpc.protocol.messages import (
    Access,
    SettingsHistoryParams,
    SettingsHistoryResult,
)
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import Rooms
from homeamp_agent.store.setting_history import ChangedPlace, setting_history


@method(
    "settings.history",
    access=Access.READ,
    params=SettingsHistoryParams,
    result=SettingsHistoryResult,
)
async def history(call: Call[Rooms], params: SettingsHistoryParams) -> SettingsHistoryResult:
    """When settings changed, from what to what, and whether by us or from outside."""
    place = ChangedPlace(params.instance, params.plugin, params.file, params.key, params.path)

    async def page(limit: int) -> SettingsHistoryResult:
        found = await setting_history(call.rooms.store, place, limit=limit, cursor=params.cursor)
        return SettingsHistoryResult(
            changes=tuple(map(_short, found.changes)), next_cursor=found.next_cursor
        )

    return await page_that_fits(params.limit, page)


def _short(change: SettingChange) -> SettingChange:
    old, new = (clipped(each, ROW_VALUE_CHARACTERS) for each in (change.old, change.new))
    return change.model_copy(update={"old": old, "new": new})


METHODS = (history,)
