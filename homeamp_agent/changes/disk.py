"""The write door: every system call by which this package changes a disk.

One class, so that a test can fail or stop the process at any single one of them by subclassing.
Names are always relative to an open folder; nothing here follows a symbolic link.
"""

from __future__ import annotations

import ctypes
import errno
import os

_RENAME_NOREPLACE = 1
_RENAME_EXCHANGE = 2
_UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
"""How file systems and kernels say that they know no exchange (NFS, ZFS before 2.2)."""

_libc = ctypes.CDLL(None, use_errno=True)


class Disk:
    """System calls that change a disk, each retried or checked no further than the kernel does."""

    def create(self, folder: int, name: str) -> int:
        """A new private file, open for writing.

        Raises:
            OSError: it exists already, or cannot be made.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, 0o600, dir_fd=folder)

    def append_to(self, folder: int, name: str) -> int:
        """An existing or new private file, open for reading and for writing at its end."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, 0o600, dir_fd=folder)

    def make_folder(self, folder: int, name: str) -> None:
        """A new private folder."""
        os.mkdir(name, 0o700, dir_fd=folder)

    def write(self, fd: int, content: bytes) -> None:
        """All of `content`, however many calls it takes."""
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(fd, rest) :]

    def truncate(self, fd: int, length: int) -> None:
        os.ftruncate(fd, length)

    def sync(self, fd: int) -> None:
        """Wait until the file, or the folder's list of names, is on the medium."""
        os.fsync(fd)

    def give_owner(self, fd: int, uid: int, gid: int) -> None:
        os.fchown(fd, uid, gid)

    def give_mode(self, fd: int, mode: int) -> None:
        os.fchmod(fd, mode)

    def give_attribute(self, fd: int, name: str, value: bytes) -> None:
        os.setxattr(fd, name, value)

    def take_attribute(self, fd: int, name: str) -> None:
        os.removexattr(fd, name)

    def exchange(self, folder: int, one: str, other: str) -> bool:
        """Swap two names in one instant; False where the file system has no such call.

        Raises:
            FileNotFoundError: one of the two is missing; nothing was changed.
        """
        return _renameat2(folder, one, other, _RENAME_EXCHANGE)

    def rename(self, folder: int, source: str, target: str) -> None:
        os.rename(source, target, src_dir_fd=folder, dst_dir_fd=folder)

    def place(self, folder: int, source: str, target: str) -> None:
        """Rename without ever replacing what may have appeared at `target`.

        Raises:
            FileExistsError: something stands at `target`; nothing was changed.
        """
        if _renameat2(folder, source, target, _RENAME_NOREPLACE):
            return
        os.link(source, target, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        os.unlink(source, dir_fd=folder)

    def move(self, folder: int, source: str, into: int, target: str) -> None:
        """Rename from one folder into another without ever replacing what is there.

        Raises:
            FileExistsError: something stands at `target`; nothing was changed.
        """
        if _renameat2(folder, source, target, _RENAME_NOREPLACE, into):
            return
        os.link(source, target, src_dir_fd=folder, dst_dir_fd=into, follow_symlinks=False)
        os.unlink(source, dir_fd=folder)

    def remove(self, folder: int, name: str) -> None:
        os.unlink(name, dir_fd=folder)


def _renameat2(folder: int, source: str, target: str, flags: int, into: int | None = None) -> bool:
    call = getattr(_libc, "renameat2", None)
    if call is None:
        return False
    target_folder = folder if into is None else into
    if call(folder, os.fsencode(source), target_folder, os.fsencode(target), flags) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), source, None, target)
