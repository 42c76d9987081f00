"""Mutations that are answered once: a retry with the same key gets the first answer again."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import BaseModel

from homeamp_agent.rpc.protocol.errors import Busy, InvalidParams
from homeamp_agent.store import Store, StoreError
from homeamp_agent.store.records import begin_call, finish_call, forget_call


@dataclass(slots=True)
class AnsweredCalls:
    """Remembers answers in the store for a day; `secret` keys the digest of the params."""

    store: Store
    secret: bytes = field(repr=False)
    _running: dict[str, asyncio.Future[bytes]] = field(default_factory=dict)

    async def once(
        self, key: str, method: str, params: BaseModel, run: Callable[[], Awaitable[bytes]]
    ) -> bytes:
        """The answer of the first call with this key; runs it if this is the first.

        A call that fails is forgotten, so that it can be tried again.

        Raises:
            InvalidParams: the key was used for another call.
        """
        digest = self._digest(params)
        if (running := self._running.get(key)) is not None:
            await asyncio.wait([running])
        known = await begin_call(self.store, key, method, digest, datetime.now(UTC))
        if known.state == "other":
            raise InvalidParams("this idempotency_key was used for another call")
        if known.state == "done":
            return str(known.outcome).encode()
        if known.state == "running":
            raise Busy("the first call with this idempotency_key is still under way; try again")
        return await self._first(key, run)

    async def _first(self, key: str, run: Callable[[], Awaitable[bytes]]) -> bytes:
        finished: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._running[key] = finished
        try:
            answer = await self._run_or_forget(key, run)
            # It is done, whether it can be remembered or not.
            with contextlib.suppress(StoreError):
                await finish_call(self.store, key, answer.decode())
        finally:
            del self._running[key]
            finished.cancel()
        return answer

    async def _run_or_forget(self, key: str, run: Callable[[], Awaitable[bytes]]) -> bytes:
        try:
            return await run()
        except BaseException:
            with contextlib.suppress(StoreError):
                await forget_call(self.store, key)
            raise

    def _digest(self, params: BaseModel) -> str:
        text = params.model_dump_json(exclude={"idempotency_key"})
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()
