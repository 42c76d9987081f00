"""The audit log: who did what, when, why, and what came of it. Append-only, hash-chained.

Each line holds the hash of the line before it, so a line that was changed, removed or put in
between breaks the chain at its place. `audit.head` beside it holds the number and the hash of the
last line, so lines cut off the end are missed, too. Who can write both files can forge both: only
`AuditVerdict.head` noted elsewhere proves against that. Values in it are masked.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from homeamp_agent.changes.disk import Disk
from homeamp_agent.changes.errors import AuditError
from homeamp_agent.changes.journal import canonical
from homeamp_agent.changes.state import StateFolder

FOLDER = "audit"
FILE = "audit.jsonl"
HEAD = "audit.head"
FIRST_LINK = "0" * 64
TAIL_BLOCK_BYTES = 64 * 1024
_TEXTS = ("at", "who", "action", "subject", "reason", "outcome")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act. `who` is a user, a signer or `agent`; `details` are JSON, masked."""

    number: int
    at: datetime
    who: str
    action: str
    subject: str
    reason: str
    outcome: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """What `AuditLog.verify` found. `broken_lines` count from 1; `head` is the last hash.

    `cut` lines that were written are missing at the end; `head_broken`: the noted head is damaged,
    missing, or not that of this log, so that nobody knows.
    """

    entries: int
    head: str
    broken_lines: tuple[int, ...] = ()
    cut: int = 0
    head_broken: bool = False

    @property
    def whole(self) -> bool:
        """Whether every line is there, unchanged and in its place."""
        return not self.broken_lines and not self.cut and not self.head_broken


class AuditLog:
    """The audit log of one state folder; safe between threads and between processes."""

    def __init__(self, folder: StateFolder) -> None:
        self._folder = folder

    def append(
        self,
        *,
        who: str,
        action: str,
        subject: str,
        reason: str = "",
        outcome: str = "done",
        **details: Any,
    ) -> None:
        """Add one act, on the medium when this returns. `details` must be JSON and masked.

        Raises:
            OSError: it could not be written.
        """
        with self._folder.opened() as folder:
            fd = self._folder.disk.append_to(folder, FILE)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                self._append(
                    fd,
                    {
                        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                        "who": who,
                        "action": action,
                        "subject": subject,
                        "reason": reason,
                        "outcome": outcome,
                        "details": details,
                    },
                )
            finally:
                os.close(fd)

    def entries(self) -> Iterator[AuditEntry]:
        """Every readable act, oldest first."""
        for line in self._lines():
            entry = _read(line)
            if entry is not None:
                yield _entry(entry)

    def newest_first(self, before: int | None = None) -> Iterator[tuple[int, AuditEntry]]:
        """Every readable act with its place, from `before` (a place; None: the end) backwards.

        Raises:
            AuditError: nothing begins at `before`.
            OSError: it cannot be read.
        """
        try:
            stream = (self._folder.path / FILE).open("rb")
        except FileNotFoundError:
            return
        with stream:
            end = stream.seek(0, os.SEEK_END) if before is None else before
            if before and not _begins_a_line(stream, before):
                raise AuditError("the cursor is not one that a page gave")
            for place, line in _lines_backwards(stream, end):
                entry = _read(line)
                if entry is not None:
                    yield place, _entry(entry)

    def mentions(self, **details: Any) -> bool:
        """Whether there is an act with these details (so that none is written twice)."""
        return any(
            all(entry.details.get(name) == value for name, value in details.items())
            for entry in self.entries()
        )

    def verify(self) -> AuditVerdict:
        """Follow the chain from its first line."""
        noted = self._noted_head()  # first: while the log is read, lines may be added
        link, number, count = FIRST_LINK, 0, 0
        broken: list[int] = []
        links = [FIRST_LINK]
        for count, line in enumerate(self._lines(), start=1):
            entry = _read(line)
            sound = (
                entry is not None and entry.get("prev") == link and entry["number"] == number + 1
            )
            if not sound:
                broken.append(count)
            number = entry["number"] if entry else number + 1
            link = _link(line)
            links.append(link)
        if noted is None:
            return AuditVerdict(count, link, tuple(broken), head_broken=count > 0)
        # Killed between a line and its note, the note is of an earlier line.
        cut = max(noted[0] - number, 0)
        forged = not broken and not cut and (noted[0] < 0 or links[noted[0]] != noted[1])
        return AuditVerdict(count, link, tuple(broken), cut, forged)

    def _noted_head(self) -> tuple[int, str] | None:
        try:
            number, _, link = self._folder.read(HEAD).decode("ascii").strip().partition(" ")
            return int(number), link
        except (OSError, ValueError):
            return None

    def _append(self, fd: int, act: dict[str, Any]) -> None:
        last = self._cut_to_last_line(fd)
        before = _read(last) if last else None
        noted = self._noted_head()
        # Were lines cut off the end, their numbers stay missing for everybody to see.
        number = max(before["number"] if before else 0, noted[0] if noted else 0)
        entry = {
            "number": number + 1,
            "prev": _link(last) if last else FIRST_LINK,
            **act,
        }
        if not last and noted is None:
            # Before the first line: from then on a missing note was removed, not yet to be written.
            self._note(0, FIRST_LINK)
        length = os.fstat(fd).st_size
        try:
            self._folder.disk.write(fd, _line(entry))
            self._folder.disk.sync(fd)
        except OSError:
            with contextlib.suppress(OSError):
                self._folder.disk.truncate(fd, length)
            raise
        with contextlib.suppress(OSError):
            # The act is written; the next one's note covers it.
            self._note(entry["number"], _hash(entry))

    def _note(self, number: int, link: str) -> None:
        self._folder.write(HEAD, f"{number} {link}\n".encode())

    def _cut_to_last_line(self, fd: int) -> bytes:
        """The last whole line, after cutting off one that was torn while it was written."""
        end = os.fstat(fd).st_size
        tail = b""
        start = end
        while start > 0 and tail.count(b"\n") < 2:
            start = max(0, start - TAIL_BLOCK_BYTES)
            tail = os.pread(fd, end - start, start)
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail):
            self._folder.disk.truncate(fd, start + whole)
        return tail[:whole].rstrip(b"\n").rpartition(b"\n")[2]

    def _lines(self) -> list[bytes]:
        try:
            data = self._folder.read(FILE)
        except FileNotFoundError:
            return []
        return data.split(b"\n")[:-1]


