"""`homeamp-agent` as a process of its own, forked from one that has its imports already.

Everything but the start of Python is as for anybody: arguments, environment, files, signals, exit
codes, a process id of its own. What the start itself does is tested by real ones, in tests/e2e and
tests/agent/test_lifecycle.py.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO


class Forked:
    """What tests use of `subprocess.Popen`, for a process whose parent is the fork server."""

    def __init__(self, told: int) -> None:
        self._told = os.fdopen(told, "rb", buffering=0)
        self.pid = int(self._line())
        self.returncode: int | None = None

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            more = self._told.read(1)
            assert more, "the fork server is gone"
            line += more
        return line

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code once it has ended.

        Raises:
            subprocess.TimeoutExpired: it runs still, after so many seconds.
        """
        if self.returncode is None:
            ready, _, _ = select.select([self._told], [], [], timeout)
            if not ready:
                raise subprocess.TimeoutExpired("homeamp-agent", timeout or 0)
            self.returncode = int(self._line())
            self._told.close()
        return self.returncode

    def send_signal(self, number: int, /) -> None:
        """To the process, unless its end is known."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    *arguments: str,
    output: IO[bytes],
    errors: IO[bytes] | None = None,
    given: IO[bytes] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Forked:
    """`homeamp-agent` with these arguments; stderr is stdout's file unless given, stdin empty."""
    order = {
        "arguments": arguments,
        "environment": dict(os.environ if env is None else env),
        "folder": str(cwd or Path.cwd()),
    }
    told_r, told_w = os.pipe()
    with contextlib.ExitStack() as closing:
        closing.callback(os.close, told_w)
        given = given or closing.enter_context(Path(os.devnull).open("rb"))
        files = [given.fileno(), output.fileno(), (errors or output).fileno(), told_w]
        socket.send_fds(_server(), [json.dumps(order).encode()], files)
    return Forked(told_r)


def starter(arguments: list[str], output: IO[bytes], environment: Mapping[str, str]) -> Forked:
    """How the demo of a test starts its agents."""
    return start(*arguments, output=output, env=environment)


def command(
    *arguments: str,
    input: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run it to its end.

    Raises:
        subprocess.TimeoutExpired: it had not ended after so many seconds, and was killed.
    """
    with contextlib.ExitStack() as closing:
        given, out, told = (closing.enter_context(tempfile.TemporaryFile()) for _ in range(3))
        given.write(input.encode())
        given.seek(0)
        process = start(*arguments, output=out, errors=told, given=given, env=env, cwd=cwd)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        texts = []
        for file in (out, told):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(["homeamp-agent", *arguments], code, *texts)


@functools.cache
def _server() -> socket.socket:
    """Where to order; the server starts with the first order and ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())],
            pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
            cwd=Path(__file__).resolve().parents[1],
        )  # fmt: skip

    def end() -> None:
        ours.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()

    atexit.register(end)
    return ours
