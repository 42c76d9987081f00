"""Doing what a pattern suggests, or choosing where more than one act would be right."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from homeamp_agent.model.deviation import Pattern, Suggestion
from homeamp_agent.model.rule import Scope, ScopeKind
from homeamp_agent.rpc.protocol.messages import Decided
from homeamp_tui.acts import Chosen
from homeamp_tui.dialogs.choose import Choice, Choose

if TYPE_CHECKING:
    from homeamp_tui.app import HomeampApp

WAYS = {
    Suggestion.FIX: ("Fix it", "write what is expected"),
    Suggestion.PROMOTE: ("Promote the value", "it is expected everywhere from now on"),
    Suggestion.OWN_RULE: ("A rule of its own", "the value is expected on this instance only"),
    Suggestion.OWN_VALUE: ("Another value", "flag it with the value that it should get"),
    Suggestion.UNIQUE: ("Mark as unique", "every instance has a value of its own"),
}
"""Every act that a pattern can suggest; each shows what it would do before it does it."""


class Suggesting:
    """Suggestions followed in `app`."""

    def __init__(self, app: HomeampApp) -> None:
        self._app = app

    async def follow(
        self, pattern: Pattern, chosen: Chosen, summary: str, done: Callable[[], None]
    ) -> None:
        """Begin the suggested act on the chosen deviations (ids by host); it asks first."""
        way: Suggestion | None = pattern.suggests
        if way not in WAYS:
            way = await self._decided(pattern)
        acts, make = self._app.acts, self._app.ruling.make
        match way:
            case Suggestion.FIX:
                await acts.fix(chosen, done)
            case Suggestion.OWN_VALUE:
                await acts.flag(chosen, summary, done)
            case Suggestion.PROMOTE:
                await make(Decided.PROMOTE, chosen, summary, done)
            case Suggestion.OWN_RULE:
                await make(Decided.PROMOTE, chosen, summary, done, Scope(kind=ScopeKind.INSTANCE))
            case Suggestion.UNIQUE:
                await make(Decided.UNIQUE, chosen, summary, done)

    async def _decided(self, pattern: Pattern) -> Suggestion | None:
        choices = [Choice(words, note, way) for way, (words, note) in WAYS.items()]
        question = Choose(pattern.action.partition(":")[0].capitalize(), choices)
        chosen: Suggestion | None = await self._app.push_screen_wait(question)
        return chosen
