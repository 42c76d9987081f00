"""A command of `homeamp-agent` in the process of the test: a start costs more than most of them."""

from __future__ import annotations

import contextlib
import io
from typing import NamedTuple

from homeamp_agent.cli import main


class Ran(NamedTuple):
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


def command(*arguments: object) -> Ran:
    """Run it to its end; text only, for stdout is no file here."""
    out, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(told):
        code = main([str(each) for each in arguments])
    return Ran(code, out.getvalue(), told.getvalue())
