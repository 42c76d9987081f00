"""What is wrong with a baseline: its files' problems, and settings on which its rules disagree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.content import Content

from homeamp_agent.model.deviation import Deviation, DeviationKind
from homeamp_agent.model.query import DeviationFilter
from homeamp_agent.model.rule import BaselineProblem, ProblemSeverity
from homeamp_agent.rpc.protocol.messages import (
    DeviationsListParams,
    DeviationsListResult,
    RulesProblemsParams,
    RulesProblemsResult,
)
from homeamp_tui.explaining import explanation_lines
from homeamp_tui.links import Link
from homeamp_tui.rule_views.view import View, explained
from homeamp_tui.screens.paned import Detail
from homeamp_tui.widgets.column_table import Cell, Column
from homeamp_tui.widgets.diff_view import note_lines
from homeamp_tui.windows import Found
from homeamp_tui.words import place_text, plain

Problem = Deviation | BaselineProblem

OF_RULES = DeviationFilter(kinds=(DeviationKind.RULE_CONFLICT, DeviationKind.UNRESOLVED_VARIABLE))
WORDS = {
    ProblemSeverity.ERROR: ("✗ error", "bad"),
    ProblemSeverity.WARNING: ("! warning", "warning"),
    ProblemSeverity.INFO: ("· note", "muted"),
}
KINDS = {
    DeviationKind.RULE_CONFLICT: "✗ conflict",
    DeviationKind.UNRESOLVED_VARIABLE: "✗ variable",
}
MEANS = {
    ProblemSeverity.ERROR: "What is wrong there does not count; everything else does.",
    ProblemSeverity.WARNING: "It counts all the same, as well as it could be read.",
    ProblemSeverity.INFO: "Nothing needs to be done.",
}


class ProblemsView(View[Problem]):
    """Settings without one expected value first, then the files' problems, errors first."""

    KEY = "p"
    WORDS = "Problems"
    COLUMNS = (Column("KIND", 10), Column("PLACE", 31, keeps_end=True, least=20), Column("WHAT", 0))

    async def ask(self, link: Link, text: str, offset: int, limit: int) -> Found[Problem]:
        wanted = OF_RULES.model_copy(update={"text": text or None})
        params = DeviationsListParams(filter=wanted, offset=offset, limit=limit)
        found = await link.call("deviations.list", params, DeviationsListResult)
        rows: list[Problem] = list(found.deviations)
        after = RulesProblemsParams(
            filter=text or None,
            offset=max(0, offset - found.total),
            limit=max(1, limit - len(rows)),
        )
        rest = await link.call("rules.problems", after, RulesProblemsResult)
        if offset + len(rows) >= found.total:
            rows += rest.problems
        return rows[:limit], found.total + rest.total

    def identity(self, item: Problem) -> tuple[Any, ...]:
        return (item.id,) if isinstance(item, Deviation) else (str(item.source), item.message)

    def cells(self, item: Problem) -> Sequence[Cell]:
        if isinstance(item, Deviation):
            place = f"{item.instance} {place_text(item)}"
            return Cell(KINDS[item.kind], "bad"), Cell(plain(place)), Cell(plain(item.message))
        words, style = WORDS[item.severity]
        return Cell(words, style), Cell(plain(str(item.source))), Cell(plain(item.message))

    async def detail(self, link: Link, item: Problem, place: int) -> Detail:
        del place
        if isinstance(item, BaselineProblem):
            means = MEANS[item.severity]
            return Detail(str(item.source), Content(plain(item.message)), note_lines(means))
        lines = list(explanation_lines(await explained(link, item), ()))
        return Detail(f"{item.instance} › {place_text(item)}", Content(plain(item.message)), lines)

    def nothing(self) -> Content:
        return Content.assemble(
            ("✓ No rule disagrees with another, and every file could be read\n\n", "bold $success"),
            ("b shows the rules, a what reviews decided", "$muted"),
        )

    def deviations_of(self, item: Problem) -> str:
        if not isinstance(item, Deviation):
            return ""
        key = f' key:"{item.key}"' if item.key else ""
        return f"instance:{item.instance} kind:{item.kind.value}{key}"
