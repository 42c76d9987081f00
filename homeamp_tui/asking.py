"""Asking an agent on somebody's behalf: what it cannot do is told, and the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
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


async def ask_each(
    app: HomeampApp, links: Sequence[Link], verb: str, work: Callable[[Link], Awaitable[Result]]
) -> list[tuple[Link, Result]]:
    """What several agents answer, asked at once; those that answered."""
    answers = await asyncio.gather(*(ask(app, link, verb, work(link)) for link in links))
    pairs = zip(links, answers, strict=True)
    return [(link, answer) for link, answer in pairs if answer is not None]


def links_of(pairs: Iterable[tuple[Link, object]]) -> list[Link]:
    """The agents of things that each come with theirs: each once, in order."""
    return list({link.url: link for link, _ in pairs}.values())
