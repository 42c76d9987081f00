"""What goes over the socket, shared by the agent, the dashboard and scripts.

`jsonrpc` holds the envelope of JSON-RPC 2.0 (one JSON document a line, UTF-8), `errors` the error
codes, `messages` the params and result of every method. Nothing here does I/O.
"""

PROTOCOL_MAJOR = 1
"""Peers of the same major protocol understand each other; unknown fields are ignored."""

PROTOCOL_MINOR = 0

LINE_LIMIT_BYTES = 8 * 1024 * 1024
"""The longest request line; a longer one is answered with an error, not a hang-up."""

REPLY_LIMIT_BYTES = 1024 * 1024
"""No reply is larger: lists page before they reach it."""

PAGE_DEFAULT = 100
PAGE_LIMIT = 1000
"""Rows of a page: 1,000 deviations of 700 bytes stay under `REPLY_LIMIT_BYTES`."""
