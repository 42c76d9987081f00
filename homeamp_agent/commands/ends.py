"""How a subcommand ends: its exit codes, and the error that becomes one line on stderr.

CommandError        what went wrong, where, what next; ends the program with `code`
"""

from __future__ import annotations

OK = 0
FOUND = 1
"""Deviations were found, or the agent answered with an error."""

FAILED = 2
"""It could not be done: wrong options or settings, nobody to be reached."""


class CommandError(Exception):
    """One or more lines for stderr."""

    def __init__(self, *lines: str, code: int = FAILED) -> None:
        self.lines = lines
        self.code = code
        super().__init__("\n".join(lines))
