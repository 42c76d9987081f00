"""`homeamp-agent bridge`: stdio on one side, the agent's socket on the other, for ssh.

Bytes are passed as they come, of any length, in both directions at once. The end of stdin is
passed on as a half-close, so that the answers still under way arrive; the end of the socket ends
the bridge. A dashboard asks for `--hang-up`: ssh does not tell the bridge that its reader is gone
before there is something to read, and between events that may be for ever.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from pathlib import Path

from homeamp_agent.commands.ends import OK, CommandError

CHUNK_BYTES = 64 * 1024
STDIN, STDOUT = 0, 1


def bridge(path: Path, hang_up: bool = False) -> int:
    """Pass bytes until the agent hangs up, or with `hang_up` until stdin ends.

    Raises:
        CommandError: nobody listens on the socket.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(str(path))
    except OSError as error:
        raise CommandError(
            f"{path}: cannot reach the agent: {error.strerror or error}; is it running here?"
        ) from error
    threading.Thread(target=_send, args=(sock, hang_up), daemon=True).start()
    with sock:
        _receive(sock)
    return OK


def _send(sock: socket.socket, hang_up: bool) -> None:
    try:
        while chunk := os.read(STDIN, CHUNK_BYTES):
            sock.sendall(chunk)
        if not hang_up:
            sock.shutdown(socket.SHUT_WR)
            _wait_until_nobody_reads()
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The agent hung up, or stdin broke: the other direction finds out, or is made to.
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _wait_until_nobody_reads() -> None:
    """A subscriber may listen long after its last request; but not after its ssh is gone."""
    reader = select.poll()
    reader.register(STDOUT, select.POLLERR | select.POLLHUP)
    reader.poll()


def _receive(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := sock.recv(CHUNK_BYTES):
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(STDOUT, rest) :]
