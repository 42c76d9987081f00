"""Work in a process of its own that may be killed in the middle of it: a fork of the test's."""

from __future__ import annotations

import os
import select
import traceback
import warnings
from collections.abc import Callable

WAIT_S = 60.0


RAISED = 70


def begun(work: Callable[[], object]) -> int:
    """Begin it in a fork, whose process id this is; the caller waits for it.

    It ends with 0, or with `RAISED` and a traceback. The work should start no threads and wait for
    none: only the forking thread is in the fork.
    """
    with warnings.catch_warnings():
        # The worker's other thread waits for its orders, and holds nothing that work needs.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = RAISED
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def exit_code_of(work: Callable[[], object]) -> int:
    """Do it in a fork, as `begun`; how that ended, negative for a signal."""
    child = begun(work)
    ended = os.pidfd_open(child)
    try:
        ready, _, _ = select.select([ended], [], [], WAIT_S)
        if not ready:
            os.kill(child, 9)
    finally:
        os.close(ended)
    _, status = os.waitpid(child, 0)
    assert ready, f"not done after {WAIT_S:g} s"
    return os.waitstatus_to_exitcode(status)
