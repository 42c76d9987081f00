"""What the main screens look like, to the letter, at 80×24 and, made larger, at 140×45.

`pytest tests/tui/test_goldens.py --update-goldens` writes them anew; look at the difference before
it is committed.
"""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from homeamp_agent.model.change import ChangeStatus
from homeamp_agent.model.deployment import DeploymentStage
from homeamp_agent.model.deviation import DeviationKind
from homeamp_tui.app import HomeampApp
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.dialogs.dialog import Dialog
from homeamp_tui.dialogs.handing_in import AskSaid
from homeamp_tui.links import LinkState
from homeamp_tui.screens.deviations import DeviationsScreen
from tests.tui.conftest import AgentOf
from tests.tui.driving import LOOK_SECONDS, screen_text, until
from tests.tui.scripted import ScriptedAgent, running_games, setting_changes
from tests.tui.scripted.deployments import deployment
from tests.tui.scripted.requests import waiting_request
from tests.tui.scripted.rules import believable_decisions

GOLDEN = Path(__file__).with_name("golden")
SIZES = ((80, 24), (140, 45))
BOUND_SECONDS = 30.0
QUIET_LOOKS = 25
"""So often the same text in a row: nothing more is coming."""
LOST_SINCE = re.compile(r"lost (\d+s ago|\d+s|just now)(, trying again *(?=│))?")
"""Grows while the test looks."""

Agents = list[ScriptedAgent]
Steps = Callable[[Pilot[None], Agents], Awaitable[None]]


def deviations_of(pilot: Pilot[None]) -> DeviationsScreen:
    screen = pilot.app.screen
    assert isinstance(screen, DeviationsScreen)
    return screen


async def all_rows(pilot: Pilot[None]) -> DeviationsScreen:
    await pilot.press("2")
    await until(pilot, lambda: isinstance(pilot.app.screen, DeviationsScreen))
    await until(pilot, lambda: deviations_of(pilot).reader.total == 22)
    return deviations_of(pilot)


async def overview(pilot: Pilot[None], agents: Agents) -> None:
    await pilot.pause()


async def overview_lost(pilot: Pilot[None], agents: Agents) -> None:
    await until(pilot, lambda: "44 open deviations" not in screen_text(pilot.app))
    await until(pilot, lambda: "22 open deviations" in screen_text(pilot.app))
    app = pilot.app
    assert isinstance(app, HomeampApp)
    await agents[1].stop()
    await until(pilot, lambda: app.links[1].state is LinkState.LOST)


async def deviations(pilot: Pilot[None], agents: Agents) -> None:
    await all_rows(pilot)
    await pilot.press("j", "j")


async def groups(pilot: Pilot[None], agents: Agents) -> None:
    await all_rows(pilot)
    await pilot.press("g")


async def filtered(pilot: Pilot[None], agents: Agents) -> None:
    await all_rows(pilot)
    await pilot.press("slash", *"essen")


async def selected(pilot: Pilot[None], agents: Agents) -> None:
    await all_rows(pilot)
    await pilot.press("space", "space", "j", "v", "j", "j")


async def detail(pilot: Pilot[None], agents: Agents) -> None:
    await all_rows(pilot)
    await pilot.press("j", "j", "enter")


async def setting_history(pilot: Pilot[None], agents: Agents) -> None:
    agents[0].script.setting_changes = tuple(setting_changes(agents[0].script.rows[2]))
    await all_rows(pilot)
    await pilot.press("j", "j", "j", "j", "enter")
    await until(pilot, lambda: "EXPECTED  <{DISPLAYNAME}>" in screen_text(pilot.app))
    await pilot.press("end")


async def keys(pilot: Pilot[None], agents: Agents) -> None:
    await all_rows(pilot)
    await pilot.press("question_mark")


async def plan(pilot: Pilot[None], agents: Agents) -> None:
    await all_rows(pilot)
    await pilot.press("space", "j", "space", "f")
    await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))


