"""`backups.*`: what files held before, and the way back to it."""

from __future__ import annotations

import asyncio

from homeamp_agent.changes import Backup, ChangesError, NewContent
from homeamp_agent.model.change import ChangeRequest
from homeamp_agent.rpc.methods.fitting import fitted_change, fitted_diff, place_after
from homeamp_agent.rpc.methods.settling import settle
from homeamp_agent.rpc.protocol.errors import Busy, Conflict, NotFound, Refused
from homeamp_agent.rpc.protocol.messages import (
    Access,
    BackupDefect,
    BackupRow,
    BackupsListParams,
    BackupsListResult,
    BackupsRestoreParams,
    BackupsRestoreResult,
    BackupsShowParams,
    BackupsShowResult,
    BackupsVerifyResult,
    NoParams,
)
from homeamp_agent.rpc.registry import Call, method
from homeamp_agent.rpc.rooms import Rooms

MAX_DEFECTS = 1000
"""More lines than anybody reads, far below a reply's bound."""


@method("backups.list", access=Access.READ, params=BackupsListParams, result=BackupsListResult)
async def list_(call: Call[Rooms], params: BackupsListParams) -> BackupsListResult:
    """A page of backups, newest first."""
    backups = call.rooms.changes().backups
    found = [
        each
        for each in await asyncio.to_thread(backups.list, params.instance, params.file)
        if params.change_id in {None, each.change_id}
    ]
    start = place_after(params.cursor, [each.id for each in found])
    page = found[start : start + params.limit]
    more = len(found) > start + len(page)
    return BackupsListResult(
        backups=tuple(map(_row, page)),
        total=len(found),
        next_cursor=page[-1].id if more else None,
    )


@method(
    "backups.show",
    access=Access.READ,
    params=BackupsShowParams,
    result=BackupsShowResult,
    errors=(NotFound,),
)
async def show(call: Call[Rooms], params: BackupsShowParams) -> BackupsShowResult:
    """One backup, and what restoring it would change."""
    room = call.rooms.changes()

    def look() -> BackupsShowResult:
        backup = room.backups.show(params.id)
        try:
            content = room.backups.read(backup.sha256)
            plugin = _plugin_of(call.rooms, backup)
            planned = room.plan_files([NewContent(backup.instance, backup.file, content, plugin)])
        except ChangesError as error:
            return BackupsShowResult(backup=_row(backup), problem=str(error))
        diff = planned.plan.files[0].diff if planned.files else ""
        return BackupsShowResult(backup=_row(backup), diff=fitted_diff(diff))

    return await asyncio.to_thread(look)


@method(
    "backups.restore",
    access=Access.OPERATE,
    params=BackupsRestoreParams,
    result=BackupsRestoreResult,
    errors=(NotFound, Conflict, Refused, Busy),
)
async def restore(call: Call[Rooms], params: BackupsRestoreParams) -> BackupsRestoreResult:
    """Write a backup back to where it came from, as a change that can be rolled back."""
    rooms = call.rooms
    await rooms.drift.ready()
    room = rooms.changes()

    def write_back() -> ChangeRequest:
        plugin = _plugin_of(rooms, room.backups.show(params.id))
        return room.restore(params.id, author=str(call.peer), reason=params.reason, plugin=plugin)

    change = await asyncio.to_thread(write_back)
    await settle(rooms, change, ())
    return BackupsRestoreResult(change=fitted_change(change))


@method("backups.verify", access=Access.READ, params=NoParams, result=BackupsVerifyResult)
async def verify(call: Call[Rooms], params: NoParams) -> BackupsVerifyResult:
    """Read every backup, and name those that could not be restored."""
    del params
    whole, problems = await asyncio.to_thread(call.rooms.changes().backups.verify)
    defects = (BackupDefect(name=each.name, reason=each.reason) for each in problems[:MAX_DEFECTS])
    return BackupsVerifyResult(whole=whole, problems=tuple(defects))


def _plugin_of(rooms: Rooms, backup: Backup) -> str | None:
    """Whose file it is, as last seen; what is secret in it depends on that."""
    snapshot = rooms.drift.snapshots.get(backup.instance)
    file = snapshot.files.get(backup.file) if snapshot is not None else None
    return file.plugin if file is not None else None


def _row(backup: Backup) -> BackupRow:
    metadata = backup.metadata
    return BackupRow(
        id=backup.id,
        at=backup.at,
        instance=backup.instance,
        file=backup.file,
        sha256=backup.sha256,
        size=backup.size,
        change_id=backup.change_id,
        mode=f"{metadata.mode:04o}",
        uid=metadata.uid,
        gid=metadata.gid,
        note=backup.note,
    )


METHODS = (list_, show, restore, verify)
