"""What reviews decided: who, when, why, until when, and whether it still stands for something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from textual.content import Content

from homeamp_agent.model.deviation import Deviation, DeviationStatus
from homeamp_agent.model.query import DeviationFilter
from homeamp_agent.rpc.protocol.messages import (
    ApprovalRow,
    Decided,
    DeviationsListParams,
    DeviationsListResult,
    RulesApprovalsParams,
    RulesApprovalsResult,
)
from homeamp_tui.links import Link
from homeamp_tui.rule_views.view import View, dotted_key
from homeamp_tui.screens.paned import Detail
from homeamp_tui.widgets.column_table import Cell, Column
from homeamp_tui.widgets.diff_view import Line, heading_line, note_lines
from homeamp_tui.windows import Found
from homeamp_tui.words import (
    KIND_WORDS,
    age_text,
    ago_text,
    plain,
    plural,
    scope_text,
    side_text,
    until_text,
    value_text,
)

SHOWN = 100
IDLE = "It covers nothing now: the value, the rule or the instance is another since."


class ApprovalsView(View[ApprovalRow]):
    """Those whose term ends next first, then the newest."""

    KEY = "a"
    WORDS = "Approvals"
    COLUMNS = (
        Column("STATE", 13),
        Column("SCOPE", 15, least=10),
        Column("PLUGIN", 12, wide_only=True),
        Column("KEY", 0, keeps_end=True),
        Column("DECIDED", 18, least=8),
        Column("BY", 12, wide_only=True),
        Column("AGE", 4, right=True),
    )

    async def ask(self, link: Link, text: str, offset: int, limit: int) -> Found[ApprovalRow]:
        params = RulesApprovalsParams(filter=text or None, offset=offset, limit=limit)
        answer = await link.call("rules.approvals", params, RulesApprovalsResult)
        return answer.approvals, answer.total

    def identity(self, item: ApprovalRow) -> tuple[Any, ...]:
        return (item.id,)

    def cells(self, item: ApprovalRow) -> Sequence[Cell]:
        state, style = state_of(item)
        return (
            Cell(state, style),
            Cell(scope_text(item.scope)),
            Cell(plain(item.plugin or "(game)")),
            Cell(place_of(item)),
            Cell(decided_text(item)),
            Cell(plain(item.by), "muted"),
            Cell(age_text(item.at), "muted"),
        )

    async def detail(self, link: Link, item: ApprovalRow, place: int) -> Detail:
        del place
        lines = list(facts_of(item))
        if item.deviations:
            wanted = DeviationFilter(
                ids=item.deviations[:SHOWN], statuses=(DeviationStatus.APPROVED,)
            )
            params = DeviationsListParams(filter=wanted, limit=SHOWN)
            answer = await link.call("deviations.list", params, DeviationsListResult)
            lines += [(), heading_line("COVERS", plural(item.covers, "deviation"))]
            lines += map(_covered, answer.deviations)
        title = f"{item.plugin or 'game folder'} › {place_of(item)}"
        return Detail(title, _head(item), lines)

    def nothing(self) -> Content:
        return Content.styled(
            "Nothing was approved, ignored or promoted yet: a in the deviations does.", "$muted"
        )

    def deviations_of(self, item: ApprovalRow) -> str:
        file = f'file:"{item.file}" ' if item.file else ""
        key = f'key:"{key}" ' if (key := dotted_key(item.key, item.path)) else ""
        status = "status:approved" if item.decided is Decided.ACCEPT and item.covers else ""
        return f"{file}{key}{status}".strip()


def state_of(item: ApprovalRow) -> tuple[str, str]:
    """Whether it stands, in a word with a mark, and the style of it."""
    if item.expired:
        return "✗ expired", "bad"
    if not item.covers:
        return "· covers none", "muted"
    if item.expires is not None:
        return f"… {until_text(item.expires).removeprefix('ends ')}", "warning"
    return "✓ stands", "good"


def place_of(item: ApprovalRow) -> str:
    """What was decided about, as short as it can be said."""
    return plain(dotted_key(item.key, item.path) or item.file or item.plugin or "")


def decided_text(item: ApprovalRow) -> str:
    """What was decided, in the words of a cell."""
    match item.decided:
        case Decided.IGNORE:
            return "ignored"
        case Decided.UNIQUE:
            return "own on each"
        case Decided.PROMOTE:
            return f"= {value_text(item.expected)}"
    if item.kind is None or item.actual is None:
        return KIND_WORDS[item.kind] + " is fine" if item.kind is not None else "accepted"
    return f"{side_text(item.kind, item.actual)} is fine"


def _head(item: ApprovalRow) -> Content:
    state, _ = state_of(item)
    lines = [
        Content.assemble(
            (scope_text(item.scope), "$muted"), "  ", (decided_text(item), "bold"),
            ("" if state == "✓ stands" else f"   {state}", "$warning"),
        ),
        Content(plain(item.reason)) if item.reason else Content.styled("no reason given", "$muted"),
    ]  # fmt: skip
    return Content("\n").join(lines)


def facts_of(item: ApprovalRow) -> Iterator[Line]:
    """What was decided, by whom, until when; a line each."""
    if item.decided is Decided.ACCEPT and item.kind is not None:
        yield _fact("expected", side_text(item.kind, item.expected))
        yield _fact("is", side_text(item.kind, item.actual))
    if item.file:
        yield _fact("file", plain(item.file))
    yield _fact("by", f"{plain(item.by) or 'unknown'}, {ago_text(item.at)}")
    yield _fact("until", until_text(item.expires) if item.expires else "no end")
    if item.decided is not Decided.ACCEPT:
        yield _fact("wins at", plural(item.covers, "place"))
    elif not item.covers and not item.expired:
        yield from note_lines(IDLE)


def _fact(name: str, words: str) -> Line:
    return ((f"{name:<10}", "diff--same"), (words, "diff--plain"))


def _covered(row: Deviation) -> Line:
    return (
        ("✓ ", "diff--added"),
        (f"{plain(row.instance):<12} ", "diff--plain"),
        (plain(row.file or ""), "diff--same"),
    )
