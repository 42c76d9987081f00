"""The instances screen: what games do, and starting and stopping them with players in mind."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

from textual.pilot import Pilot
from textual.screen import Screen

from homeamp_agent.model.event import Topic
from homeamp_agent.model.game import GameState, PlayersPolicy
from homeamp_agent.rpc.protocol.messages import (
    InstancesActParams,
    InstancesCancelParams,
    InstancesConsoleParams,
)
from homeamp_tui.app import HomeampApp
from homeamp_tui.dialogs.game import AskGameAct, AskGameText
from homeamp_tui.dialogs.told import Told
from homeamp_tui.screens.deviations import DeviationsScreen
from homeamp_tui.screens.instances import InstancesScreen
from tests.tui.conftest import AgentOf
from tests.tui.driving import cancel_focused, screen_text, until
from tests.tui.scripted import INSTANCES, ScriptedAgent, running_games

SIZE = (80, 24)


def with_games(agent: ScriptedAgent) -> ScriptedAgent:
    agent.script.games = running_games()
    return agent


async def opened(pilot: Pilot[None], count: int = len(INSTANCES)) -> InstancesScreen:
    await until(pilot, lambda: isinstance(pilot.app.screen, InstancesScreen))
    screen = pilot.app.screen
    assert isinstance(screen, InstancesScreen)
    await until(pilot, lambda: len(screen.rows) == count)
    return screen


async def on(pilot: Pilot[None], screen: InstancesScreen, name: str) -> None:
    """The cursor stands on an instance."""
    await pilot.press("slash", *name, "enter")
    await until(pilot, lambda: [row.item.name for row in screen.rows] == [name])


@contextlib.asynccontextmanager
async def asked(
    agent: ScriptedAgent, key: str, dialog: type[Screen[Any]]
) -> AsyncIterator[Pilot[None]]:
    """On HUB01, where three play, `key` was pressed and the dialog stands."""
    app = HomeampApp([agent.url], start="instances")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await opened(pilot)
        await on(pilot, screen, "HUB01")
        await pilot.press(key)
        await until(pilot, lambda: isinstance(pilot.app.screen, dialog))
        yield pilot


async def test_the_state_players_and_load_of_every_game_stand_in_a_line(agent_of: AgentOf) -> None:
    agent = with_games(await agent_of("alder"))
    async with HomeampApp([agent.url], start="instances").run_test(
        size=SIZE, notifications=True
    ) as pilot:
        await opened(pilot)
        await until(pilot, lambda: "HUB01 " in screen_text(pilot.app))
        line = next(each for each in screen_text(pilot.app).splitlines() if "HUB01" in each)
        assert line.split()[:7] == ["HUB01", "alder", "paper", "▶", "ready", "3/20", "12%"]
        assert isinstance(pilot.app.screen, InstancesScreen)
        await pilot.press("j", "s")
        await until(
            pilot, lambda: "Cannot start the game: it runs already" in screen_text(pilot.app)
        )
        # A stop that waits for players is to be seen as long as it waits.
        agent.script.waits["HUB01"] = dt.datetime.now().astimezone().replace(hour=3, minute=7)
        agent.script.games["HUB01"] = agent.script.games["HUB01"].model_copy(
            update={"state": GameState.AWAY, "message": "AMP sleeps"}
        )
        agent.script.bus.emit(Topic.INSTANCES, "changed", {})
        await until(pilot, lambda: "is being stopped: waits until nobody" in screen_text(pilot.app))
        line = next(each for each in screen_text(pilot.app).splitlines() if "HUB01" in each)
        assert "◷ to stop" in line
        assert "at most till 03:07" in screen_text(pilot.app)
        assert pilot.app.screen.why_not("stop") == "AMP is away: AMP sleeps"


async def test_a_stop_that_waits_for_players_is_withdrawn_where_one_waits(
    agent_of: AgentOf,
) -> None:
    agent = with_games(await agent_of("alder"))
    agent.script.waits["HUB01"] = dt.datetime.now().astimezone().replace(hour=3, minute=7)
    async with HomeampApp([agent.url], start="instances").run_test(
        size=SIZE, notifications=True
    ) as pilot:
        screen = await opened(pilot)
        where = [row.item.name for row in screen.rows].index("HUB01")
        screen.table.cursor = (where + 1) % len(screen.rows)
        await until(pilot, lambda: "c Withdraw" not in screen_text(pilot.app))
        await pilot.press("c")
        await until(pilot, lambda: "Cannot withdraw" in screen_text(pilot.app))
        assert screen.why_not("cancel") == "no stop and no restart waits there"
        screen.table.cursor = where
        await until(pilot, lambda: "c Withdraw" in screen_text(pilot.app))
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, AskGameText))
        assert "◷ to stop till 03:07, ! 3 players online" in screen_text(pilot.app)
        await pilot.press(*"stay", "enter", "enter", "enter")
        await until(pilot, lambda: "alder does not stop HUB01: withdrawn" in screen_text(pilot.app))
        ((verb, params),) = agent.script.mutations
        assert isinstance(params, InstancesCancelParams)
        assert (verb, params.instances, params.announce) == ("instances.cancel", ("HUB01",), "stay")
        await until(pilot, lambda: "◷" not in screen_text(pilot.app))
        assert "c Withdraw" not in screen_text(pilot.app)


async def test_a_restart_shows_who_plays_and_nothing_is_done_before_yes(agent_of: AgentOf) -> None:
    agent = with_games(await agent_of("alder"))
    async with asked(agent, "R", AskGameAct) as pilot:
        await cancel_focused(pilot)
        assert "! 3 players online" in screen_text(pilot.app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, InstancesScreen))
        assert agent.script.mutations == []


async def test_a_restart_waits_for_players_unless_told_otherwise(agent_of: AgentOf) -> None:
    agent = with_games(await agent_of("alder"))
    async with asked(agent, "R", AskGameAct) as pilot:
        await pilot.press("tab", "enter")
        await until(pilot, lambda: len(agent.script.mutations) == 1)
        verb, params = agent.script.mutations[0]
        assert isinstance(params, InstancesActParams)
        assert (verb, params.instances, params.players, params.wait) == (
            "instances.restart", ("HUB01",), PlayersPolicy.WAIT, False,
        )  # fmt: skip
        await until(pilot, lambda: "… starting" in screen_text(pilot.app))


async def test_players_online_keep_a_game_running_if_so_chosen_and_that_is_told(
    agent_of: AgentOf,
) -> None:
    agent = with_games(await agent_of("alder"))
    async with asked(agent, "x", AskGameAct) as pilot:
        pilot.app.screen.query_one("#players").focus()
        await pilot.press("down", "enter")  # the option under the cursor is the chosen one
        assert pilot.app.focused is pilot.app.screen.query_one("#minutes")
        pilot.app.screen.query_one("#yes").focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Told))
        told = "HUB01: refused: 3 players are online"
        await until(pilot, lambda: told in screen_text(pilot.app))
        assert agent.script.games["HUB01"].state is GameState.READY


async def test_without_amp_a_key_says_why_it_does_nothing(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    async with HomeampApp([agent.url], start="instances").run_test(
        size=(140, 30), notifications=True
    ) as pilot:
        screen = await opened(pilot)
        await pilot.press("R")
        await until(pilot, lambda: "the agent asks no AMP" in screen_text(pilot.app))
        assert pilot.app.screen is screen
        assert agent.script.mutations == []


async def test_a_dashboard_that_only_looks_stops_no_game(agent_of: AgentOf) -> None:
    agent = with_games(await agent_of("alder"))
    app = HomeampApp([agent.url], start="instances", read_only=True)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("x")
        await until(pilot, lambda: "this dashboard was opened" in screen_text(pilot.app))
        assert agent.script.mutations == []


async def test_instances_of_a_lost_host_stay_as_last_seen_and_are_not_acted_on(
    agent_of: AgentOf,
) -> None:
    agents = [with_games(await agent_of(host)) for host in ("alder", "birch")]
    app = HomeampApp([agent.url for agent in agents], start="instances")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await opened(pilot, 2 * len(INSTANCES))
        await agents[0].stop()
        await until(pilot, lambda: "alder lost: as last seen" in screen_text(pilot.app))
        assert len(screen.rows) == 2 * len(INSTANCES)
        assert "alder cannot be reached" in screen.why_not("restart")


async def test_d_leads_to_the_deviations_of_the_instance(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    async with HomeampApp([agent.url], start="instances").run_test(
        size=SIZE, notifications=True
    ) as pilot:
        screen = await opened(pilot)
        await on(pilot, screen, "HUB01")
        await pilot.press("d")
        await until(pilot, lambda: "host:alder instance:HUB01" in screen_text(pilot.app))
        assert isinstance(pilot.app.screen, DeviationsScreen)
        # What waited for players and came to nothing is told wherever one is by then.
        outcome = {"act": "stop", "instance": "HUB01", "state": "refused", "message": "3 play"}
        agent.script.bus.emit(Topic.INSTANCES, "acted", outcome)
        told = "alder did not stop HUB01: refused: 3 play (4)"
        await until(pilot, lambda: told in screen_text(pilot.app))


async def test_a_line_for_the_console_is_typed_seen_and_then_sent(agent_of: AgentOf) -> None:
    agent = with_games(await agent_of("alder"))
    async with asked(agent, "t", AskGameText) as pilot:
        assert "! 3 players online" in screen_text(pilot.app)
        await pilot.press("enter", "enter", "enter")
        assert "There is nothing to send" in screen_text(pilot.app)
        await pilot.press(*"say", "space", *"hi", "enter", "enter")
        assert agent.script.mutations == []
        assert pilot.app.focused is pilot.app.screen.query_one("#yes")  # never thrown away
        await pilot.press("enter")
        await until(pilot, lambda: len(agent.script.mutations) == 1)
        verb, params = agent.script.mutations[0]
        assert isinstance(params, InstancesConsoleParams)
        assert (verb, params.instances, params.line) == ("instances.console", ("HUB01",), "say hi")
