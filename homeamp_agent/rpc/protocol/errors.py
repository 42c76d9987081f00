"""Error codes of JSON-RPC 2.0 and our own, each with a stable `data.kind`.

RpcError                    any error reply; code, message, data.kind
├── ParseError              -32700 parse_error
├── InvalidRequest          -32600 invalid_request
├── MethodNotFound          -32601 method_not_found
├── InvalidParams           -32602 invalid_params
├── InternalError           -32603 internal_error
├── LineTooLong             -32000 line_too_long
├── AccessDenied            -32001 access_denied
├── ProtocolMismatch        -32002 protocol_mismatch
├── NotFound                -32003 not_found
├── Conflict                -32004 conflict
├── Refused                 -32005 refused
├── EventsLost              -32006 events_lost
├── ReplyTooLarge           -32007 reply_too_large
├── Busy                    -32008 busy
└── Stopping                -32009 stopping
"""

from __future__ import annotations

from typing import Any, ClassVar


class RpcError(Exception):
    """An error reply. `details` become further fields of `error.data` beside `kind`."""

    code: ClassVar[int] = -32603
    kind: ClassVar[str] = "internal_error"

    def __init__(self, message: str, **details: Any) -> None:
        self.message = message
        self.details = details
        super().__init__(message)

    def wire(self) -> dict[str, Any]:
        """The `error` object of the reply."""
        return {
            "code": self.code,
            "message": self.message,
            "data": {"kind": self.kind, **self.details},
        }


class ParseError(RpcError):
    """The line is no JSON document."""

    code = -32700
    kind = "parse_error"


class InvalidRequest(RpcError):
    """The JSON document is no request."""

    code = -32600
    kind = "invalid_request"


class MethodNotFound(RpcError):
    """No method of that name."""

    code = -32601
    kind = "method_not_found"


class InvalidParams(RpcError):
    """The params do not fit the method; `problems` lists each."""

    code = -32602
    kind = "invalid_params"


class InternalError(RpcError):
    """A fault of ours; the agent's log has the details."""


class LineTooLong(RpcError):
    """The request line is longer than `LINE_LIMIT_BYTES`."""

    code = -32000
    kind = "line_too_long"


class AccessDenied(RpcError):
    """The peer may not call this method."""

    code = -32001
    kind = "access_denied"


class ProtocolMismatch(RpcError):
    """The peer speaks another major protocol."""

    code = -32002
    kind = "protocol_mismatch"


class NotFound(RpcError):
    """No such deviation, instance, change request, ..."""

    code = -32003
    kind = "not_found"


class Conflict(RpcError):
    """The world changed meanwhile: another value in a file, another state than expected."""

    code = -32004
    kind = "conflict"


class Refused(RpcError):
    """What was asked cannot be done safely; nothing was done."""

    code = -32005
    kind = "refused"


class EventsLost(RpcError):
    """Events since the cursor are gone: list again, then subscribe from the new cursor."""

    code = -32006
    kind = "events_lost"


class ReplyTooLarge(RpcError):
    """The reply would pass `REPLY_LIMIT_BYTES`: ask for fewer rows."""

    code = -32007
    kind = "reply_too_large"


class Busy(RpcError):
    """Something else holds what this needs; try again."""

    code = -32008
    kind = "busy"


class Stopping(RpcError):
    """The agent is stopping."""

    code = -32009
    kind = "stopping"


BY_CODE: dict[int, type[RpcError]] = {
    each.code: each
    for each in (
        ParseError,
        InvalidRequest,
        MethodNotFound,
        InvalidParams,
        InternalError,
        LineTooLong,
        AccessDenied,
        ProtocolMismatch,
        NotFound,
        Conflict,
        Refused,
        EventsLost,
        ReplyTooLarge,
        Busy,
        Stopping,
    )
}


def from_wire(error: Any) -> RpcError:
    """The exception for a reply's `error` object; tolerant of peers that send less."""
    if not isinstance(error, dict):
        return InternalError(f"malformed error reply: {error!r}")
    data = error.get("data")
    details = {str(key): value for key, value in data.items()} if isinstance(data, dict) else {}
    details.pop("kind", None)
    kind = BY_CODE.get(error.get("code", 0), RpcError)
    return kind(str(error.get("message", "unknown error")), **details)
