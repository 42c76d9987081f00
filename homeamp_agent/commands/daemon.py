"""`homeamp-agent run`: the agent as a process: its log, its signals, its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time

from homeamp_agent.agent import run
from homeamp_agent.commands.ends import OK, CommandError
from homeamp_agent.own_state import AgentError
from homeamp_agent.settings import Settings

STOP_WITHIN_S = 4.5
"""systemd and operators are promised 5 s. What is cut off then, the journal settles."""

STOPPED_HARD = 1
_SYSLOG_LEVELS = {"ERROR": 3, "WARNING": 4, "INFO": 6, "DEBUG": 7}


class _Line(logging.Formatter):
    """One line a record; under systemd with the level that journald reads, else with the time."""

    def __init__(self) -> None:
        super().__init__()
        self._journald = "JOURNAL_STREAM" in os.environ

    def format(self, record: logging.LogRecord) -> str:
        """The line, free of control characters."""
        text = record.getMessage().translate(_NO_CONTROL)
        part = record.name.removeprefix("homeamp_agent.").removeprefix("homeamp")
        line = f"{part}: {text}" if part else text
        if self._journald:
            return f"<{_SYSLOG_LEVELS.get(record.levelname, 6)}>{line}"
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        return f"{now} {record.levelname:<7} {line}"


TALKATIVE = ("httpx", "httpcore")
"""They would log every call to AMP."""

_NO_CONTROL = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), " ")


def run_daemon(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; a second one ends at once.

    Raises:
        CommandError: it cannot start.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        asyncio.run(_run(settings))
    except AgentError as error:
        raise CommandError(str(error)) from error
    return OK


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked() -> None:
        if stop.is_set():
            _end_now("asked to stop twice")
        stop.set()
        # Threads that work on files cannot be cancelled: the end must not wait for them.
        deadline = threading.Timer(STOP_WITHIN_S, _end_now, ("stopping took too long",))
        deadline.daemon = True
        deadline.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked)
    await run(settings, stop=stop)


def _end_now(why: str) -> None:
    logging.getLogger("homeamp").warning("%s: ending at once", why)
    sys.stderr.flush()
    os._exit(STOPPED_HARD)
