"""`homeamp-agent rules export`: a baseline directory's rules in another form."""

from __future__ import annotations

import sys
from pathlib import Path

from homeamp_agent.baselines.exporting import export_rules
from homeamp_agent.baselines.loader import load_baselines
from homeamp_agent.commands.ends import FOUND, OK, CommandError
from homeamp_agent.commands.output import write_new


def run_rules_export(directory: Path, form: str, out: Path) -> int:
    """Write the files into `out` (new or empty), tell on stderr what they hold and what not."""
    if not directory.is_dir():
        raise CommandError(f"{directory}: is no folder; give the baseline directory")
    if out.resolve().is_relative_to(directory.resolve()):
        raise CommandError(f"{out}: is in the baseline directory: every rule would count twice")
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise CommandError(f"{out}: holds files already; none is overwritten")
    except OSError as error:
        raise CommandError(f"{out}: not written: {error.strerror}") from error
    made = export_rules(load_baselines(directory), form)
    for name, data in made.files.items():
        write_new(out / name, data)
    for line in made.report():
        sys.stderr.write(f"homeamp-agent: {line}\n")
    return FOUND if made.left_out else OK
