"""The two shapes in which the original system wrote changes, as a request of ours.

An *upload* names a plugin's file, a dotted key and who it is for; an *agent request* names files
and keys, or whole lines. What a line means is known only where the file is: `LineReader` tells the
edit of a setting that comes to the same, per instance. What was unclear becomes a note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from homeamp_agent.changes.errors import RequestError
from homeamp_agent.model.request import MAX_EDITS

ALL = "all"
PRIORITIES = {
    "low": "low",
    "normal": "normal",
    "medium": "normal",
    "high": "high",
    "urgent": "urgent",
    "critical": "urgent",
}
MAX_PROBLEMS = 20
MAX_NAME_CHARACTERS = 80
"""Of a name that is told: whoever wrote it may have written anything there."""


@dataclass(frozen=True, slots=True)
class LineAct:
    """A line to replace, to delete or to add; `position` is start, end, or a line's number."""

    number: int
    file: str
    old: str | None = field(default=None, repr=False)
    new: str | None = field(default=None, repr=False)
    position: str | int = "end"


@dataclass(frozen=True, slots=True)
class ReadLine:
    """The edits, in our own shape, that a line act comes to, and notes on where it does not."""

    edits: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    notes: Sequence[str] = ()


LineReader = Callable[[LineAct, Sequence[str] | None], ReadLine]
"""Tells what a line act means on these instances (None: on all)."""


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", strict=True)


class _UploadedChange(_Shape):
    plugin: str | None = None
    config_file: str
    key_path: str = Field(min_length=1)
    expected_value: Any = None
    new_value: Any
    applies_to_servers: str | list[str] = ALL
    excluded_servers: list[str] = []
    reason: str | None = None
    priority: str | None = None


class _Upload(_Shape):
    change_id: str | None = None
    created_by: str = ""
    reason: str = ""
    priority: str = "normal"
    changes: list[_UploadedChange] = Field(min_length=1, max_length=MAX_EDITS)


class _AgentChange(_Shape):
    action: str
    file_path: str
    key_path: str = ""
    new_value: Any = None
    old_line: str | None = None
    new_line: str | None = None
    target_line: str | None = None
    position: str | int = "end"


class _AgentRequest(_Shape):
    request_id: str | None = None
    target_servers: str | list[str] = ALL
    changes: list[_AgentChange] = Field(min_length=1, max_length=MAX_EDITS)


def is_legacy(document: Mapping[str, Any]) -> bool:
    """Whether it is one of the two: ours has `edits`, those have `changes`."""
    return "changes" in document and "edits" not in document


def from_legacy(
    document: Mapping[str, Any], read_line: LineReader
) -> tuple[dict[str, Any], list[str]]:
    """The request in our own shape, and notes on what was unclear.

    Raises:
        RequestError: it is neither shape, or nothing of it can be taken over.
    """
    try:
        if "target_servers" in document or _has_actions(document):
            return _from_agent_request(_AgentRequest.model_validate(document), read_line)
        return _from_upload(_Upload.model_validate(document))
    except ValidationError as error:
        raise RequestError(list(places_of(error))[:MAX_PROBLEMS]) from error


def places_of(error: ValidationError) -> Iterator[str]:
    """What is wrong and where, a line each, without any value: `edit 3: file: is missing`."""
    found = error.errors(include_url=False, include_input=False)
    inside = {each["loc"][:1] for each in found if len(each["loc"]) > 1}
    for each in found:
        if each["type"] == "too_short" and each["loc"] in inside:
            continue  # what it holds is wrong, and told; it is not too short
        yield f"{_place(each['loc'])}: {_said(each['type'], each.get('ctx', {}), each['msg'])}"


def _place(steps: Sequence[int | str]) -> str:
    """Where it is; edits are counted from one, as people and the notes count them."""
    if len(steps) > 1 and steps[0] == "edits" and isinstance(steps[1], int):
        return ": ".join(filter(None, (f"edit {steps[1] + 1}", _joined(steps[2:]))))
    return _joined(steps) or "request"


def _joined(steps: Sequence[int | str]) -> str:
    return ".".join(str(step)[:MAX_NAME_CHARACTERS] for step in steps)


def _said(kind: str, context: Mapping[str, Any], words: str) -> str:
    match kind:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "is not known here"
        case "too_short":
            return f"has to be {context['min_length']:,} at least"
        case "too_long":
            return f"may be {context['max_length']:,} at the most: split it"
        case _:
            return words.removeprefix("Value error, ")


