"""`homeamp-tui`: open the dashboard on agents, or on the demo fleet."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence

from homeamp_agent import VERSION
from homeamp_agent.heap import look_less_often

ENDINGS = (signal.SIGTERM, signal.SIGHUP)
DESCRIPTION = """\
The homeamp dashboard. Without --connect it opens on the agent of this host.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the dashboard; 0 when it was closed, 2 when it could not open."""
    parser = argparse.ArgumentParser("homeamp-tui", description=DESCRIPTION)
    parser.add_argument(
        "--connect",
        action="append",
        metavar="URL",
        help="unix:PATH or ssh://[user@]host[:port][/socket]; may be given more than once",
    )
    parser.add_argument("--read-only", action="store_true", help="look, but change nothing")
    parser.add_argument("--demo", action="store_true", help="two hosts of made-up instances, live")
    parser.add_argument("--version", action="version", version=f"homeamp-tui {VERSION}")
    options = parser.parse_args(arguments)
    look_less_often()
    if options.demo and options.connect:
        parser.error("--demo brings its own agents: leave --connect out")
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        if options.demo:
            return asyncio.run(_demo(options.read_only))
        return asyncio.run(_dashboard(options.connect or [_local()], options.read_only, ""))
    return 0


def _local() -> str:
    from homeamp_agent.rpc.client import default_socket  # noqa: PLC0415  (after --help)

    return f"unix:{default_socket()}"


async def _dashboard(urls: Sequence[str], read_only: bool, note: str) -> int:
    from homeamp_tui.app import HomeampApp  # noqa: PLC0415  (250 ms that --help is not worth)
    from homeamp_tui.terminal import Terminal  # noqa: PLC0415

    app = HomeampApp(urls, read_only=read_only, note=note)
    app.driver_class = Terminal
    loop = asyncio.get_running_loop()
    for number in ENDINGS:
        loop.add_signal_handler(number, app.exit)
    await app.run_async()
    return app.return_code or 0


async def _demo(read_only: bool) -> int:
    from homeamp_tui.demo import DemoError, demo_fleet  # noqa: PLC0415  (only for the demo)

    loop, starting = asyncio.get_running_loop(), asyncio.current_task()
    if starting is not None:
        # Else a window closed before the dashboard stands would leave the agents behind.
        for number in ENDINGS:
            loop.add_signal_handler(number, starting.cancel)
    try:
        async with demo_fleet() as (agents, fleet):
            urls = [f"unix:{agent.socket}" for agent in agents]
            return await _dashboard(urls, read_only, f"demo files: {fleet}/fleet")
    except (DemoError, OSError) as error:
        print(f"homeamp-tui: {error}", file=sys.stderr)
        return 2
