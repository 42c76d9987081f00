"""From deviations to rules and back: ask how far, see what would deviate, write, take back."""

from __future__ import annotations

from textual.pilot import Pilot
from textual.widgets import Button, Input

from homeamp_agent.model.deviation import OwningRule, Pattern, Suggestion
from homeamp_agent.model.rule import RuleSource, Scope, ScopeKind, Severity
from homeamp_tui.app import HomeampApp
from homeamp_tui.dialogs.choose import Choose
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.dialogs.options import Option
from homeamp_tui.dialogs.review import AskApproval
from homeamp_tui.screens.deviations import DeviationsScreen
from tests.tui.conftest import AgentOf
from tests.tui.driving import screen_text, until

SIZE = (80, 24)


async def shows(pilot: Pilot[None], words: str) -> None:
    await until(pilot, lambda: words in screen_text(pilot.app))


async def test_a_value_is_promoted_for_a_tag_after_its_preview_and_taken_back(
    agent_of: AgentOf,
) -> None:
    agent = await agent_of("alder")
    of_tag = OwningRule(
        scope=Scope(kind=ScopeKind.TAG, target="lobby"), source=RuleSource(file="rules.yaml")
    )
    agent.script.rows = [row.model_copy(update={"rule": of_tag}) for row in agent.script.rows]
    app = HomeampApp([agent.url], start="deviations")
    async with app.run_test(size=SIZE) as pilot:
        await until(
            pilot, lambda: isinstance(app.screen, DeviationsScreen) and app.screen.reader.total > 0
        )
        screen = app.screen
        assert isinstance(screen, DeviationsScreen)
        row = screen.reader.row(0)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, AskApproval))
        assert app.screen.query_one("#scope-tag", Option).value, "as wide as the rule it is against"
        tag = app.screen.query_one("#tag", Input)
        assert (tag.value, tag.disabled) == ("lobby", False)
        tag.value = "lobb"
        app.screen.query_one("#yes", Button).press()
        await shows(pilot, "no instance has the tag lobb: there are lobby, survival")
        tag.value = "lobby"
        app.screen.query_one("#yes", Button).press()
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await shows(pilot, "will deviate on LOBBY01")
        text = screen_text(app)
        assert "2 settings with another value will deviate" in text
        assert "✗ will deviate on LOBBY01, SURV01" in text
        assert "○ a narrower rule speaks on CREA01" in text
        assert agent.script.mutations == []
        app.screen.query_one("#yes", Button).press()
        await until(pilot, lambda: bool(agent.script.mutations))
        ((name, params),) = agent.script.mutations
        assert name == "deviations.promote"
        assert (params.scope, params.target) == (ScopeKind.TAG, "lobby")
        assert row is not None
        await until(pilot, lambda: screen.reader.row(0) != row and app.screen is screen)
        await until(pilot, lambda: bool(app.acts.undoable))
        await pilot.press("z")
        await until(pilot, lambda: len(agent.script.mutations) == 2)
        name, params = agent.script.mutations[1]
        assert (name, params.ids) == ("rules.revoke", ("decided-9",))


async def test_what_a_pattern_suggests_is_one_key_away_from_its_preview(agent_of: AgentOf) -> None:
    agent = await agent_of("alder")
    rows = agent.script.rows
    worst = sorted(rows, key=lambda row: row.severity.rank)
    for row, suggests in zip(worst, (Suggestion.PROMOTE, Suggestion.DECIDE), strict=False):
        pattern = Pattern(
            name="majority",
            evidence="most",
            confidence=0.8,
            action="decide: both",
            suggests=suggests,
        )
        rows[rows.index(row)] = row.model_copy(
            update={"pattern": pattern, "severity": Severity.CRITICAL}
        )
    app = HomeampApp([agent.url], start="deviations")
    async with app.run_test(size=SIZE) as pilot:
        await until(
            pilot, lambda: isinstance(app.screen, DeviationsScreen) and app.screen.reader.total > 0
        )
        screen = app.screen
        assert isinstance(screen, DeviationsScreen)
        await pilot.press("S")
        await until(pilot, lambda: not isinstance(app.screen, DeviationsScreen))
        seen = {type(app.screen)}
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("j", "S")
        await until(pilot, lambda: not isinstance(app.screen, DeviationsScreen))
        seen.add(type(app.screen))
        assert seen == {AskApproval, Choose}
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("G")
        assert "no pattern suggests" in screen.why_not("suggested")
        assert agent.script.mutations == []
