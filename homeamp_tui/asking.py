"""Asking an agent on somebody's behalf: what it cannot do is told, and the others go on."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_tui.links import Link, NotConnected

if TYPE_CHECKING:
    from homeamp_tui.app import HomeampApp

Result = TypeVar("Result")


async def ask(app: HomeampApp, link: Link, verb: str, work: Awaitable[Result]) -> Result | None:
    """What the agent answers; None where it could not, which is told in a dialog."""
    try:
        return await work
    except NotConnected as error:
        app.tell_wrong(f"{link.host} is away: cannot {verb}", str(error))
    except RpcError as error:
        app.tell_wrong(f"{link.host} cannot {verb}", error.message)
    return None
