"""`ampinstmgr`, AMP's own command: starts and stops daemons where the panel is not to be asked.

It says nothing of the game, and its exit code is 0 on failure too: what it did is seen by its own
list, within a bound. Every call is an argument vector; a shell never sees a name.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from homeamp_agent.amp.answers import one_line
from homeamp_agent.amp.lifecycle import (
    READY_BOUND_SECONDS,
    Lifecycle,
    LifecycleAway,
    LifecycleError,
    NoAmp,
)
from homeamp_agent.model.game import GameState, InstanceState

COMMAND = ("sudo", "-n", "-i", "-u", "amp", "ampinstmgr")
LIST, START, STOP = "-l", "-s", "-q"
COMMAND_BOUND_SECONDS = 120.0
"""A stop waits for the game to save its worlds."""
END_SECONDS = 1.0
POLL_SECONDS = 2.0
MAX_OUTPUT_BYTES = 1024 * 1024
"""A list of 40 instances has 20 KB."""

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
"""What AMP allows; and never an option."""
RUNS = "its daemon runs; ampinstmgr does not tell what the game does"
NOBODY_TELLS = "ampinstmgr tells neither who plays nor what a game says: set amp.url as well"
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class InstanceManager:
    """`Lifecycle` by `ampinstmgr`; what it cannot tell, `seen_by` is asked (the panel, or none)."""

    command: tuple[str, ...] = COMMAND
    seen_by: Lifecycle = field(default_factory=lambda: NoAmp(NOBODY_TELLS))
    command_bound_seconds: float = COMMAND_BOUND_SECONDS
    poll_seconds: float = POLL_SECONDS

    @property
    def available(self) -> bool:
        """Always: whether the command is there is seen when it is called."""
        return True

    async def state(self, instance: str) -> InstanceState:
        """As the panel says where there is one, else whether the daemon runs."""
        if self.seen_by.available:
            seen = await self.seen_by.state(instance)
            if seen.state is not GameState.AWAY:
                return seen
        try:
            return (await self._daemons()).get(instance) or _unknown(instance)
        except LifecycleError as error:
            return InstanceState(state=GameState.AWAY, message=str(error))

    async def states(self) -> Mapping[str, InstanceState]:
        """As the panel says where there is one, else whether each daemon runs."""
        return await (self.seen_by.states() if self.seen_by.available else self._daemons())

    async def start(self, instance: str) -> None:
        """Start the daemon, and with it the game, where AMP is set to do so."""
        await self._act(START, instance, running=True)

    async def stop(self, instance: str) -> None:
        """Stop the game and its daemon."""
        await self._act(STOP, instance, running=False)

    async def restart(self, instance: str) -> None:
        """Stop, then start: whether `-r` did anything could not be seen."""
        await self.stop(instance)
        await self.start(instance)

    async def wait_ready(self, instance: str, seconds: float = READY_BOUND_SECONDS) -> None:
        """Until the panel calls it ready; without a panel, until the daemon runs."""
        if self.seen_by.available:
            await self.seen_by.wait_ready(instance, seconds)
        else:
            await self._reach(instance, running=True, seconds=seconds)

    async def wait_empty(self, instance: str, seconds: float) -> bool:
        """As the panel counts; without one, only a stopped instance is known to be empty."""
        if not self.seen_by.available and not (await self.state(instance)).up:
            return True
        return await self.seen_by.wait_empty(instance, seconds)

    async def announce(self, instance: str, text: str) -> None:
        """Through the panel."""
        await self.seen_by.announce(instance, text)

    async def console(self, instance: str, line: str) -> None:
        """Through the panel."""
        await self.seen_by.console(instance, line)

    async def back_up(self, instance: str, title: str) -> None:
        """Through the panel."""
        await self.seen_by.back_up(instance, title)

    async def _act(self, what: str, instance: str, *, running: bool) -> None:
        if not NAME.fullmatch(instance):
            raise LifecycleError(f"{instance!r} is no name of an AMP instance")
        daemons = await self._daemons()
        if instance not in daemons:
            raise LifecycleError(f"{instance}: ampinstmgr lists no such instance")
        if daemons[instance].up is running:
            return
        said = await self._run(what, instance)
        await self._reach(instance, running=running, seconds=self.command_bound_seconds, said=said)

    async def _reach(self, instance: str, *, running: bool, seconds: float, said: str = "") -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            daemon = (await self._daemons()).get(instance)
            if daemon is not None and daemon.up is running:
                return
            if asyncio.get_running_loop().time() >= deadline:
                does = "does not run" if running else "still runs"
                told = f"; ampinstmgr said: {one_line(said)}" if said.strip() else ""
                raise LifecycleError(f"{instance}: its daemon {does} after {seconds:g} s{told}")
            await asyncio.sleep(self.poll_seconds)

    async def _daemons(self) -> dict[str, InstanceState]:
        return daemons_in(await self._run(LIST))

    async def _run(self, *arguments: str) -> str:
        """What the command printed."""
        name = self.command[-1]
        # No pipe: a daemon that it starts may hold its end open for months.
        with tempfile.TemporaryFile() as printed:
            try:
                process = await asyncio.create_subprocess_exec(
                    *self.command,
                    *arguments,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=printed,
                    stderr=asyncio.subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                why = error.strerror
                raise LifecycleAway(f"{self.command[0]} cannot be run: {why}") from error
            try:
                await asyncio.wait_for(process.wait(), self.command_bound_seconds)
            except TimeoutError:
                bound = f"{self.command_bound_seconds:g} s"
                raise LifecycleAway(f"{name} {arguments[0]} did not end within {bound}") from None
            finally:
                await _end(process)
            printed.seek(0)
            text = printed.read(MAX_OUTPUT_BYTES).decode("utf-8", "replace")
        if arguments == (LIST,) and not daemons_in(text):
            said = one_line(text) or f"nothing (exit code {process.returncode})"
            raise LifecycleAway(f"{name} {LIST} lists no instance; it said: {said}")
        return text


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a command that hangs; one that sudo started as another user may outlive it."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), END_SECONDS)


def daemons_in(listed: str) -> dict[str, InstanceState]:
    """Whether each daemon runs, from blocks of `Key │ Value`."""
    found: dict[str, InstanceState] = {}
    name = ""
    for line in _COLOUR.sub("", listed).splitlines():
        key, bar, value = (part.strip() for part in line.replace("|", "│").partition("│"))
        if not bar:
            name = name if line.strip() else ""
        elif key == "Instance Name":
            name = value
        elif key == "Running" and name:
            runs = value.casefold() in {"yes", "true"}
            found[name] = (
                InstanceState(state=GameState.UNKNOWN, message=RUNS)
                if runs
                else InstanceState(state=GameState.STOPPED)
            )
    return found


def _unknown(instance: str) -> InstanceState:
    return InstanceState(
        state=GameState.UNKNOWN, message=f"ampinstmgr lists no instance {instance}"
    )
