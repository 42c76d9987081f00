"""`homeamp-agent audit export`: the audit log with what each act set, as CSV, JSON or a workbook.

A row is one setting of one act (or an act that set none). Needs no running agent. Secrets are the
fingerprints that the log and the journals hold.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from homeamp_agent.changes import AuditError, open_audit
from homeamp_agent.changes.acts import open_acts
from homeamp_agent.commands.ends import FOUND, OK, CommandError
from homeamp_agent.commands.moments import moment
from homeamp_agent.commands.output import counted, write_new
from homeamp_agent.model.history import Act, ActFilter, ActSetting
from homeamp_agent.model.secret import is_masked
from homeamp_agent.settings import Settings
from homeamp_agent.spreadsheet import spreadsheet

COLUMNS = (
    "number", "time", "who", "action", "subject", "outcome", "reason", "message", "source",
    "instance", "plugin", "file", "key", "before", "after", "how",
)  # fmt: skip
MAX_SHEET_ROWS = 1_048_576 - 1
"""Of an .xlsx, by its format."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet program may run, of a CSV's text."""

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def export_audit(settings: Settings, options: argparse.Namespace) -> int:
    """Write the file that was asked for.

    Raises:
        CommandError: no log, a time that is none, or a file that cannot be written.
    """
    wanted = ActFilter(
        who=options.who,
        instance=options.instance,
        plugin=options.plugin,
        key=options.key,
        action=options.action,
        outcome=options.outcome,
        since=moment(options.since),
        until=moment(options.until),
    )
    try:
        acts = list(open_acts(settings.state).all(wanted))
        whole = open_audit(settings.state).verify().whole
    except AuditError as error:
        raise CommandError(f"{error}; give --state") from error
    except OSError as error:
        raise CommandError(f"{settings.state}: cannot be read: {error.strerror}") from error
    form = next(name for name in ("csv", "json", "xlsx") if getattr(options, name) is not None)
    data = {"csv": _csv, "json": _json, "xlsx": _xlsx}[form](acts)
    target = getattr(options, form)
    if target == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        write_new(Path(target), data, instances=settings.instances)
    sys.stderr.write(f"homeamp-agent: {counted(len(acts), 'act')}\n")
    if not whole:
        sys.stderr.write("homeamp-agent: the log is not as it was written: see audit verify\n")
    return OK if whole else FOUND


def _json(acts: Sequence[Act]) -> bytes:
    lines = ",\n".join(json.dumps(each.model_dump(mode="json")) for each in acts)
    return f"[{lines}]\n".encode()


def _csv(acts: Sequence[Act]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    writer.writerows([_harmless(cell) for cell in row] for row in _rows(acts))
    # Excel takes a CSV for UTF-8 only with the mark.
    return b"\xef\xbb\xbf" + stream.getvalue().encode("utf-8", "backslashreplace")


def _xlsx(acts: Sequence[Act]) -> bytes:
    rows = list(_rows(acts))
    if len(rows) > MAX_SHEET_ROWS:
        raise CommandError(f"{len(rows):,} rows do not fit in a sheet: narrow it, or use --csv")
    return spreadsheet({"history": [COLUMNS, *rows]})


def _rows(acts: Iterable[Act]) -> Iterator[list[str | int]]:
    for act in acts:
        for setting in act.settings or _places(act):
            yield [
                act.number, act.at.isoformat(), act.who, act.action, act.subject, act.outcome,
                act.reason, act.message, act.source or "", setting.instance, setting.plugin or "",
                setting.file, setting.key, _text(setting.old), _text(setting.new),
                "line edit" if setting.line_edit else "",
            ]  # fmt: skip


def _places(act: Act) -> Sequence[ActSetting]:
    """Of an act that names no setting: its files, or one row without a place."""
    nowhere = ActSetting(instance="", file="", key="", path=())
    files = [
        nowhere.model_copy(update={"instance": each.instance, "file": each.file})
        for each in act.files
    ]
    return files or [nowhere]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if is_masked(value):
        return f"secret {value['masked']}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _harmless(cell: str | int) -> str | int:
    if not isinstance(cell, str) or not cell.startswith(FORMULA_STARTS) or _NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"
