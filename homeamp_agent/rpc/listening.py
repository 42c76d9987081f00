"""The agent's own socket: made for its group alone, and never taken from a living agent.

ListenError        the socket cannot be made; one line saying what to do
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SOCKET_MODE = 0o660
FOLDER_MODE = 0o755
"""The folder may be entered by all; the socket's own mode decides who connects."""

BACKLOG = 128
PROBE_TIMEOUT_S = 2.0
"""A living agent accepts at once; one that does not for this long still holds its socket."""

LOCK_TIMEOUT_S = 2.0
FIRST_PASSED_FD = 3
"""SD_LISTEN_FDS_START of sd_listen_fds(3)."""


class ListenError(Exception):
    """The socket cannot be made; the text names it and says what to do."""


@dataclass(frozen=True, slots=True)
class ListeningSocket:
    """A bound, listening socket. `inode` is None where systemd owns it: then it is left alone."""

    sock: socket.socket
    path: Path
    inode: tuple[int, int] | None
    gid: int | None

    def close(self) -> None:
        """Stop listening; remove the socket's name if it is still ours."""
        self.sock.close()
        if self.inode is None:
            return
        try:
            if _inode(self.path) == self.inode:
                self.path.unlink()
        except FileNotFoundError:
            pass


def passed_socket() -> ListeningSocket | None:
    """The socket that systemd passed (LISTEN_FDS), or None.

    Raises:
        ListenError: what was passed is no listening Unix stream socket.
    """
    count = os.environ.get("LISTEN_FDS", "")
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or not count.isdecimal() or int(count) < 1:
        return None
    sock = socket.socket(fileno=FIRST_PASSED_FD)
    listening = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if sock.family != socket.AF_UNIX or sock.type != socket.SOCK_STREAM or not listening:
        raise ListenError("LISTEN_FDS: the first socket is no listening Unix stream socket")
    sock.setblocking(False)
    os.set_inheritable(sock.fileno(), False)
    path = Path(os.fsdecode(sock.getsockname()))
    return ListeningSocket(sock, path, None, _gid(path))


def listen(path: Path, gid: int | None = None) -> ListeningSocket:
    """Make the socket at `path`, 0660, for group `gid` (None: the agent's own).

    A socket that nobody answers on is replaced; one that an agent answers on never is.

    Raises:
        ListenError: another agent listens there, or the socket cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        with _locked(path.parent):
            _refuse_living(path)
            return _bind(path, gid)
    except OSError as error:
        raise ListenError(
            f"{path}: cannot make the socket: {error.strerror or error}; give another --socket"
        ) from error


def _bind(path: Path, gid: int | None) -> ListeningSocket:
    """Bind under another name and rename, so that the name never stands with a wider mode."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    making = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        making.unlink(missing_ok=True)
        sock.bind(str(making))
        making.chmod(SOCKET_MODE)
        if gid is not None:
            os.chown(making, -1, gid)
        sock.listen(BACKLOG)
        inode = _inode(making)
        making.rename(path)
    except BaseException:
        sock.close()
        making.unlink(missing_ok=True)
        raise
    return ListeningSocket(sock, path, inode, _gid(path))


def _refuse_living(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListenError(f"{path}: is there and is no socket; remove it or give another --socket")
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    probe.settimeout(PROBE_TIMEOUT_S)
    try:
        probe.connect(str(path))
    except (ConnectionRefusedError, FileNotFoundError):
        return
    except TimeoutError:
        pass
    finally:
        probe.close()
    raise ListenError(f"{path}: another agent listens there; stop it or give another --socket")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Two agents that start at once look and bind one after the other."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ListenError(f"{folder}: is locked by another program") from None
                time.sleep(0.01)
        yield
    finally:
        os.close(handle)


def _inode(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def _gid(path: Path) -> int | None:
    try:
        return path.lstat().st_gid
    except OSError:
        return None
