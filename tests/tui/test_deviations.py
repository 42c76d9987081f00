"""The deviations screen: what the keys act on, and what stays where it is while agents speak."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button

from homeamp_agent.model.deviation import Deviation, DeviationStatus
from homeamp_agent.model.event import Topic
from homeamp_agent.model.rule import ScopeKind, Severity
from homeamp_agent.rpc.protocol.messages import Access
from homeamp_tui.app import HomeampApp
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.dialogs.review import AskApproval, AskFlag
from homeamp_tui.screens.deviations import DeviationsScreen
from homeamp_tui.selection import SELECT_MAX
from tests.tui.conftest import AgentOf
from tests.tui.driving import screen_text, until
from tests.tui.scripted import ScriptedAgent, deviation

SIZE = (100, 30)


@asynccontextmanager
async def looking(*agents: ScriptedAgent, **more: Any) -> AsyncIterator[Pilot[None]]:
    """The deviations screen on these agents, once every row of theirs is counted."""
    app = HomeampApp([agent.url for agent in agents], start="deviations", **more)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        total = sum(agent.script.made_up or len(agent.script.rows) for agent in agents)
        await until(pilot, lambda: isinstance(pilot.app.screen, DeviationsScreen))
        await until(pilot, lambda: screen_of(pilot).reader.total == total)
        await until(pilot, lambda: screen_of(pilot).reader.row(0) is not None)
        yield pilot


def mutated(agent: ScriptedAgent, times: int) -> bool:
    return len(agent.script.mutations) == times


def undoable(app: HomeampApp, times: int) -> bool:
    return len(app.acts._done) == times


def screen_of(pilot: Pilot[None]) -> DeviationsScreen:
    screen = pilot.app.screen
    assert isinstance(screen, DeviationsScreen)
    return screen


def row_at(pilot: Pilot[None], index: int) -> Deviation:
    row = screen_of(pilot).reader.row(index)
    assert isinstance(row, Deviation)
    return row


def under_cursor(pilot: Pilot[None]) -> str:
    return row_at(pilot, screen_of(pilot).table.cursor).id


async def answered(pilot: Pilot[None], dialog: type[Any]) -> None:
    """Go on with what a dialog asks, by its last button."""
    await until(pilot, lambda: isinstance(pilot.app.screen, dialog))
    await until(pilot, lambda: bool(pilot.app.screen.query("#yes")))
    pilot.app.screen.query_one("#yes", Button).press()
    await until(pilot, lambda: isinstance(pilot.app.screen, DeviationsScreen))


async def asked_for(pilot: Pilot[None], agent: ScriptedAgent, method: str) -> Any:
    """The params of the only change that an agent was asked for."""
    await until(pilot, lambda: bool(agent.script.mutations))
    [(name, params)] = agent.script.mutations
    assert name == method
    return params


async def test_rows_of_two_hosts_stand_between_each_other_worst_first(agent_of: AgentOf) -> None:
    async with looking(await agent_of("alder"), await agent_of("birch")) as pilot:
        total = screen_of(pilot).reader.total
        await until(pilot, lambda: all(screen_of(pilot).reader.row(at) for at in range(total)))
        rows = [row_at(pilot, at) for at in range(total)]
        ranks = [row.severity.rank for row in rows]
        assert ranks == sorted(ranks)
        assert len({row.id for row in rows}) == total
        hosts = "".join(row.host[0] for row in rows)
        assert "ab" in hosts
        assert "ba" in hosts


async def test_the_cursor_stays_on_its_deviation_while_others_come_and_go_above_it(
    agent_of: AgentOf,
) -> None:
    agent = await agent_of("alder")
    async with looking(agent) as pilot:
        await pilot.press("j", "j", "j")
        here, total = under_cursor(pilot), len(agent.script.rows)
        for number in (900, 901):
            agent.script.open_row(
                deviation("alder", number, severity=Severity.CRITICAL, instance="AAA01")
            )
        await until(pilot, lambda: screen_of(pilot).reader.total == total + 2)
        await until(pilot, lambda: screen_of(pilot).table.cursor == 5)
        assert under_cursor(pilot) == here
        agent.script.close_row(row_at(pilot, 0).id)
        await until(pilot, lambda: screen_of(pilot).reader.total == total + 1)
        await until(pilot, lambda: screen_of(pilot).table.cursor == 4)
        assert under_cursor(pilot) == here


async def test_the_cursor_goes_to_the_next_row_when_its_own_is_gone(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    async with looking(agent) as pilot:
        await pilot.press("j", "j")
        here, following = under_cursor(pilot), row_at(pilot, 3).id
        agent.script.close_row(here)
        await until(pilot, lambda: screen_of(pilot).reader.total == len(agent.script.rows))
        assert under_cursor(pilot) == following


async def test_a_range_keeps_its_rows_while_others_come_and_acts_on_all_of_them(
    agent_of: AgentOf,
) -> None:
    agent = await agent_of("alder")
    async with looking(agent) as pilot:
        await until(pilot, lambda: screen_of(pilot).table.has_focus)
        await pilot.press("j", "v", "j", "j")
        await until(pilot, lambda: screen_of(pilot).table.cursor == 3)
        wanted = {row_at(pilot, at).id for at in (1, 2, 3)}
        total = screen_of(pilot).reader.total
        agent.script.open_row(deviation("alder", 900, severity=Severity.CRITICAL, instance="AAA01"))
        await until(pilot, lambda: screen_of(pilot).reader.total == total + 1)
        await pilot.press("a")
        await answered(pilot, AskApproval)
        params = await asked_for(pilot, agent, "deviations.approve")
        assert set(params.ids) == wanted


async def test_a_range_of_the_first_row_alone_does_not_take_in_what_comes_above_it(
    agent_of: AgentOf,
) -> None:
    agent = await agent_of("alder")
    async with looking(agent) as pilot:
        here, total = under_cursor(pilot), screen_of(pilot).reader.total
        await pilot.press("v")
        agent.script.open_row(deviation("alder", 900, severity=Severity.CRITICAL, instance="AAA01"))
        await until(pilot, lambda: screen_of(pilot).reader.total == total + 1)
        await pilot.press("a")
        await answered(pilot, AskApproval)
        params = await asked_for(pilot, agent, "deviations.approve")
        assert list(params.ids) == [here]


async def test_a_key_that_is_pressed_as_rows_come_still_moves_the_cursor(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    async with looking(agent) as pilot:
        await pilot.press("j")
        await until(pilot, lambda: screen_of(pilot).table.cursor == 1)
        await pilot.pause()
        screen = screen_of(pilot)
        screen.table.action_move(1)
        screen._paint()  # as a reading does that ends before the screen has heard of the key
        assert screen.table.cursor == 2


async def test_shift_and_arrow_grow_and_shrink_the_range(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    async with looking(agent) as pilot:
        wanted = {row_at(pilot, at).id for at in (0, 1)}
        await pilot.press("shift+down", "shift+down", "shift+up", "a")
        await answered(pilot, AskApproval)
        params = await asked_for(pilot, agent, "deviations.approve")
        assert set(params.ids) == wanted


async def test_a_range_reaches_over_rows_that_were_never_on_screen(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    agent.script.rows = [deviation("alder", number, 1_200) for number in range(1_200)]
    async with looking(agent) as pilot:
        await pilot.press("v", "G")
        await until(pilot, lambda: screen_of(pilot).table.cursor == 1_199)
        await pilot.press("x")
        await answered(pilot, AskFlag)
        params = await asked_for(pilot, agent, "deviations.flag")
        assert set(params.ids) == {row.id for row in agent.script.rows}


async def test_select_all_takes_what_the_filter_matches_on_every_host_and_nothing_else(
    agent_of: AgentOf,
) -> None:
    agents = [await agent_of("alder"), await agent_of("birch")]
    async with looking(*agents) as pilot:
        await pilot.press("slash", *"essentials", "enter")
        await until(pilot, lambda: screen_of(pilot).reader.total == 4)
        await pilot.press("A", "a")
        await answered(pilot, AskApproval)
        for agent in agents:
            params = await asked_for(pilot, agent, "deviations.approve")
            essentials = {row.id for row in agent.script.rows if row.plugin == "Essentials"}
            assert set(params.ids) == essentials
            assert params.scope is ScopeKind.INSTANCE


async def test_more_than_one_act_takes_is_refused_with_what_to_do(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    agent.script.made_up = SELECT_MAX + 1
    async with looking(agent) as pilot:
        await pilot.press("A")
        await until(pilot, lambda: "are more than one act takes" in screen_text(pilot.app))
        assert "first." in screen_text(pilot.app)
        assert not screen_of(pilot).selection


async def test_of_100_000_rows_only_those_in_reach_are_read(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    agent.script.made_up = 100_000
    async with looking(agent) as pilot:
        await pilot.press("G")
        await until(pilot, lambda: screen_of(pilot).table.cursor == 99_999)
        await until(pilot, lambda: screen_of(pilot).reader.row(99_999) is not None)
        assert under_cursor(pilot) == "alder-099999"
        assert agent.script.rows_sent < 3_000


@pytest.mark.parametrize("key", ["f", "a", "x", "o", "z", "r"])
async def test_a_dashboard_that_may_only_look_says_so_and_asks_for_no_change(
    key: str, agent_of: AgentOf
) -> None:
    agent = await agent_of("alder")
    async with looking(agent, read_only=True) as pilot:
        await pilot.press(key)
        await until(pilot, lambda: "--read-only" in screen_text(pilot.app))
        assert isinstance(pilot.app.screen, DeviationsScreen)
        assert agent.script.mutations == []


async def test_an_agent_that_only_lets_look_is_told_apart_from_a_wish(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    agent.script.access = Access.READ
    async with looking(agent) as pilot:
        assert "read-only" in screen_text(pilot.app)
        await pilot.press("f")
        await until(pilot, lambda: "the agents let this user look" in screen_text(pilot.app))
        assert isinstance(pilot.app.screen, DeviationsScreen)
        assert agent.script.mutations == []


async def test_enter_on_a_plan_cancels_it(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    async with looking(agent) as pilot:
        await pilot.press("f")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, DeviationsScreen))
        assert agent.script.mutations == []


async def test_an_approval_is_taken_back_with_one_key_on_every_host(agent_of: AgentOf) -> None:
    agents = [await agent_of("alder"), await agent_of("birch")]
    async with looking(*agents) as pilot:
        await pilot.press("A", "a")
        await answered(pilot, AskApproval)
        await until(pilot, lambda: screen_of(pilot).reader.total == 0)
        await pilot.press("z")
        for agent in agents:
            script = agent.script
            await until(pilot, partial(mutated, agent, times=2))
            assert {row.status for row in script.rows} == {DeviationStatus.PENDING}
            assert [name for name, _ in script.mutations] == [
                "deviations.approve", "deviations.reopen",
            ]  # fmt: skip


async def test_undo_takes_back_one_act_after_the_other_newest_first(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    async with looking(agent) as pilot:
        first, second = row_at(pilot, 0).id, row_at(pilot, 1).id
        app = pilot.app
        assert isinstance(app, HomeampApp)
        for times in (1, 2):
            await pilot.press("x")
            await answered(pilot, AskFlag)
            await pilot.press("j")
            await until(pilot, partial(undoable, app, times))
        agent.script.hold["deviations.reopen"] = asyncio.Event()
        await pilot.press("z", "z")
        agent.script.hold["deviations.reopen"].set()
        await until(pilot, lambda: len(agent.script.mutations) == 4)
        assert [params.ids for _, params in agent.script.mutations] == [
            (first,), (second,), (second,), (first,),
        ]  # fmt: skip


async def test_a_host_that_hangs_holds_up_only_its_own_rows(agent_of: AgentOf) -> None:
    quick, slow = await agent_of("alder"), await agent_of("birch")
    slow.script.hold["deviations.list"] = asyncio.Event()
    app = HomeampApp([quick.url, slow.url], start="deviations")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, DeviationsScreen))
        await until(pilot, lambda: screen_of(pilot).reader.total == len(quick.script.rows))
        await pilot.press("a")
        await answered(pilot, AskApproval)
        await asked_for(pilot, quick, "deviations.approve")
        slow.script.hold["deviations.list"].set()
        total = len(quick.script.rows) - 1 + len(slow.script.rows)
        await until(pilot, lambda: screen_of(pilot).reader.total == total)


async def test_a_filter_that_an_agent_does_not_know_is_told_beside_it(agent_of: AgentOf) -> None:
    async with looking(await agent_of("alder")) as pilot:
        await pilot.press("slash", *"kind:odd")
        await until(pilot, lambda: "alder: there is no kind odd" in screen_text(pilot.app))
        await pilot.press("escape")
        await until(pilot, lambda: "there is no kind" not in screen_text(pilot.app))


async def test_approving_a_group_approves_every_row_of_it(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    async with looking(agent) as pilot:
        await pilot.press("g")
        await until(pilot, lambda: screen_of(pilot).reader.grouped)
        await until(pilot, lambda: screen_of(pilot).reader.total == 10)
        # What stands in the detail is read again after a scan, and if one of the group moved.
        asked, script = agent.script.asked, agent.script
        await until(pilot, lambda: asked["deviations.show"] > 0)
        members = [each.id for each in script.rows if each.key == "command.confirm-timeout"]
        before = asked["deviations.show"]
        script.bus.emit(Topic.SCAN, "finished", {})
        await until(pilot, lambda: asked["deviations.show"] > before)
        scanned = asked["deviations.show"]
        script.bus.emit(Topic.DEVIATIONS, "changed", {"ids": members[-1:]})
        await until(pilot, lambda: asked["deviations.show"] > scanned)
        await pilot.press("a")
        await answered(pilot, AskApproval)
        params = await asked_for(pilot, agent, "deviations.approve")
        rows = [row for row in agent.script.rows if row.key == "command.confirm-timeout"]
        assert set(params.ids) == {row.id for row in rows}