async def approval(pilot: Pilot[None], agents: Agents) -> None:
    await all_rows(pilot)
    await pilot.press("a")
    await until(pilot, lambda: isinstance(pilot.app.screen, Dialog))


async def flag(pilot: Pilot[None], agents: Agents) -> None:
    await all_rows(pilot)
    await pilot.press("x")
    await until(pilot, lambda: isinstance(pilot.app.screen, Dialog))


async def nothing_matches(pilot: Pilot[None], agents: Agents) -> None:
    await all_rows(pilot)
    await pilot.press("slash", *"xyzzy", "enter")


async def lost(pilot: Pilot[None], agents: Agents) -> None:
    await all_rows(pilot)
    app = pilot.app
    assert isinstance(app, HomeampApp)
    await agents[0].stop()
    await until(pilot, lambda: app.links[0].state is LinkState.LOST)


async def instances(pilot: Pilot[None], agents: Agents) -> None:
    for agent in agents:
        agent.script.games = running_games()
    await pilot.press("4")
    await until(pilot, lambda: "HUB01" in screen_text(pilot.app))


async def stopping(pilot: Pilot[None], agents: Agents) -> None:
    await instances(pilot, agents)
    await pilot.press("j", "j", "x")
    await until(pilot, lambda: isinstance(pilot.app.screen, Dialog))


async def changes(pilot: Pilot[None], agents: Agents) -> None:
    await all_rows(pilot)
    await pilot.press("f")
    await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
    await pilot.press("tab", "enter")
    await until(pilot, lambda: bool(agents[0].script.changes))
    await pilot.press("3")
    await until(pilot, lambda: "root" in screen_text(pilot.app))


async def handing_in(pilot: Pilot[None], agents: Agents) -> None:
    await all_rows(pilot)
    await pilot.press("C")
    await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
    await pilot.press("tab", "enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, AskSaid))


async def requests(pilot: Pilot[None], agents: Agents) -> None:
    for agent, status in zip(agents, ("pending_approval", "applying"), strict=True):
        agent.script.changes.append(waiting_request(agent.script, ChangeStatus(status)))
    await pilot.press("3")
    await until(pilot, lambda: "as agreed" in screen_text(pilot.app))
    await pilot.press("j", "k")


async def history(pilot: Pilot[None], agents: Agents) -> None:
    await pilot.press("3", "H")
    await until(pilot, lambda: "6 acts" in screen_text(pilot.app))
    await pilot.press("j", "j")


async def deployments(pilot: Pilot[None], agents: Agents) -> None:
    stages = (DeploymentStage.AWAITING_APPROVAL, DeploymentStage.FAILED)
    for agent, stage in zip(agents, stages, strict=True):
        agent.script.deployments.append(deployment(agent.script.host, stage))
    await pilot.press("6")
    await until(pilot, lambda: "waits for an approval" in screen_text(pilot.app))
    await pilot.press("j")


async def deploying(pilot: Pilot[None], agents: Agents) -> None:
    await deployments(pilot, agents)
    await pilot.press("a")
    await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))


async def no_change_yet(pilot: Pilot[None], agents: Agents) -> None:
    await pilot.press("3")


async def matrix(pilot: Pilot[None], agents: Agents) -> None:
    await pilot.press("5")
    await until(pilot, lambda: "Essentials on alder" in screen_text(pilot.app))
    await pilot.press("j", "l", "l")


async def matrix_cell(pilot: Pilot[None], agents: Agents) -> None:
    await matrix(pilot, agents)
    await until(pilot, lambda: "LOBBY01 › teleport-cooldown" in screen_text(pilot.app))
    await pilot.press("enter")


async def which_plugin(pilot: Pilot[None], agents: Agents) -> None:
    await matrix(pilot, agents)
    await pilot.press("p")
    await until(pilot, lambda: isinstance(pilot.app.screen, Dialog))


