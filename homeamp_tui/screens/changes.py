"""Change requests, newest first, with their diffs: loaded, approved, carried out, rolled back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from homeamp_agent.model.change import ChangeRequest, ChangeStatus, WritePolicy
from homeamp_agent.model.event import Topic
from homeamp_agent.rpc.protocol.messages import (
    ChangesListParams,
    ChangesListResult,
    ChangesShowParams,
    ChangesShowResult,
)
from homeamp_tui.links import Link, LinkState
from homeamp_tui.plans import change_lines
from homeamp_tui.progress import progress_line, progress_of
from homeamp_tui.requesting import TO_APPLY, TO_APPROVE, TO_CANCEL, Requests
from homeamp_tui.rolling_back import STANDING
from homeamp_tui.screens.listing import ListingScreen, Row
from homeamp_tui.screens.paned import Detail
from homeamp_tui.widgets.column_table import Cell, Column
from homeamp_tui.widgets.diff_view import reason_lines
from homeamp_tui.words import age_text, ago_text, brief, change_text, moment_text, plain, plural

CHANGES_PAGE = 200
CHANGES_MAX = 2_000

POLICY_WORDS = {
    WritePolicy.ON_RESTART: "into each instance at its game's next stop",
    WritePolicy.STOP_WRITE_START: "between stop and start of the games",
}
STATUS_STYLES = {
    ChangeStatus.APPLIED: "good",
    ChangeStatus.REVERTED_BY_PLUGIN: "bad",
    ChangeStatus.FAILED: "bad",
    ChangeStatus.ROLLED_BACK: "muted",
}

POSSIBLE = {
    "approve": (TO_APPROVE, "approved"),
    "reject": (TO_APPROVE, "rejected"),
    "apply": (TO_APPLY, "carried out"),
    "cancel": (TO_CANCEL, "withdrawn"),
    "deploy": (TO_CANCEL, "deployed"),
    "rollback": (STANDING, "rolled back"),
}
"""Which states an act wants, and its word."""
FIRST = {"apply": ": a approves it first"}
"""What is to be done before, with one that waits for approval."""


class ChangesScreen(ListingScreen[ChangeRequest]):
    """A list, and the chosen change request with its diffs."""

    NAME = "changes"
    NOUN = "change"
    MOST = CHANGES_MAX
    TOPICS = frozenset({Topic.CHANGES})
    COLUMNS = (
        Column("STATUS", 14),
        Column("AGE", 4, right=True),
        Column("HOST", 8, least=5),
        Column("FILES", 5, right=True),
        Column("AUTHOR", 12, wide_only=True),
        Column("REASON", 0),
    )
    HINT = "host: instance: file: author: reason: status:  !not"
    KEYS = (
        ("slash", "Filter", "filter"),
        ("space", "Select", "select"),
        ("a", "Approve", "approve"),
        ("p", "Apply", "apply"),
        ("R", "Roll back", "rollback"),
        ("x", "Reject", "reject"),
        ("D", "Deploy", "deploy"),
        ("c", "Withdraw", "cancel"),
        ("L", "Load", "load"),
        ("H", "History", "history"),
        ("S", "All since", "rollback_since"),
        ("z", "Undo last", "undo"),
        ("y", "Copy diff", "copy"),
        ("r", "Rescan", "rescan"),
    )
    CHANGING = frozenset(
        {"approve", "apply", "reject", "cancel", "deploy", "load", "rollback", "rollback_since",
         "undo", "rescan"}
    )  # fmt: skip
    KEYS_HELP = """\
Move       j k ↓ ↑   tab: to the diff and back   h l: sideways in the diff
           enter: the diff in full   esc: back
Filter     /   words are and-ed, field:value narrows, ! negates
           host instance file author reason status
Select     space: one   A: all that the filter shows
Requests   L: load one from a JSON or YAML file   a approve   x reject
           p: carry out what is approved   c: withdraw
           each shows the exact diff first; C in the deviations composes one
           D: by deployment instead, DEV first, then production in waves (6)
