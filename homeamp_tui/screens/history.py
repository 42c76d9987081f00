"""The history: who did what, when, why, what came of it, and every setting before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from homeamp_agent.model.event import Topic
from homeamp_agent.model.history import Act
from homeamp_agent.rpc.protocol.messages import (
    ChangesHistoryParams,
    ChangesHistoryResult,
    ChangesShowParams,
    ChangesShowResult,
)
from homeamp_tui.asking import ask
from homeamp_tui.links import Link
from homeamp_tui.screens.listing import ListingScreen, Row
from homeamp_tui.screens.paned import Detail
from homeamp_tui.widgets.column_table import Cell, Column
from homeamp_tui.widgets.diff_view import heading_line, note_lines, reason_lines
from homeamp_tui.words import age_text, ago_text, brief, plain, plural, value_text

ACTS_MAX = 1_000
"""Of one host; `homeamp-agent audit export` writes all."""

PAGE = 200
GOOD = frozenset({"done"})
ROLLABLE = frozenset({"change.apply", "change.restore"})


class HistoryScreen(ListingScreen[Act]):
    """Acts of every host, newest first."""

    NAME = "changes"
    NOUN = "act"
    MOST = ACTS_MAX
    TOPICS = frozenset({Topic.CHANGES, Topic.INSTANCES})
    COLUMNS = (
        Column("WHAT", 22, least=20),
        Column("AGE", 4, right=True),
        Column("HOST", 8, least=5),
        Column("WHO", 10, least=6),
        Column("OUTCOME", 9, wide_only=True),
        Column("WHY", 0),
    )
    HINT = "host: who: what: instance: plugin: key: outcome: reason:  !not"
    KEYS = (
        ("slash", "Filter", "filter"),
        ("R", "Roll back", "rollback"),
        ("escape", "Changes", "back"),
        ("space", "Select", "select"),
        ("tab", "List/detail", "pane"),
        ("y", "Copy", "copy"),
    )
    CHANGING = frozenset({"rollback", "rescan"})
    KEYS_HELP = """\
Move       j k ↓ ↑   tab: to the detail and back   enter: the detail in full
           esc: back, at last to the changes
Filter     /   words are and-ed, field:value narrows, ! negates
           host who what instance plugin key outcome reason
Act        R: roll the change back (shows it first)   y: copy
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("R", "rollback", "Roll back", id="history.rollback"),
    ]

    async def read_from(self, link: Link) -> Sequence[Act]:
        found: list[Act] = []
        cursor: str | None = None
        while len(found) < ACTS_MAX:
            params = ChangesHistoryParams(limit=PAGE, cursor=cursor)
            page = await link.call("changes.history", params, ChangesHistoryResult)
            found += page.acts
            cursor = page.next_cursor
            if cursor is None:
                break
        return found

    def identity(self, item: Act) -> str:
        return str(item.number)

    def arranged(self, rows: Sequence[Row[Act]]) -> Sequence[Row[Act]]:
        return sorted(rows, key=lambda row: (row.item.at, row.item.number), reverse=True)

    def fields(self, row: Row[Act]) -> Mapping[str, str]:
        act = row.item
        places = [place for place, _ in _places(act)]
        if act.action.startswith("instance."):  # as `audit export --instance` takes it
            places.append(act.subject)
        return {
            "host": row.link.host,
            "who": act.who,
            "what": f"{act.action} {_words(act)} {act.subject}",
            "instance": " ".join(dict.fromkeys(places)),
            "plugin": " ".join(dict.fromkeys(each.plugin or "" for each in act.settings)),
            "key": " ".join(each.key for each in act.settings),
            "outcome": f"{act.outcome} {act.message}",
            "reason": act.reason,
        }

    def cells(self, row: Row[Act]) -> Sequence[Cell]:
        act = row.item
        good = act.outcome in GOOD
        return (
            Cell(_words(act), "" if good else "bad"),
            Cell(age_text(act.at), "muted"),
            Cell(plain(row.link.host)),
            Cell(plain(act.who)),
            Cell(plain(act.outcome), "muted" if good else "bad"),
            Cell(plain(act.reason or act.message or act.subject)),
        )

    async def detail(self, row: Row[Act]) -> Detail:
        link, act = row
        lines = [*reason_lines(act.reason), *reason_lines(act.message)]
        for instance, file in _places(act):
            lines.append(heading_line(f"{link.host} › {instance}  {file}"))
            for each in act.settings:
                if (each.instance, each.file) == (instance, file):
                    change = f"{value_text(each.old)} → {value_text(each.new)}"
                    how = "  (line edit)" if each.line_edit else ""
                    lines += note_lines(f"  {each.key}: {change}{how}", "diff--plain")
        if act.more_settings:
            lines += note_lines(f"… and {plural(act.more_settings, 'more setting')}")
        return Detail(f"Act {act.number}", _head(act), lines)

    def nothing(self) -> Content:
        return Content.styled("Nothing was done yet. esc: back to the changes", "$muted")

    def widen(self) -> None:
        if self.picked_any or self.text:
            super().widen()
        else:
            self.dashboard.action_show("changes")

    def action_rollback(self) -> None:
        self.dashboard.act(self._rolling_back(self.chosen))

    async def _rolling_back(self, rows: Sequence[Row[Act]]) -> None:
        changes = []
        for link, act in rows:
            work = link.call("changes.show", ChangesShowParams(id=act.subject), ChangesShowResult)
            answer = await ask(self.dashboard, link, "show the change", work)
            if answer is None:
                return
            changes.append((link, answer.change))
        if await self.dashboard.rolling_back.all_of(changes):
            self.acted()

    def why_not_chosen(self, action: str) -> str:
        if why := super().why_not_chosen(action):
            return why
        if all(row.item.action in ROLLABLE and row.item.outcome in GOOD for row in self.chosen):
            return ""
        return "only what was written can be rolled back"


def _places(act: Act) -> list[tuple[str, str]]:
    """The files that an act was about, by instance, each once."""
    places = [(each.instance, each.file) for each in act.settings]
    places += [(each.instance, each.file) for each in act.files]
    return list(dict.fromkeys(places))


def _words(act: Act) -> str:
    """The act in the words of the screens, which call what is cancelled withdrawn."""
    words = act.action.replace("change.cancelled", "change.withdrawn")
    words = words.replace("instance.cancel", "instance.withdraw")
    return plain(words.replace(".", " ").replace("_", " "))


def _head(act: Act) -> Content:
    lines = [
        Content.assemble(
            (_words(act), "bold"),
            (f"  {plain(act.outcome)}, {ago_text(act.at)} by {plain(act.who)}", "$muted"),
        ),
        Content.styled(plain(act.subject), "$muted"),
    ]
    if act.reason:
        lines.append(Content.styled(brief(act.reason), "bold"))
    if act.message:
        lines.append(Content.styled(brief(act.message), "$warning"))
    return Content("\n").join(lines)
