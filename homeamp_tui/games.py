"""The games of instances: what they do, in words, and starting, stopping and restarting them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len

from homeamp_agent.model.event import Event
from homeamp_agent.model.game import GameState, InstanceState
from homeamp_agent.rpc.protocol.messages import (
    InstanceRow,
    InstancesActParams,
    InstancesActResult,
    InstancesBackUpParams,
    InstancesCancelParams,
    InstancesConsoleParams,
    InstancesListParams,
    InstancesListResult,
    MutationParams,
)
from homeamp_tui.asking import ask, by_link
from homeamp_tui.dialogs.game import AskGameAct, AskGameText, GameAct, GameText
from homeamp_tui.links import Link
from homeamp_tui.words import fit, plain, plural

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
Rows = Sequence[tuple[Link, InstanceRow]]
NO_AMP = "– no AMP"


def state_text(game: InstanceState | None) -> str:
    """A mark and a word."""
    return NO_AMP if game is None else STATE_WORDS[game.state]


ACT_WORDS = {"started": "start", "stopped": "stop", "restarted": "restart", "changed": "change"}


def waiting_text(row: InstanceRow) -> str:
    """What waits for players to leave, as `◷ to restart`; empty: nothing does."""
    if row.waits_until is None or not row.doing:
        return ""
    return f"◷ to {ACT_WORDS.get(row.doing, row.doing)}"


def players_text(game: InstanceState | None) -> str:
    """`3/20`, `3`, or nothing where AMP does not say."""
    if game is None or game.players is None:
        return ""
    return f"{game.players}" + ("" if game.players_max is None else f"/{game.players_max}")


def game_lines(rows: Rows) -> list[str]:
    """Each instance with who plays on it, before something is done to it; the fullest first."""
    several = len(by_link(rows)) > 1
    names = {
        (link.url, row.name): plain(f"{link.host} › {row.name}" if several else row.name)
        for link, row in rows
    }
    widest = max(map(cell_len, names.values()), default=0)
    ordered = sorted(rows, key=lambda each: -_players(each[1]))
    return [
        f"{fit(names[link.url, row.name], widest)}  {_state(row)}, {_who(row)}"
        for link, row in ordered
    ]


def _players(row: InstanceRow) -> int:
    return (row.amp.players or 0) if row.amp is not None else 0


def _state(row: InstanceRow) -> str:
    """What its game does, or what waits there and until when."""
    if (words := waiting_text(row)) and row.waits_until is not None:
        return f"{words} till {row.waits_until.astimezone():%H:%M}"
    return state_text(row.amp)


def _who(row: InstanceRow) -> str:
    game = row.amp
    if game is None or game.players is None:
        return "players not known"
    return "! " + plural(game.players, "player") + " online" if game.players else "nobody plays"


def _names(rows: Sequence[InstanceRow]) -> tuple[str, ...]:
    return tuple(row.name for row in rows)


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


@dataclass(frozen=True, slots=True)
class _TypedAct:
    """An act on games for which a text is typed; `what` it is called where it came to nothing."""

    method: str
    what: str
    verb: str
    label: str
    done: str
    longest: int
    text: str = ""
    needed: bool = True


_BACK_UP = _TypedAct(
    "backup", "back up", "Back up", "Title of AMP's backup", "AMP backs up", 100,
    text="taken by homeamp",
)  # fmt: skip
_CONSOLE = _TypedAct(
    "console", "send it", "Send to", "Line for the console, as typed there", "Sent to", 500
)
_WITHDRAW = _TypedAct(
    "cancel", "withdraw", "Withdraw for", "Say to players", "Withdrawn for", 200, needed=False
)


class Games:
    """Acts on the games of instances."""

    def __init__(self, app: HomeampApp) -> None:
        self._app = app

    def heard(self, link: Link, event: Event) -> None:
        """Tell of an act that came to nothing, on any screen: it may have waited for minutes."""
        body = event.body
        begun = body.get("act") in {"start", "stop", "restart"}  # the others answer when done
        if event.name != "acted" or not begun:
            return
        if body.get("state") == "withdrawn":
            self._app.tell(f"{link.host} does not {body['act']} {body.get('message', '')}")
        if body.get("state") not in {"refused", "failed"}:
            return
        words = f"{body.get('instance', '')}: {body['state']}: {body.get('message', '')}"
        house = self._app.house
        if house is not None and house.NAME == "instances":
            self._app.tell_wrong(f"{link.host} did not {body['act']} it", words)
        else:  # whoever types elsewhere is not interrupted
            self._app.tell(f"{link.host} did not {body['act']} {words} (4)", severity="warning")

    async def act(self, verb: str, chosen: Sequence[tuple[Link, str]]) -> bool:
        """`start`, `stop` or `restart`: ask with the players of this moment, do it, tell."""
        rows = await self._now(chosen)
        if not rows:
            return False
        title = f"{verb.capitalize()} {plural(len(rows), 'instance')}?"
        asks = verb != "start"
        question = AskGameAct(verb.capitalize(), title, game_lines(rows), asks_players=asks)
        said = await self._app.push_screen_wait(question)
        if said is None:
            return False
        answers = await asyncio.gather(
            *(self._on_host(verb, link, _names(each), said) for link, each in by_link(rows).items())
        )
        return all(answers)

    async def back_up(self, chosen: Sequence[tuple[Link, str]]) -> bool:
        """Have AMP back up whole instances."""
        return await self._typed(
            _BACK_UP,
            chosen,
            lambda names, typed: InstancesBackUpParams(
                instances=names, title=typed.text, reason=typed.reason
            ),
        )

    async def withdraw(self, chosen: Sequence[tuple[Link, str]]) -> bool:
        """Take back stops and restarts that wait for players; each that was is told as it ends."""
        return await self._typed(
            _WITHDRAW,
            chosen,
            lambda names, typed: InstancesCancelParams(
                instances=names, announce=typed.text or None, reason=typed.reason
            ),
        )

    async def console(self, chosen: Sequence[tuple[Link, str]]) -> bool:
        """Send a line to the consoles of games."""
        return await self._typed(
            _CONSOLE,
            chosen,
            lambda names, typed: InstancesConsoleParams(
                instances=names, line=typed.text, reason=typed.reason
            ),
        )

    async def _typed(
        self,
        act: _TypedAct,
        chosen: Sequence[tuple[Link, str]],
        params: Callable[[tuple[str, ...], GameText], MutationParams],
    ) -> bool:
        """Ask for the text, do it on every host, and tell what came of it."""
        rows = await self._now(chosen)
        if not rows:
            return False
        question = AskGameText(
            f"{act.verb} {plural(len(rows), 'instance')}?",
            game_lines(rows),
            label=act.label,
            text=act.text,
            yes=act.verb.split(maxsplit=1)[0],
            longest=act.longest,
            needed=act.needed,
        )
        typed = await self._app.push_screen_wait(question)
        if typed is None:
            return False
        good = True
        for link, each in by_link(rows).items():
            asked = params(_names(each), typed)
            work = link.mutate(f"instances.{act.method}", asked, InstancesActResult)
            answer = await ask(self._app, link, act.what, work)
            if answer is None:
                return False
            well = [each.instance for each in answer.results if each.state == "done"]
            if well:
                self._app.tell(f"{act.done} {', '.join(well)}.")
            good = good and len(well) == len(answer.results)
            self._tell_bad(link, act.what, answer)
        return good

    def _tell_bad(self, link: Link, what: str, answer: InstancesActResult) -> None:
        bad = [each for each in answer.results if each.state not in {"begun", "done"}]
        if bad:
            lines = [f"{each.instance}: {each.state}: {each.message}" for each in bad]
            self._app.tell_wrong(f"{link.host} did not {what}", "\n".join(lines))

    async def _now(self, chosen: Sequence[tuple[Link, str]]) -> list[tuple[Link, InstanceRow]]:
        """The chosen instances as they are at this moment: players come and go."""
        found: list[tuple[Link, InstanceRow]] = []
        for link, names in by_link(chosen).items():
            rows = await ask(self._app, link, "say who plays", instances_of(link))
            if rows is not None:
                wanted = set(names)
                found += [(link, row) for row in rows if row.name in wanted]
        return found

    async def _on_host(self, verb: str, link: Link, names: tuple[str, ...], said: GameAct) -> bool:
        params = InstancesActParams(
            instances=names,
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
        if good:
            self._app.tell(f"{verb.capitalize()} of {', '.join(good)} has begun.")
        self._tell_bad(link, verb, answer)
        return len(good) == len(answer.results)
