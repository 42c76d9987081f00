"""What carrying a request out does with games: AMP's words as those of `changes.execution`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime

from homeamp_agent.amp.games import Games
from homeamp_agent.amp.lifecycle import LifecycleAway, LifecycleError
from homeamp_agent.amp.restarts import Restart
from homeamp_agent.changes.execution import GameAway, GameTrouble
from homeamp_agent.model.game import InstanceState

BEING_CHANGED = "changed"
"""What others are told who want to act on the game meanwhile."""


@dataclass(frozen=True, slots=True)
class GameHands:
    """`changes.execution.Hands` through `games`."""

    games: Games
    look_after: Callable[[Restart], Awaitable[object]]

    @asynccontextmanager
    async def held(self, instances: Sequence[str]) -> AsyncIterator[None]:
        """Keep others from acting on them."""
        async with AsyncExitStack() as held:
            with _told():
                for name in instances:
                    await held.enter_async_context(self.games.held(name, BEING_CHANGED))
            yield

    async def state(self, instance: str) -> InstanceState:
        """What the game does now."""
        return await self.games.lifecycle.state(instance)

    async def announce(self, instance: str, text: str) -> None:
        """Say a line to the players."""
        with _told():
            await self.games.lifecycle.announce(instance, text)

    async def stop(self, instance: str) -> None:
        """Stop the game, and return once it has stopped."""
        with _told():
            await self.games.lifecycle.stop(instance)

    async def start(self, instance: str) -> None:
        """Start the game, and return once players can join; not too many at once."""
        with _told():
            await self.games.bring_up(instance)

    async def start_later(self, instance: str) -> None:
        """Tell the game to start, and wait for nothing."""
        with _told():
            await self.games.lifecycle.start(instance)

    async def look(self, instance: str, up_until: datetime | None, ready_at: datetime) -> None:
        """Once it has settled: whether it kept what was written."""
        await self.look_after(Restart(instance, up_until, ready_at))


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except LifecycleAway as error:
        raise GameAway(str(error)) from error
    except LifecycleError as error:
        raise GameTrouble(str(error)) from error
