"""A real terminal around a real dashboard: what it gets to see, and that it ends with it."""

from __future__ import annotations

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

import pytest

BOUND_S = 60.0
ALTERNATE_SCREEN = b"\x1b[?1049h"


class Window:
    """A terminal window with a dashboard in it that finds no agent."""

    def __init__(self, folder: Path) -> None:
        self.master, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.seen = b""
        self.process = subprocess.Popen(
            ["setsid", "--ctty", sys.executable, "-m", "homeamp_tui",
             "--connect", f"unix:{folder / 'nobody.sock'}"],
            stdin=terminal, stdout=terminal, stderr=terminal,
            env={**os.environ, "TERM": "xterm-256color"},
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


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    window = Window(tmp_path)
    yield window
    window.close()
    window.process.kill()
    window.process.wait(BOUND_S)


def test_a_signal_to_go_on_starts_nothing_twice_and_a_closed_window_ends_it(
    window: Window,
) -> None:
    window.until(b"Overview")
    assert window.seen.count(ALTERNATE_SCREEN) == 1
    window.process.send_signal(signal.SIGCONT)
    window.type(b"?")
    window.until(b"Close")
    assert window.seen.count(ALTERNATE_SCREEN) == 1
    window.close()
    assert window.process.wait(BOUND_S) is not None
