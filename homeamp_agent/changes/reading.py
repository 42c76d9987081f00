"""Reading what somebody handed in as a change request, wherever it came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from homeamp_agent.changes.errors import RequestError
from homeamp_agent.model.request import RequestedChange

MAX_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A request, and what was unclear in it."""

    request: RequestedChange = field(repr=False)
    notes: tuple[str, ...] = ()


def read_request(document: Any) -> ReadRequest:
    """The request that a parsed document holds.

    Raises:
        RequestError: it is none; each problem names its place, and no value.
    """
    if not isinstance(document, Mapping):
        raise RequestError(["a change request is an object with `reason` and `edits`"])
    try:
        # Through JSON, so that what cannot be kept and sent (NaN, dates of YAML) is told here.
        text = json.dumps(document, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise RequestError(
            ["it holds what JSON cannot: dates, NaN, or keys that are no text"]
        ) from error
    try:
        return ReadRequest(RequestedChange.model_validate_json(text))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestError(
            [
                f"{'.'.join(map(str, each['loc'])) or 'request'}: {each['msg']}"
                for each in found[:MAX_PROBLEMS]
            ]
        ) from error
