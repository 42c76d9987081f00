"""Deployments asked for from the dashboard: each shown and confirmed before it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from textual.content import Content

from homeamp_agent.model.change import ChangeRequest
from homeamp_agent.model.deployment import Deployment, DeploymentStage
from homeamp_agent.model.event import Event
from homeamp_agent.rpc.protocol.errors import Refused, RpcError
from homeamp_agent.rpc.protocol.messages import (
    ChangesRollbackManyParams,
    ChangesRollbackManyResult,
    DeploymentsActParams,
    DeploymentsApproveParams,
    DeploymentsPreviewParams,
    DeploymentsPreviewResult,
    DeploymentsResult,
    DeploymentsStartParams,
)
from homeamp_tui.asking import ask
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.dialogs.handing_in import AskWhy
from homeamp_tui.links import Link, NotConnected
from homeamp_tui.plans import left_out_lines
from homeamp_tui.rolling_back import ending_lines
from homeamp_tui.widgets.diff_view import Line, diff_lines, heading_line, note_lines
from homeamp_tui.words import brief, plain, plural

if TYPE_CHECKING:
    from homeamp_tui.app import HomeampApp

WITHOUT_DEV: tuple[str, ...] = ()

_WORTH_TELLING: Mapping[str, tuple[str, Literal["information", "warning", "error"]]] = {
    "awaiting_approval": ("waits for approval", "information"),
    "paused": ("is paused", "warning"),
    "done": ("is done", "information"),
    "rolling_back": ("is rolled back", "warning"),
    "failed": ("could not be rolled back as a whole", "error"),
}
"""What somebody who looks at another screen is told of."""


class Deploying:
    """Deployments of `app`. Every method says whether it was done."""

    def __init__(self, app: HomeampApp) -> None:
        self._app = app
        self._stages: dict[tuple[str, str], str] = {}

    def heard(self, link: Link, event: Event) -> None:
        """Tell of a deployment that wants somebody, or ended, where its screen is not open."""
        name, stage = str(event.body.get("id", "")), str(event.body.get("stage", ""))
        before = self._stages.get((link.url, name))
        self._stages[link.url, name] = stage
        house = self._app.house
        away = house is not None and house.NAME != "deployments"
        if stage == before or stage not in _WORTH_TELLING or not away:
            return
        words, severity = _WORTH_TELLING[stage]
        reason = str(event.body.get("reason") or name)
        self._app.tell(f"{link.host}: {reason}: {words} (6).", severity=severity)

    async def start_all(self, requests: Sequence[tuple[Link, ChangeRequest]]) -> bool:
        """A deployment of each, one after the other."""
        for link, change in requests:
            if not await self.start(link, change):
                return False
        return True

    async def start(self, link: Link, change: ChangeRequest) -> bool:
        """A deployment of a request that waits, tried on DEV first."""
        dev: tuple[str, ...] | None = None
        try:
            preview = await self._preview(link, change_id=change.id)
        except (RpcError, NotConnected) as error:
            if not isinstance(error, Refused) or not await self._without_dev(link, error):
                self._told(link, error)
                return False
            dev = WITHOUT_DEV
            again = self._preview(link, change_id=change.id, dev=dev)
            shown = await ask(self._app, link, "plan the deployment", again)
            if shown is None:
                return False
            preview = shown
        question = Confirm(
            f"Deploy to {plural(len(preview.waves), 'wave')}?",
            Content.assemble(
                (brief(change.reason) + "\n", "bold"),
                "Written wave by wave, looked at after each; rolled back by itself if not well.",
            ),
            _wave_lines(link.host, preview),
            "Start",
            danger=dev is not None,
        )
        if await self._app.push_screen_wait(question) is not True:
            return False
        params = DeploymentsStartParams(change_id=change.id, dev=dev, digest=preview.digest)
        work = link.mutate("deployments.start", params, DeploymentsResult)
        answer = await ask(self._app, link, "start the deployment", work)
        if answer is not None:
            self._app.tell("Started: 6 shows how it goes.")
        return answer is not None

    async def approve(self, link: Link, deployment: Deployment) -> bool:
        """Show what is to be written in production now, and approve exactly that."""
        work = self._preview(link, id=deployment.id)
        preview = await ask(self._app, link, "show what is to come", work)
        if preview is None:
            return False
        names = [name for wave in preview.waves for name in wave.instances]
        question = Confirm(
            f"Go on to {plural(len(names), 'instance')} of production?",
            Content(brief(deployment.reason)),
            _wave_lines(link.host, preview),
            "Approve",
            impossible="" if names else "Nothing is left to write.",
        )
        if await self._app.push_screen_wait(question) is not True:
            return False
        params = DeploymentsApproveParams(id=deployment.id, digest=preview.digest)
        done = link.mutate("deployments.approve", params, DeploymentsResult)
        return await ask(self._app, link, "approve", done) is not None

    async def pause_or_resume(self, link: Link, deployment: Deployment) -> bool:
        """Hold the next step, or go on."""
        paused = deployment.stage is DeploymentStage.PAUSED
        words = (
            "It goes on where it was held."
            if paused
            else "No further step begins. What is begun is finished and looked at, and is rolled"
            " back if it is not well."
        )
        act = "resume" if paused else "pause"
        question = Confirm(f"{act.capitalize()} it?", Content(words), (), act.capitalize())
        if await self._app.push_screen_wait(question) is not True:
            return False
        return await self._act(link, deployment, act, "")

    async def abort(self, link: Link, deployment: Deployment) -> bool:
        """End it; what is written stays."""
        words = Content.assemble(
            (brief(deployment.reason) + "\n", "bold"),
            f"{_written(deployment)} stay as they are; R rolls them back.",
        )
        reason = await self._app.push_screen_wait(AskWhy("Abort it?", words, "Abort"))
        return reason is not None and await self._act(link, deployment, "abort", reason)

    async def roll_back(self, link: Link, deployment: Deployment) -> bool:
        """Show what would be put back, in one preview, and take all of it back."""
        params = ChangesRollbackManyParams(deployment_id=deployment.id, preview=True)
        work = link.mutate("changes.rollback_many", params, ChangesRollbackManyResult)
        preview = await ask(self._app, link, "show what would be put back", work)
        if preview is None:
            return False
        lines = ending_lines(link.host, preview)
        for outcome in preview.changes:
            for conflict in outcome.conflicts:
                place = f"{conflict.instance} {conflict.file}"
                lines += note_lines(f"stays: {place}: {conflict.reason}", "diff--warning")
        question = Confirm(
            f"Roll back {plural(len(preview.files), 'file')} of the deployment?",
            Content.assemble(
                (brief(deployment.reason) + "\n", "bold"),
                "The exact bytes from before are put back, newest wave first:",
            ),
            lines or note_lines("Nothing that was written is as it was left."),
            "Roll back",
            danger=True,
        )
        if await self._app.push_screen_wait(question) is not True:
            return False
        return await self._act(link, deployment, "rollback", "from the dashboard")

    async def _act(self, link: Link, deployment: Deployment, act: str, reason: str) -> bool:
        params = DeploymentsActParams(id=deployment.id, reason=reason)
        work = link.mutate(f"deployments.{act}", params, DeploymentsResult)
        words = {"rollback": "roll it back"}.get(act, f"{act} it")
        return await ask(self._app, link, words, work) is not None

    async def _preview(self, link: Link, **asked: object) -> DeploymentsPreviewResult:
        params = DeploymentsPreviewParams.model_validate(asked)
        return await link.call("deployments.preview", params, DeploymentsPreviewResult)

    async def _without_dev(self, link: Link, error: Refused) -> bool:
        """Whether it shall go straight to production, since there is no DEV for it."""
        if "DEV" not in error.message:
            return False
        question = Confirm(
            "Go without DEV?",
            Content(plain(f"{link.host}: {error.message}.")),
            (),
            "Without DEV",
            danger=True,
        )
        return await self._app.push_screen_wait(question) is True

    def _told(self, link: Link, error: RpcError | NotConnected) -> None:
        if isinstance(error, NotConnected):
            self._app.tell_wrong(f"{link.host} is away: cannot deploy", str(error))
        elif "DEV" not in error.message:
            self._app.tell_wrong(f"{link.host} cannot deploy it", error.message)


def _wave_lines(host: str, preview: DeploymentsPreviewResult) -> list[Line]:
    """Each wave with its instances, its first file's diff, and how many are alike."""
    lines: list[Line] = []
    for wave in preview.waves:
        title = f"{wave.title}: {', '.join(wave.instances)}"
        lines.append(heading_line(title, plural(len(wave.plan.files), "file")))
        seen: set[str] = set()
        for file in wave.plan.files:
            lines += note_lines(f"{file.instance}  {file.file}")
            diff = file.diff.partition("@@")[2]
            if diff not in seen:
                lines += diff_lines(file.diff)
            seen.add(diff)
    lines += left_out_lines(host, preview.refused)
    for note in preview.notes:
        lines += note_lines(note, "diff--warning")
    return lines


def _written(deployment: Deployment) -> str:
    count = sum(len(wave.instances) for wave in deployment.waves if wave.state.value != "pending")
    return plural(count, "written instance")
