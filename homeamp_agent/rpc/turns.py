"""Requests that share an instance are planned and written one after the other, in their order.

Else the plan of the second would be made of bytes that the first is about to replace.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from homeamp_agent.model.change import ChangeRequest


@dataclass(frozen=True, slots=True)
class Turns:
    """Whose turn it is in each instance."""

    _locks: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    @asynccontextmanager
    async def of(self, instances: Collection[str]) -> AsyncIterator[None]:
        """Hold these instances, taken in one order, so that two requests never wait for each
        other."""
        async with AsyncExitStack() as held:
            for name in sorted(instances):
                await held.enter_async_context(self._locks[name])
            yield


def instances_of(change: ChangeRequest) -> frozenset[str]:
    """The instances that a request writes into."""
    return frozenset(each.instance for each in change.files)
