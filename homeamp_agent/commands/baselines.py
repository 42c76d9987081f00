"""`homeamp-agent baselines check`: what a baseline directory says, and what is wrong with it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from homeamp_agent.baselines import check_report, check_text, has_errors, load_baselines
from homeamp_agent.commands.ends import FOUND, OK, CommandError


def run_baselines_check(directory: Path, *, as_json: bool) -> int:
    """Read every baseline; exit 1 if one has errors.

    Raises:
        CommandError: there is no such folder.
    """
    if not directory.is_dir():
        raise CommandError(f"{directory}: is no folder; give the baseline directory")
    loaded = load_baselines(directory)
    report = json.dumps(check_report(loaded)) if as_json else check_text(loaded)
    sys.stdout.write(report + "\n")
    return FOUND if has_errors(loaded) else OK
