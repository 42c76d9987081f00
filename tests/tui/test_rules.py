"""The rules screen: chains, problems, and what reviews decided."""

from __future__ import annotations

from textual.pilot import Pilot

from homeamp_agent.model.event import Topic
from homeamp_tui.app import HomeampApp
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.screens.deviations import DeviationsScreen
from homeamp_tui.screens.rules import RulesScreen
from homeamp_tui.widgets.filter_bar import FilterBar
from tests.tui.conftest import AgentOf
from tests.tui.driving import screen_text, until
from tests.tui.scripted.rules import PROBLEMS, RULES, believable_decisions

SIZE = (80, 24)


async def shows(pilot: Pilot[None], words: str) -> None:
    await until(pilot, lambda: words in screen_text(pilot.app))


async def test_rules_with_their_chains_are_filtered_and_lead_to_their_deviations(
    agent_of: AgentOf,
) -> None:
    agents = [await agent_of("alder"), await agent_of("birch")]
    app = HomeampApp([agent.url for agent in agents], start="rules")
    async with app.run_test(size=SIZE) as pilot:
        await shows(pilot, f"▸Rules {2 * len(RULES)}")
        await shows(pilot, "CHAIN  on CREA01  [1 of 3]")
        await pilot.press("right_square_bracket")
        await shows(pilot, "CHAIN  on HUB01")
        await pilot.press("h", "h")
        await shows(pilot, f"▸Rules {len(RULES)} · p problems 2 · a approvals 0 · on birch")
        await pilot.press("slash", *"instance", "enter")
        await shows(pilot, f"▸Rules 1 of {len(RULES)}")
        await shows(pilot, "As agreed with the builders")
        await pilot.press("enter")
        await shows(pilot, "HEARD  wins at 2 of 3 places")
        assert "overruled by instance CREA01 = 5  rules.yaml:40" in screen_text(app)
        await pilot.press("escape", "d")
        await until(pilot, lambda: isinstance(app.screen, DeviationsScreen))
        text = app.screen.query_one(FilterBar).text
        assert text == 'host:birch rule:"rules.yaml" key:"teleport-cooldown"'


async def test_what_was_decided_is_taken_back_only_when_confirmed(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    agent.script.baseline.decisions = believable_decisions("alder")
    app = HomeampApp([agent.url], start="rules")
    async with app.run_test(size=SIZE) as pilot:
        await shows(pilot, "a approvals 4")
        assert isinstance(app.screen, RulesScreen)
        await pilot.press("o")
        assert "only what a review decided" in app.screen.why_not("revoke")
        await pilot.press("v", "v")
        for words in ("✗ expired", "… in 3d", "· covers none", "✓ stands"):
            await shows(pilot, words)
        await pilot.press("j", "o")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await until(pilot, lambda: "1 deviation will be pending again" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RulesScreen))
        assert agent.script.mutations == []
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("tab", "enter")
        await shows(pilot, "▸Approvals 3")
        ((name, params),) = agent.script.mutations
        assert (name, params.ids) == ("rules.revoke", ("decision-1",))
        agent.script.baseline.problems = PROBLEMS[:1]
        agent.script.bus.emit(Topic.RULES, "reloaded", {})
        await shows(pilot, "p problems 1")
        agent.script.baseline.problems = ()
        agent.script.bus.emit(Topic.RULES, "reloaded", {})
        await pilot.press("p")
        await shows(pilot, "✓ No rule disagrees with another")
