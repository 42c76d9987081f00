"""Why something is expected at a place, what others have there, and how it changed: in lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from homeamp_agent.model.expectation import ChainLink, Explanation, InstanceValue
from homeamp_agent.model.query import SettingChange
from homeamp_tui.widgets.detail import condition_text
from homeamp_tui.widgets.diff_view import Line, heading_line, note_lines
from homeamp_tui.widgets.setting_changes import who_changed
from homeamp_tui.words import ago_text, plain, scope_text, value_text


def explanation_lines(explanation: Explanation, changes: Sequence[SettingChange]) -> Iterator[Line]:
    """The chain of rules, the same setting elsewhere, and its changes."""
    expectation = explanation.expectation
    yield heading_line("WHY", "narrower scopes win")
    if expectation is None or not expectation.chain:
        for sentence in explanation.sentences:
            yield ((plain(sentence), "diff--plain"),)
    else:
        for link in expectation.chain:
            yield from chain_lines(link)
    if explanation.elsewhere:
        yield ()
        yield heading_line("ELSEWHERE")
        yield from map(_elsewhere, explanation.elsewhere)
    if changes:
        yield ()
        yield heading_line("CHANGED")
        yield from map(_changed, changes)


def chain_lines(link: ChainLink) -> Iterator[Line]:
    """One rule of a chain, and what became of it."""
    rule = link.rule
    yield (
        ("● " if link.won else "○ ", "diff--file" if link.won else "diff--number"),
        (f"{scope_text(rule.scope)} ", "diff--plain" if link.won else "diff--same"),
        (condition_text(rule.condition), "diff--added" if link.won else "diff--same"),
        (f"  {plain(str(rule.source))}", "diff--number"),
    )
    because = f" — {rule.reason}" if rule.reason else ""
    yield from note_lines(f"  {plain(link.note + because)}")


def _elsewhere(other: InstanceValue) -> Line:
    mark, style = {
        True: ("✓ ", "diff--added"), False: ("✗ ", "diff--warning"), None: ("· ", "diff--number"),
    }[other.as_expected]  # fmt: skip
    value = "missing" if other.missing else value_text(other.value)
    return ((mark, style), (f"{plain(other.instance):<12} ", "diff--same"), (value, "diff--plain"))


def _changed(change: SettingChange) -> Line:
    old, new = (
        "nothing" if each is None else value_text(each) for each in (change.old, change.new)
    )
    return (
        (f"{ago_text(change.at):>9}  ", "diff--same"),
        (f"{old} → ", "diff--same"),
        (new, "diff--plain"),
        (f"  {who_changed(change)}", "diff--note"),
    )
