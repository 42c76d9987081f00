"""From a line to its reply: single requests, notifications, batches, and every error."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import traceback
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError

from homeamp_agent.rpc.access import Peer, allows
from homeamp_agent.rpc.idempotency import AnsweredCalls
from homeamp_agent.rpc.protocol import REPLY_LIMIT_BYTES
from homeamp_agent.rpc.protocol.errors import (
    AccessDenied,
    InternalError,
    InvalidRequest,
    ReplyTooLarge,
    RpcError,
    Stopping,
)
from homeamp_agent.rpc.protocol.jsonrpc import (
    Request,
    RequestId,
    decode,
    encode,
    failure,
    id_of,
    request_of,
)
from homeamp_agent.rpc.protocol.messages import Access, MutationParams
from homeamp_agent.rpc.registry import Call, Line, Method, Registry
from homeamp_agent.rpc.translation import as_rpc_error

BATCH_LIMIT = 1000
"""Requests of one batch; their error replies alone then stay below a reply's bound."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Dispatcher:
    """Answers lines for all connections. `stopping` refuses what is new."""

    rooms: Any
    registry: Registry
    answered: AnsweredCalls | None = None
    stopping: bool = False
    mutations: set[asyncio.Task[bytes]] = field(default_factory=set)

    async def answer(self, line: bytes, caller: Caller) -> bytes | None:
        """The reply to a line, with its line feed; None where there is none to be sent."""
        try:
            document = decode(line)
        except RpcError as error:
            return encode(failure(None, error))
        if isinstance(document, list):
            return await self._answer_batch(document, caller)
        return await self._answer_one(document, caller, REPLY_LIMIT_BYTES)

    async def _answer_batch(self, documents: list[Any], caller: Caller) -> bytes | None:
        if not documents:
            return encode(failure(None, InvalidRequest("a batch holds at least one request")))
        if len(documents) > BATCH_LIMIT:
            too_many = InvalidRequest(f"a batch holds at most {BATCH_LIMIT} requests")
            return encode(failure(None, too_many))
        replies: list[bytes] = []
        room = REPLY_LIMIT_BYTES
        for document in documents:
            reply = await self._answer_one(document, caller, room)
            if reply is not None:
                replies.append(reply.rstrip(b"\n"))
                room -= len(reply) + 1
        return b"[" + b",".join(replies) + b"]\n" if replies else None

    async def _answer_one(self, document: Any, caller: Caller, room: int) -> bytes | None:
        identifier = id_of(document)
        try:
            request = request_of(document)
        except RpcError as error:
            return encode(failure(identifier, error))
        try:
            reply = await self._run(request, caller)
            if len(reply) > room:
                raise ReplyTooLarge(
                    f"the reply would have {len(reply)} bytes: ask for less at once", room=room
                )
        except RpcError as error:
            reply = encode(failure(identifier, error))
        except Exception as error:
            reply = encode(failure(identifier, _told(request.method, error)))
        return None if request.notification else reply

    async def _run(self, request: Request, caller: Caller) -> bytes:
        if self.stopping:
            raise Stopping("the agent is stopping")
        if caller.access is None:
            raise AccessDenied(f"{caller.peer} has no access to this agent")
        method = self.registry.find(request.method)
        if not allows(caller.access, method.access):
            raise AccessDenied(
                f"{request.method} needs `{method.access.value}`; "
                f"{caller.peer} has `{caller.access.value}`",
                needs=method.access.value,
            )
        params = method.read_params(request.params)
        call = Call(self.rooms, caller.peer, caller.access, caller.line)
        work = self._answered(method, call, params, request.id)
        return await (self._to_the_end(work) if method.mutates else work)

    async def _to_the_end(self, work: Coroutine[Any, Any, bytes]) -> bytes:
        """Wait for `work`, which goes on though the caller hangs up."""
        task = asyncio.create_task(work)
        self.mutations.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def _done(self, task: asyncio.Task[bytes]) -> None:
        self.mutations.discard(task)
        if not task.cancelled():
            task.exception()  # an abandoned caller is no reason for a warning

    async def _answered(
        self, method: Method[Any], call: Call[Any], params: BaseModel, identifier: RequestId
    ) -> bytes:
        async def run() -> bytes:
            return result_text(await method.run(call, params))

        key = params.idempotency_key if isinstance(params, MutationParams) else None
        if key is None or self.answered is None:
            text = await run()
        else:
            text = await self.answered.once(f"{call.peer.uid}:{key}", method.name, params, run)
        head = json.dumps(identifier).encode("ascii")
        return b'{"jsonrpc":"2.0","id":' + head + b',"result":' + text + b"}\n"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a line, what they may do, and the line back."""

    peer: Peer
    access: Access | None
    line: Line


def result_text(result: BaseModel) -> bytes:
    """The result as JSON: NaN and infinities as null, undecodable bytes of files escaped."""
    try:
        return result.model_dump_json().encode()
    except PydanticSerializationError:
        return encode(_plain(result.model_dump())).rstrip(b"\n")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _told(method: str, error: Exception) -> RpcError:
    known = as_rpc_error(error)
    if known is not None:
        return known
    log.error("%s failed: %s", method, where_of(error))
    return InternalError("a fault of the agent; its log says where")


def where_of(error: BaseException) -> str:
    """The kind of an unexpected error and where it arose, without its text.

    The text of an error from anywhere may hold a setting's value, and a log must not.
    """
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames[-6:]]
    return f"{type(error).__name__}{_detail(error)} at {' > '.join(places)}"


def failure_of(ended: asyncio.Task[Any]) -> str | None:
    """Where a task that has ended failed, as `where_of`; None if it did not, or was cancelled."""
    error = None if ended.cancelled() else ended.exception()
    return None if error is None else where_of(error)


def _detail(error: BaseException) -> str:
    """What of the error's text cannot hold a value."""
    if isinstance(error, OSError) and error.strerror:
        return f" ({error.strerror})"
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        return f" ({error.title}.{'.'.join(map(str, first['loc']))}: {first['type']})"
    return ""
