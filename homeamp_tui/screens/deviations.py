"""The deviations screen: everything an operator does with deviations happens here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from textual import work

from homeamp_agent.model.deviation import Deviation, DeviationKind, Pattern, Suggestion
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_agent.rpc.protocol.messages import Decided
from homeamp_tui import possible
from homeamp_tui.choosing import by_host, members_of
from homeamp_tui.groups import Group
from homeamp_tui.links import NotConnected
from homeamp_tui.screens.deviation_rows import DeviationRows
from homeamp_tui.screens.deviations_keys import KEYS, KEYS_HELP
from homeamp_tui.words import plural, row_text

ON_ROWS = frozenset({"fix", "approve", "flag", "reopen", "compose", "ignore", "promote", "unique"})
"""Acts on the chosen deviations."""


def pattern_of(row: Deviation | Group | None) -> Pattern | None:
    """What a row looks like over all instances."""
    return row.head.pattern if isinstance(row, Group) else row.pattern if row is not None else None


class DeviationsScreen(DeviationRows):
    """Review, fix, hand in, undo: of the chosen rows, or of the one under the cursor."""

    KEYS = KEYS
    CHANGING = ON_ROWS | {"suggested", "undo", "rescan"}
    KEYS_HELP = KEYS_HELP

    def _summary(self, chosen: Mapping[str, Sequence[str]]) -> str:
        count = sum(map(len, chosen.values()))
        row = self.reader.row(self.table.cursor)
        if count == 1 and isinstance(row, Deviation) and [row.id] in chosen.values():
            return row_text(row)
        return f"{plural(count, 'deviation')} on {', '.join(sorted(chosen))}"

    def _acted(self) -> None:
        self.selection.clear()
        self.choice_changed()

    def action_fix(self) -> None:
        row = self.reader.row(self.table.cursor)
        if not self.selection and possible.by_line_edit(row):
            self.dashboard.act(self._edit_line(*members_of(row)[0]))
            return
        self._act(lambda chosen: self.dashboard.acts.fix(chosen, self._acted))

    async def _edit_line(self, identity: str, host: str) -> None:
        link = self.reader.link_of(host)
        if link is not None and await self.dashboard.line_editing.edit(link, identity):
            self._acted()

    def action_compose(self) -> None:
        requesting = self.dashboard.requesting
        self._act(lambda chosen: requesting.compose(chosen, self._acted))

    def action_approve(self) -> None:
        acts = self.dashboard.acts
        self._act(lambda chosen: acts.approve(chosen, self._summary(chosen), self._acted))

    def action_ignore(self) -> None:
        self._rule(Decided.IGNORE)

    def action_promote(self) -> None:
        self._rule(Decided.PROMOTE)

    def action_unique(self) -> None:
        self._rule(Decided.UNIQUE)

    def _rule(self, decided: Decided) -> None:
        row = self.reader.row(self.table.cursor)
        rule = row.rule if isinstance(row, Deviation) and not self.selection else None
        # A rule wider than the one that wants another value would not be heard.
        scope = rule.scope if rule is not None else None
        make = self.dashboard.ruling.make
        self._act(lambda it: make(decided, it, self._summary(it), self._acted, scope))

    def action_suggested(self) -> None:
        row = self.reader.row(self.table.cursor)
        if (pattern := pattern_of(row)) is not None:
            chosen = by_host(members_of(row))
            words = self._summary(chosen)
            follow = self.dashboard.suggesting.follow
            self.dashboard.act(follow(pattern, chosen, words, self._acted))

    def action_flag(self) -> None:
        acts = self.dashboard.acts
        self._act(lambda chosen: acts.flag(chosen, self._summary(chosen), self._acted))

    def action_reopen(self) -> None:
        self._act(lambda chosen: self.dashboard.acts.reopen(chosen, self._acted))

    def _act(self, act: Callable[[Mapping[str, Sequence[str]]], Awaitable[None]]) -> None:
        async def acting() -> None:
            if chosen := await self.choosing(self.selection.chosen()):
                await act(chosen)

        self.dashboard.act(acting())

    def action_undo(self) -> None:
        self.dashboard.act(self.dashboard.acts.undo())

    @work(exclusive=True, exit_on_error=False, group="copy")
    async def action_copy(self) -> None:
        """The chosen deviations as lines of text."""
        try:
            rows = await self.reader.rows_of(await self.selection.chosen())
        except (NotConnected, RpcError) as error:
            self.dashboard.tell_wrong("Not copied", str(error))
            return
        self.dashboard.copy_lines([row_text(row) for row in rows])

    def why_not(self, action: str) -> str:
        if why := super().why_not(action):
            return why
        row = self.reader.row(self.table.cursor)
        if action in {"select", "range", "select_all", "copy"} and row is None:
            return "there is no row"
        if action == "undo":
            return "" if self.dashboard.acts.undoable else "nothing was changed from here yet"
        if action == "suggested":
            return self._why_no_suggestion(row)
        if action not in ON_ROWS:
            return ""
        if self.selection:
            return ""
        if row is None:
            return "there is no row"
        if isinstance(row, Deviation):
            if action == "fix" and possible.by_line_edit(row) and not self.reader.is_lost(row.host):
                return ""
            act = "fix" if action == "compose" else action
            return possible.why_not(act, row, lost=self.reader.is_lost(row.host))
        unreadable = row.head.kind is DeviationKind.UNREADABLE
        if action in {"fix", "compose"} and unreadable and row.count > 1:
            return "no edit of it can be proven: enter opens the group, f there offers a line edit"
        return ""

    def _why_no_suggestion(self, row: Deviation | Group | None) -> str:
        pattern = pattern_of(row)
        if pattern is None:
            return "no pattern suggests anything for it"
        if isinstance(row, Group):
            own = pattern.suggests is Suggestion.OWN_VALUE and row.count > 1
            return "each needs a value of its own: enter opens the group" if own else ""
        return f"{row.host} cannot be reached" if row and self.reader.is_lost(row.host) else ""
