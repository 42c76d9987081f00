"""Change requests made, decided and carried out from here; each shows first what it would do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from textual.content import Content

from homeamp_agent.model.change import ChangeRequest, ChangeStatus
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_agent.rpc.protocol.messages import (
    ChangesApplyParams,
    ChangesApplyResult,
    ChangesApproveParams,
    ChangesDecidedResult,
    ChangesDeclineParams,
    ChangesPreviewParams,
    ChangesPreviewResult,
    ChangesSubmitParams,
    ChangesSubmitResult,
    Skipped,
)
from homeamp_tui.asking import answered, answers_of, ask, ask_each, by_link, waiting
from homeamp_tui.dialogs.confirm import Confirm
from homeamp_tui.dialogs.file import AskFile
from homeamp_tui.dialogs.handing_in import AskSaid, AskWhy
from homeamp_tui.dialogs.line_edit import ConfirmOrLineEdits
from homeamp_tui.links import Link, LinkState
from homeamp_tui.plans import edits_of, plan_lines, plan_summary
from homeamp_tui.widgets.diff_view import Line, note_lines
from homeamp_tui.words import CHANGE_WORDS, brief, plural

if TYPE_CHECKING:
    from homeamp_tui.app import HomeampApp

PLACEHOLDER = {"reason": "composed in the dashboard"}
"""A request needs a reason also while it is only looked at."""

NOTES_SHOWN = 50
REASONS_SHOWN = 5
TO_APPROVE = frozenset({ChangeStatus.PENDING_APPROVAL})
TO_APPLY = frozenset({ChangeStatus.APPROVED, ChangeStatus.SCHEDULED})
TO_CANCEL = TO_APPROVE | TO_APPLY | {ChangeStatus.WAITING}

_Draft = Mapping[str, Any]
Requests = Sequence[tuple[Link, ChangeRequest]]


class _Shown(NamedTuple):
    link: Link
    change: ChangeRequest
    preview: ChangesPreviewResult


class _NoRequest(Exception):
    """A file holds no change request; says why."""


class Requesting:
    """Requests of `app`."""

    def __init__(self, app: HomeampApp) -> None:
        self._app = app
        self.handed_in: tuple[str, str] | None = None
        """The agent's address and the id of what was handed in last; who lists it forgets it."""

    # Handing in ----------------------------------------------------------------------------------

    async def compose(self, chosen: Mapping[str, Sequence[str]], done: Callable[[], None]) -> None:
        """A request of the edits that put chosen deviations (ids by host) right."""
        drafts = [
            (link, {"deviation_ids": tuple(chosen[link.host]), "source": "dashboard"})
            for link in self._app.links
            if link.host in chosen
        ]
        if await self._hand_in(drafts, dict(PLACEHOLDER)):
            done()

    async def load(self) -> bool:
        """A request from a file, to every host that it is for; whether one was handed in."""
        path, wrong = "", ""
        while (loaded := await self._app.push_screen_wait(AskFile(path, wrong))) is not None:
            draft = {"text": loaded.text, "source": f"file:{loaded.name[:200]}"}
            links = [link for link in self._app.links if link.state is LinkState.CONNECTED]
            try:
                return await self._hand_in([(link, draft) for link in links], {})
            except _NoRequest as error:
                path, wrong = loaded.path, f"{loaded.name}: {error}"
        return False

    async def _hand_in(self, drafts: Sequence[tuple[Link, _Draft]], said: dict[str, Any]) -> bool:
        draft_of = {link.url: dict(draft) for link, draft in drafts}
        agreed: bool | None = None
        while agreed is None:
            shown = await self._planned(draft_of, said, [link for link, _ in drafts])
            if not shown:
                return False
            meant = [(link, result) for link, result in shown if result.plan.files] or shown
            agreed = await self._agreed_to_hand_in(meant)
            for draft in draft_of.values():
                draft["line_edits"] = agreed is None or draft.get("line_edits", False)
        if not agreed:
            return False
        known = None if said else meant[0][1].change
        answer = await self._app.push_screen_wait(AskSaid("Hand in: why, how and when?", known))
        if answer is None:
            return False
        given = await ask_each(
            self._app,
            [link for link, _ in meant],
            "take the request",
            lambda link: self._submit(link, draft_of[link.url], answer.wire(), dry_run=False),
        )
        self._tell_given([result.change for _, result in given])
        if given:
            link, result = given[0]
            self.handed_in = (link.url, result.change.id)
        return bool(given)

    async def _planned(
        self, draft_of: Mapping[str, _Draft], said: dict[str, Any], links: Sequence[Link]
    ) -> list[tuple[Link, ChangesSubmitResult]]:
        """What each host would do; those that cannot say are told of.

        Raises:
            _NoRequest: a file is none, whichever host is asked.
        """
        with waiting(self._app, f"{', '.join(link.host for link in links)}: plan it"):
            answers = await answers_of(
                links, lambda link: self._submit(link, draft_of[link.url], said, dry_run=True)
            )
        refused = [each for _, each in answers if isinstance(each, RpcError)]
        alike = len({each.message for each in refused}) == 1
        if alike and len(refused) == len(answers) and "text" in draft_of[links[0].url]:
            raise _NoRequest(refused[0].message)
        return answered(self._app, "plan it", answers)

    async def _submit(
        self, link: Link, draft: _Draft, said: dict[str, Any], *, dry_run: bool
    ) -> ChangesSubmitResult:
        params = ChangesSubmitParams(request=said, dry_run=dry_run, **draft)
        return await link.mutate("changes.submit", params, ChangesSubmitResult)

    async def _agreed_to_hand_in(
        self, shown: Sequence[tuple[Link, ChangesSubmitResult]]
    ) -> bool | None:
        """Whether it shall be handed in; None: with line edits, which are to be shown first."""
        previews = [
            (link.host, ChangesPreviewResult(plan=each.plan, skipped=each.skipped))
            for link, each in shown
        ]
        lines: list[Line] = []
        for link, each in shown:
            lines += [
                line
                for note in each.notes[:NOTES_SHOWN]
                for line in note_lines(f"{link.host}: {note}", "diff--warning")
            ]
        count = sum(edits_of(each.plan) for _, each in shown)
        offers = sum(edit.line_edit is not None for _, each in shown for edit in each.plan.refused)
        question = ConfirmOrLineEdits(
            f"Hand in a request for {plural(count, 'setting')}?",
            plan_summary(previews),
            [*lines, *plan_lines(previews)],
            "Go on",
            impossible="" if count else "There is nothing that can be written.",
            count=offers,
        )
        answer = await self._app.push_screen_wait(question)
        return None if question.wants_line_edits else answer is True

    def _tell_given(self, changes: Sequence[ChangeRequest]) -> None:
        if not changes:
            return
        waiting = sum(each.status is ChangeStatus.PENDING_APPROVAL for each in changes)
        more = "a approves it in the changes (3)." if waiting else "p carries it out (3)."
        self._app.tell(f"Handed in {plural(len(changes), 'request')}: {more}")

    # Deciding ------------------------------------------------------------------------------------

    async def approve(self, requests: Requests) -> bool:
        """Show what each would do now, all in one, and approve exactly that."""
        shown = await self._shown(requests)
        if not shown or not await self._agreed(shown, "Approve"):
            return False
        done = 0
        left: list[Skipped] = []
        with waiting(self._app, f"approve {plural(len(shown), 'request')}"):
            for link, change, preview in shown:
                params = ChangesApproveParams(ids=(change.id,), digest=preview.plan.digest)
                work = link.mutate("changes.approve", params, ChangesDecidedResult)
                if (answer := await ask(self._app, link, "approve", work)) is not None:
                    done += len(answer.changes)
                    left += answer.skipped
        self._tell_left(left)
        if done:
            self._app.tell(f"Approved {plural(done, 'request')}. p carries out.")
        return done == len(shown)

    def _tell_left(self, left: Sequence[Skipped]) -> None:
        if left:
            words = "\n".join(f"{each.id}: {each.reason}" for each in left)
            self._app.tell_wrong("Left alone", words)

    async def decline(self, requests: Requests, act: str) -> bool:
        """Say no (`reject`) or withdraw (`cancel`), with a reason."""
        verb = {"reject": "Reject", "cancel": "Withdraw"}[act]
        shown = [brief(change.reason or change.id) for _, change in requests[:REASONS_SHOWN]]
        if more := len(requests) - len(shown):
            shown.append(f"… and {more:,} more")
        words = "\n".join(shown)
        title = f"{verb} {plural(len(requests), 'request')}?"
        reason = await self._app.push_screen_wait(AskWhy(title, Content(words), verb))
        if reason is None:
            return False
        ids = by_link((link, change.id) for link, change in requests)
        answers = await ask_each(
            self._app,
            list(ids),
            verb.lower(),
            lambda link: link.mutate(
                f"changes.{act}",
                ChangesDeclineParams(ids=tuple(ids[link]), reason=reason),
                ChangesDecidedResult,
            ),
        )
        if done := sum(len(answer.changes) for _, answer in answers):
            said = {"reject": "Rejected", "cancel": "Withdrew"}[act]
            self._app.tell(f"{said} {plural(done, 'request')}.")
        left = [each for _, answer in answers for each in answer.skipped]
        self._tell_left(left)
        return not left and len(answers) == len(ids)

    # Carrying out --------------------------------------------------------------------------------

    async def apply(self, requests: Requests) -> bool:
        """Show the approved plans once more, then carry them out: one after another on a host."""
        shown = await self._shown(requests)
        if not shown or not await self._agreed(shown, "Carry out"):
            return False
        agreed = by_link((each.link, each.change) for each in shown)
        ended = await asyncio.gather(*map(self._apply_all, agreed, agreed.values()))
        changes = [change for each in ended for change in each]
        good = [change for change in changes if change.status is ChangeStatus.APPLIED]
        if good:
            files = sum(len(change.files) for change in good)
            self._app.tell(f"Applied and verified {plural(files, 'file')}. R takes it back.")
        return len(changes) == len(shown)

    async def _apply_all(self, link: Link, changes: Sequence[ChangeRequest]) -> list[ChangeRequest]:
        ended: list[ChangeRequest] = []
        for change in changes:
            params = ChangesApplyParams(id=change.id)
            work = link.mutate("changes.apply", params, ChangesApplyResult)
            answer = await ask(self._app, link, "carry it out", work)
            if answer is None:
                continue
            ended.append(answer.change)
            if answer.change.status is ChangeStatus.FAILED:
                self._app.tell_wrong(
                    f"{link.host} did not carry it out",
                    f"{answer.change.message}\n\nNothing of it stands: a request that fails is "
                    "undone as a whole.",
                )
            elif answer.change.status is not ChangeStatus.APPLIED:
                words = CHANGE_WORDS[answer.change.status]
                self._app.tell(f"{link.host}: {words}: {answer.change.message}")
        return ended

    # Helpers -------------------------------------------------------------------------------------

    async def _shown(self, requests: Requests) -> list[_Shown]:
        """Each with what it would do now; nothing if one cannot be looked at."""
        shown: list[_Shown] = []
        with waiting(self._app, f"what {plural(len(requests), 'request')} would do"):
            for link, change in requests:
                params = ChangesPreviewParams(id=change.id)
                work = link.call("changes.preview", params, ChangesPreviewResult)
                preview = await ask(self._app, link, "show what it would do", work)
                if preview is None:
                    return []
                shown.append(_Shown(link, change, preview))
        return shown

    async def _agreed(self, shown: Sequence[_Shown], verb: str) -> bool:
        lines: list[Line] = []
        for link, change, preview in shown:
            if len(shown) > 1:
                lines += note_lines(f"{change.author} on {link.host}: {change.reason}")
            lines += plan_lines([(link.host, preview)])
        previews = [(each.link.host, each.preview) for each in shown]
        files = sum(len(each.preview.plan.files) for each in shown)
        question = Confirm(
            f"{verb} {plural(len(shown), 'request')}?",
            plan_summary(previews),
            lines,
            verb,
            impossible="" if files else "There is nothing that can be written any more.",
        )
        return await self._app.push_screen_wait(question) is True
