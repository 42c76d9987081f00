"""The socket: JSON-RPC 2.0, one document a line, over a Unix stream.

`protocol` is shared with clients, `client` speaks it, `server` and `access` answer and guard it,
`methods` holds one function per method. Nothing here decides anything about drift or changes.
"""
