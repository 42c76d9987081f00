"""What all tests share: an option that writes golden files anew, and what makes them quick."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.heap import look_less_often
from tests.bytecode import keep_in

if sys.dont_write_bytecode:
    # Nothing is written beside the sources, as was asked for; but see there.
    _cache = Path(tempfile.mkdtemp(prefix="homeamp-tests-"))
    atexit.register(shutil.rmtree, _cache, ignore_errors=True)
    keep_in(_cache)

# Only now: pytest rewrites its hundred modules, once if it may keep them.
import hypothesis

# How long a machine takes is no property of ours: speed is measured in benchmarks/.
hypothesis.settings.register_profile(
    "homeamp", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("homeamp")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens",
        action="store_true",
        help="write the golden files of screens as they are now, instead of comparing",
    )


def pytest_configure() -> None:
    look_less_often()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto`: two workers a core, since half of the time a test waits for a real process."""
    del config
    return 2 * len(os.sched_getaffinity(0))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Whoever is done early takes tests from the others.

    By default the first worker gets a sixteenth of all at once, which is every test of an agent:
    the slowest there are, and the others had nothing to do for the last quarter of a run.
    """
    if config.option.dist != "load":
        return None
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)
