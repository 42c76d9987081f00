"""Compiled modules for a run of the tests that must write none beside the sources."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

NOT_OURS = {"test", "tests", "idlelib", "lib2to3", "site-packages", "pip", "mypy", "mypyc"}
"""Folders that no test imports from; the first `site-packages` is a root of its own."""


def keep_in(cache: Path) -> None:
    """Compile into `cache`, for this process and the ones it starts.

    Over a hundred tests start a real process, and every worker imports hundreds of modules; none
    of them need compile anew what this process or another has. What the interpreter and the
    installed packages have compiled already is linked to, since it is looked for in `cache` only.
    """
    compiled_with_packages = f".{sys.implementation.cache_tag}.pyc"
    places = sysconfig.get_paths()
    for root in {places["stdlib"], places["purelib"], places["platlib"]}:
        for folder, below, files in os.walk(root):
            below[:] = [each for each in below if each not in NOT_OURS]
            if Path(folder).name == "__pycache__":
                here = cache / Path(folder).parent.relative_to("/")
                here.mkdir(parents=True, exist_ok=True)
                for file in files:
                    if file.endswith(compiled_with_packages):
                        (here / file).symlink_to(f"{folder}/{file}")
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = str(cache)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
