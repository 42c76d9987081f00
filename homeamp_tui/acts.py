"""The acts: whatever changes something on an agent, from the question to the answer.

Each act is a worker of the app: it asks, calls, tells. An agent that is away or refuses is told in
a dialog that says what, where and why; the others go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel
from textual.content import Content

from homeamp_agent.model.change import ChangeRequest, ChangeStatus
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_agent.rpc.protocol.messages import (
    ChangesPreviewParams,
    ChangesPreviewResult,
    DeviationsApproveParams,
    DeviationsFixParams,
    DeviationsFixResult,
    DeviationsFlagParams,
    DeviationsReopenParams,
    DeviationsReviewResult,
    InstancesListParams,
    InstancesListResult,
    RescanParams,
    RescanResult,
)
from homeamp_tui.asking import ask, ask_each
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.dialogs.review import AskApproval, AskFlag
from homeamp_tui.links import Link, NotConnected
from homeamp_tui.plans import edits_of, plan_lines, plan_summary
from homeamp_tui.words import plain, plural

if TYPE_CHECKING:
    from homeamp_tui.app import HomeampApp

TYPED_FROM_EDITS = 100
"""So many settings at once are confirmed by typing their number."""
INSTANCES_ASKED = 1_000

Chosen = Mapping[str, Sequence[str]]
"""Ids of deviations by host."""
Result = TypeVar("Result", bound=BaseModel)


@dataclass(frozen=True, slots=True, eq=False)
class Undoable:
    """Something done from here: its name, and what takes it back (true if it is taken back)."""

    noun: str
    take_back: Callable[[], Awaitable[bool]]


class Acts:
    """Acts on the agents of `app`, and the undo of the last ones."""

    def __init__(self, app: HomeampApp) -> None:
        self._app = app
        self._done: list[Undoable] = []
        self._undoing = asyncio.Lock()

    @property
    def undoable(self) -> str:
        """What an undo would take back; empty if nothing."""
        return f"the last {self._done[-1].noun}" if self._done else ""

    def note(self, done: Undoable) -> None:
        """Something was done that an undo takes back."""
        self._done.append(done)

    async def fix(self, chosen: Chosen, done: Callable[[], None]) -> None:
        """Preview, ask, then fix exactly what was previewed."""
        previews = await self.on_each(chosen, self._preview, "plan the fix")
        if not previews:
            return
        hosts = [(link.host, preview) for link, preview in previews]
        edits = sum(edits_of(preview.plan) for _, preview in previews)
        files = sum(len(preview.plan.files) for _, preview in previews)
        typed = str(edits) if edits >= TYPED_FROM_EDITS else ""
        question = Confirm(
            f"Fix {plural(edits, 'setting')}?",
            plan_summary(hosts),
            plan_lines(hosts),
            f"Fix {plural(files, 'file')}",
            impossible="" if files else "There is nothing that can be written.",
            typed=typed if files else "",
        )
        if not await self._app.push_screen_wait(question):
            return
        digests = {
            link.host: preview.plan.digest for link, preview in previews if preview.plan.files
        }
        applied = await self.on_each(
            {host: chosen[host] for host in digests},
            lambda link, ids: self._apply(link, ids, digests[link.host]),
            "fix",
        )
        self._tell_fixed([(link, answer.change) for link, answer in applied])
        done()

    async def _preview(self, link: Link, ids: Sequence[str]) -> ChangesPreviewResult:
        params = ChangesPreviewParams(ids=tuple(ids))
        return await link.call("changes.preview", params, ChangesPreviewResult)

    async def _apply(self, link: Link, ids: Sequence[str], digest: str) -> DeviationsFixResult:
        params = DeviationsFixParams(
            ids=tuple(ids), reason="fixed from the dashboard", digest=digest
        )
        return await link.mutate("deviations.fix", params, DeviationsFixResult)

    def _tell_fixed(self, changes: Sequence[tuple[Link, ChangeRequest]]) -> None:
        good = tuple(each for each in changes if each[1].status is ChangeStatus.APPLIED)
        if good:
            self.note(Undoable("fix", lambda: self._app.rolling_back.all_of(good)))
            files = sum(len(change.files) for _, change in good)
            self._app.tell(f"Fixed and verified {plural(files, 'file')}. z takes it back.")
        for link, change in changes:
            if change.status is not ChangeStatus.APPLIED:
                why = change.message or "\n".join(
                    f"{file.instance} {file.file}: {file.state} {file.message}"
                    for file in change.files
                )
                self._app.tell_wrong(
                    f"{link.host} did not fix: {change.status.value}",
                    f"{why}\n\nNothing of it stands: a request that fails is undone as a whole.",
                )

    async def approve(self, chosen: Chosen, summary: str, done: Callable[[], None]) -> None:
        """Ask how far, why and until when, then accept."""
        count = sum(map(len, chosen.values()))
        tags = await self.tags_of(chosen)
        question = AskApproval(
            f"Approve {plural(count, 'deviation')}?", Content(plain(summary)), tags
        )
        said = await self._app.push_screen_wait(question)
        if said is None:
            return
        answers = await self.on_each(
            chosen,
            lambda link, ids: link.mutate(
                "deviations.approve",
                DeviationsApproveParams(
                    ids=tuple(ids),
                    scope=said.scope,
                    target=said.tag,
                    reason=said.reason,
                    expires=said.expires,
                ),
                DeviationsReviewResult,
            ),
            "approve",
        )
        self._tell_reviewed("approval", "Approved", chosen, answers)
        done()

    async def flag(self, chosen: Chosen, summary: str, done: Callable[[], None]) -> None:
        """Ask why and what instead, then mark as wrong."""
        count = sum(map(len, chosen.values()))
        question = AskFlag(f"Flag {plural(count, 'deviation')}?", Content(plain(summary)))
        said = await self._app.push_screen_wait(question)
        if said is None:
            return
        more = {} if said.replacement is None else {"replacement": said.replacement}
        answers = await self.on_each(
            chosen,
            lambda link, ids: link.mutate(
                "deviations.flag",
                DeviationsFlagParams(ids=tuple(ids), reason=said.reason, **more),
                DeviationsReviewResult,
            ),
            "flag",
        )
        self._tell_reviewed("flag", "Flagged", chosen, answers)
        done()

    async def reopen(self, chosen: Chosen, done: Callable[[], None]) -> None:
        """Back to pending."""
        answers = await self.on_each(
            chosen,
            lambda link, ids: link.mutate(
                "deviations.reopen",
                DeviationsReopenParams(ids=tuple(ids)),
                DeviationsReviewResult,
            ),
            "reopen",
        )
        self._tell_reviewed("", "Reopened", chosen, answers)
        done()

    def _tell_reviewed(
        self,
        noun: str,
        verb: str,
        chosen: Chosen,
        answers: Sequence[tuple[Link, DeviationsReviewResult]],
    ) -> None:
        ids = {link.host: _taken(chosen[link.host], answer) for link, answer in answers}
        count = sum(len(answer.changed) + answer.more_changed for _, answer in answers)
        if count:
            undo = " z takes it back." if noun else ""
            self._app.tell(f"{verb} {plural(count, 'deviation')}.{undo}")
            if noun:
                reviewed = {host: each for host, each in ids.items() if each}
                self.note(Undoable(noun, lambda: self._reopened(reviewed)))
        reasons: dict[str, int] = {}
        for _, answer in answers:
            for each in answer.skipped:
                reasons[each.reason] = reasons.get(each.reason, 0) + 1
        if reasons:
            lines = [f"{plural(number, 'deviation')}: {why}" for why, number in reasons.items()]
            self._app.tell_wrong("Left alone", "\n".join(lines))

    async def tags_of(self, chosen: Chosen) -> list[str]:
        """The tags of the instances on the chosen hosts."""
        tags: set[str] = set()
        for link in self._links(chosen):
            try:
                params = InstancesListParams(limit=INSTANCES_ASKED)
                page = await link.call("instances.list", params, InstancesListResult)
            except (NotConnected, RpcError):
                continue
            tags |= {tag for row in page.instances for tag in row.tags}
        return sorted(tags)

    async def undo(self) -> None:
        """Take back the last fix or review made from here."""
        # One after the other: a key that is pressed again at once means the act before this one.
        async with self._undoing:
            if self._done and await (last := self._done[-1]).take_back():
                self._done.remove(last)

    async def _reopened(self, ids: Chosen) -> bool:
        await self.reopen(ids, lambda: None)
        return True

    async def rescan(self) -> None:
        """Every agent scans again now."""
        asked = []
        for link in self._app.links:
            work = link.mutate("agent.rescan", RescanParams(wait=False), RescanResult)
            answer = await ask(self._app, link, "scan", work)
            if answer is not None:
                asked.append(link.host)
        if asked:
            self._app.tell(f"Scanning again: {', '.join(asked)}")

    def _links(self, chosen: Chosen) -> list[Link]:
        return [link for link in self._app.links if link.host in chosen]

    async def on_each(
        self,
        chosen: Chosen,
        work: Callable[[Link, Sequence[str]], Awaitable[Result]],
        verb: str,
    ) -> list[tuple[Link, Result]]:
        """Do something on every host that is concerned; those that answered."""
        return await ask_each(
            self._app, self._links(chosen), verb, lambda link: work(link, chosen[link.host])
        )


def _taken(asked: Sequence[str], answer: DeviationsReviewResult) -> list[str]:
    """Those that were reviewed; the reply names only as many of them as fit into it."""
    skipped = {each.id for each in answer.skipped}
    return [identity for identity in asked if identity not in skipped]
