"""The lifecycle of instances through AMP's panel."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from homeamp_agent.amp.answers import one_line
from homeamp_agent.amp.client import STATE_BOUND_SECONDS, Amp
from homeamp_agent.amp.errors import AmpAway, AmpError
from homeamp_agent.amp.lifecycle import READY_BOUND_SECONDS, LifecycleAway, LifecycleError
from homeamp_agent.amp.words import AppState, instance_state_of
from homeamp_agent.model.game import GameState, InstanceState

EMPTY_POLL_SECONDS = 5.0
"""Players come and go in minutes; AMP counts them every few seconds."""


@dataclass(frozen=True, slots=True)
class AmpLifecycle:
    """`Lifecycle` through the panel `amp`."""

    amp: Amp
    stop_bound_seconds: float = STATE_BOUND_SECONDS
    empty_poll_seconds: float = EMPTY_POLL_SECONDS

    @property
    def available(self) -> bool:
        """Always: whether AMP answers is a matter of the moment."""
        return True

    async def state(self, instance: str) -> InstanceState:
        """As AMP says now; `away` where it does not answer."""
        try:
            return instance_state_of(await self.amp.status(instance))
        except AmpError as error:
            return state_without_answer(error)

    async def states(self) -> Mapping[str, InstanceState]:
        """As the panel lists them, each asked for its own."""
        with _told():
            answers = await self.amp.statuses()
        return {
            name: state_without_answer(answer)
            if isinstance(answer, AmpError)
            else instance_state_of(answer)
            for name, answer in answers.items()
        }

    async def start(self, instance: str) -> None:
        """Tell the game to start, its daemon first where that does not run."""
        with _told(instance):
            await self.amp.start(instance, self.stop_bound_seconds)

    async def stop(self, instance: str) -> None:
        """Stop the game; its daemon goes on."""
        with _told(instance):
            await self.amp.stop(instance, self.stop_bound_seconds)

    async def restart(self, instance: str) -> None:
        """Stop the game, then tell it to start."""
        with _told(instance):
            await self.amp.restart(instance, self.stop_bound_seconds)

    async def wait_ready(self, instance: str, seconds: float = READY_BOUND_SECONDS) -> None:
        """Return once AMP calls it ready."""
        with _told(instance):
            await self.amp.reach(instance, AppState.READY, seconds)

    async def wait_empty(self, instance: str, seconds: float) -> bool:
        """Whether AMP counts no player within `seconds`."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            with _told(instance):
                state = instance_state_of(await self.amp.status(instance))
            if state.players == 0 or state.state in {GameState.STOPPED, GameState.FAILED}:
                return True
            if state.players is None and state.state is GameState.READY:
                raise LifecycleError(f"{instance}: AMP does not count its players")
            if (left := deadline - asyncio.get_running_loop().time()) <= 0:
                return False
            await asyncio.sleep(min(self.empty_poll_seconds, left))

    async def announce(self, instance: str, text: str) -> None:
        """Say a line to the players, by the console command `say`."""
        with _told(instance):
            await self.amp.say(instance, f"say {one_line(text)}")

    async def console(self, instance: str, line: str) -> None:
        """Send a line to the game's console."""
        with _told(instance):
            await self.amp.say(instance, line)

    async def back_up(self, instance: str, title: str) -> None:
        """Ask AMP for a backup."""
        with _told(instance):
            await self.amp.take_backup(instance, title)


def state_without_answer(error: AmpError) -> InstanceState:
    """The state of an instance that AMP does not tell of."""
    away = isinstance(error, AmpAway)
    return InstanceState(state=GameState.AWAY if away else GameState.UNKNOWN, message=str(error))


@contextmanager
def _told(instance: str = "") -> Iterator[None]:
    """AMP's errors as the lifecycle's, each naming its instance."""
    try:
        yield
    except AmpError as error:
        text = str(error)
        text = text if instance in text else f"{instance}: {text}"
        kind = LifecycleAway if isinstance(error, AmpAway) else LifecycleError
        raise kind(text) from error
