"""Deployments of every host, newest first: stages, waves, and the log as it grows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from homeamp_agent.model.deployment import Deployment, DeploymentStage, WaveState
from homeamp_agent.model.event import Topic
from homeamp_agent.rpc.protocol.messages import (
    DeploymentsListParams,
    DeploymentsListResult,
    DeploymentsShowParams,
    DeploymentsShowResult,
)
from homeamp_tui.deployment_lines import (
    STAGE_STYLES,
    STAGE_WORDS,
    body_of,
    head_of,
    waves_text,
)
from homeamp_tui.links import Link
from homeamp_tui.screens.listing import ListingScreen, Row
from homeamp_tui.screens.paned import Detail
from homeamp_tui.widgets.column_table import Cell, Column
from homeamp_tui.widgets.diff_view import Line
from homeamp_tui.words import age_text, plain

PAGE = 200
DEPLOYMENTS_MAX = 1_000
LOG_LINES = 500

_OVER = {
    DeploymentStage.DONE, DeploymentStage.ABORTED, DeploymentStage.FAILED,
    DeploymentStage.ROLLED_BACK,
}  # fmt: skip
_BACK = {DeploymentStage.ROLLING_BACK}


class DeploymentsScreen(ListingScreen[Deployment]):
    """A line for each deployment; the one under the cursor with its waves and its log."""

    NAME = "deployments"
    NOUN = "deployment"
    MOST = DEPLOYMENTS_MAX
    TOPICS = frozenset({Topic.DEPLOYMENTS})
    COLUMNS = (
        Column("STAGE", 15),
        Column("WAVES", 11),
        Column("AGE", 4, right=True),
        Column("HOST", 8, least=5),
        Column("AUTHOR", 12, wide_only=True),
        Column("REASON", 0),
    )
    HINT = "host: instance: author: reason: stage:  !not"
    KEYS = (
        ("slash", "Filter", "filter"),
        ("a", "Approve", "approve"),
        ("p", "Pause", "pause"),
        ("x", "Abort", "abort"),
        ("R", "Roll back", "rollback"),
        ("y", "Copy log", "copy"),
        ("r", "Rescan", "rescan"),
    )
    CHANGING = frozenset({"approve", "pause", "abort", "rollback", "rescan"})
    KEYS_HELP = """\
Move       j k ↓ ↑   tab: to the log and back   enter: the log in full
           The log follows its newest line while you are at its end (G)
Filter     /   words are and-ed, field:value narrows, ! negates
           host instance author reason stage
Start      from a change request that waits: D in the changes (3)
Act        a: let it go on from DEV to production, exactly as shown
           p: hold the next step, or go on   x: end it, what is written stays
           R: take everything of it back, newest wave first (each asks first)
"""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve", "Approve", id="deployments.approve"),
        Binding("p", "pause", "Pause or resume", id="deployments.pause"),
        Binding("x", "abort", "Abort", id="deployments.abort"),
        Binding("R", "rollback", "Roll back", id="deployments.rollback"),
    ]

    async def read_from(self, link: Link) -> Sequence[Deployment]:
        found: list[Deployment] = []
        cursor: str | None = None
        while len(found) < DEPLOYMENTS_MAX:
            params = DeploymentsListParams(limit=PAGE, cursor=cursor)
            page = await link.call("deployments.list", params, DeploymentsListResult)
            found += page.deployments
            cursor = page.next_cursor
            if cursor is None:
                break
        return found

    def identity(self, item: Deployment) -> str:
        return item.id

    def arranged(self, rows: Sequence[Row[Deployment]]) -> Sequence[Row[Deployment]]:
        return sorted(rows, key=lambda row: row.item.created_at, reverse=True)

    def fields(self, row: Row[Deployment]) -> Mapping[str, str]:
        deployment = row.item
        return {
            "host": row.link.host,
            "instance": " ".join(sorted(deployment.instances)),
            "author": deployment.author,
            "reason": f"{deployment.reason} {deployment.message} {deployment.failure}",
            "stage": STAGE_WORDS[deployment.stage],
            "id": deployment.id,
        }

    def cells(self, row: Row[Deployment]) -> Sequence[Cell]:
        deployment = row.item
        return (
            Cell(STAGE_WORDS[deployment.stage], STAGE_STYLES.get(deployment.stage, "")),
            Cell(waves_text(deployment)),
            Cell(age_text(deployment.created_at), "muted"),
            Cell(plain(row.link.host)),
            Cell(plain(deployment.author), "muted"),
            Cell(plain(deployment.reason or deployment.id)),
        )

    async def detail(self, row: Row[Deployment]) -> Detail:
        params = DeploymentsShowParams(id=row.item.id, lines=LOG_LINES)
        answer = await row.link.call("deployments.show", params, DeploymentsShowResult)
        head = head_of(row.link.host, answer.deployment)
        lines = body_of(answer.deployment, answer.lines)
        return Detail(f"Deployment {row.item.id}", head, lines)

    def show_lines(self, lines: Sequence[Line], *, another: bool) -> None:
        """The log follows its end, unless somebody reads further up."""
        at_end = self.view.scroll_offset.y >= self.view.max_scroll_y
        super().show_lines(lines, another=another)
        if another or at_end:
            self.call_after_refresh(self.view.scroll_end, animate=False)

    def nothing(self) -> Content:
        return Content.assemble(
            ("No deployment yet.\n\n", "bold"),
            (
                "D on a change request that waits (3) takes it to DEV first, then, approved,\n"
                "to production in waves; what is not well is rolled back by itself.",
                "$muted",
            ),
        )

    def action_approve(self) -> None:
        self._act(self.dashboard.deploying.approve)

    def action_pause(self) -> None:
        self._act(self.dashboard.deploying.pause_or_resume)

    def action_abort(self) -> None:
        self._act(self.dashboard.deploying.abort)

    def action_rollback(self) -> None:
        self._act(self.dashboard.deploying.roll_back)

    def _act(self, act: Callable[[Link, Deployment], Awaitable[bool]]) -> None:
        chosen = self.chosen

        async def acting() -> None:
            for row in chosen:
                if not await act(row.link, row.item):
                    return
            self.acted()

        self.dashboard.act(acting())

    def label_of(self, action: str, label: str) -> str:
        stages = {row.item.stage for row in self.chosen}
        return "Resume" if action == "pause" and stages == {DeploymentStage.PAUSED} else label

    def why_not_chosen(self, action: str) -> str:
        if why := super().why_not_chosen(action):
            return why
        for row in self.chosen:
            if why := why_not(action, row.item):
                return why
        return ""


def why_not(action: str, deployment: Deployment) -> str:
    """Why a deployment cannot be approved, paused, aborted or rolled back now."""
    stage = deployment.stage
    words = STAGE_WORDS[stage][2:]
    if action == "approve":
        return "" if stage is DeploymentStage.AWAITING_APPROVAL else f"it is {words}"
    if action in {"pause", "abort"}:
        return f"it is {words}" if stage in _OVER | _BACK else ""
    if action == "rollback":
        if stage in _BACK or stage is DeploymentStage.ROLLED_BACK:
            return f"it is {words}"
        written = any(wave.state is not WaveState.PENDING for wave in deployment.waves)
        return "" if written else "nothing of it was written"
    return ""
