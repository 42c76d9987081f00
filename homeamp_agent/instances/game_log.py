"""The log of a game: which errors came after a moment, told without repeating what a line says.

    before = position_of(game_folder, key)
    new_errors(game_folder, before, key).count

A line of a log may hold anything, a secret too. So an error is told by its time, its plugin and the
class of its exception; its kind is a keyed hash of the line without what differs each time.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from homeamp_agent.model.deployment import MAX_ERROR_MARKS

LOG = "logs/latest.log"
MAX_READ_BYTES = 8 * 1024 * 1024
"""Of what came since: a game that logs more in its soak time shows its errors in the last of it."""

MAX_BEFORE_BYTES = 1024 * 1024
"""Of a log's beginning and of its end: errors there are known, the starting ones and the latest."""

MAX_TOLD = 3
LINE_CHARACTERS = 400
MARK_HEX_DIGITS = 12

_TIME = re.compile(r"^\[?(?:[\w.-]+ )?(\d\d:\d\d:\d\d)(?:[.,]\d+)?\]?")
_LEVEL = re.compile(r"[\[ /](ERROR|SEVERE|FATAL)\]")
_EXCEPTION = re.compile(r"^(?:[a-zA-Z_$][\w$]*\.)+([A-Z][\w$]*(?:Exception|Error))\b")
_ANY_EXCEPTION = re.compile(r"\b([A-Z][A-Za-z0-9]*(?:Exception|Error))\b")
_NAMED = re.compile(r"[\[(]([A-Za-z][A-Za-z0-9_.-]{1,39})[\])]")
_DIFFERS = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}|@[0-9a-f]+|\d+|'[^']*'|\"[^\"]*\"")


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Where a log ended. `file` is its device and inode, empty: there was none."""

    file: str = ""
    bytes: int = 0
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewErrors:
    """Errors whose kind was not there before. `told`: the first few, safe to show.

    `looked`: whether there is a log at all; `cut`: more was written than is read.
    """

    count: int = 0
    kinds: int = 0
    told: tuple[str, ...] = ()
    looked: bool = True
    cut: bool = False


def position_of(game_folder: Path, key: bytes) -> LogPosition:
    """Where the log of a game ends now, and the kinds of error in the last of it. Blocks."""
    fd = log_opened(game_folder)
    if fd is None:
        return LogPosition()
    try:
        facts = os.fstat(fd)
        last = max(0, facts.st_size - MAX_BEFORE_BYTES)
        # Its beginning too: what a game complains of at every start is not new at the next one.
        pieces = (os.pread(fd, MAX_BEFORE_BYTES, at) for at in dict.fromkeys((0, last)))
        marks = {_mark(line, key) for piece in pieces for line in _errors(piece)}
        return LogPosition(_name(facts), facts.st_size, tuple(sorted(marks)[:MAX_ERROR_MARKS]))
    finally:
        os.close(fd)


def new_errors(game_folder: Path, since: LogPosition, key: bytes) -> NewErrors:
    """The errors that were logged since, also where the log was begun anew. Blocks."""
    fd = log_opened(game_folder)
    if fd is None:
        return NewErrors(looked=False)
    try:
        facts = os.fstat(fd)
        goes_on = _name(facts) == since.file and facts.st_size >= since.bytes
        start = since.bytes if goes_on else 0
        cut = facts.st_size - start > MAX_READ_BYTES
        start = max(start, facts.st_size - MAX_READ_BYTES)
        data = os.pread(fd, MAX_READ_BYTES, start)
    finally:
        os.close(fd)
    known = frozenset(since.marks)
    found = [(line, mark) for line in _errors(data) if (mark := _mark(line, key)) not in known]
    told = dict.fromkeys(_told(line) for line, _ in found)
    return NewErrors(len(found), len({mark for _, mark in found}), tuple(told)[:MAX_TOLD], cut=cut)


def log_opened(game_folder: Path) -> int | None:
    """The log, opened, if there is one that is a plain file."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        fd = os.open(game_folder / LOG, flags)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    return None


def _name(facts: os.stat_result) -> str:
    return f"{facts.st_dev}:{facts.st_ino}"


def _errors(data: bytes) -> Iterator[str]:
    """The lines that are errors: by their level, or an exception without a level before it."""
    leads = False
    for raw in data.split(b"\n"):
        line = raw[:LINE_CHARACTERS].decode("utf-8", "replace").rstrip()
        if _LEVEL.search(line[:120]):
            yield line
            leads = True
        elif _EXCEPTION.match(line):
            # The exception of an error line is the same error.
            if not leads:
                yield line
            leads = False
        elif _TIME.match(line):
            leads = False


def _mark(line: str, key: bytes) -> str:
    kind = _DIFFERS.sub("#", _TIME.sub("", line, count=1))
    return hmac.new(key, kind.encode(), hashlib.sha256).hexdigest()[:MARK_HEX_DIGITS]


def _told(line: str) -> str:
    """What of an error line may be shown: when, whose, and which exception."""
    time, level = _TIME.match(line), _LEVEL.search(line[:120])
    words = [time[1] if time else "", level[1] if level else ""]
    rest = line[level.end() :] if level else line
    words += [f"[{name}]" for name in _NAMED.findall(rest[:80])[:1]]
    words += _ANY_EXCEPTION.findall(rest)[:1]
    return " ".join(filter(None, words)) or "an exception"
