"""`settings.*`: how the settings of instances compare, and how they changed."""

from __future__ import annotations

import asyncio
from collections import Counter

from homeamp_agent.drift.fleet_view import folded
from homeamp_agent.drift.setting_matrix import Cell, Row, SettingMatrix
from homeamp_agent.model.query import DeviationFilter, SettingChange
from homeamp_agent.model.secret import wire_value
from homeamp_agent.rpc.methods.fitting import (
    ROW_VALUE_CHARACTERS,
    clipped,
    next_cursor,
    offset_of,
    page_that_fits,
)
from homeamp_agent.rpc.protocol.errors import NotFound
from homeamp_agent.rpc.protocol.messages import (
    Access,
    MatrixCell,
    MatrixInstance,
    MatrixRow,
    NoParams,
    PluginRow,
    SettingsHistoryParams,
    SettingsHistoryResult,
    SettingsMatrixParams,
    SettingsMatrixResult,
    SettingsPluginsResult,
)
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import Rooms
from homeamp_agent.store import tally
from homeamp_agent.store.setting_history import ChangedPlace, setting_history

CELL_CHARACTERS = 200
"""Of a value in the matrix: a column of a wide terminal shows far less."""


@method(
    "settings.matrix",
    access=Access.READ,
    params=SettingsMatrixParams,
    result=SettingsMatrixResult,
    errors=(NotFound,),
)
async def matrix(call: Call[Rooms], params: SettingsMatrixParams) -> SettingsMatrixResult:
    """Every setting of a plugin against every instance of this host, and why values differ."""
    first = offset_of(params.cursor, params.offset)
    whole, found = await asyncio.to_thread(_found, call.rooms, params)
    if not whole.columns:
        raise NotFound(f"no instance here has the plugin {(params.plugin or '')[:100]}")
    columns = tuple(
        MatrixInstance(host=each.host, instance=each.instance, folder=each.folder)
        for each in whole.columns
    )

    async def page(limit: int) -> SettingsMatrixResult:
        end = first + limit
        return SettingsMatrixResult(
            instances=columns,
            rows=tuple(map(_row, found[first:end])),
            total=len(found),
            counts=dict(whole.counts()),
            next_cursor=next_cursor(end, len(found)),
        )

    return await page_that_fits(params.limit, page)


def _found(rooms: Rooms, params: SettingsMatrixParams) -> tuple[SettingMatrix, list[Row]]:
    whole = rooms.drift.matrix(params.plugin)
    return whole, whole.found(params.filter, params.variance)


def _row(row: Row) -> MatrixRow:
    return MatrixRow(
        file=row.file,
        key=row.key,
        path=row.path,
        variance=row.variance,
        cells=tuple(map(_cell, row.cells)),
    )


def _cell(cell: Cell) -> MatrixCell:
    return MatrixCell(
        state=cell.state,
        value=clipped(wire_value(cell.value), CELL_CHARACTERS),
        variance=cell.variance,
        deviation=cell.deviation,
    )


@method("settings.plugins", access=Access.READ, params=NoParams, result=SettingsPluginsResult)
async def plugins(call: Call[Rooms], params: NoParams) -> SettingsPluginsResult:
    """Every plugin of this host with its instances and open deviations; none: the game folder."""
    del params
    rooms = call.rooms
    having = await asyncio.to_thread(rooms.drift.plugins)
    counted: Counter[str] = Counter()
    for each in (await tally(rooms.store, DeviationFilter())).tree():
        counted[folded(each.plugin)] += each.open
    return SettingsPluginsResult(
        plugins=tuple(
            PluginRow(plugin=plugin, instances=len(instances), open=counted[folded(plugin)])
            for plugin, instances in having.items()
        )
    )


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


METHODS = (matrix, plugins, history)
