"""`homeamp-agent changes`: hand a change request in, look at what there is, decide, carry out.

Each act is one call of the agent's method of that name. stdout is the diff or the table, stderr
tells what was unclear. Exit 0: done as asked; 1: something of it is refused, in conflict or failed;
2: no such file, no request in it, or nobody to be reached.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from homeamp_agent.changes.errors import RequestError
from homeamp_agent.changes.reading import MAX_REQUEST_BYTES, parse_request
from homeamp_agent.commands.ends import FOUND, OK, CommandError
from homeamp_agent.commands.moments import moment
from homeamp_agent.commands.output import counted, printable
from homeamp_agent.model.change import (
    ChangeRequest,
    ChangeStatus,
    LineChange,
    Plan,
    RefusedEdit,
    RollbackOutcome,
    RollbackState,
)
from homeamp_agent.model.query import PAGE_LIMIT
from homeamp_agent.model.setting import dotted
from homeamp_agent.rpc.client import Client, ClientError
from homeamp_agent.rpc.protocol.errors import RpcError
from homeamp_agent.rpc.protocol.messages import ChangesListResult, ChangesRollbackManyResult

REASON_CHARACTERS = 50
"""Of a reason in the table: one line of a terminal for each change."""

SOURCE_FILE_CHARACTERS = 200

GOOD_ENDS = frozenset({RollbackState.READY, RollbackState.ROLLED_BACK, RollbackState.ALREADY})
BAD_ENDS = frozenset({ChangeStatus.FAILED})
DECISIONS = {"approve": "approved", "reject": "rejected", "cancel": "cancelled"}


def run_changes(options: argparse.Namespace, url: str) -> int:
    """Do what `options.act` says.

    Raises:
        CommandError: nothing to hand in, an agent that cannot be reached, an error reply.
    """
    acts = {
        "submit": _submit,
        "list": _list,
        "show": _show,
        "apply": _apply,
        "rollback": _rollback,
    }
    act = acts.get(options.act, _decide)
    document = _document(options.file) if options.act == "submit" else None
    try:
        return asyncio.run(_connected(act, options, url, document))
    except RpcError as error:
        line = f"changes {options.act}: {error.wire()['data']['kind']}: {error.message}"
        raise CommandError(line, code=FOUND) from error
    except ClientError as error:
        raise CommandError(str(error)) from error


async def _connected(act: Any, options: argparse.Namespace, url: str, document: Any) -> int:
    async with await Client.connect(url, name="homeamp-agent changes") as client:
        call = _Call(client, options.timeout)
        code: int = await (act(call, options, document) if document else act(call, options))
        return code


class _Call:
    """`changes.*` of one agent, each bounded in time."""

    def __init__(self, client: Client, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s

    async def __call__(self, name: str, **params: Any) -> dict[str, Any]:
        result: dict[str, Any] = await self._client.call_json(
            f"changes.{name}", params, timeout_s=self._timeout_s
        )
        return result


async def _submit(call: _Call, options: argparse.Namespace, document: dict[str, Any]) -> int:
    name = "stdin" if options.file == "-" else Path(options.file).name
    result = await call(
        "submit",
        request=document,
        dry_run=options.dry_run,
        line_edits=options.line_edits,
        source=f"file:{name[:SOURCE_FILE_CHARACTERS]}",
    )
    plan = Plan.model_validate(result["plan"])
    if any(each.line_edit is not None for each in plan.refused):
        _narrate(["--line-edits makes line edits of those that are possible"])
    change = ChangeRequest.model_validate(result["change"])
    _narrate(f"note: {each}" for each in result["notes"])
    if options.json:
        _print(json.dumps(result))
    else:
        _print(*plan_lines(plan))
        if not options.dry_run:
            _print(f"{change.id}: {change.status.value}")
    return FOUND if plan.refused or not plan.files else OK


async def _list(call: _Call, options: argparse.Namespace) -> int:
    filters = {"status": options.status, "instance": options.instance}
    params = {name: each for name, each in filters.items() if each is not None}
    left, cursor = options.limit, None
    while left > 0:
        page = await call("list", **params, limit=min(left, PAGE_LIMIT), cursor=cursor)
        result = ChangesListResult.model_validate(page)
        if options.json:
            _print(*(json.dumps(each) for each in page["changes"]))
        else:
            _print(*map(_row, result.changes))
        left -= len(result.changes)
        cursor = result.next_cursor
        if cursor is None:
            break
    return OK


async def _show(call: _Call, options: argparse.Namespace) -> int:
    result = await call("show", id=options.id)
    if options.json:
        _print(json.dumps(result["change"]))
    else:
        _print(*_told(ChangeRequest.model_validate(result["change"])))
    return OK


async def _decide(call: _Call, options: argparse.Namespace) -> int:
    params: dict[str, Any] = {"ids": options.ids}
    if options.act == "approve":
        params["digest"] = options.digest
    else:
        params["reason"] = options.reason
    result = await call(options.act, **params)
    if options.json:
        _print(json.dumps(result))
    else:
        _print(*(f"{each['id']}: {each['status']}" for each in result["changes"]))
        _narrate(f"{each['id']}: not {DECISIONS[options.act]}: {each['reason']}"
                 for each in result["skipped"])  # fmt: skip
    return FOUND if result["skipped"] else OK


async def _apply(call: _Call, options: argparse.Namespace) -> int:
    return _ended(await call("apply", id=options.id, digest=options.digest), options)


async def _rollback(call: _Call, options: argparse.Namespace) -> int:
    result = await call(
        "rollback_many",
        ids=options.ids,
        since=_wire_time(options.since),
        deployment_id=options.deployment,
        preview=options.dry_run,
        reason=options.reason,
        force=options.force,
    )
    told = ChangesRollbackManyResult.model_validate(result)
    if options.json:
        _print(json.dumps(result))
    else:
        if options.dry_run:
            _print(*plan_lines(Plan(digest="", files=told.files)))
        _print(*map(_rolled_back, told.changes))
        if not told.changes:
            _narrate(["no change stands there"])
    stuck = [each for each in told.changes if each.state not in GOOD_ENDS]
    for each in stuck:
        places = [f"{one.instance}/{one.file}: {one.reason}" for one in each.conflicts]
        _narrate(f"{each.id}: {line}" for line in places or [each.message])
    if any(each.conflicts for each in stuck):
        _narrate(["--force writes over what others wrote since"])
    return FOUND if stuck else OK


def _rolled_back(outcome: RollbackOutcome) -> str:
    reason = " ".join(outcome.reason.split())[:REASON_CHARACTERS]
    files = counted(outcome.files, "file")
    return f"{outcome.id}: {outcome.state.value}, {files}  {outcome.author}  {reason}"


def _wire_time(text: str | None) -> str | None:
    found = moment(text)
    return None if found is None else found.isoformat()


def _ended(result: dict[str, Any], options: argparse.Namespace) -> int:
    change = ChangeRequest.model_validate(result["change"])
    if options.json:
        _print(json.dumps(result))
    else:
        message = f": {change.message}" if change.message else ""
        _print(f"{change.id}: {change.status.value}{message}")
    return FOUND if change.status in BAD_ENDS else OK


def plan_lines(plan: Plan) -> Iterator[str]:
    """A plan for a person: each file's diff, what is refused, what would restart, and a total."""
    for file in plan.files:
        yield f"{file.instance}/{file.file}"
        yield file.diff.rstrip("\n")
        yield from _line_edit(file.line_edit)
    for each in plan.refused:
        yield from _refused(each)
    if plan.left_out:
        yield f"{plan.left_out:,} more files and refused edits: an answer does not hold them all"
    if plan.restarts:
        yield f"takes effect after a restart of {', '.join(plan.restarts)}"
    instances = len({each.instance for each in plan.files})
    conflicts = sum(each.conflict for each in plan.refused)
    yield (
        f"{counted(len(plan.files), 'file')} of {counted(instances, 'instance')}, "
        f"{counted(len(plan.refused), 'edit')} refused, {counted(conflicts, 'conflict')}"
    )