Back       R: put the exact bytes back that were there before (asks first)
           S: the same with every change since a time, on all hosts
           z: take back the last fix made from here
View       H: the history, who did what   y: copy the diff
"""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve", "Approve", id="changes.approve"),
        Binding("p", "apply", "Carry out", id="changes.apply"),
        Binding("x", "reject", "Reject", id="changes.reject"),
        Binding("c", "cancel", "Withdraw", id="changes.cancel"),
        Binding("D", "deploy", "Deploy in waves", id="changes.deploy"),
        Binding("L", "load", "Load a request from a file", id="changes.load"),
        Binding("H", "history", "History", id="changes.history"),
        Binding("R", "rollback", "Roll back", id="changes.rollback"),
        Binding("S", "rollback_since", "Roll back all since a time", id="changes.since"),
        Binding("z,u", "undo", "Undo the last fix", id="changes.undo"),
    ]

    async def read_from(self, link: Link) -> Sequence[ChangeRequest]:
        found: list[ChangeRequest] = []
        cursor: str | None = None
        while len(found) < CHANGES_MAX:
            params = ChangesListParams(limit=CHANGES_PAGE, cursor=cursor)
            page = await link.call("changes.list", params, ChangesListResult)
            found += page.changes
            cursor = page.next_cursor
            if cursor is None:
                break
        return found

    def identity(self, item: ChangeRequest) -> str:
        return item.id

    def arranged(self, rows: Sequence[Row[ChangeRequest]]) -> Sequence[Row[ChangeRequest]]:
        return sorted(rows, key=lambda row: row.item.created_at, reverse=True)

    def fields(self, row: Row[ChangeRequest]) -> Mapping[str, str]:
        change = row.item
        return {
            "host": row.link.host,
            "instance": " ".join(dict.fromkeys(file.instance for file in change.files)),
            "file": " ".join(dict.fromkeys(file.file for file in change.files)),
            "author": change.author,
            "reason": f"{change.reason} {change.message}",
            "status": change_text(change),
            "id": change.id,
        }

    def cells(self, row: Row[ChangeRequest]) -> Sequence[Cell]:
        change = row.item
        return (
            Cell(change_text(change), STATUS_STYLES.get(change.status, "")),
            Cell(age_text(change.created_at), "muted"),
            Cell(plain(row.link.host)),
            Cell(f"{len(change.files):,}"),
            Cell(plain(change.author), "muted"),
            Cell(plain(change.reason or change.message or change.id)),
        )

    async def detail(self, row: Row[ChangeRequest]) -> Detail:
        link, change = row
        params = ChangesShowParams(id=change.id)
        answer = await link.call("changes.show", params, ChangesShowResult)
        head = _head(link, answer.change)
        said = [*reason_lines(answer.change.reason), *reason_lines(answer.change.message)]
        lines = [*said, *change_lines(link.host, answer.change)]
        return Detail(f"Change {change.id}", head, lines)

    def nothing(self) -> Content:
        return Content.assemble(
            ("No change request yet.\n\n", "bold"),
            (
                "2, then f    fix something now: it stands here, with its diff\n"
                "2, then C    make a request of chosen deviations, to be approved first\n"
                "L            load a request from a JSON or YAML file\n\n"
                "Everything written can be rolled back byte for byte.",
                "$muted",
            ),
        )

    def paint(self) -> None:
        """Bring everything up to date; the cursor goes to what was handed in from here."""
        super().paint()
        wanted = self.dashboard.requesting.handed_in
        keys = [self._key(row) for row in self.rows]
        if wanted in keys:
            self.dashboard.requesting.handed_in = None
            self.table.cursor = keys.index(wanted)

    def action_load(self) -> None:
        async def loading() -> None:
            if await self.dashboard.requesting.load():
                self.acted()

        self.dashboard.act(loading())

    def action_approve(self) -> None:
        self._decide("approve", self.dashboard.requesting.approve)

    def action_apply(self) -> None:
        self._decide("apply", self.dashboard.requesting.apply)

    def action_reject(self) -> None:
        self._decide("reject", partial(self.dashboard.requesting.decline, act="reject"))

    def action_cancel(self) -> None:
        self._decide("cancel", partial(self.dashboard.requesting.decline, act="cancel"))

    def action_deploy(self) -> None:
        self._decide("deploy", self.dashboard.deploying.start_all)

    def action_history(self) -> None:
        self.dashboard.action_show("history")

    def _decide(self, name: str, act: Callable[[Requests], Awaitable[bool]]) -> None:
        """Do it with those of the chosen that it can be done with."""
        wanted, words = POSSIBLE[name]
        fitting = [row for row in self.chosen if row.item.status in wanted]
        if left := len(self.chosen) - len(fitting):
            self.dashboard.tell(f"Left alone: {plural(left, 'change')} that cannot be {words}.")

        async def deciding() -> None:
            if await act([(row.link, row.item) for row in fitting]):
                self.acted()

        self.dashboard.act(deciding())

    def action_rollback(self) -> None:
        self._decide("rollback", self._rolling_back)

    async def _rolling_back(self, changes: Requests) -> bool:
        what = "Chosen" if len(changes) > 1 else ""
        return await self.dashboard.rolling_back.all_of(changes, what)

    def action_rollback_since(self) -> None:
        async def rolling_back() -> None:
            await self.dashboard.rolling_back.since()

        self.dashboard.act(rolling_back())

    def action_undo(self) -> None:
        self.dashboard.act(self.dashboard.acts.undo())

    def why_not_chosen(self, action: str) -> str:
        if action == "undo":
            return "" if self.dashboard.acts.undoable else "nothing was changed from here yet"
        if action == "rollback_since":
            return "" if self.rows else "there is no change"
        if action == "load":
            up = any(link.state is LinkState.CONNECTED for link in self.dashboard.links)
            return "" if up else "no agent can be reached"
        if why := super().why_not_chosen(action):
            return why
        wanted, words = POSSIBLE[action]
        if any(row.item.status in wanted for row in self.chosen):
            return ""
        if len(self.chosen) > 1:
            return f"none of those selected can be {words}"
        status = self.chosen[0].item.status
        how = FIRST.get(action, "") if status in TO_APPROVE else ""
        return f"it is {change_text(self.chosen[0].item)[2:]}{how}"


def _head(link: Link, change: ChangeRequest) -> Content:
    style = {
        ChangeStatus.APPLIED: "bold $success",
        ChangeStatus.REVERTED_BY_PLUGIN: "bold $error",
        ChangeStatus.FAILED: "bold $error",
    }.get(change.status, "bold $muted")
    lines = [
        Content.assemble(
            (change_text(change), style),
            (
                f"  {ago_text(change.created_at)} on {plain(link.host)} by {plain(change.author)}",
                "$muted",
            ),
        )
    ]
    if change.reason:
        lines.append(Content.styled(brief(change.reason), "bold"))
    if change.rolled_back_at:
        lines.append(Content.styled(f"rolled back {ago_text(change.rolled_back_at)}", "$muted"))
    if (how := POLICY_WORDS.get(change.write_policy)) and change.status in TO_CANCEL:
        lines.append(Content.styled(f"writes {how}", "$muted"))
    if change.not_before and change.status in TO_CANCEL:
        when = moment_text(change.not_before)
        lines.append(Content.styled(f"not before {when}", "$muted"))
    if change.message:
        lines.append(Content.styled(brief(change.message), "$warning"))
    if (progress := progress_of(change)) is not None:
        lines.append(progress_line(progress))
    return Content("\n").join(lines)
