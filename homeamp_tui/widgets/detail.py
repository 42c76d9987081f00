"""Everything there is to say of the deviation under the cursor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from homeamp_agent.model.deviation import Deviation, DeviationKind, DeviationStatus
from homeamp_agent.model.expectation import ChainLink, InstanceValue
from homeamp_agent.model.query import SettingChange
from homeamp_agent.model.rule import Condition, ConditionKind
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_agent.rpc.protocol.messages import DeviationsShowParams, DeviationsShowResult
from homeamp_tui.links import Link, NotConnected
from homeamp_tui.theme import SEVERITY_STYLES
from homeamp_tui.widgets.setting_changes import change_lines, read_changes
from homeamp_tui.words import (
    KIND_WORDS,
    PATTERN_WORDS,
    SEVERITY_WORDS,
    actual_text,
    ago_text,
    expected_text,
    place_text,
    plain,
    value_text,
)

ELSEWHERE_SHOWN = 40
TAB_CELLS = 4

Piece = tuple[str, str]
"""A text and its style."""


class DeviationDetail(VerticalScroll, can_focus=True):
    """Expected and actual, the rules that led there; the file around the line, the history."""

    DEFAULT_CSS = """
    DeviationDetail {
        background: $surface;
        padding: 0 1;
        scrollbar-size-vertical: 1;
        layout: vertical;
    }
    DeviationDetail > Static { height: auto; width: 1fr; }
    DeviationDetail > #evidence { margin-top: 1; }
    DeviationDetail.-two-columns { layout: horizontal; }
    DeviationDetail.-two-columns > #evidence { margin: 0 0 0 3; }
    """

    def compose(self) -> ComposeResult:
        yield Static(id="facts", markup=False)
        yield Static(id="evidence", markup=False)

    def show(self, shown: DeviationsShowResult, changes: Sequence[SettingChange]) -> None:
        """Show one deviation, as its agent explains it, and how its setting changed."""
        self._paint(facts(shown), evidence(shown, changes))

    async def explain(self, link: Link, identity: str, row: Deviation | None) -> None:
        """Ask the agent and show what it says; where it cannot, what the list says (`row`)."""
        params = DeviationsShowParams(id=identity)
        try:
            shown = await link.call("deviations.show", params, DeviationsShowResult)
        except (NotConnected, RpcError) as error:
            if row is not None:
                self.show_row(row, str(error))
            return
        place = shown.deviation
        self.show(shown, await read_changes(link, place.instance, place.file, place.path))

    def show_row(self, row: Deviation, problem: str) -> None:
        """Show what the list says of it: its agent cannot be asked for more."""
        self._paint(
            Content("\n").join(
                [
                    *_head(row),
                    *_sides(row),
                    Content(""),
                    Content.assemble((plain(problem), "$warning")),
                ]
            ),
            Content(""),
        )

    def show_nothing(self, words: str) -> None:
        """There is no deviation to show."""
        self._paint(Content.styled(words, "$muted"), Content(""))

    def _paint(self, left: Content, right: Content) -> None:
        self.query_one("#facts", Static).update(left)
        self.query_one("#evidence", Static).update(right)


def facts(shown: DeviationsShowResult) -> Content:
    """What is wrong, and why it is wrong."""
    row = shown.deviation
    lines = [*_head(row), *_mending(shown), *_sides(row)]
    if row.message and row.kind is not DeviationKind.UNREADABLE:
        lines.append(Content.styled(plain(row.message), "$muted"))
    if shown.amp_owned:
        lines.append(Content.assemble(("AMP-owned: ", "$warning"), plain(shown.amp_owned)))
    if not shown.fixable and row.status is not DeviationStatus.FIXED:
        because = shown.not_fixable_because or "its kind is not put right by an edit"
        lines.append(Content.assemble(("Not fixable here: ", "$warning"), plain(because)))
    lines += _pattern(row)
    lines += _why(shown)
    return Content("\n").join(lines)


def evidence(shown: DeviationsShowResult, changes: Sequence[SettingChange] = ()) -> Content:
    """The file around the line, the same setting elsewhere, and what happened so far."""
    lines = [*_context(shown), *_elsewhere(shown), *_history(shown)]
    if changes:
        lines += [*_heading("CHANGED"), *change_lines(changes, shown.deviation.path)]
    return Content("\n").join(lines)


def _heading(words: str, note: str = "") -> list[Content]:
    return [Content(""), Content.assemble((words, "bold $primary"), (f"  {note}", "$muted"))]


def _head(row: Deviation) -> Iterator[Content]:
    yield Content.assemble(
        (f" {SEVERITY_WORDS[row.severity]} ", SEVERITY_STYLES[row.severity]),
        (f" {KIND_WORDS[row.kind]}", "bold"),
        (f" · {_status(row)}", "$muted"),
    )
    yield Content.styled(place_text(row), "bold")
    where = " › ".join(plain(part) for part in (row.host, row.instance, row.plugin) if part)
    yield Content.styled(where, "$muted")
    if row.file:
        yield Content.styled(plain(row.file) + (f":{row.line}" if row.line else ""), "$muted")


def _status(row: Deviation) -> str:
    said = row.status.value
    if row.reviewed_by:
        said += f" by {plain(row.reviewed_by)}, {ago_text(row.reviewed_at)}"
    else:
        said += f", first seen {ago_text(row.first_seen)}"
    if row.expires:
        said += f", until {row.expires:%Y-%m-%d}"
    if row.review_reason:
        said += f": {plain(row.review_reason)}"
    return said


def _sides(row: Deviation) -> Iterator[Content]:
    yield Content("")
    yield Content.assemble(("EXPECTED  ", "$muted"), (expected_text(row), "bold $success"))
    if row.rule:
        source = f"          by the {row.rule.scope} rule in {row.rule.source}"
        yield Content.styled(plain(source), "$muted")
    yield Content.assemble(("ACTUAL    ", "$muted"), (actual_text(row), "bold $warning"))
    if row.replacement is not None:
        yield Content.assemble(
            ("FLAGGED   ", "$muted"), ("to become ", ""), (value_text(row.replacement), "bold")
        )


def _mending(shown: DeviationsShowResult) -> list[Content]:
    """What `f` proposes for a file that cannot be read."""
    if shown.mending is None:
        return []
    change = shown.mending.line_edit
    return [
        *_heading("LINE EDIT", f"f: line {change.line}, unproven; then it can be read"),
        Content.assemble(("- ", "$error"), plain(change.old_line.strip())),
        Content.assemble(("+ ", "$success"), plain(change.new_line.strip())),
    ]


def _pattern(row: Deviation) -> list[Content]:
    if row.pattern is None:
        return []
    name = PATTERN_WORDS.get(row.pattern.name, plain(row.pattern.name))
    return [
        *_heading("PATTERN", f"{name}, {row.pattern.confidence:.0%} sure"),
        Content(plain(row.pattern.evidence)),
        Content.assemble(("→ ", "$primary"), plain(row.pattern.action), ("   S does it", "$muted")),
    ]


def _why(shown: DeviationsShowResult) -> list[Content]:
    explanation = shown.explanation
    if explanation is None:
        return []
    chain = explanation.expectation.chain if explanation.expectation else ()
    if not chain:
        return [
            *(_heading("WHY") if explanation.sentences else ()),
            *(Content(plain(sentence)) for sentence in explanation.sentences),
        ]
    lines = _heading("WHY", "narrower scopes win")
    for link in chain:
        lines += _chain_link(link)
    return lines


def _chain_link(link: ChainLink) -> Iterator[Content]:
    rule = link.rule
    yield Content.assemble(
        ("● " if link.won else "○ ", "bold $primary" if link.won else "$faint"),
        (f"{rule.scope} ", "bold" if link.won else "$muted"),
        (condition_text(rule.condition), "$success" if link.won else "$muted"),
        (f"  {plain(str(rule.source))}", "$faint"),
    )
    note = plain(link.note)
    if rule.reason:
        note += f" — {plain(rule.reason)}"
    yield Content.styled(f"  {note}", "$muted")


def condition_text(condition: Condition) -> str:
    """A demand in a few words, secrets as their mask."""
    if condition.kind is ConditionKind.EQUALS:
        return f"= {value_text(condition.value)}"
    if condition.kind is ConditionKind.ONE_OF:
        return "one of " + ", ".join(map(value_text, condition.values))
    return plain(condition.sentence())


def _context(shown: DeviationsShowResult) -> list[Content]:
    row = shown.deviation
    where = plain(row.file or "") + (f":{row.line}" if row.line else "")
    if shown.context:
        lines = _heading("FILE", where)[1:]
        for line in shown.context:
            text = plain(line.text.expandtabs(TAB_CELLS))
            number = f"{line.number:>5} "
            if line.here:
                lines.append(
                    Content.assemble(("▸", "bold $primary"), (number, "bold"), (text, "bold"))
                )
            else:
                lines.append(Content.assemble((f" {number}", "$faint"), (text, "$muted")))
        return lines
    if shown.context_problem:
        return [*_heading("FILE", where)[1:], Content(plain(shown.context_problem))]
    return []


def _elsewhere(shown: DeviationsShowResult) -> list[Content]:
    others = shown.explanation.elsewhere if shown.explanation else ()
    if not others:
        return []
    right = sum(other.as_expected is True for other in others)
    lines = _heading("ELSEWHERE", f"{right} of {len(others)} as expected")
    return lines + [_elsewhere_line(other) for other in others[:ELSEWHERE_SHOWN]]


def _elsewhere_line(other: InstanceValue) -> Content:
    mark, style = {True: ("✓", "$success"), False: ("✗", "$warning"), None: ("·", "$muted")}[
        other.as_expected
    ]
    value = "missing" if other.missing else value_text(other.value)
    return Content.assemble((f"{mark} ", style), (f"{plain(other.instance):<12} ", "$muted"), value)


def _history(shown: DeviationsShowResult) -> list[Content]:
    if not shown.history:
        return []
    lines = _heading("HISTORY")
    for event in reversed(shown.history):
        said = f" by {plain(event.actor)}" if event.actor else ""
        said += f": {plain(event.reason)}" if event.reason else ""
        value = f"  {value_text(event.actual)}" if event.actual is not None else ""
        lines.append(
            Content.assemble(
                (f"{ago_text(event.at):>9}  ", "$muted"),
                plain(event.event) + said,
                (value, "$faint"),
            )
        )
    return lines
