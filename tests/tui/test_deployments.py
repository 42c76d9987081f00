"""The deployments screen: the log as it grows, and every act shown, confirmed and done."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from homeamp_agent.model.change import ChangeStatus
from homeamp_agent.model.deployment import DeploymentStage, WaveState
from homeamp_tui.app import HomeampApp
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.dialogs.handing_in import AskWhy
from homeamp_tui.screens.deployments import DeploymentsScreen, why_not
from homeamp_tui.widgets.diff_view import DiffView
from tests.tui.conftest import AgentOf
from tests.tui.driving import cancel_focused, screen_text, until
from tests.tui.scripted import ScriptedAgent
from tests.tui.scripted.deployments import becomes, deployment
from tests.tui.scripted.requests import waiting_request

SIZE = (80, 24)


def did(agent: ScriptedAgent) -> list[str]:
    return [verb.partition(".")[2] for verb, _ in agent.script.mutations]


async def confirmed(pilot: Pilot[None], key: str) -> str:
    """Press a key and agree to what it asks; what was asked."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
    await cancel_focused(pilot)
    views = pilot.app.screen.query(DiffView)
    text = screen_text(pilot.app) + (views.first().text if views else "")
    await pilot.press("tab", "enter")
    await until(pilot, lambda: not isinstance(pilot.app.screen, Confirm))
    return text


async def test_a_deployment_is_approved_paused_aborted_and_rolled_back(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    agent.script.deployments.append(deployment("alder", DeploymentStage.AWAITING_APPROVAL))
    app = HomeampApp([agent.url], start="deployments")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, lambda: "waits for an approval" in screen_text(app))
        screen = app.screen
        assert isinstance(screen, DeploymentsScreen)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen)
        assert did(agent) == []
        asked = await confirmed(pilot, "a")
        assert "Go on to 3 instances of production?" in asked
        assert "wave 2: SKY01, SURV01" in asked
        await until(pilot, lambda: "… in waves" in screen_text(app))
        await until(pilot, lambda: "approved by root" in screen_text(app))
        assert agent.script.mutations[0][1].digest == "1" * 64
        becomes(agent.script, "alder-d1", DeploymentStage.WAVES, "canary: found well")
        await until(pilot, lambda: "canary: found well" in screen_text(app))

        await confirmed(pilot, "p")
        await until(pilot, lambda: "‖ paused" in screen_text(app))
        await confirmed(pilot, "p")
        await until(pilot, lambda: "… in waves" in screen_text(app))
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, AskWhy))
        await pilot.press(*"wrong", "tab", "tab", "enter")
        await until(pilot, lambda: "– aborted" in screen_text(app))
        assert agent.script.mutations[-1][1].reason == "wrong"
        asked = await confirmed(pilot, "R")
        assert "stays: SKY01 a.yml: another program changed it since" in asked
        await until(pilot, lambda: "↶ rolled back" in screen_text(app))
        assert did(agent) == ["approve", "pause", "resume", "abort", "rollback"]


async def test_a_request_that_waits_is_deployed_also_where_there_is_no_dev(
    agent_of: AgentOf,
) -> None:
    agent = await agent_of("alder")
    agent.script.no_dev = True
    agent.script.changes.append(waiting_request(agent.script, ChangeStatus.PENDING_APPROVAL))
    app = HomeampApp([agent.url], start="changes")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, lambda: "as agreed" in screen_text(app))
        screen = app.screen
        await pilot.press("D")
        await until(pilot, lambda: "Go without DEV?" in screen_text(app))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: "Deploy to 2 waves?" in screen_text(app))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: app.screen is screen)
        await until(pilot, lambda: did(agent) == ["start"])
        params = agent.script.mutations[0][1]
        assert (params.change_id, params.dev, params.digest) == ("request-alder", (), "1" * 64)
        becomes(agent.script, "alder-d1", DeploymentStage.AWAITING_APPROVAL, "waits")
        await until(pilot, lambda: "calmer chat: waits" in screen_text(app))
        becomes(agent.script, "alder-d1", DeploymentStage.DEV, "again")
        await pilot.press("6")
        await until(pilot, lambda: "… writes DEV" in screen_text(app))
        await pilot.press("1")
        await until(pilot, lambda: "1 deployment (6)   1 … writes DEV" in screen_text(app))


@pytest.mark.parametrize(
    ("stage", "possible"),
    [
        (DeploymentStage.PLANNED, {"pause", "abort", "rollback"}),
        (DeploymentStage.AWAITING_APPROVAL, {"approve", "pause", "abort", "rollback"}),
        (DeploymentStage.PAUSED, {"pause", "abort", "rollback"}),
        (DeploymentStage.DONE, {"rollback"}),
        (DeploymentStage.FAILED, {"rollback"}),
        (DeploymentStage.ROLLING_BACK, set()),
        (DeploymentStage.ROLLED_BACK, set()),
    ],
)
def test_what_can_be_done_follows_from_the_stage(
    stage: DeploymentStage, possible: set[str]
) -> None:
    made = deployment("alder", stage)
    acts = ("approve", "pause", "abort", "rollback")
    assert {each for each in acts if not why_not(each, made)} == possible
    unwritten = [wave.model_copy(update={"state": WaveState.PENDING}) for wave in made.waves]
    made = made.model_copy(update={"waves": tuple(unwritten)})
    assert why_not("rollback", made)
