"""The games of instances: what they do, in words, and starting, stopping and restarting them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from homeamp_agent.model.game import GameState, InstanceState
from homeamp_agent.rpc.protocol.messages import (
    InstanceRow,
    InstancesActParams,
    InstancesActResult,
    InstancesListParams,
    InstancesListResult,
)
from homeamp_tui.asking import ask
from homeamp_tui.dialogs.game import AskGameAct, GameAct
from homeamp_tui.links import Link
from homeamp_tui.words import plain, plural

if TYPE_CHECKING:
    from homeamp_tui.app import HomeampApp

INSTANCES_PAGE = 500

STATE_WORDS = {
    GameState.UNKNOWN: "? unknown",
    GameState.AWAY: "✗ AMP away",
    GameState.STOPPED: "■ stopped",
    GameState.STARTING: "… starting",
    GameState.READY: "▶ ready",
    GameState.RESTARTING: "… restarting",
    GameState.STOPPING: "… stopping",
    GameState.FAILED: "✖ failed",
    GameState.SLEEPING: "z sleeping",
}
NO_AMP = "– no AMP"


def state_text(game: InstanceState | None) -> str:
    """A mark and a word."""
    return NO_AMP if game is None else STATE_WORDS[game.state]


def players_text(game: InstanceState | None) -> str:
    """`3/20`, `3`, or nothing where AMP does not say."""
    if game is None or game.players is None:
        return ""
    return f"{game.players}" + ("" if game.players_max is None else f"/{game.players_max}")


def line_of(row: InstanceRow) -> str:
    """An instance with who plays on it, before something is done to it."""
    game = row.amp
    if game is None or game.players is None:
        return f"{plain(row.name)}  {state_text(game)}, players not known"
    who = "! " + plural(game.players, "player") + " online" if game.players else "nobody plays"
    return f"{plain(row.name)}  {state_text(game)}, {who}"


async def instances_of(link: Link) -> list[InstanceRow]:
    """All instances of an agent."""
    found: list[InstanceRow] = []
    cursor: str | None = None
    while True:
        params = InstancesListParams(limit=INSTANCES_PAGE, cursor=cursor)
        page = await link.call("instances.list", params, InstancesListResult)
        found += page.instances
        cursor = page.next_cursor
        if cursor is None:
            return found


class Games:
    """Acts on the games of instances."""

    def __init__(self, app: HomeampApp) -> None:
        self._app = app

    async def act(self, verb: str, chosen: Sequence[tuple[Link, str]]) -> bool:
        """`start`, `stop` or `restart`: ask with the players of this moment, do it, tell."""
        rows = await self._now(chosen)
        if not rows:
            return False
        title = f"{verb.capitalize()} {plural(len(rows), 'instance')}?"
        asks = verb != "start"
        question = AskGameAct(
            verb.capitalize(), title, [line_of(row) for _, row in rows], asks_players=asks
        )
        said = await self._app.push_screen_wait(question)
        if said is None:
            return False
        links = list(dict.fromkeys(link.url for link, _ in rows))
        names = {url: [row.name for link, row in rows if link.url == url] for url in links}
        by_url = {link.url: link for link, _ in rows}
        answers = await asyncio.gather(
            *(self._on_host(verb, by_url[url], names[url], said) for url in links)
        )
        return all(answers)

    async def _now(self, chosen: Sequence[tuple[Link, str]]) -> list[tuple[Link, InstanceRow]]:
        """The chosen instances as they are at this moment: players come and go."""
        found: list[tuple[Link, InstanceRow]] = []
        for link in {link.url: link for link, _ in chosen}.values():
            rows = await ask(self._app, link, "say who plays", instances_of(link))
            if rows is not None:
                wanted = {name for each, name in chosen if each is link}
                found += [(link, row) for row in rows if row.name in wanted]
        return found

    async def _on_host(self, verb: str, link: Link, names: Sequence[str], said: GameAct) -> bool:
        params = InstancesActParams(
            instances=tuple(names),
            reason=said.reason,
            players=said.players,
            wait_minutes=said.wait_minutes,
            announce=said.announce,
            wait=False,
        )
        work = link.mutate(f"instances.{verb}", params, InstancesActResult)
        answer = await ask(self._app, link, verb, work)
        if answer is None:
            return False
        good = [each.instance for each in answer.results if each.state in {"begun", "done"}]
        bad = [each for each in answer.results if each.state not in {"begun", "done"}]
        if good:
            self._app.tell(f"{verb.capitalize()} of {', '.join(good)} has begun.")
        if bad:
            lines = [f"{each.instance}: {each.state}: {each.message}" for each in bad]
            self._app.tell_wrong(f"{link.host} did not {verb}", "\n".join(lines))
        return not bad
