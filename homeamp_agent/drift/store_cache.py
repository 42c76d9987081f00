"""Parsed contents in the store, for the engine's thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import datetime as dt
import logging
from collections.abc import Collection, Coroutine, Mapping
from typing import Any, TypeVar

from homeamp_agent.store import Store, StoreError
from homeamp_agent.store.parsed import keep_parsed, parsed_bodies

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
"""How often a waiting thread looks whether the loop that is to answer has ended."""

Answer = TypeVar("Answer")


class StoreCache:
    """A `ContentCache` that asks the store on its event loop; without a loop it is empty."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.loop: asyncio.AbstractEventLoop | None = None

    def get(self, keys: Collection[str]) -> Mapping[str, bytes]:
        """The packed contents of those keys that are known."""
        return self._ask(lambda: parsed_bodies(self._store, keys)) or {}

    def put(self, packed: Mapping[str, bytes]) -> None:
        """Remember packed contents."""
        self._ask(lambda: keep_parsed(self._store, packed, dt.datetime.now(dt.UTC)))

    def _ask(self, question: Any) -> Any:
        loop = self.loop
        if loop is None:
            return None
        asked: Coroutine[Any, Any, Any] = question()
        try:
            future = asyncio.run_coroutine_threadsafe(asked, loop)
        except RuntimeError:
            asked.close()  # the loop has ended
            return None
        while not future.done() and self.loop is loop:
            concurrent.futures.wait([future], LOOK_SECONDS)
        if not future.done():
            future.cancel()
            return None
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            return None
        except StoreError as error:
            log.warning("parsed files cannot be kept: %s", error)
            return None
