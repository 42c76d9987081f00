"""Reading what somebody handed in as a change request, wherever it came from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from homeamp_agent.baselines.yaml_text import YamlProblem, read_yaml
from homeamp_agent.changes.errors import RequestError
from homeamp_agent.changes.legacy import (
    MAX_NAME_CHARACTERS,
    MAX_PROBLEMS,
    LineReader,
    from_legacy,
    is_legacy,
    places_of,
)
from homeamp_agent.model.change import EditOperation
from homeamp_agent.model.request import RequestedChange

MAX_REQUEST_BYTES = 1024 * 1024
"""A thousand edits of ordinary size take a tenth of it."""

MAX_NOTES = 50


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A request, and what was unclear in it."""

    request: RequestedChange = field(repr=False)
    notes: tuple[str, ...] = ()


def read_request(document: Any, read_line: LineReader) -> ReadRequest:
    """The request that a parsed document holds, in our shape or in one of the original system.

    Raises:
        RequestError: it is none; each problem names its place, and no value.
    """
    if not isinstance(document, Mapping):
        raise RequestError(["a change request is an object with `reason` and `edits`"])
    notes: list[str] = []
    if is_legacy(document):
        document, notes = from_legacy(document, read_line)
    try:
        # Through JSON, so that what cannot be kept and sent (NaN, dates of YAML) is told here.
        text = json.dumps(document, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise RequestError(["it holds what JSON cannot: a date, NaN, endless depth"]) from error
    if len(text) > 2 * MAX_REQUEST_BYTES:
        raise RequestError([f"it has more than {2 * MAX_REQUEST_BYTES:,} bytes: split it"])
    try:
        return ReadRequest(RequestedChange.model_validate_json(text), first_notes(notes))
    except ValidationError as error:
        raise RequestError(list(places_of(error))[:MAX_PROBLEMS]) from error


def with_said(read: ReadRequest, said: Mapping[str, Any]) -> ReadRequest:
    """The request with what somebody says beside it (reason, policy, schedule) over its own.

    Raises:
        RequestError: what is said is none of a request.
    """
    if not said:
        return read
    if "edits" in said:
        raise RequestError(["edits: are said twice"])
    try:
        document = {**json.loads(read.request.model_dump_json()), **said}
        return replace(read, request=RequestedChange.model_validate_json(json.dumps(document)))
    except ValidationError as error:
        raise RequestError(list(places_of(error))[:MAX_PROBLEMS]) from error


def with_line_edits(read: ReadRequest) -> ReadRequest:
    """The request with line edits allowed for every `set` of it."""
    edits = tuple(
        each.model_copy(update={"line_edit": True}) if each.operation is EditOperation.SET else each
        for each in read.request.edits
    )
    return replace(read, request=read.request.model_copy(update={"edits": edits}))


def first_notes(notes: Sequence[str]) -> tuple[str, ...]:
    """The first of the notes, each once: they are read, and go with a request to every list."""
    lines = list(dict.fromkeys(notes))
    if len(lines) > MAX_NOTES:
        lines[MAX_NOTES:] = [f"{len(lines) - MAX_NOTES:,} more notes are not told"]
    return tuple(lines)


def parse_request(data: bytes) -> Any:
    """The document in the bytes of a JSON or YAML file.

    Raises:
        RequestError: it is neither, or too large.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise RequestError([f"it has more than {MAX_REQUEST_BYTES:,} bytes: split it"])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(["it is no UTF-8 text"]) from error
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text, object_pairs_hook=_without_doubles)
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise RequestError([f"{place}: is no JSON: {error.msg}"]) from error
        except RecursionError as error:
            raise RequestError(["it is nested too deeply"]) from error
        except ValueError as error:
            raise RequestError(["it holds a number of thousands of digits"]) from error
    try:
        read = read_yaml(text)
    except YamlProblem as error:
        where = f"line {error.line}: " if error.line is not None else ""
        raise RequestError([f"{where}{error}"]) from error
    if read.twice:
        name, line = read.twice[0]
        raise RequestError([f"line {line}: {_twice(name)}"])
    return read.value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON. Of a name that stands in it twice, the last would win unseen."""
    found = dict(pairs)
    if len(found) < len(pairs):
        counted = Counter(name for name, _ in pairs)
        raise RequestError([_twice(counted.most_common(1)[0][0])])
    return found


def _twice(name: str) -> str:
    return f"{name[:MAX_NAME_CHARACTERS]!r} stands twice in one object"
