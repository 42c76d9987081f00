"""The rules of a baseline, and of each the chain that it stands in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from textual.content import Content

from homeamp_agent.model.expectation import Explanation
from homeamp_agent.model.rule import Rule, ScopeKind
from homeamp_agent.rpc.protocol.messages import (
    RulePlace,
    RulesListParams,
    RulesListResult,
    RulesShowParams,
    RulesShowResult,
)
from homeamp_tui.explaining import chain_lines
from homeamp_tui.links import Link
from homeamp_tui.rule_views.view import View, dotted_key, explained
from homeamp_tui.screens.paned import Detail
from homeamp_tui.widgets.column_table import Cell, Column
from homeamp_tui.widgets.detail import condition_text
from homeamp_tui.widgets.diff_view import Line, heading_line, note_lines
from homeamp_tui.windows import Found
from homeamp_tui.words import plain, plural, scope_text, until_text

SCOPE_STYLES = {ScopeKind.GLOBAL: "muted"}
NAME_CELLS = 12


class RulesView(View[Rule]):
    """Every rule in the order of the sources."""

    KEY = "b"
    WORDS = "Rules"
    COLUMNS = (
        Column("SCOPE", 15, least=10),
        Column("PLUGIN", 12, least=8),
        Column("KEY", 0, keeps_end=True),
        Column("DEMANDS", 18, least=10),
        Column("SOURCE", 30, wide_only=True, keeps_end=True),
    )

    async def ask(self, link: Link, text: str, offset: int, limit: int) -> Found[Rule]:
        params = RulesListParams(filter=text or None, offset=offset, limit=limit)
        answer = await link.call("rules.list", params, RulesListResult)
        return answer.rules, answer.total

    def identity(self, item: Rule) -> tuple[Any, ...]:
        return (item.id,)

    def cells(self, item: Rule) -> Sequence[Cell]:
        return (
            Cell(scope_text(item.scope), SCOPE_STYLES.get(item.scope.kind, "")),
            Cell(plain(item.plugin or "(game)"), "" if item.plugin else "muted"),
            Cell(key_text(item)),
            Cell(condition_text(item.condition)),
            Cell(plain(str(item.source)), "muted"),
        )

    async def detail(self, link: Link, item: Rule, place: int) -> Detail:
        shown = await link.call("rules.show", RulesShowParams(id=item.id), RulesShowResult)
        rule = shown.rule
        title = f"{rule.plugin or 'game folder'} › {key_text(rule)}"
        if not shown.places:
            words = "It speaks of no setting of any instance: none has the plugin or its file."
            return Detail(title, _head(rule), note_lines(words))
        at = shown.places[place % len(shown.places)]
        explanation = await explained(link, at)
        number = f"[{place % len(shown.places) + 1} of {len(shown.places)}]"
        files = {each.file for each in shown.places}
        where = f" in {at.file}" if len(files) == 1 and at.file else ""
        heard = f"wins at {shown.won:,} of {plural(shown.total, 'place')}{where}"
        lines = [
            *chain(rule, at, explanation, number if len(shown.places) > 1 else ""),
            (),
            heading_line("HEARD", heard),
            *(_place_line(each, with_file=len(files) > 1) for each in shown.places),
        ]
        return Detail(title, _head(rule), lines)

    def nothing(self) -> Content:
        return Content.styled("The baseline has no rule yet.", "$muted")

    def deviations_of(self, item: Rule) -> str:
        file = plain(item.source.file)
        key = dotted_key(item.key, item.path)
        return f'rule:"{file}"' + (f' key:"{key}"' if key else "")


def key_text(rule: Rule) -> str:
    """What a rule is about, as short as it can be said."""
    key = dotted_key(rule.key, rule.path)
    if key:
        return plain(key)
    return plain(rule.file) if rule.file else "(the plugin itself)"


def chain(rule: Rule, at: RulePlace, explanation: Explanation, number: str) -> Iterator[Line]:
    """Which rules speak at the place, who wins, and what the setting is there."""
    yield heading_line("CHAIN", f"on {at.instance}  {number}")
    expectation = explanation.expectation
    for link in expectation.chain if expectation is not None else ():
        first, *rest = chain_lines(link)
        yield (*first, ("  ← this rule", "diff--file")) if link.rule.id == rule.id else first
        yield from rest
    if expectation is not None and expectation.conflict:
        yield from note_lines(f"✗ {plain(expectation.conflict)}", "diff--warning")
    for name in expectation.unresolved if expectation is not None else ():
        yield from note_lines(f"✗ {{{{{plain(name)}}}}} has no value there", "diff--warning")


def _place_line(place: RulePlace, *, with_file: bool) -> Line:
    if place.conflict:
        mark, style, words = "✗ ", "diff--warning", "conflicts with a rule of equal rank"
    elif place.unresolved:
        mark, style, words = "✗ ", "diff--warning", "a variable has no value"
    elif place.won:
        mark, style, words = "● ", "diff--file", "wins"
    else:
        mark, style, words = "○ ", "diff--number", f"overruled by {_told(place.winner)}"
    return (
        (mark, style),
        (f"{plain(place.instance):<{NAME_CELLS}} ", "diff--plain"),
        (words, "diff--same"),
        (f"  {plain(place.file or '')}" if with_file else "", "diff--number"),
    )


def _told(rule: Rule | None) -> str:
    if rule is None:
        return "another"
    return plain(f"{scope_text(rule.scope)} {condition_text(rule.condition)}  {rule.source}")


def _head(rule: Rule) -> Content:
    facts = [str(rule.source)]
    facts += [f"{rule.severity.value} severity"] if rule.severity is not None else []
    facts += [f"on {rule.platform} only"] if rule.platform else []
    facts += [f"owner {rule.owner}"] if rule.owner else []
    lines = [
        Content.assemble(
            (scope_text(rule.scope), "$muted"), "  ", (condition_text(rule.condition), "bold")
        ),
        Content.styled(plain("   ".join(facts)), "$muted"),
    ]
    if rule.reason:
        lines.append(Content(plain(rule.reason)))
    if rule.expires is not None:
        lines.append(Content.styled(until_text(rule.expires), "$warning"))
    return Content("\n").join(lines)
