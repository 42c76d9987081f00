"""A real terminal around a real dashboard: what it gets to see, and that it ends with it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

BOUND_S = 60.0
ALTERNATE_SCREEN = b"\x1b[?1049h"


class Window:
    """A terminal window with a dashboard in it."""

    def __init__(self, *options: str, folder: Path) -> None:
        self.master, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.seen = b""
        self.process = subprocess.Popen(
            ["setsid", "--ctty", sys.executable, "-m", "homeamp_tui", *options],
            stdin=terminal, stdout=terminal, stderr=terminal,
            env={**os.environ, "TERM": "xterm-256color", "TMPDIR": str(folder)},
        )  # fmt: skip
        os.close(terminal)

    def until(self, text: bytes) -> None:
        """Read what is drawn until `text` was in it."""
        deadline = time.monotonic() + BOUND_S
        while text not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, self.seen[-2000:]
            if select.select([self.master], [], [], left)[0]:
                self.seen += os.read(self.master, 65536)

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def close(self) -> None:
        """As a person closes it, or a lost connection."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1


@contextlib.contextmanager
def window(*options: str, folder: Path) -> Iterator[Window]:
    window = Window(*options, folder=folder)
    try:
        yield window
    finally:
        window.close()
        window.process.kill()
        window.process.wait(BOUND_S)


def test_a_signal_to_go_on_starts_nothing_twice_and_a_closed_window_ends_it(tmp_path: Path) -> None:
    with window("--connect", f"unix:{tmp_path / 'nobody.sock'}", folder=tmp_path) as terminal:
        terminal.until(b"Overview")
        assert terminal.seen.count(ALTERNATE_SCREEN) == 1
        terminal.process.send_signal(signal.SIGCONT)
        terminal.type(b"?")
        terminal.until(b"Close")
        assert terminal.seen.count(ALTERNATE_SCREEN) == 1
        terminal.close()
        assert terminal.process.wait(BOUND_S) is not None


def test_a_demo_whose_window_closes_while_it_starts_leaves_nothing_behind(tmp_path: Path) -> None:
    with window("--demo", folder=tmp_path) as terminal:
        deadline = time.monotonic() + BOUND_S
        while not list(tmp_path.glob("homeamp-demo-*/demo/fleet")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        terminal.close()
        terminal.process.wait(BOUND_S)
    assert list(tmp_path.glob("homeamp-demo-*")) == []
    assert [each for each in _commands() if str(tmp_path) in each] == []


def _commands() -> Iterator[str]:
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield each.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
