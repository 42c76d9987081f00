"""What goes over the socket, shared by the agent, the dashboard and scripts.

`jsonrpc` holds the envelope of JSON-RPC 2.0 (one JSON document a line, UTF-8), `errors` the error
codes, `messages` the params and result of every method. Nothing here does I/O.
"""

from __future__ import annotations

from homeamp_agent.model.query import PAGE_DEFAULT, PAGE_LIMIT

__all__ = [
    "LINE_LIMIT_BYTES",
    "PAGE_DEFAULT",
    "PAGE_LIMIT",
    "PROTOCOL_MAJOR",
    "PROTOCOL_MINOR",
    "REPLY_LIMIT_BYTES",
]

PROTOCOL_MAJOR = 1
"""Peers of the same major protocol understand each other; unknown fields are ignored."""

PROTOCOL_MINOR = 0

LINE_LIMIT_BYTES = 8 * 1024 * 1024
"""The longest request line; a longer one is answered with an error, not a hang-up."""

REPLY_LIMIT_BYTES = 1024 * 1024
"""No reply is larger: lists page before they reach it."""
