"""Reading one file whole: never a half, never a device, never more than the bound."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from typing import NamedTuple

from homeamp_agent.model.snapshot import FileProblem

READ_BLOCK_BYTES = 64 * 1024
"""Measured: a 1 MB buffer takes six times as long over many small files."""

TRIES = 3
"""How often a file that changes while it is read is read again at once."""

RACY_NS = 50_000_000
"""A file written within this time before it was read may change again without a new mtime: the
clock behind mtime ticks every 4 to 10 ms."""


class Stamp(NamedTuple):
    """What tells without reading whether a file changed."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp of a file's status."""
    return Stamp(
        status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """A file's bytes as they were at one moment.

    `racy`: it was written so shortly before that an equal stamp later proves nothing.
    """

    body: bytes
    sha256: str
    stamp: Stamp
    racy: bool


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that was not read: why, and its stamp where it has one.

    `moving`: it changed while it was read, each time; read it again soon.
    """

    problem: FileProblem
    stamp: Stamp | None = None
    moving: bool = False


def read_whole(path: str, max_bytes: int, now_ns: int) -> Reading | Unread:
    """Read the regular file at `path`; `now_ns` is the wall clock.

    Raises:
        FileNotFoundError: nothing is there (any more).
    """
    for _ in range(TRIES):
        try:
            outcome = _read_once(path, max_bytes, now_ns)
        except FileNotFoundError:
            raise
        except OSError as error:
            problem = FileProblem("unreadable", f"cannot be read: {_told(error)}")
            return Unread(problem, stamp_of(os.stat(path)))  # noqa: PTH116 - strings, as the walk gives them
        if outcome is not None:
            return outcome
    message = "kept changing while it was read; it is read again when it rests"
    return Unread(FileProblem("unreadable", message), moving=True)


def _read_once(path: str, max_bytes: int, now_ns: int) -> Reading | Unread | None:
    """The file, or None if it changed meanwhile."""
    # O_NONBLOCK: opening a pipe that took a file's place must not wait for its writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        before = os.fstat(descriptor)
        stamp = stamp_of(before)
        if not stat.S_ISREG(before.st_mode):
            return Unread(FileProblem("unreadable", "is not a regular file"), stamp)
        if before.st_size > max_bytes:
            message = f"has {before.st_size:,} bytes; at most {max_bytes:,} are read"
            return Unread(FileProblem("too_large", message), stamp)
        blocks: list[bytes] = []
        total = 0
        while block := os.read(descriptor, READ_BLOCK_BYTES):
            blocks.append(block)
            total += len(block)
            if total > max_bytes:
                return None
        if stamp_of(os.fstat(descriptor)) != stamp or total != before.st_size:
            return None
    finally:
        os.close(descriptor)
    body = b"".join(blocks)
    racy = now_ns - stamp.mtime_ns < RACY_NS
    return Reading(body, hashlib.sha256(body).hexdigest(), stamp, racy)


def _told(error: OSError) -> str:
    if error.errno == errno.EACCES:
        return "no permission"
    return error.strerror or str(error)
