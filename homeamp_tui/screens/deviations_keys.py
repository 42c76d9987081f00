"""The keys of the deviations screen, what the help says of them, and how its panes lie."""

from __future__ import annotations

from textual.binding import Binding, BindingType

KEYS = (
    ("slash", "Filter", "filter"),
    ("space", "Select", "select"),
    ("f", "Fix", "fix"),
    ("a", "Approve", "approve"),
    ("x", "Flag", "flag"),
    ("z", "Undo", "undo"),
    ("g", "Group", "group"),
    ("s", "Sort", "sort"),
    ("t", "Reviewed", "reviewed"),
    ("o", "Reopen", "reopen"),
    ("S", "Suggested", "suggested"),
    ("C", "Request", "compose"),
    ("i", "Ignore", "ignore"),
    ("p", "Promote", "promote"),
    ("y", "Copy", "copy"),
    ("r", "Rescan", "rescan"),
)
"""(key, label, action) of the key bar, the most important first."""

KEYS_HELP = """\
Move       j k ↓ ↑   page up/down   ctrl+d ctrl+u   gg first   G last
Panes      tab, shift+tab: tree, rows, detail   enter: detail in full
Filter     /: every word must match   field:value   !not   "two words"
           fields: host instance plugin file key kind severity status
           pattern rule
Select     space: one   v or shift+↑↓: a range   A: all that the filter shows
Groups     g: the same deviation on many instances is one line; enter opens it
Act        f fix (shows the exact diff)   a approve   x flag   o reopen
           on an unreadable file, f edits one line of it, unproven
           C: a change request of these, for later or for others to approve
Rules      i: ignore the key   p: promote the value   U: own value on each
           asks how far, and shows what will deviate then
           S: what the pattern of the row under the cursor suggests
Undo       z or u takes back the last fix, approval, flag or rule
View       s sort   t approved and fixed ones too   r scan again   y copy
Marks      ▸ here   ● selected   + new   ⚑ flagged   ✓ approved   ✔ fixed
           … fixing
"""


BINDINGS: list[BindingType] = [
    Binding("slash", "filter", "Filter", id="deviations.filter"),
    Binding("space", "select", "Select", id="deviations.select"),
    Binding("v", "range", "Select a range", id="deviations.range"),
    Binding("shift+down,J", "extend(1)", "Extend down", show=False, id="deviations.extend_down"),
    Binding("shift+up,K", "extend(-1)", "Extend up", show=False, id="deviations.extend_up"),
    Binding("A", "select_all", "Select all", id="deviations.all"),
    Binding("escape", "back", "Back", show=False, id="deviations.back"),
    Binding("f", "fix", "Fix", id="deviations.fix"),
    Binding("a", "approve", "Approve", id="deviations.approve"),
    Binding("C", "compose", "Compose a change request", id="deviations.compose"),
    Binding("S", "suggested", "Do what the pattern suggests", id="deviations.suggested"),
    Binding("i", "ignore", "Ignore the key", id="deviations.ignore"),
    Binding("p", "promote", "Promote the value", id="deviations.promote"),
    Binding("U", "unique", "Mark as unique", id="deviations.unique"),
    Binding("x", "flag", "Flag", id="deviations.flag"),
    Binding("o", "reopen", "Reopen", id="deviations.reopen"),
    Binding("z,u", "undo", "Undo", id="deviations.undo"),
    Binding("g", "group", "Group", id="deviations.group"),
    Binding("s", "sort", "Sort", id="deviations.sort"),
    Binding("t", "reviewed", "Show reviewed", id="deviations.reviewed"),
    Binding("y", "copy", "Copy", id="deviations.copy"),
    Binding("tab", "pane(1)", "Next pane", show=False, id="deviations.next_pane"),
    Binding("shift+tab", "pane(-1)", "Previous pane", show=False, id="deviations.previous_pane"),
]

TWO_COLUMNS_CELLS = 84
DETAIL = " Detail · enter: in full "
DETAIL_ZOOMED = " Detail · esc: back to the rows "

LAYOUT = """
DeviationRows { layers: base drawer; }
DeviationRows #middle { width: 1fr; }
DeviationRows .pane {
    border-top: solid $border-blurred; border-title-color: $muted;
    border-title-style: bold; border-subtitle-color: $muted;
}
DeviationRows .pane:focus { border-top: solid $border; border-title-color: $primary; }
DeviationRows #table { height: 5fr; }
DeviationRows #detail { height: 4fr; }
DeviationRows #scope { display: none; }
DeviationRows.-drawer #scope {
    display: block; layer: drawer; dock: left; width: 38; height: 1fr; margin: 1 0;
    border-right: tall $border;
}
DeviationRows.-wide #scope { display: block; width: 30; }
DeviationRows.-wide .pane {
    border: round $border-blurred; border-title-color: $muted; border-title-style: bold;
}
DeviationRows.-wide .pane:focus { border: round $border; border-title-color: $primary; }
DeviationRows.-wide #table { height: 1fr; }
DeviationRows.-wide #detail { height: 40%; min-height: 12; max-height: 22; }
DeviationRows.-zoom #detail { height: 1fr; max-height: 100%; }
DeviationRows.-zoom #table, DeviationRows.-zoom #scope { display: none; }
DeviationRows #nothing {
    display: none; height: 1fr; content-align: center middle; background: $surface;
}
DeviationRows.-nothing #nothing { display: block; }
DeviationRows.-nothing #table, DeviationRows.-nothing #detail { display: none; }
"""
