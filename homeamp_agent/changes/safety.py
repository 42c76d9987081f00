"""Where a file of an instance stands, and whether it may be written.

Every path is walked one name at a time from the game folder, each opened without following a
symbolic link, so that a link swapped in at any moment leads nowhere. Nothing is held open between
two looks: what is checked is always what the path means now.
"""

from __future__ import annotations

import array
import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from homeamp_agent.changes.errors import FileConflictError, UnsafeFileError, plain_reason
from homeamp_agent.changes.metadata import Metadata, metadata_of

TEMP_PREFIX = ".homeamp-"
"""Our temporary names start so; a watcher leaves them out."""

MAX_NAME_BYTES = 255
READ_BLOCK_BYTES = 64 * 1024
"""Measured: larger buffers read small files slower (page faults on the fresh buffer)."""

ABSENT = ""
"""In place of a hash: no file stands there."""

_GET_FLAGS = 0x80086601  # FS_IOC_GETFLAGS of 64-bit Linux
_IMMUTABLE, _APPEND_ONLY = 0x10, 0x20
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True, slots=True)
class FilePlace:
    """One file of one instance: `folder` is the game folder, `file` relative to it, with `/`."""

    instance: str
    folder: Path
    file: str

    @property
    def path(self) -> Path:
        """The whole path, for messages and for the watcher; never opened as such."""
        return self.folder / self.file

    @property
    def name(self) -> str:
        """The last name of the path."""
        return self.file.rpartition("/")[2]

    @contextmanager
    def parent(self) -> Iterator[int]:
        """The open folder that holds the file, reached without a symbolic link.

        Raises:
            UnsafeFileError: the path is malformed, leads through a link, or is not there.
        """
        folder = self._walk(_segments(self.file)[:-1])
        try:
            yield folder
        finally:
            os.close(folder)

    def _walk(self, names: list[str]) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            here = os.open(self.folder, flags)
        except OSError as error:
            reason = f"the game folder of {self.instance} cannot be opened: {plain_reason(error)}"
            raise UnsafeFileError(self.file, reason) from error
        for name in names:
            try:
                below = os.open(name, flags | os.O_NOFOLLOW, dir_fd=here)
            except OSError as error:
                raise UnsafeFileError(self.file, _walk_reason(here, name, error)) from error
            finally:
                os.close(here)
            here = below
        return here


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file as read at one moment."""

    content: bytes
    sha256: str
    metadata: Metadata


def sha256_of(content: bytes | None) -> str:
    """The hash of a file's bytes; `ABSENT` for no file."""
    return ABSENT if content is None else hashlib.sha256(content).hexdigest()


def read_file(folder: int, name: str, file: str, max_bytes: int) -> FileContent:
    """Bytes and metadata of a plain file with one name; `file` is for messages.

    Raises:
        UnsafeFileError: no such file, not a plain file, hard-linked, too large, unreadable.
        FileConflictError: it was being written while it was read.
    """
    with _opened(folder, name, file) as fd:
        before = os.fstat(fd)
        if before.st_nlink > 1:
            raise UnsafeFileError(
                file, f"it has {before.st_nlink} names (hard links); a change would split them"
            )
        if before.st_size > max_bytes:
            raise UnsafeFileError(file, f"{before.st_size:,} bytes; at most {max_bytes:,}")
        content = _read_all(fd, file, max_bytes)
        metadata = metadata_of(fd)
        if _moment(before) != _moment(os.fstat(fd)):
            raise FileConflictError(file, "another program is writing it right now")
    return FileContent(content, sha256_of(content), metadata)


def hash_of(folder: int, name: str, file: str) -> str:
    """The hash of whatever plain file stands at `name`; `ABSENT` if nothing does.

    Raises:
        UnsafeFileError: something stands there that is no readable plain file.
    """
    try:
        with _opened(folder, name, file) as fd:
            digest = hashlib.sha256()
            while block := os.read(fd, READ_BLOCK_BYTES):
                digest.update(block)
            return digest.hexdigest()
    except UnsafeFileError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return ABSENT
        raise


