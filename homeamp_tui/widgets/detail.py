"""Everything there is to say of the deviation under the cursor."""

from __future__ import annotations

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from homeamp_agent.rpc.protocol.messages import DeviationsShowResult
from homeamp_tui.words import (
    KIND_WORDS,
    SEVERITY_GLYPHS,
    SEVERITY_STYLES,
    age_text,
    place_text,
    value_text,
)


class DeviationDetail(VerticalScroll):
    """Expected and actual, the file around the line, the rules that led there, the history."""

    DEFAULT_CSS = """
    DeviationDetail { background: $panel; padding: 0 1; height: 1fr; scrollbar-size-vertical: 1; }
    """

    def compose(self):  # type: ignore[no-untyped-def]  # textual's own signature
        yield Static(id="detail-text", markup=False)

    def show(self, shown: DeviationsShowResult | None, problem: str = "") -> None:
        """Show one deviation, or why there is none to show."""
        text = Text(problem, style="dim") if shown is None else detail_text(shown)
        self.query_one("#detail-text", Static).update(text)
        self.scroll_home(animate=False)


def detail_text(shown: DeviationsShowResult) -> Text:
    """The whole pane as text."""
    row = shown.deviation
    text = Text()
    text.append(SEVERITY_GLYPHS[row.severity].strip(), style=SEVERITY_STYLES[row.severity])
    text.append(f"  {KIND_WORDS[row.kind]}  ", style="bold")
    text.append(f"{row.status.value}\n")
    text.append(place_text(row) + "\n", style="bold")
    text.append(f"{row.host} / {row.instance}", style="dim")
    text.append(f" / {row.plugin}\n" if row.plugin else "\n", style="dim")
    if row.file:
        text.append(row.file + (f":{row.line}" if row.line else "") + "\n")
    text.append("\n")
    if row.message:
        text.append(row.message + "\n\n")
    text.append("should be  ", style="dim")
    text.append(value_text(row.expected) + "\n", style="green")
    text.append("is         ", style="dim")
    text.append(value_text(row.actual) + "\n", style="bold")
    if row.replacement is not None:
        text.append("flagged as ", style="dim")
        text.append(value_text(row.replacement) + "\n")
    _append_context(text, shown)
    _append_why(text, shown)
    if row.pattern is not None:
        _heading(text, "pattern")
        text.append(f"{row.pattern.evidence} ({row.pattern.confidence:.0%})\n")
        text.append(f"→ {row.pattern.action}\n", style="italic")
    if not shown.fixable and shown.not_fixable_because:
        _heading(text, "cannot be fixed here")
        text.append(shown.not_fixable_because + "\n")
    _append_history(text, shown)
    return text


def _heading(text: Text, words: str) -> None:
    text.append(f"\n{words.upper()}\n", style="bold dim")


def _append_context(text: Text, shown: DeviationsShowResult) -> None:
    if shown.context:
        _heading(text, "in the file")
        for line in shown.context:
            style = "bold" if line.here else "dim"
            text.append(f"{'▸' if line.here else ' '}{line.number:>5} ", style=style)
            text.append(line.text + "\n", style=style if line.here else "")
    elif shown.context_problem:
        _heading(text, "in the file")
        text.append(shown.context_problem + "\n", style="dim")


def _append_why(text: Text, shown: DeviationsShowResult) -> None:
    if shown.explanation and shown.explanation.sentences:
        _heading(text, "why")
        for sentence in shown.explanation.sentences:
            text.append(f"• {sentence}\n")
    if shown.explanation and shown.explanation.elsewhere:
        _heading(text, "elsewhere")
        for other in shown.explanation.elsewhere:
            mark = {True: "✓", False: "✗", None: " "}[other.as_expected]
            value = "missing" if other.missing else value_text(other.value)
            text.append(f"{mark} {other.instance:<10} {value}\n")


def _append_history(text: Text, shown: DeviationsShowResult) -> None:
    if not shown.history:
        return
    _heading(text, "history")
    for event in shown.history:
        text.append(f"{age_text(event.at):>4} ago  {event.event}")
        text.append(f" by {event.actor}" if event.actor else "")
        text.append(f": {event.reason}" if event.reason else "")
        text.append("\n")