def _has_actions(document: Mapping[str, Any]) -> bool:
    changes = document["changes"]
    return isinstance(changes, list) and any(
        isinstance(each, Mapping) and "action" in each for each in changes
    )


def _from_upload(upload: _Upload) -> tuple[dict[str, Any], list[str]]:
    notes = ["converted from a change upload of the original system", *_unknown(upload, "it")]
    edits: list[dict[str, Any]] = []
    for number, change in enumerate(upload.changes, 1):
        edit: dict[str, Any] = {
            "file": change.config_file,
            "path": [change.key_path],
            "new": change.new_value,
        }
        if change.plugin is not None:
            edit["plugin"] = change.plugin
        if "expected_value" in change.model_fields_set:
            edit["expected_old"] = change.expected_value
        else:
            notes.append(f"change {number} expects no value: whatever stands there is replaced")
        named = _names(change.applies_to_servers)
        if named is not None:
            edit["instances"] = named
        if change.excluded_servers:
            edit["exclude_instances"] = change.excluded_servers
        if change.reason:
            notes.append(f"change {number} gives its own reason: {change.reason[:200]}")
        if change.priority and change.priority != upload.priority:
            notes.append(f"change {number} has its own priority: {change.priority[:40]}")
        notes += _unknown(change, f"change {number}")
        edits.append(edit)
    if not upload.reason:
        notes.append("it gives no reason")
    request = {
        "request_id": upload.change_id,
        "reason": upload.reason or "change upload of the original system",
        "author": upload.created_by,
        "priority": _priority(upload.priority, notes),
        "edits": edits,
    }
    return {name: each for name, each in request.items() if each is not None}, notes


def _from_agent_request(
    asked: _AgentRequest, read_line: LineReader
) -> tuple[dict[str, Any], list[str]]:
    notes = [
        "converted from an agent request of the original system, which gives no reason",
        *_unknown(asked, "it"),
    ]
    named = _names(asked.target_servers)
    edits: list[Mapping[str, Any]] = []
    for number, change in enumerate(asked.changes, 1):
        notes += _unknown(change, f"change {number}")
        if change.action == "update_yaml_key":
            edits.append(_key_edit(change, number))
            notes.append(f"change {number} expects no value: whatever stands there is replaced")
        else:
            read = read_line(_line_act(change, number), named)
            edits += read.edits
            notes += read.notes
    if not edits:
        raise RequestError(["nothing of it can be taken over", *notes[1:]][:MAX_PROBLEMS])
    request: dict[str, Any] = {
        "request_id": asked.request_id,
        "reason": f"agent request {asked.request_id or ''} of the original system",
        "targets": {"instances": named or []},
        "edits": edits,
    }
    return {name: each for name, each in request.items() if each is not None}, notes


def _key_edit(change: _AgentChange, number: int) -> dict[str, Any]:
    if not change.key_path or "new_value" not in change.model_fields_set:
        raise RequestError([f"changes.{number - 1}: needs `key_path` and `new_value`"])
    return {"file": change.file_path, "path": [change.key_path], "new": change.new_value}


def _line_act(change: _AgentChange, number: int) -> LineAct:
    needs = {
        "replace_line": ("old_line", "new_line"),
        "add_line": ("new_line",),
        "delete_line": ("target_line",),
    }
    if change.action not in needs:
        raise RequestError([f"changes.{number - 1}.action: is none that the original system had"])
    for name in needs[change.action]:
        text = getattr(change, name)
        if text is None or "\n" in text or "\r" in text:
            raise RequestError([f"changes.{number - 1}.{name}: needs one line of text"])
    old = {"replace_line": change.old_line, "delete_line": change.target_line}.get(change.action)
    new = None if change.action == "delete_line" else change.new_line
    return LineAct(number, change.file_path, old, new, change.position)


def _names(servers: str | Sequence[str]) -> list[str] | None:
    """The instances; None for all."""
    if isinstance(servers, str):
        return None if servers == ALL else [servers]
    return None if ALL in servers else list(servers)


def _priority(text: str, notes: list[str]) -> str:
    known = PRIORITIES.get(text.casefold())
    if known is None:
        notes.append(f"priority {text[:40]!r} is not known: taken as normal")
    return known or "normal"


def _unknown(shape: _Shape, what: str) -> list[str]:
    names = sorted(shape.model_extra or ())
    return [f"{what} has fields nobody knows: {', '.join(names)[:200]}"] if names else []
