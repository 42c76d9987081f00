"""Every deployment of this host under way, over restarts.

    deployments = Deployments(...)
    await deployments.run()                     # forever
    deployment = await deployments.start(asked, who="mia")
    await deployments.approve(deployment.id, "ole")

Where a deployment stands is kept before the next thing is begun; so an agent that was killed finds
it in the store and does that thing again (`changes.deployment`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from homeamp_agent.changes import (
    ChangeRoom,
    ChangesError,
    FileConflictError,
    NotNowError,
    UnknownChangeError,
    new_change_id,
)
from homeamp_agent.changes.deployment import advance
from homeamp_agent.changes.deployment_action import Action, action_of, rests
from homeamp_agent.changes.deployment_events import (
    Aborted,
    Approved,
    Event,
    Replanned,
)
from homeamp_agent.changes.deployment_requests import DeploymentRequests
from homeamp_agent.model.deployment import (
    Deployment,
    DeploymentStage,
)
from homeamp_agent.model.event import Topic
from homeamp_agent.rpc.deploying.planning import (
    Asked,
    PlannedDeployment,
    PlannedWave,
    plan_deployment,
)
from homeamp_agent.rpc.deploying.undoing import AGENT
from homeamp_agent.rpc.deploying.work import WaveWork
from homeamp_agent.rpc.desk import Desk
from homeamp_agent.rpc.dispatch import where_of
from homeamp_agent.rpc.events import EventBus
from homeamp_agent.rpc.request_planning import LOOK_AGAIN
from homeamp_agent.rpc.rooms import DriftRoom
from homeamp_agent.settings.sections import DeploymentsSection
from homeamp_agent.store import Store
from homeamp_agent.store.deployments import (
    NewLine,
    Unfinished,
    get_deployment,
    save_deployment,
    unfinished_deployments,
)

FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 60.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Course:
    """One deployment under way, and whether anybody is at work on it."""

    deployment: Deployment
    driven: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    moved: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Deployments:
    """Starts, moves and carries out deployments. `problem` hears what is wrong, for the status."""

    host: str
    store: Store
    desk: Desk
    drift: DriftRoom
    changes: Callable[[], ChangeRoom]
    requests: DeploymentRequests
    work: WaveWork
    bus: EventBus
    section: DeploymentsSection
    problem: Callable[..., None]
    _courses: dict[str, Course] = field(default_factory=dict)
    _begun: asyncio.Queue[Course] = field(default_factory=asyncio.Queue)
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    # what persons ask -----------------------------------------------------------------------

    async def plan(self, asked: Asked) -> PlannedDeployment:
        """What it would do, were it started now. Raises as `plan_deployment`."""
        await self.drift.ready()
        return await plan_deployment(self.desk, self.drift.instances, asked, self.section)

    async def plan_rest(self, deployment_id: str) -> tuple[PlannedDeployment, str]:
        """What a deployment would still write in production, and the digest to approve it by.

        Raises:
            UnknownChangeError: there is no such deployment.
            NotNowError: nothing more of it is to come.
        """
        deployment = await self.show(deployment_id)
        if deployment.over or deployment.stage is DeploymentStage.ROLLING_BACK:
            raise NotNowError(f"{deployment_id} is {deployment.stage.value}: nothing is to come")
        plans, digest = await self.work.writer.plans_now(deployment)
        waves = tuple(
            PlannedWave(each.number, each.instances, plans[each.number])
            for each in deployment.waves
            if each.number in plans
        )
        return PlannedDeployment(waves, deployment.refused, deployment.notes), digest

    async def start(
        self, asked: Asked, *, who: str, digest: str | None = None, change_id: str | None = None
    ) -> Deployment:
        """Begin a deployment; `change_id` is the waiting request that it is made of.

        Raises:
            NotNowError: another one is under way on one of its instances, or as `plan`.
            FileConflictError: it would do something else than what `digest` names.
        """
        async with self._starting:
            planned = await self.plan(asked)
            if digest is not None and digest != planned.digest:
                raise FileConflictError("deployment", LOOK_AGAIN)
            deployment = self._made(asked, planned, who, change_id)
            await self._refuse_overlap(deployment)
            await asyncio.to_thread(self.requests.keep, deployment.id, asked.request)
            course = self._courses.setdefault(deployment.id, Course(deployment))
            await self._keep(course, deployment, [NewLine(f"started by {who}")])
        if change_id is not None:
            await self._take_over(course, change_id, who)
        await self._log(who, "started", deployment, asked.request.reason)
        self._drive_soon(course)
        return deployment

    async def approve(self, deployment_id: str, who: str, digest: str | None = None) -> Deployment:
        """Let it go on to production, exactly as it was shown.

        Raises:
            UnknownChangeError: there is no such deployment.
            NotNowError: it does not wait for approval, or not for this person's.
            FileConflictError: what it would do now is another plan.
        """
        course = await self._course_of(deployment_id)
        async with course.lock:
            known = course.deployment
            event = Approved(who, datetime.now(UTC))
            advance(known, event, event.at)  # refused before anything is planned
            plans, now = await self.work.writer.plans_now(known)
            if now != known.digest:
                digests = {number: plan.digest for number, plan in plans.items()}
                await self._move(course, Replanned(digests, now, _CHANGED))
            if now != (digest or known.digest):
                raise FileConflictError(deployment_id, LOOK_AGAIN)
            await self._move(course, event)
            await self._log(who, "approved", course.deployment)
            return course.deployment

    async def tell(
        self, deployment_id: str, event: Event, *, who: str, act: str, reason: str = ""
    ) -> Deployment:
        """What else a person asks for: to pause, resume, abort or roll back.

        Raises:
            UnknownChangeError: there is no such deployment.
            NotNowError: not in this stage.
        """
        course = await self._course_of(deployment_id)
        async with course.lock:
            await self._move(course, event)
            await self._log(who, act, course.deployment, reason)
            return course.deployment

    async def show(self, deployment_id: str) -> Deployment:
        """One deployment as it stands.

        Raises:
            UnknownChangeError: there is no such deployment.
        """
        return (await self._course_of(deployment_id)).deployment

    # carrying out ---------------------------------------------------------------------------

    async def run(self) -> None:
        """Go on with what is under way, and with what is started, as long as the agent runs."""
        self._begun = asyncio.Queue()
        async with self._starting:
            unfinished = await unfinished_deployments(self.store)
            await asyncio.to_thread(self._forget_others, unfinished)
        self.problem(*unfinished.problems)
        async with asyncio.TaskGroup() as group:
            for deployment in unfinished.deployments:
                if rests(deployment):
                    continue
                course = self._courses.setdefault(deployment.id, Course(deployment))
                group.create_task(self._drive(course))
            while True:
                group.create_task(self._drive(await self._begun.get()))

    def _forget_others(self, unfinished: Unfinished) -> None:
        """Requests that an agent was killed before forgetting; they may hold secrets."""
        if unfinished.problems:
            return
        needed = [each for each in unfinished.deployments if not rests(each)]
        for name in self.requests.known() - {each.id for each in needed}:
            self.requests.forget(name)

    async def _drive(self, course: Course) -> None:
        """Do one thing after the other until nothing more comes of it by itself."""
        if course.driven:
            return
        course.driven = True
        retry_s = FIRST_RETRY_S
        try:
            while not await self._ended(course):
                try:
                    await self._step(course)
                    retry_s = FIRST_RETRY_S
                except Exception as error:
                    where = where_of(error)
                    log.error("deployment %s: %s", course.deployment.id, where)  # noqa: TRY400 - its text may hold a value
                    await asyncio.sleep(retry_s)
                    retry_s = min(retry_s * 2, LONGEST_RETRY_S)
        finally:
            course.driven = False

    async def _ended(self, course: Course) -> bool:
        """Whether it is over; then it is no longer held in memory."""
        async with course.lock:
            if not rests(course.deployment):
                return False
            self._courses.pop(course.deployment.id, None)
            course.driven = False
            return True

    async def _step(self, course: Course) -> None:
        """Do what is to be done, or wait for a person, and keep what came of it."""
        course.moved.clear()
        action = action_of(course.deployment)
        if action is None:
            await course.moved.wait()
            return
        work = asyncio.create_task(self.work.do(action, course.deployment))
        try:
            while not await self._wanted(course, action, work):
                if action.may_be_dropped:
                    return
                await self.work.stop_waiting(action, course.deployment)
            event = await work
        finally:
            work.cancel()
            await asyncio.wait([work])
        async with course.lock:
            await self._move(course, event)

    async def _wanted(self, course: Course, action: Action, work: asyncio.Task[Event]) -> bool:
        """Wait for the work; False as soon as something else is to be done."""
        while not work.done():
            moved = asyncio.create_task(course.moved.wait())
            try:
                await asyncio.wait([work, moved], return_when=asyncio.FIRST_COMPLETED)
            finally:
                moved.cancel()
            course.moved.clear()
            if action_of(course.deployment) != action:
                return False
        return True

    # helpers --------------------------------------------------------------------------------

    async def _move(self, course: Course, event: Event) -> None:
        before = course.deployment
        step = advance(before, event, datetime.now(UTC))
        if step.deployment is before:
            return
        lines = [NewLine(each.text, each.level, each.wave) for each in step.lines]
        await self._keep(course, step.deployment, lines)
        if course.deployment.over and not before.over:
            stage = course.deployment.stage.value
            await self._log(AGENT, stage, course.deployment, course.deployment.message)
        self._drive_soon(course)

    async def _keep(self, course: Course, deployment: Deployment, lines: list[NewLine]) -> None:
        """On the medium, then in memory, then told."""
        written = await save_deployment(self.store, deployment, lines)
        course.deployment = deployment
        if rests(deployment):
            await asyncio.to_thread(self.requests.forget, deployment.id)
        course.moved.set()
        body: dict[str, Any] = {
            "id": deployment.id,
            "stage": deployment.stage.value,
            "reason": deployment.reason,
            "passed": deployment.passed,
            "waves": len(deployment.waves),
            "message": deployment.message,
            "lines": [each.model_dump(mode="json") for each in written],
        }
        self.bus.emit(Topic.DEPLOYMENTS, "updated", body)

    def _drive_soon(self, course: Course) -> None:
        if not course.driven and action_of(course.deployment) is not None:
            self._courses[course.deployment.id] = course
            self._begun.put_nowait(course)

    async def _course_of(self, deployment_id: str) -> Course:
        known = self._courses.get(deployment_id)
        if known is not None:
            return known
        deployment = await get_deployment(self.store, deployment_id)
        if deployment is None:
            raise UnknownChangeError(f"there is no deployment {deployment_id}")
        return self._courses.get(deployment_id) or Course(deployment)

    def _made(
        self, asked: Asked, planned: PlannedDeployment, who: str, change_id: str | None
    ) -> Deployment:
        name, now, request = new_change_id(), datetime.now(UTC), asked.request
        author = who if change_id is None else self.desk.book.get(change_id).change.author
        return Deployment(
            id=name,
            reason=request.reason,
            author=author,
            host=self.host,
            created_at=now,
            updated_at=now,
            not_before=request.schedule.not_before if request.schedule else None,
            waves=planned.as_waves(name),
            approval=self.section.approval,
            digest=planned.digest,
            priority=request.priority,
            write_policy=request.write_policy,
            change_id=change_id,
            refused=planned.refused,
            notes=planned.notes,
        )

    async def _refuse_overlap(self, deployment: Deployment) -> None:
        """One instance goes through one deployment at a time: a rollback would meet the other."""
        for other in (await unfinished_deployments(self.store)).deployments:
            shared = sorted(other.instances & deployment.instances)
            if shared and other.stage is not DeploymentStage.ABORTED:
                raise NotNowError(f"deployment {other.id} is under way on {', '.join(shared[:5])}")

    async def _take_over(self, course: Course, change_id: str, who: str) -> None:
        """End the request that it is made of; where that was begun meanwhile, this ends."""
        try:
            await self.desk.take_over(change_id, who, course.deployment.id)
        except ChangesError:
            async with course.lock:
                await self._move(course, Aborted(AGENT, f"{change_id} was begun by itself"))
            raise

    async def _log(self, who: str, act: str, deployment: Deployment, reason: str = "") -> None:
        await asyncio.to_thread(
            self.changes().audit.append,
            who=who,
            action=f"deployment.{act}",
            subject=deployment.id,
            reason=reason,
            stage=deployment.stage.value,
            digest=deployment.digest,
        )


_CHANGED = "files of production changed since it was planned: look at it again"
