"""The state folder is one agent's own: its lock, and the key that secrets are masked under.

AgentError          the agent cannot start; one line saying why and what to do
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

MASKING_KEY = "masking.key"
MASKING_KEY_BYTES = 32
LOCK = "agent.lock"
LEAST_ROOM_BYTES = 1024 * 1024
"""Below it not even a decision can be kept for certain."""


class AgentError(Exception):
    """The agent cannot start; the text says why and what to do."""


@contextlib.contextmanager
def locked_state(folder: Path) -> Iterator[None]:
    """Hold the state folder for one agent alone; made private if it is missing.

    Raises:
        AgentError: it cannot be used, or another agent holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AgentError(f"{folder}: cannot be used: {error.strerror}; give --state") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AgentError(
                f"{folder}: another agent uses this state folder; stop it, or give --state"
            ) from error
        yield
    finally:
        os.close(handle)


def masking_key_of(folder: Path) -> bytes | None:
    """The key that secrets are masked under; None if no agent made one here yet."""
    try:
        key = (folder / MASKING_KEY).read_bytes()
    except OSError:
        return None
    return key if len(key) == MASKING_KEY_BYTES else None


def masking_key(folder: Path) -> bytes:
    """The key, made at the first start. Without it fingerprints would be void after a restart.

    Raises:
        AgentError: there is something else in its place.
    """
    path = folder / MASKING_KEY
    known = masking_key_of(folder)
    if known is not None:
        return known
    if path.exists():
        raise AgentError(
            f"{path}: is no masking key; restore it, or remove it (approvals of secrets are then "
            "void)"
        )
    key = os.urandom(MASKING_KEY_BYTES)
    making = folder / f".{MASKING_KEY}.new"
    handle = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, key)
        os.fsync(handle)
    finally:
        os.close(handle)
    making.rename(path)
    return key


def room_problems(folder: Path, least_free_bytes: int) -> tuple[str, ...]:
    """What of the state folder's disk keeps changes from being made; nothing: all is well."""
    try:
        facts = os.statvfs(folder)
    except OSError as error:
        return (f"state: {folder} cannot be looked at: {error.strerror}",)
    if facts.f_flag & os.ST_RDONLY:
        return (f"state: {folder} is on a file system that is read-only now",)
    free = facts.f_bavail * facts.f_frsize
    if free >= max(least_free_bytes, LEAST_ROOM_BYTES):
        return ()
    return (f"state: the disk of {folder} has {free // 1024**2:,} MB free: nothing is changed",)