async def rules(pilot: Pilot[None], agents: Agents) -> None:
    for agent in agents:
        agent.script.baseline.decisions = believable_decisions(agent.script.host)
    await pilot.press("7")
    await until(pilot, lambda: "CHAIN  on CREA01" in screen_text(pilot.app))


async def rule_problems(pilot: Pilot[None], agents: Agents) -> None:
    agents[0].script.rows[0] = (
        agents[0]
        .script.rows[0]
        .model_copy(
            update={"kind": DeviationKind.RULE_CONFLICT, "message": "rules.yaml:3 and :9 disagree"}
        )
    )
    await rules(pilot, agents)
    await pilot.press("p")
    await until(pilot, lambda: "▸Problems" in screen_text(pilot.app))


async def rule_approvals(pilot: Pilot[None], agents: Agents) -> None:
    await rules(pilot, agents)
    await pilot.press("a")
    await until(pilot, lambda: "▸Approvals" in screen_text(pilot.app))
    await pilot.press("j")


SCREENS: dict[str, Steps] = {
    steps.__name__.replace("_", "-"): steps
    for steps in (
        overview, overview_lost, deviations, groups, filtered, selected, detail, keys, plan,
        approval, flag, nothing_matches, lost, instances, stopping, changes,
        no_change_yet, requests, handing_in, history, setting_history, matrix, matrix_cell,
        which_plugin, deployments, deploying, rules, rule_problems, rule_approvals,
    )
}  # fmt: skip


async def becomes(pilot: Pilot[None], wanted: str) -> str:
    """The screen, as soon as it is what is wanted, else what it still is at the bound."""
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            while (text := shown(pilot)) != wanted:
                await pilot.pause(LOOK_SECONDS)
    except TimeoutError:
        return shown(pilot)
    return text


async def settled(pilot: Pilot[None]) -> str:
    """The screen, once nothing more happens on it."""
    text, looks = "", 0
    while looks < QUIET_LOOKS:
        await pilot.pause(LOOK_SECONDS)
        looks = looks + 1 if shown(pilot) == text else 0
        text = shown(pilot)
    return text


def shown(pilot: Pilot[None]) -> str:
    return LOST_SINCE.sub("lost …", screen_text(pilot.app) + "\n")


async def check(pilot: Pilot[None], name: str, *, update: bool) -> None:
    """Hold the screen against its golden files, at every size."""
    for width, height in SIZES:
        if (width, height) != SIZES[0]:
            await pilot.resize_terminal(width, height)
        file = GOLDEN / f"{name}-{width}x{height}.txt"
        if update:
            GOLDEN.mkdir(exist_ok=True)
            file.write_text(await settled(pilot), "utf-8")
            continue
        wanted = file.read_text("utf-8")
        found = await becomes(pilot, wanted)
        difference = difflib.unified_diff(
            wanted.splitlines(), found.splitlines(), "golden", "screen", lineterm="", n=1
        )
        assert found == wanted, "\n".join((file.name, *difference))


@pytest.mark.parametrize("name", SCREENS)
async def test_a_screen_looks_as_it_was_agreed(
    name: str, agent_of: AgentOf, request: pytest.FixtureRequest
) -> None:
    agents = [await agent_of("alder"), await agent_of("birch")]
    async with HomeampApp([agent.url for agent in agents]).run_test(size=SIZES[0]) as pilot:
        await SCREENS[name](pilot, agents)
        await check(pilot, name, update=bool(request.config.getoption("--update-goldens")))


async def test_no_agent_answers_is_said_with_the_way_on(
    agent_of: AgentOf, request: pytest.FixtureRequest
) -> None:
    app = HomeampApp(["unix:nobody.sock"], start="deviations")
    async with app.run_test(size=SIZES[0]) as pilot:
        await check(pilot, "nobody", update=bool(request.config.getoption("--update-goldens")))
