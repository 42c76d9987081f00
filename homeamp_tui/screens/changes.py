"""Change requests, newest first, with their diffs; any of them can be rolled back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from homeamp_agent.model.change import ChangeRequest, ChangeStatus
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_agent.rpc.protocol.messages import (
    ChangesListParams,
    ChangesListResult,
    ChangesShowParams,
    ChangesShowResult,
)
from homeamp_tui.links import Link, NotConnected
from homeamp_tui.screens.ask import diff_text
from homeamp_tui.words import age_text, plural

if TYPE_CHECKING:
    from homeamp_tui.app import HomeampApp

STATUS_WORDS = {
    ChangeStatus.PLANNED: "… planned",
    ChangeStatus.APPLYING: "… applying",
    ChangeStatus.APPLIED: "✔ applied",
    ChangeStatus.FAILED: "✖ failed",
    ChangeStatus.ROLLING_BACK: "… rolling back",
    ChangeStatus.ROLLED_BACK: "↺ rolled back",
}


class ChangesScreen(Screen[None]):
    """A list on the left, the chosen change request on the right."""

    CSS = """
    ChangesScreen #changes { width: 46; background: $surface; }
    ChangesScreen #change { background: $panel; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move(1)", "Down", show=False, id="changes.down"),
        Binding("k", "move(-1)", "Up", show=False, id="changes.up"),
        Binding("R", "rollback", "Roll back", id="changes.rollback"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._changes: dict[str, tuple[Link, ChangeRequest]] = {}

    @property
    def dashboard(self) -> HomeampApp:
        """The app, by its own type."""
        return cast("HomeampApp", self.app)

    def compose(self) -> ComposeResult:
        yield Static(id="banner", markup=False)
        with Horizontal():
            yield OptionList(id="changes")
            with VerticalScroll(id="change"):
                yield Static(id="change-text", markup=False)
        yield Footer()

    def on_screen_resume(self) -> None:
        self.refresh_from_agents()

    def action_move(self, rows: int) -> None:
        options = self.query_one(OptionList)
        if rows > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    @work(exclusive=True, exit_on_error=False, group="changes")
    async def refresh_from_agents(self) -> None:
        """List every agent's change requests, newest first."""
        found: list[tuple[Link, ChangeRequest]] = []
        for link in self.dashboard.links:
            try:
                page = await link.call("changes.list", ChangesListParams(), ChangesListResult)
            except (NotConnected, RpcError):
                continue
            found.extend((link, change) for change in page.changes)
        found.sort(key=lambda each: each[1].created_at, reverse=True)
        self._changes = {change.id: (link, change) for link, change in found}
        options = self.query_one(OptionList)
        chosen = options.highlighted
        options.clear_options()
        options.add_options([Option(_row(link, change), change.id) for link, change in found])
        if found:
            options.highlighted = min(chosen or 0, len(found) - 1)
        else:
            self.query_one("#change-text", Static).update("No change request yet.")
        options.focus()

    @on(OptionList.OptionHighlighted)
    def _chosen(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_id is not None:
            self._show(event.option_id)

    @work(exclusive=True, exit_on_error=False, group="change")
    async def _show(self, identity: str) -> None:
        link, change = self._changes[identity]
        try:
            answer = await link.call(
                "changes.show", ChangesShowParams(id=identity), ChangesShowResult
            )
            change = answer.change
        except (NotConnected, RpcError) as error:
            self.notify(str(error), title="Cannot show the diffs", severity="warning")
        self.query_one("#change-text", Static).update(_change_text(link, change))

    def action_rollback(self) -> None:
        options = self.query_one(OptionList)
        if options.highlighted is None:
            return
        identity = options.get_option_at_index(options.highlighted).id
        if identity is not None:
            link, change = self._changes[identity]
            self.dashboard.roll_back(link, change)


def _row(link: Link, change: ChangeRequest) -> Text:
    text = Text(f"{STATUS_WORDS[change.status]:<15}", style="bold", no_wrap=True)
    text.append(f"{age_text(change.created_at):>4}  ", style="dim")
    text.append(f"{link.host}  {plural(len(change.files), 'file')}\n")
    text.append(f"  {change.reason or change.id}", style="dim")
    return text


def _change_text(link: Link, change: ChangeRequest) -> Text:
    text = Text(f"{STATUS_WORDS[change.status]}\n", style="bold")
    text.append(f"{change.id} on {link.host}, {age_text(change.created_at)} ago, ", style="dim")
    text.append(f"by {change.author}\n", style="dim")
    text.append(f"{change.reason}\n" if change.reason else "")
    text.append(f"{change.message}\n" if change.message else "")
    for file in change.files:
        text.append(f"\n{file.instance}  {file.file}", style="bold underline")
        text.append(f"  {file.state} {file.message}\n")
        text.append_text(diff_text(file.diff))
    for refused in change.refused:
        text.append(f"left out: {refused.edit.instance} {refused.edit.file}: {refused.reason}\n")
    return text