def _begins_a_line(stream: BinaryIO, place: int) -> bool:
    if place < 0 or place > stream.seek(0, os.SEEK_END):
        return False
    stream.seek(place - 1)
    return stream.read(1) == b"\n"


def _lines_backwards(stream: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """Whole lines before `end` with the place where each begins, the last first.

    What follows the last line end was torn while it was written.
    """
    buffer, start, trimmed = b"", end, False
    while start > 0:
        size = min(TAIL_BLOCK_BYTES, start)
        start -= size
        stream.seek(start)
        buffer = stream.read(size) + buffer
        if not trimmed:
            last = buffer.rfind(b"\n")
            if last < 0:
                continue
            buffer, trimmed = buffer[: last + 1], True
        stop = len(buffer)
        while (at := buffer.rfind(b"\n", 0, stop - 1)) >= 0:
            yield start + at + 1, buffer[at + 1 : stop - 1]
            stop = at + 1
        buffer = buffer[:stop]
    if trimmed:
        yield 0, buffer[:-1]


def open_audit(state: Path) -> AuditLog:
    """The audit log of a state folder, with nothing else of it.

    Raises:
        AuditError: the folder holds none.
    """
    folder = StateFolder(state, Disk()).below(FOLDER)
    if not (folder.path / FILE).is_file() and not (folder.path / HEAD).is_file():
        raise AuditError(f"{folder.path / FILE}: there is no audit log")
    return AuditLog(folder)


def _line(entry: dict[str, Any]) -> bytes:
    return f"{canonical(entry | {'hash': _hash(entry)})}\n".encode()


def _read(line: bytes) -> dict[str, Any] | None:
    """The entry of a line, None if the line is not as it was written."""
    try:
        entry: dict[str, Any] = json.loads(line)
        found = entry.pop("hash")
        return entry if found == _hash(entry) and _is_act(entry) else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _is_act(entry: dict[str, Any]) -> bool:
    """Whether it has what an act has: who forges a line can forge its hash as well."""
    texts = (entry[name] for name in _TEXTS)
    return (
        type(entry["number"]) is int
        and all(isinstance(text, str) for text in texts)
        and isinstance(entry["details"], dict)
        and datetime.fromisoformat(entry["at"]).tzinfo is not None
    )


def _link(line: bytes) -> str:
    """What the next line carries as `prev`: the entry's hash, or that of a damaged line's bytes."""
    entry = _read(line)
    return _hash(entry) if entry is not None else hashlib.sha256(line).hexdigest()


def _hash(entry: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(entry).encode()).hexdigest()


def _entry(entry: dict[str, Any]) -> AuditEntry:
    return AuditEntry(
        number=entry["number"],
        at=datetime.fromisoformat(entry["at"]),
        who=entry["who"],
        action=entry["action"],
        subject=entry["subject"],
        reason=entry["reason"],
        outcome=entry["outcome"],
        details=entry["details"],
    )