def _refused(refused: RefusedEdit) -> Iterator[str]:
    edit, kind = refused.edit, "conflict" if refused.conflict else "refused"
    yield f"{kind}: {edit.instance}/{edit.file}: {dotted(edit.path)}: {refused.reason}"
    if (offer := refused.line_edit) is not None:
        yield f"  line {offer.line} is   {offer.old_line}"
        yield f"  it could be  {offer.new_line}"


def _line_edit(change: LineChange | None) -> Iterator[str]:
    if change is not None:
        yield f"line edit of line {change.line}, UNPROVEN: {change.unread}"
        yield (
            "after it the file can be read, and the setting was seen to be as wanted"
            if change.readable_after
            else "after it the file can still not be read"
        )


def _row(change: ChangeRequest) -> str:
    reason = " ".join(change.reason.split())
    if len(reason) > REASON_CHARACTERS:
        reason = reason[: REASON_CHARACTERS - 1] + "…"
    return (
        f"{change.id:<22}  {change.created_at:%Y-%m-%d %H:%M}Z  {change.status.value:<16}  "
        f"{len(change.files):>4} files  {change.author:<12}  {reason}"
    )


def _told(change: ChangeRequest) -> Iterator[str]:
    facts = {
        "change": change.id,
        "status": change.status.value,
        "reason": change.reason,
        "author": change.author,
        "source": change.source,
        "created": f"{change.created_at:%Y-%m-%d %H:%M:%S}Z",
        "approved by": change.approved_by,
        "finished": f"{change.finished_at:%Y-%m-%d %H:%M:%S}Z" if change.finished_at else None,
        "write policy": change.write_policy.value,
        "not before": change.not_before.isoformat() if change.not_before else None,
        "message": change.message,
    }
    yield from (f"{name + ':':<14}{value}" for name, value in facts.items() if value)
    yield from (f"{'note:':<14}{each}" for each in change.notes)
    for file in change.files:
        message = f": {file.message}" if file.message else ""
        yield f"{file.instance}/{file.file}  {file.state}{message}"
        yield from [file.diff.rstrip("\n")] if file.diff else []
        yield from _line_edit(file.line_edit)
    for each in change.refused:
        yield from _refused(each)
    if change.left_out:
        yield f"{change.left_out:,} more files and refused edits: an answer does not hold them all"


def _document(file: str) -> dict[str, Any]:
    """The request in a file (`-`: stdin), not yet looked at more closely than that it is one."""
    where = "stdin" if file == "-" else file
    try:
        if file == "-":
            data = sys.stdin.buffer.read(MAX_REQUEST_BYTES + 1)
        else:
            with Path(file).open("rb") as stream:
                data = stream.read(MAX_REQUEST_BYTES + 1)
        document = parse_request(data)
        json.dumps(document, allow_nan=False)
    except OSError as error:
        raise CommandError(f"{where}: cannot be read: {error.strerror}") from error
    except RequestError as error:
        raise CommandError(*(f"{where}: {each}" for each in error.problems)) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise CommandError(f"{where}: holds what JSON cannot: a date, NaN, a loop") from error
    if not isinstance(document, dict) or not document:
        raise CommandError(f"{where}: a change request is an object with `reason` and `edits`")
    return document


def _print(*lines: str) -> None:
    for line in lines:
        # Real files hold text that a terminal of another encoding cannot show.
        data = f"{printable(line)}\n".encode(sys.stdout.encoding or "utf-8", "backslashreplace")
        sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _narrate(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stderr.write(f"homeamp-agent: {printable(line)}\n")
