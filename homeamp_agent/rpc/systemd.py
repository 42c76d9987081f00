"""What systemd wants to hear (sd_notify(3)): ready, alive, stopping. Silent without systemd."""

from __future__ import annotations

import contextlib
import os
import socket

MICROSECONDS = 1_000_000


def notify(*assignments: str) -> None:
    """Send `READY=1` and the like to the socket that systemd named; an error is nobody's loss."""
    target = os.environ.get("NOTIFY_SOCKET", "")
    if not target.startswith(("/", "@")):
        return
    address = "\0" + target[1:] if target.startswith("@") else target
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock,
    ):
        # A full queue must not hold the agent up.
        sock.setblocking(False)
        sock.sendto("\n".join(assignments).encode(), address)


def watchdog_interval_s() -> float | None:
    """How often to say WATCHDOG=1: half of what systemd allows; None if it does not watch us."""
    allowed = os.environ.get("WATCHDOG_USEC", "")
    watched = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not allowed.isdecimal() or int(allowed) == 0 or watched != str(os.getpid()):
        return None
    return int(allowed) / MICROSECONDS / 2