def refuse_unwritable(folder: int, name: str, file: str) -> None:
    """Raise if the file, or the folder that must take the new one, is protected.

    A change replaces the file, for which the kernel asks the folder only; a file that somebody
    protected by its own mode is left alone all the same.

    Raises:
        UnsafeFileError: read-only by mode, by mount, immutable, or owned out of reach.
    """
    if os.fstatvfs(folder).f_flag & os.ST_RDONLY:
        raise UnsafeFileError(file, "the file system is mounted read-only")
    if why := _protected(folder):
        raise UnsafeFileError(file, f"its folder is {why} (chattr)")
    if not os.access(".", os.W_OK | os.X_OK, dir_fd=folder, effective_ids=True):
        raise UnsafeFileError(file, "the agent may not write in its folder")
    with _opened(folder, name, file) as fd:
        mode = stat.S_IMODE(os.fstat(fd).st_mode)
        if mode & 0o222 == 0:
            raise UnsafeFileError(file, f"it is protected by its mode ({mode:04o})")
        if why := _protected(fd):
            raise UnsafeFileError(file, f"it is {why} (chattr)")
        if _mount_of(fd) != _mount_of(folder):
            raise UnsafeFileError(file, "it is a mount of its own: it cannot be replaced")
    if not os.access(name, os.W_OK, dir_fd=folder, effective_ids=True, follow_symlinks=False):
        raise UnsafeFileError(file, "the agent may not write it")


def _segments(file: str) -> list[str]:
    names = file.split("/")
    for name in names:
        if name in {"", ".", ".."} or "\x00" in name:
            raise UnsafeFileError(file, "the path leads out of the game folder or is malformed")
        if len(os.fsencode(name)) > MAX_NAME_BYTES:
            raise UnsafeFileError(file, "a name in the path is too long")
    return names


def _walk_reason(here: int, name: str, error: OSError) -> str:
    try:
        kind = stat.S_IFMT(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode)
    except OSError:
        return f"the folder {name} cannot be opened: {plain_reason(error)}"
    if kind != stat.S_IFDIR:
        return f"{name} is {_KINDS.get(kind, 'a file')}, not a folder"
    return f"the folder {name} cannot be opened: {plain_reason(error)}"


@contextmanager
def _opened(folder: int, name: str, file: str) -> Iterator[int]:
    """A plain file open for reading; looked at before it is opened, since opening a device acts."""
    try:
        facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        reason = "there is no such file" if error.errno == errno.ENOENT else plain_reason(error)
        raise UnsafeFileError(file, reason) from error
    _refuse_kind(facts, file)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        fd = os.open(name, flags, dir_fd=folder)
    except OSError as error:
        raise UnsafeFileError(file, f"it cannot be read: {plain_reason(error)}") from error
    try:
        _refuse_kind(os.fstat(fd), file)
        yield fd
    finally:
        os.close(fd)


def _refuse_kind(facts: os.stat_result, file: str) -> None:
    kind = stat.S_IFMT(facts.st_mode)
    if kind != stat.S_IFREG:
        raise UnsafeFileError(file, f"it is {_KINDS.get(kind, 'no plain file')}")
    if stat.S_IMODE(facts.st_mode) == 0:
        raise UnsafeFileError(file, "it is closed to everyone (mode 0000)")


def _read_all(fd: int, file: str, max_bytes: int) -> bytes:
    blocks: list[bytes] = []
    size = 0
    while block := os.read(fd, READ_BLOCK_BYTES):
        size += len(block)
        if size > max_bytes:
            raise UnsafeFileError(file, f"it grows past {max_bytes:,} bytes while it is read")
        blocks.append(block)
    return b"".join(blocks)


def _moment(facts: os.stat_result) -> tuple[int, int, int]:
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _protected(fd: int) -> str:
    """What `chattr` made of it, or nothing."""
    flags = _flags(fd)
    return "immutable" if flags & _IMMUTABLE else "append-only" if flags & _APPEND_ONLY else ""


def _mount_of(fd: int) -> str:
    """The number of the mount that an open file was reached by; a bind mount may share the device.

    Empty where the kernel does not tell.
    """
    try:
        lines = Path(f"/proc/self/fdinfo/{fd}").read_text("ascii").splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith("mnt_id:")), "")


def _flags(fd: int) -> int:
    flags = array.array("l", [0])
    try:
        fcntl.ioctl(fd, _GET_FLAGS, flags, True)
    except OSError:
        return 0  # the file system knows no such flags
    return flags[0]
