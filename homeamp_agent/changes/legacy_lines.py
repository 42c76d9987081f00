"""What a line act of the original system means: the one setting that the line changes.

The line must stand in the file exactly once, and changing it must change exactly one setting.
Then the edit of that setting is made instead, which is proven as every edit is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from homeamp_agent.changes.errors import ChangesError
from homeamp_agent.changes.legacy import LineAct, LineReader, ReadLine
from homeamp_agent.changes.safety import FilePlace, read_file
from homeamp_agent.configfiles import DEFAULT_LIMITS, ConfigFileError, Limits, parse
from homeamp_agent.model.change import EditOperation
from homeamp_agent.model.setting import KeyPath
from homeamp_agent.model.snapshot import MISSING, InstanceSnapshot


class _Unclear(Exception):
    """Why a line act cannot be taken over on an instance."""


def line_reader(
    snapshots: Mapping[str, InstanceSnapshot], limits: Limits = DEFAULT_LIMITS
) -> LineReader:
    """Reads the files of these instances, by name, as they are now."""

    def read(act: LineAct, named: Sequence[str] | None) -> ReadLine:
        edits: list[dict[str, Any]] = []
        notes: list[str] = []
        for name in snapshots if named is None else named:
            if name not in snapshots:
                continue  # that it is not on this host is told with the targets
            place = FilePlace(name, Path(snapshots[name].instance.game_folder), act.file)
            try:
                edits.append({**_edit(act, place, limits), "file": act.file, "instances": [name]})
            except (_Unclear, ChangesError, ConfigFileError) as error:
                reason = getattr(error, "reason", str(error))
                notes.append(f"change {act.number} is left out on {name}: {reason}")
        return ReadLine(edits, notes)

    return read


def _edit(act: LineAct, place: FilePlace, limits: Limits) -> dict[str, Any]:
    with place.parent() as folder:
        before = read_file(folder, place.name, place.file, limits.max_bytes).content
    old = _settings(place.file, before, limits)
    new = _settings(place.file, _changed(act, before), limits)
    paths = [
        path for path in {**old, **new} if _differ(old.get(path, MISSING), new.get(path, MISSING))
    ]
    if len(paths) != 1:
        raise _Unclear(
            "the line holds no setting; a comment is changed by hand"
            if not paths
            else f"the line would change {len(paths)} settings"
        )
    (path,) = paths
    if path not in new:
        return {"path": path, "operation": EditOperation.UNSET.value, "expected_old": old[path]}
    if path not in old:
        return {"path": path, "operation": EditOperation.INSERT.value, "new": new[path]}
    return {"path": path, "expected_old": old[path], "new": new[path]}


def _settings(file: str, data: bytes, limits: Limits) -> dict[KeyPath, Any]:
    return {path: each.value for path, each in parse(file, data, limits).settings.items()}


def _differ(one: Any, other: Any) -> bool:
    return type(one) is not type(other) or bool(one != other)


def _changed(act: LineAct, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    end = b"\r\n" if data.count(b"\r\n") * 2 > len(lines) else b"\n"
    if act.old is None:
        return _added(act, lines, end)
    wanted = act.old.encode()
    found = [number for number, line in enumerate(lines) if line.rstrip(b"\r\n") == wanted]
    if len(found) != 1:
        raise _Unclear(f"the line stands there {len(found)} times, not once")
    whole = lines[found[0]]
    rest = whole[len(wanted) :]
    lines[found[0]] = b"" if act.new is None else act.new.encode() + rest
    return b"".join(lines)


def _added(act: LineAct, lines: list[bytes], end: bytes) -> bytes:
    places = {"start": 0, "end": len(lines)}
    position = places.get(act.position) if isinstance(act.position, str) else act.position
    if position is None or not 0 <= position <= len(lines):
        raise _Unclear("its position is neither start, end, nor a line of the file")
    if position and not lines[position - 1].endswith((b"\n", b"\r")):
        lines[position - 1] += end
    line = (act.new or "").encode() + end
    return b"".join((*lines[:position], line, *lines[position:]))
