"""Cutting a byte stream into lines of a bounded length, without I/O.

`asyncio`'s own `readline` gives up on a line over its limit; here such a line is reported once and
skipped to its end, so that the connection goes on.
"""

from __future__ import annotations

from homeamp_agent.rpc.protocol import LINE_LIMIT_BYTES

CHUNK_BYTES = 64 * 1024
"""What is read at once: a stream's buffer stays small, whatever the length of a line."""


class LineCutter:
    """Collects bytes and gives the whole lines in them, without their line feed.

    None stands for a line longer than `limit` bytes; its bytes are dropped as they come.
    """

    def __init__(self, limit: int = LINE_LIMIT_BYTES) -> None:
        self._limit = limit
        self._pending = bytearray()
        self._skipping = False

    def feed(self, chunk: bytes) -> list[bytes | None]:
        """The lines that `chunk` completes."""
        lines: list[bytes | None] = []
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            self._hold(chunk[start:end], lines)
            if self._skipping:
                self._skipping = False
            else:
                lines.append(bytes(self._pending))
                self._pending.clear()
            start = end + 1
        self._hold(chunk[start:], lines)
        return lines

    def end(self) -> list[bytes | None]:
        """What is left when the stream ends: a last line without a line feed counts."""
        if self._skipping or not self._pending:
            return []
        line = bytes(self._pending)
        self._pending.clear()
        return [line]

    def _hold(self, part: bytes, lines: list[bytes | None]) -> None:
        if self._skipping:
            return
        if len(self._pending) + len(part) > self._limit:
            self._pending = bytearray()
            self._skipping = True
            lines.append(None)
            return
        self._pending += part
