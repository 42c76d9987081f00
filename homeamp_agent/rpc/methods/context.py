"""The lines of a file around a deviation, read anew, without a secret in them. Blocks."""

from __future__ import annotations

from pathlib import Path

from homeamp_agent.changes.diff import secret_literals, shown_file
from homeamp_agent.changes.errors import ChangesError
from homeamp_agent.changes.line_edits import LinePlanner
from homeamp_agent.changes.safety import FilePlace, read_file
from homeamp_agent.configfiles import DEFAULT_LIMITS, ConfigFileError, parse
from homeamp_agent.model.deviation import Deviation, DeviationKind
from homeamp_agent.model.setting import segment_text
from homeamp_agent.rpc.protocol.messages import ContextLine, MendingLine
from homeamp_agent.rpc.rooms import DriftRoom

LINE_CHARACTERS = 400
"""Real files hold lines of 572 KB; a screen shows this much at the most."""

CONTEXT_FILE_BYTES = 4 * 1024 * 1024
"""A look at one line is not worth reading and parsing a larger file."""


def context_of(
    drift: DriftRoom, deviation: Deviation, around: int
) -> tuple[tuple[ContextLine, ...], str | None]:
    """The lines, or why there are none."""
    if deviation.file is None:
        return (), "it is not about a file"
    snapshot = drift.snapshots.get(deviation.instance)
    if snapshot is None:
        return (), f"there is no instance {deviation.instance} any more"
    if deviation.line is None:
        return (), "there is no line in the file to point at"
    place = FilePlace(deviation.instance, Path(snapshot.instance.game_folder), deviation.file)
    try:
        content = _content(place)
        document = parse(place.name, content)
    except ChangesError as error:
        return (), str(error)
    except ConfigFileError as error:
        # Where no parser tells what is a setting, nobody knows what in it is secret.
        return (), f"cannot be shown safely: {error.reason}"
    literals = secret_literals(document, drift.masker, deviation.plugin)
    lines = shown_file(content, document, drift.masker, deviation.plugin, literals).masked
    if deviation.line > len(lines):
        return (), "the file has changed since: it is shorter now"
    first = max(deviation.line - around, 1)
    shown = enumerate(lines[first - 1 : deviation.line + around], first)
    return tuple(
        ContextLine(number=number, text=_clipped(line), here=number == deviation.line)
        for number, line in shown
    ), None


def mending_of(drift: DriftRoom, deviation: Deviation) -> MendingLine | None:
    """Of a file that cannot be read: the line edit to try first, if one is possible."""
    snapshot = drift.snapshots.get(deviation.instance)
    if deviation.kind is not DeviationKind.UNREADABLE or deviation.file is None or snapshot is None:
        return None
    place = FilePlace(deviation.instance, Path(snapshot.instance.game_folder), deviation.file)
    try:
        content = _content(place)
        parse(place.name, content)
    except ChangesError:
        return None
    except ConfigFileError as error:
        lines = LinePlanner(content, error, drift.masker, DEFAULT_LIMITS)
        found = lines.mending(place.file, place.instance, deviation.plugin)
        if found is None:
            return None
        edit, offer = found
        return MendingLine(
            path=tuple(map(segment_text, edit.path)), value=edit.new, line_edit=offer
        )
    return None


def _content(place: FilePlace) -> bytes:
    """The file's bytes. Raises as `safety.read_file`."""
    limit = min(CONTEXT_FILE_BYTES, DEFAULT_LIMITS.max_bytes)
    with place.parent() as folder:
        return read_file(folder, place.name, place.file, limit).content


def _clipped(line: str) -> str:
    rest = len(line) - LINE_CHARACTERS
    return line if rest <= 0 else f"{line[:LINE_CHARACTERS]}… ({rest:,} more)"
