"""Where the agent of this machine listens. Imports nothing, so that the bridge starts fast."""

from __future__ import annotations

import os
from pathlib import Path

SYSTEM_SOCKET = Path("/run/homeamp/agent.sock")


def default_socket() -> Path:
    """$HOMEAMP_SOCKET; else the system's socket if it is there or we are root; else our own."""
    if given := os.environ.get("HOMEAMP_SOCKET"):
        return Path(given)
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if os.geteuid() == 0 or runtime is None or SYSTEM_SOCKET.exists():
        return SYSTEM_SOCKET
    return Path(runtime) / "homeamp" / "agent.sock"
