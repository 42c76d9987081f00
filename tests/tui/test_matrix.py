"""The matrix screen: settings against instances, and why a value is where it is."""

from __future__ import annotations

from textual.pilot import Pilot

from homeamp_agent.model.event import Topic
from homeamp_tui.app import HomeampApp
from homeamp_tui.dialogs.choose import Choose
from homeamp_tui.links import LinkState
from homeamp_tui.screens.deviations import DeviationsScreen
from homeamp_tui.screens.matrix import MatrixScreen
from homeamp_tui.widgets.filter_bar import FilterBar
from tests.tui.conftest import AgentOf
from tests.tui.driving import screen_text, until
from tests.tui.scripted.settings import ROWS

SIZE = (80, 24)


def dashboard(*urls: str) -> HomeampApp:
    return HomeampApp(urls, start="matrix")


async def opened(pilot: Pilot[None], total: int = 6) -> MatrixScreen:
    await until(pilot, lambda: isinstance(pilot.app.screen, MatrixScreen))
    screen = pilot.app.screen
    assert isinstance(screen, MatrixScreen)
    await until(pilot, lambda: screen.windows.total == screen.table.total == total)
    return screen


def keys(screen: MatrixScreen) -> list[str]:
    return [row.item.key for _, row in screen.windows.rows()]


async def test_it_opens_on_the_plugin_with_most_deviations_and_what_differs(
    agent_of: AgentOf,
) -> None:
    agent = await agent_of("alder")
    app = dashboard(agent.url)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        assert "Essentials on alder · 6 of 8 settings · what differs" in screen_text(pilot.app)
        assert "chat.format" not in keys(screen)
        await pilot.press("v")
        await until(pilot, lambda: screen.windows.total == 4)
        await pilot.press("v")
        await until(pilot, lambda: screen.windows.total == len(ROWS))
        assert "chat.format" in keys(screen)
        for name, wanted in (("instance only", ["starting-balance"]), ("host only", [])):
            await pilot.press("V")
            await until(pilot, lambda: isinstance(app.screen, Choose))
            await pilot.press(*name, "enter")
            await until(pilot, lambda wanted=wanted: keys(screen) == wanted)  # type: ignore[misc]
        await until(pilot, lambda: "Essentials: no setting, host only" in screen_text(app))


async def test_instances_move_under_a_setting_that_stays(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    async with dashboard(agent.url).run_test(size=SIZE) as pilot:
        await opened(pilot)
        assert "SURV01" not in screen_text(pilot.app)
        await pilot.press("l", "l", "l", "l", "l", "l")
        await until(pilot, lambda: "▾SURV01" in screen_text(pilot.app))
        line = next(each for each in screen_text(pilot.app).splitlines() if "max-nick" in each)
        assert line.split() == ["▸", "DRIFT", "max-nick-length", "15", "15", '✗"15"', "15"]
        await until(pilot, lambda: "SURV01 › max-nick-length" in screen_text(pilot.app))


async def test_enter_explains_the_cell_and_d_leads_to_its_deviation(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    async with dashboard(agent.url).run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await pilot.press("j", "l", "l", "enter")
        await until(pilot, lambda: "✗ LOBBY01      5" in screen_text(pilot.app))
        assert "open deviation" in screen_text(pilot.app)
        assert not screen.table.display
        await pilot.press("escape", "d")
        await until(pilot, lambda: isinstance(pilot.app.screen, DeviationsScreen))
        narrowed = pilot.app.screen.query_one(FilterBar)
        assert narrowed.text == 'host:alder file:"config.yml" key:"teleport-cooldown"'


async def test_another_plugin_is_chosen_by_part_of_its_name(agent_of: AgentOf) -> None:
    agents = [await agent_of("alder"), await agent_of("birch")]
    async with dashboard(*(agent.url for agent in agents)).run_test(size=SIZE) as pilot:
        await opened(pilot)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(pilot.app.screen, Choose))
        await pilot.press(*"birch luck", "enter")
        await until(pilot, lambda: "LuckPerms: nothing here" in screen_text(pilot.app))
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: "Essentials on birch · 6 of 8" in screen_text(pilot.app))


async def test_thousands_of_settings_cost_what_a_screen_shows(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    agent.script.made_up = 20_000
    async with dashboard(agent.url).run_test(size=SIZE) as pilot:
        screen = await opened(pilot, 20_000)
        await pilot.press("G")
        await until(pilot, lambda: "made.up-19999" in screen_text(pilot.app))
        assert agent.script.rows_sent < 1_000
        assert len(keys(screen)) < 1_000


async def test_the_filter_is_asked_of_the_agent_and_taken_back_with_escape(
    agent_of: AgentOf,
) -> None:
    agent = await agent_of("alder")
    async with dashboard(agent.url).run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await pilot.press("slash", *"freebie", "enter")
        await until(pilot, lambda: keys(screen) == ["kits.freebie.delay"])
        await pilot.press("escape")
        await until(pilot, lambda: screen.windows.total == 6)
        await pilot.press("slash", *"xyzzy", "enter")
        await until(pilot, lambda: "Nothing matches" in screen_text(pilot.app))


async def test_what_changes_on_the_agent_is_read_again(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    async with dashboard(agent.url).run_test(size=SIZE) as pilot:
        await opened(pilot)
        asked = agent.script.asked["settings.matrix"]
        agent.script.bus.emit(Topic.SCAN, "finished", {})
        await until(pilot, lambda: agent.script.asked["settings.matrix"] > asked)


async def test_a_lost_agent_leaves_its_rows_and_says_so(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    app = dashboard(agent.url)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        await agent.stop()
        await until(pilot, lambda: app.links[0].state is LinkState.LOST)
        await until(pilot, lambda: "✗ alder lost: as last" in screen_text(pilot.app))
        assert len(keys(screen)) == 6


async def test_a_new_agent_without_instances_is_told_of_instead_of_read_for_ever(
    agent_of: AgentOf,
) -> None:
    agent = await agent_of("alder")
    agent.script.rows = []
    async with dashboard(agent.url).run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, lambda: "No instance has settings that can" in screen_text(pilot.app))
        await pilot.press("p")
        await until(pilot, lambda: "Cannot choose a plugin: no agent" in screen_text(pilot.app))
        await pilot.press("2")
        await until(pilot, lambda: "1 tells how many rules and instan" in screen_text(pilot.app))
