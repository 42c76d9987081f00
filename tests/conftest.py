"""What all tests share: an option that writes golden files anew, and what makes them quick."""

from __future__ import annotations

import os
import shutil
import tempfile

import hypothesis
import pytest

from homeamp_agent.heap import look_less_often

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


def pytest_configure(config: pytest.Config) -> None:
    look_less_often()
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        # Over a hundred tests start a real process, and none need compile our modules again.
        # Nothing is written beside the sources, as was asked for.
        cache = tempfile.mkdtemp(prefix="homeamp-tests-")
        os.environ["PYTHONPYCACHEPREFIX"] = cache
        config.add_cleanup(lambda: shutil.rmtree(cache, ignore_errors=True))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto`: two workers a core, since half of the time a test waits for a real process."""
    del config
    return 2 * len(os.sched_getaffinity(0))
