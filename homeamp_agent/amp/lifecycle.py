"""Starting and stopping the games of instances, whoever does it.

    lifecycle: Lifecycle = AmpLifecycle(amp)            # or NoAmp(), or InstanceManager(...)
    if await lifecycle.wait_empty("SURV01", seconds=600):
        await lifecycle.restart("SURV01")
        await lifecycle.wait_ready("SURV01", seconds=300)

LifecycleError      it was not done; one line for a person
├── LifecycleAway   nobody answers now; later may help
├── PlayersOnline   people play, and the policy spares them; nothing was done
└── NoLifecycle     nothing here can start or stop an instance
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from homeamp_agent.model.game import GameState, InstanceState

READY_BOUND_SECONDS = 300.0
"""A heavy game takes minutes to start; the field's own tools give up after five."""


class LifecycleError(Exception):
    """It was not done; one line for a person, without a secret."""


class LifecycleAway(LifecycleError):
    """Nobody answers now; trying later may help."""


class PlayersOnline(LifecycleError):
    """People play, and the policy spares them; nothing was done."""


class NoLifecycle(LifecycleError):
    """Nothing here can start or stop an instance."""


class Lifecycle(Protocol):
    """What can be done with the game of an instance, by the instance's name.

    Every method but `state` raises LifecycleError. Accepted is not done: `start`, `stop` and
    `restart` return when the game is stopped or has been told to start; `wait_ready` waits.
    """

    @property
    def available(self) -> bool:
        """Whether instances can be started and stopped at all."""
        ...

    async def state(self, instance: str) -> InstanceState:
        """What the game does now, asked anew; never raises."""
        ...

    async def states(self) -> Mapping[str, InstanceState]:
        """What every game does now, by the instance's name.

        Raises:
            LifecycleAway: nobody answers now.
            LifecycleError: the answer is no.
        """
        ...

    async def start(self, instance: str) -> None:
        """Tell the game to start; nothing where it runs already."""
        ...

    async def stop(self, instance: str) -> None:
        """Stop the game, and return once it has stopped; nothing where it has already."""
        ...

    async def restart(self, instance: str) -> None:
        """Stop the game, then tell it to start."""
        ...

    async def wait_ready(self, instance: str, seconds: float = READY_BOUND_SECONDS) -> None:
        """Return once players can join; raises if it fails, or is not there after `seconds`."""
        ...

    async def wait_empty(self, instance: str, seconds: float) -> bool:
        """Whether nobody plays any more within `seconds`; raises if nobody can tell."""
        ...

    async def announce(self, instance: str, text: str) -> None:
        """Say a line to the players."""
        ...

    async def console(self, instance: str, line: str) -> None:
        """Send a line to the game's console."""
        ...

    async def back_up(self, instance: str, title: str) -> None:
        """Ask for a backup of the whole instance, made by AMP in its own time."""
        ...


@dataclass(frozen=True, slots=True)
class NoAmp:
    """The lifecycle of a host whose agent speaks to no AMP: it can look at nothing, do nothing."""

    reason: str = "no AMP is configured on this host (amp.url): start and stop it by hand"

    @property
    def available(self) -> bool:
        """Never."""
        return False

    async def state(self, instance: str) -> InstanceState:
        """Unknown, and why."""
        del instance
        return InstanceState(state=GameState.UNKNOWN, message=self.reason)

    async def states(self) -> Mapping[str, InstanceState]:
        """Refused."""
        raise NoLifecycle(self.reason)

    async def start(self, instance: str) -> None:
        """Refused."""
        raise self._refusal(instance)

    async def stop(self, instance: str) -> None:
        """Refused."""
        raise self._refusal(instance)

    async def restart(self, instance: str) -> None:
        """Refused."""
        raise self._refusal(instance)

    async def wait_ready(self, instance: str, seconds: float = READY_BOUND_SECONDS) -> None:
        """Refused."""
        del seconds
        raise self._refusal(instance)

    async def wait_empty(self, instance: str, seconds: float) -> bool:
        """Refused."""
        del seconds
        raise self._refusal(instance)

    async def announce(self, instance: str, text: str) -> None:
        """Refused."""
        del text
        raise self._refusal(instance)

    async def console(self, instance: str, line: str) -> None:
        """Refused."""
        del line
        raise self._refusal(instance)

    async def back_up(self, instance: str, title: str) -> None:
        """Refused."""
        del title
        raise self._refusal(instance)

    def _refusal(self, instance: str) -> NoLifecycle:
        return NoLifecycle(f"{instance}: {self.reason}")
