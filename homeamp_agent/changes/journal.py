"""The journal of one change: what was about to happen, on the medium before it happens.

One file a change, one JSON document a line, each with a checksum; lines are only ever appended. A
torn last line (killed in the middle of writing it) is as if never begun and is cut off before the
next line; a damaged line further up is left out and reported.

A change's life is one or more *runs* (the apply, later a rollback), each a sequence of events:

    begun      which files, their hashes before and after, the temporary names
    staged     every new file is complete beside its old one; from here on names are swapped
    touched    one setting of AMP's own is about to be set
    written    one file has its new content (for people; recovery looks at the files themselves)
    committed  every file was verified: the run counts
    closed     nothing is left to do (old files removed, audit written)

    undoing    the run failed and goes back
    undone     what became of one file on the way back
    aborted    every file is as it was, or as somebody else wants it

    kept       after a restart of one instance: which settings were put back, if any

A run with neither `closed` nor `aborted` is open: it is finished or undone at the next start.
Hashes and masked values only; exact bytes are in the backups.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from homeamp_agent.changes.errors import ChangeExistsError, JournalError, UnknownChangeError
from homeamp_agent.changes.state import StateFolder

SUFFIX = ".jsonl"
CHECKSUM_HEX_DIGITS = 16
CHANGE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""Change ids are file names; nothing else may be one."""

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class JournalText:
    """The readable entries of a journal, how many bytes they end at, and how many lines are bad."""

    entries: tuple[Entry, ...]
    whole_bytes: int
    damaged_lines: int = 0


class Journal:
    """An open journal; use as a context manager."""

    def __init__(self, folder: StateFolder, change_id: str, *, new: bool) -> None:
        """Open the journal of `change_id` for appending.

        Raises:
            ChangeExistsError: a `new` one was asked for, and it exists.
            UnknownChangeError: an old one was asked for, and there is none, or the id is malformed.
            OSError: the disk does not let us.
        """
        name = _file_name(change_id)
        self._disk = folder.disk
        self._torn = False
        with folder.opened() as fd:
            if new:
                try:
                    os.close(self._disk.create(fd, name))
                except FileExistsError as error:
                    raise ChangeExistsError(f"the change id {change_id} is taken") from error
                self._disk.sync(fd)
            self._fd = self._disk.append_to(fd, name)
        try:
            self._cut_torn_line()
        except BaseException:
            os.close(self._fd)
            raise

    def append(self, event: str, *, sync: bool = True, **facts: Any) -> None:
        """Add one entry, on the medium when this returns (unless `sync` is False).

        Raises:
            OSError: it could not be written; the journal is as before.
        """
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = _line({"event": event, "at": at, **facts})
        length = os.fstat(self._fd).st_size
        try:
            self._disk.write(self._fd, b"\n" + line if self._torn else line)
            if sync:
                self._disk.sync(self._fd)
        except OSError:
            self._torn = True  # unless the piece can be cut off, it must not join the next line
            with contextlib.suppress(OSError):
                self._disk.truncate(self._fd, length)
                self._torn = False
            raise
        self._torn = False

    def holds(self, event: str, run: int) -> bool:
        """Whether an entry of that event and run can be read, however its writing ended."""
        data = os.pread(self._fd, os.fstat(self._fd).st_size, 0)
        return any(
            entry["event"] == event and entry.get("run") == run
            for entry in read_lines(data).entries
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._fd)

    def _cut_torn_line(self) -> None:
        length = os.fstat(self._fd).st_size
        data = os.pread(self._fd, length, 0)
        whole = read_lines(data).whole_bytes
        if whole < length:
            self._disk.truncate(self._fd, whole)


def read_journal(folder: StateFolder, change_id: str) -> JournalText:
    """The entries of a change's journal.

    Raises:
        UnknownChangeError: there is none.
        JournalError: the file cannot be read.
    """
    try:
        return read_lines(folder.read(_file_name(change_id)))
    except FileNotFoundError as error:
        raise UnknownChangeError(f"there is no change {change_id}") from error
    except OSError as error:
        raise JournalError(
            f"the journal of {change_id} cannot be read: {error.strerror}"
        ) from error


def journal_ids(folder: StateFolder) -> Iterator[str]:
    """The ids of all changes with a journal, oldest name first."""
    for name in folder.names():
        if name.endswith(SUFFIX) and CHANGE_ID.fullmatch(name.removesuffix(SUFFIX)):
            yield name.removesuffix(SUFFIX)


def read_lines(data: bytes) -> JournalText:
    """Entries of checksummed JSON lines; what follows the last line end was never finished."""
    entries: list[Entry] = []
    damaged = 0
    lines = data.split(b"\n")
    whole = len(data) - len(lines[-1])
    for line in filter(None, lines[:-1]):
        entry = _entry(line)
        if entry is None:
            damaged += 1
        else:
            entries.append(entry)
    return JournalText(tuple(entries), whole, damaged)


def says_nothing(journal: JournalText) -> bool:
    """Whether not even a damaged line is in it: its maker was killed before the first one."""
    return not journal.entries and not journal.damaged_lines


def canonical(entry: Entry) -> str:
    """The one text of an entry over which hashes are taken."""
    return json.dumps(entry, sort_keys=True, separators=(",", ":"))


def _line(entry: Entry) -> bytes:
    return f'{{"sum":"{_checksum(entry)}","entry":{canonical(entry)}}}\n'.encode()


def _entry(line: bytes) -> Entry | None:
    try:
        document = json.loads(line)
        entry = document["entry"]
        if isinstance(entry, dict) and document["sum"] == _checksum(entry):
            return entry
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    return None


def _checksum(entry: Entry) -> str:
    return hashlib.sha256(canonical(entry).encode()).hexdigest()[:CHECKSUM_HEX_DIGITS]


def _file_name(change_id: str) -> str:
    if not CHANGE_ID.fullmatch(change_id):
        raise UnknownChangeError("a change id is letters, digits, '.', '_' and '-'")
    return change_id + SUFFIX
