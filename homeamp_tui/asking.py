"""Asking an agent on somebody's behalf: what it cannot do is told, and the others go on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_tui.links import Link, NotConnected

if TYPE_CHECKING:
    from homeamp_tui.app import HomeampApp

Result = TypeVar("Result")
Thing = TypeVar("Thing")

WONDER_SECONDS = 0.4
"""What is answered sooner needs no word that it is waited for."""


@contextlib.contextmanager
def waiting(app: HomeampApp, words: str) -> Iterator[None]:
    """Tell what is waited for, from when a person would wonder whether anything happens."""
    mark = object()
    timer = asyncio.get_running_loop().call_later(WONDER_SECONDS, app.wait_begun, mark, words)
    try:
        yield
    finally:
        timer.cancel()
        app.wait_ended(mark)


async def ask(app: HomeampApp, link: Link, verb: str, work: Awaitable[Result]) -> Result | None:
    """What the agent answers; None where it could not, which is told in a dialog."""
    try:
        with waiting(app, f"{link.host}: {verb}"):
            return await work
    except (NotConnected, RpcError) as error:
        tell_not_done(app, link, verb, error)
    return None


async def answers_of(
    links: Sequence[Link], work: Callable[[Link], Awaitable[Result]]
) -> list[tuple[Link, Result | RpcError | NotConnected]]:
    """What several agents answer, asked at once, or why one did not; nothing is told."""

    async def answer_of(link: Link) -> Result | RpcError | NotConnected:
        try:
            return await work(link)
        except (RpcError, NotConnected) as error:
            return error

    answers = await asyncio.gather(*map(answer_of, links))
    return list(zip(links, answers, strict=True))


def answered(
    app: HomeampApp, verb: str, answers: Iterable[tuple[Link, Result | RpcError | NotConnected]]
) -> list[tuple[Link, Result]]:
    """Those that answered; why others did not is told."""
    done: list[tuple[Link, Result]] = []
    for link, answer in answers:
        if isinstance(answer, (RpcError, NotConnected)):
            tell_not_done(app, link, verb, answer)
        else:
            done.append((link, answer))
    return done


def tell_not_done(app: HomeampApp, link: Link, verb: str, error: RpcError | NotConnected) -> None:
    """Tell why an agent did not do it."""
    if isinstance(error, NotConnected):
        app.tell_wrong(f"{link.host} is away: cannot {verb}", str(error))
    else:
        app.tell_wrong(f"{link.host} cannot {verb}", error.message)


async def ask_each(
    app: HomeampApp, links: Sequence[Link], verb: str, work: Callable[[Link], Awaitable[Result]]
) -> list[tuple[Link, Result]]:
    """What several agents answer, asked at once; those that answered."""
    with waiting(app, f"{', '.join(link.host for link in links)}: {verb}"):
        answers = await answers_of(links, work)
    return answered(app, verb, answers)


def by_link(pairs: Iterable[tuple[Link, Thing]]) -> dict[Link, list[Thing]]:
    """The things of each agent, of things that each come with theirs; all in their order."""
    found: dict[Link, list[Thing]] = {}
    for link, thing in pairs:
        found.setdefault(link, []).append(thing)
    return found
