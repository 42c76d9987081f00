"""The envelope of JSON-RPC 2.0: requests, replies, notifications, batches; one a line.

Specification: https://www.jsonrpc.org/specification (2013-01-04).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

from homeamp_agent.rpc.protocol.errors import InvalidRequest, ParseError, RpcError

VERSION = "2.0"
RequestId = str | int | float | None


@dataclass(frozen=True, slots=True)
class Request:
    """A call, or a notification where `notification` is true (then there is no reply)."""

    method: str
    params: Any
    id: RequestId
    notification: bool


def encode(document: Any) -> bytes:
    """One line: compact JSON in UTF-8 and a line feed.

    A lone surrogate (an undecodable byte of a file) makes the whole line escaped ASCII, since JSON
    can carry it only so.

    Raises:
        ValueError: the document holds NaN or an infinity.
    """
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        escaped = json.dumps(document, separators=(",", ":"), allow_nan=False)
        return escaped.encode("ascii") + b"\n"


def decode(line: bytes) -> Any:
    """The JSON document of a line.

    Raises:
        ParseError: no UTF-8, no JSON, or nested deeper than the reader can follow.
    """
    try:
        return json.loads(line.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise ParseError(f"the line is no UTF-8, at byte {error.start}") from error
    except (ValueError, RecursionError) as error:
        raise ParseError(f"the line is no JSON document: {error}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def request_of(document: Any) -> Request:
    """The request in a decoded document.

    Raises:
        InvalidRequest: `jsonrpc` is not "2.0", the method no text, the id or params malformed.
    """
    if not isinstance(document, dict):
        raise InvalidRequest("a request is a JSON object")
    if document.get("jsonrpc") != VERSION:
        raise InvalidRequest('a request has "jsonrpc": "2.0"')
    method = document.get("method")
    if not isinstance(method, str):
        raise InvalidRequest("a request's method is text")
    params = document.get("params", {})
    if not isinstance(params, (dict, list)):
        raise InvalidRequest("a request's params are an object or an array")
    identifier = document.get("id")
    if isinstance(identifier, bool) or not isinstance(identifier, (str, int, float, type(None))):
        raise InvalidRequest("a request's id is text, a number or null")
    return Request(method, params, identifier, "id" not in document)


def request(method: str, params: Any, identifier: RequestId) -> dict[str, Any]:
    """A call to send."""
    return {"jsonrpc": VERSION, "id": identifier, "method": method, "params": params}


def notification(method: str, params: Any) -> dict[str, Any]:
    """A notification to send."""
    return {"jsonrpc": VERSION, "method": method, "params": params}


def success(identifier: RequestId, result: Any) -> dict[str, Any]:
    """A reply with a result."""
    return {"jsonrpc": VERSION, "id": identifier, "result": result}


def failure(identifier: RequestId, error: RpcError) -> dict[str, Any]:
    """A reply with an error."""
    return {"jsonrpc": VERSION, "id": identifier, "error": error.wire()}


def id_of(document: Any) -> RequestId:
    """The id to answer a malformed request with: its own where it has one, else null."""
    identifier = document.get("id") if isinstance(document, dict) else None
    usable = isinstance(identifier, (str, int, float)) and not isinstance(identifier, bool)
    return identifier if usable else None
