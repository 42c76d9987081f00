"""`homeamp-agent call`: one method, its result as JSON on stdout."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from homeamp_agent.commands.ends import FOUND, OK, CommandError
from homeamp_agent.rpc.client import Client, ClientError
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_agent.rpc.protocol.jsonrpc import encode


def call(method: str, params: str | None, url: str, *, follow: bool, timeout_s: float) -> int:
    """Call and print; with `follow`, subscribe as well and print every event, one a line.

    Raises:
        CommandError: params that are no JSON, an agent that cannot be reached, an error reply.
    """
    wire = _params(sys.stdin.read() if params == "-" else params)
    try:
        return asyncio.run(_call(method, wire, url, follow=follow, timeout_s=timeout_s))
    except RpcError as error:
        raise CommandError(
            f"{method}: {error.wire()['data']['kind']}: {error.message}", code=FOUND
        ) from error
    except ClientError as error:
        raise CommandError(str(error)) from error


async def _call(method: str, params: Any, url: str, *, follow: bool, timeout_s: float) -> int:
    async with await Client.connect(url, name="homeamp-agent call") as client:
        _print(await client.call_json(method, params, timeout_s=timeout_s))
        if follow:
            if method != "events.subscribe":
                await client.subscribe()
            async for notification in client.events():
                _print(notification.model_dump(mode="json"), lines=True)
    return OK


def _params(text: str | None) -> Any:
    if text is None or not text.strip():
        return {}
    try:
        params = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"the params are no JSON: {error}") from error
    if not isinstance(params, (dict, list)):
        raise CommandError("params are a JSON object or array: '{\"limit\": 10}' or '[10]'")
    return params


def _print(document: Any, *, lines: bool = False) -> None:
    """Indented for a person at a terminal, one line for a program."""
    data = encode(document)
    if sys.stdout.isatty() and not lines:
        data = json.dumps(document, indent=2, ensure_ascii=not _utf8()).encode("utf-8", "replace")
        data += b"\n"
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
