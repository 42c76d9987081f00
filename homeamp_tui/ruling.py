"""Rules that reviews make of deviations, and decisions that are taken back: each asks first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from homeamp_agent.rpc.protocol.messages import (
    ApprovalRow,
    Decided,
    RulesRevokeParams,
    RulesRevokeResult,
)
from homeamp_tui.asking import ask
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.links import Link
from homeamp_tui.rule_views.approvals import decided_text, facts_of, place_of
from homeamp_tui.words import plain, plural

if TYPE_CHECKING:
    from homeamp_tui.app import HomeampApp

NOUNS = {
    Decided.ACCEPT: "approval",
    Decided.IGNORE: "ignored key",
    Decided.PROMOTE: "promoted value",
    Decided.UNIQUE: "mark as unique",
}


class Ruling:
    """Rules made and taken back in `app`."""

    def __init__(self, app: HomeampApp) -> None:
        self._app = app

    async def revoke(self, link: Link, row: ApprovalRow) -> None:
        """Ask, then take one decision of `approved.yaml` back."""
        noun = NOUNS[row.decided]
        what = f"{plain(row.plugin or 'game folder')} › {place_of(row)}  {decided_text(row)}"
        summary = Content.assemble((what, "bold"), f"\n{_after(row)}")
        question = Confirm(f"Take this {noun} back?", summary, list(facts_of(row)), "Take back")
        if not await self._app.push_screen_wait(question):
            return
        params = RulesRevokeParams(ids=(row.id,), reason="taken back in the dashboard")
        work = link.mutate("rules.revoke", params, RulesRevokeResult)
        answer = await ask(self._app, link, "take it back", work)
        if answer is not None:
            gone = "" if answer.revoked else " It was gone already."
            self._app.tell(f"Took the {noun} back.{gone}")


def _after(row: ApprovalRow) -> str:
    if row.decided is not Decided.ACCEPT:
        return "The rules beside it count again, on " + plural(row.covers, "place") + "."
    if row.expired or not row.covers:
        return "Nothing depends on it any more."
    return f"{plural(row.covers, 'deviation')} will be pending again."
