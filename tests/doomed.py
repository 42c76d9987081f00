"""Work in a process of its own that may be killed in the middle of it: a fork of the test's."""

from __future__ import annotations

import os
import select
import traceback
import warnings
from collections.abc import Callable

WAIT_S = 60.0


def exit_code_of(work: Callable[[], object]) -> int:
    """Do it in a fork; 0 if it came to its end, 1 if it raised, negative for a signal.

    The work should start no threads and wait for none: only the forking thread is in the fork.
    """
    with warnings.catch_warnings():
        # The worker's other thread waits for its orders, and holds nothing that work needs.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
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
