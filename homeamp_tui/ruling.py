"""Rules that reviews make of deviations, and decisions that are taken back: each asks first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content

from homeamp_agent.model.rule import Scope, ScopeKind
from homeamp_agent.rpc.protocol.messages import (
    ApprovalRow,
    Decided,
    DeviationsRuleParams,
    DeviationsRuleResult,
    MadeRule,
    RulesRevokeParams,
    RulesRevokeResult,
)
from homeamp_tui.acts import Chosen, Undoable
from homeamp_tui.asking import ask
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.dialogs.review import Approval, AskApproval
from homeamp_tui.links import Link
from homeamp_tui.rule_views.approvals import decided_text, facts_of, place_of
from homeamp_tui.rule_views.rules import key_text
from homeamp_tui.widgets.detail import condition_text
from homeamp_tui.widgets.diff_view import Line, heading_line, note_lines
from homeamp_tui.words import plain, plural, scope_text

if TYPE_CHECKING:
    from homeamp_tui.app import HomeampApp

NOUNS = {
    Decided.ACCEPT: "approval",
    Decided.IGNORE: "ignored key",
    Decided.PROMOTE: "promoted value",
    Decided.UNIQUE: "mark as unique",
}
NAMES_SHOWN = 8


class Making(NamedTuple):
    """How a rule is made of deviations, in the words of its dialogs."""

    decided: Decided
    method: str
    title: str
    label: str
    meets: str


MAKING = {
    each.decided: each
    for each in (
        Making(Decided.IGNORE, "deviations.ignore", "Ignore the key of", "Ignore it", "ignored on"),
        Making(
            Decided.PROMOTE, "deviations.promote", "Promote the value of", "Expect it",
            "as it will be expected on",
        ),
        Making(
            Decided.UNIQUE, "deviations.mark_unique", "Expect another value everywhere:",
            "Unique among the instances", "a value of its own on",
        ),
    )
}  # fmt: skip

Made = Sequence[tuple[Link, DeviationsRuleResult]]


class Ruling:
    """Rules made and taken back in `app`."""

    def __init__(self, app: HomeampApp) -> None:
        self._app = app

    async def make(
        self,
        decided: Decided,
        chosen: Chosen,
        summary: str,
        done: Callable[[], None],
        scope: Scope | None = None,
    ) -> None:
        """Ask how far (`scope` at first), show what the rules would do, ask again, write them."""
        scope = scope or Scope()
        making = MAKING[decided]
        count = sum(map(len, chosen.values()))
        question = AskApproval(
            f"{making.title} {plural(count, 'deviation')}?",
            Content(plain(summary)),
            await self._app.acts.tags_of(chosen),
            label=making.label,
            yes="Preview",
            scope=scope.kind,
            tag=scope.target or "" if scope.kind is ScopeKind.TAG else "",
        )
        said = await self._app.push_screen_wait(question)
        if said is None:
            return
        would = await self._ruled(making, chosen, said, preview=True)
        if not would or not await self._agreed(making, would, said):
            return
        meant = {link.host: answer.ids for link, answer in would if answer.ids}
        made = await self._ruled(making, meant, said, preview=False)
        decisions = {link.host: answer.decisions for link, answer in made if answer.decisions}
        if decisions:
            noun = NOUNS[decided]
            rules = sum(map(len, decisions.values()))
            self._app.acts.note(Undoable(noun, lambda: self._unmade(decisions)))
            self._app.tell(f"Wrote {plural(rules, 'rule')}. z takes it back.")
        done()

    async def _ruled(
        self, making: Making, chosen: Chosen, said: Approval, *, preview: bool
    ) -> list[tuple[Link, DeviationsRuleResult]]:
        async def work(link: Link, ids: Sequence[str]) -> DeviationsRuleResult:
            params = DeviationsRuleParams(
                ids=tuple(ids),
                scope=said.scope,
                target=said.tag,
                reason=said.reason,
                expires=said.expires,
                preview=preview,
            )
            return await link.mutate(making.method, params, DeviationsRuleResult)

        return await self._app.acts.on_each(chosen, work, "make a rule of it")

    async def _agreed(self, making: Making, would: Made, said: Approval) -> bool:
        rules = sum(len(answer.decisions) for _, answer in would)
        more = sum(len(each.deviates) for _, answer in would for each in answer.rules)
        words = "No setting deviates because of it."
        if more:
            words = f"{plural(more, 'setting')} with another value will deviate."
        idle = sum(not (each.meets or each.deviates) for _, it in would for each in it.rules)
        if idle:
            words += f" {plural(idle, 'rule')} would change nothing: narrower ones speak there."
        alone = len(self._app.links) > len(would) and said.scope is not ScopeKind.INSTANCE
        if alone:
            words += " Other hosts of the same baseline are not counted."
        where = f"Written to approved.yaml: {plural(rules, 'rule')}, {said.scope.value}."
        question = Confirm(
            f"Write {plural(rules, 'rule')}?",
            Content.assemble(
                (where, "bold"), "\n", (words, "$warning" if more or idle else "$muted")
            ),
            list(trial_lines(making, would)),
            "Write",
            impossible="" if rules else "None of them can become a rule.",
        )
        return await self._app.push_screen_wait(question)

    async def _unmade(self, decisions: Mapping[str, Sequence[str]]) -> bool:
        """Take rules back that were made from here; whether every host did."""

        async def work(link: Link, ids: Sequence[str]) -> RulesRevokeResult:
            return await self._revoke(link, ids)

        answers = await self._app.acts.on_each(decisions, work, "take it back")
        count = sum(len(answer.revoked) for _, answer in answers)
        if count:
            self._app.tell(f"Took {plural(count, 'rule')} back.")
        return len(answers) == len(decisions)

    async def _revoke(self, link: Link, ids: Sequence[str]) -> RulesRevokeResult:
        params = RulesRevokeParams(ids=tuple(ids), reason="taken back in the dashboard")
        return await link.mutate("rules.revoke", params, RulesRevokeResult)

    async def revoke(self, link: Link, row: ApprovalRow) -> None:
        """Ask, then take one decision of `approved.yaml` back."""
        noun = NOUNS[row.decided]
        what = f"{plain(row.plugin or 'game folder')} › {place_of(row)}  {decided_text(row)}"
        summary = Content.assemble((what, "bold"), f"\n{_after(row)}")
        question = Confirm(f"Take this {noun} back?", summary, list(facts_of(row)), "Take back")
        if not await self._app.push_screen_wait(question):
            return
        answer = await ask(self._app, link, "take it back", self._revoke(link, [row.id]))
        if answer is not None:
            gone = "" if answer.revoked else " It was gone already."
            self._app.tell(f"Took the {noun} back.{gone}")


def _after(row: ApprovalRow) -> str:
    if row.decided is not Decided.ACCEPT:
        return "The rules beside it count again, on " + plural(row.covers, "place") + "."
    if row.expired or not row.covers:
        return "Nothing depends on it any more."
    return f"{plural(row.covers, 'deviation')} will be pending again."


def trial_lines(making: Making, would: Made) -> Iterator[Line]:
    """What each rule would do on which instances, and what cannot become one."""
    for link, answer in would:
        host = f"{plain(link.host)}: " if len(would) > 1 else ""
        for each in answer.rules:
            rule = each.rule
            name = f"{host}{plain(rule.plugin or 'game folder')} › {key_text(rule)}"
            yield heading_line(name, f"{scope_text(rule.scope)}  {condition_text(rule.condition)}")
            yield from _instances(making, each)
        hidden = len(answer.decisions) - len(answer.rules)
        if hidden > 0:
            yield from note_lines(f"and {plural(hidden, 'more rule')}")
        for skipped in answer.skipped:
            yield from note_lines(f"{host}left alone: {plain(skipped.reason)}", "diff--warning")


def _instances(making: Making, made: MadeRule) -> Iterator[Line]:
    for mark, style, words, names in (
        ("✓ ", "diff--added", making.meets, made.meets),
        ("✗ ", "diff--warning", "will deviate on", made.deviates),
        ("○ ", "diff--number", "a narrower rule speaks on", made.overruled),
    ):
        if names:
            told = ", ".join(map(plain, names[:NAMES_SHOWN]))
            more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
            yield ((mark, style), (f"{words} ", "diff--same"), (f"{told}{more}", "diff--plain"))
