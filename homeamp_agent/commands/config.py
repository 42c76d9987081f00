"""`homeamp-agent config`: the settings in force with their origins, and a file to begin with."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from homeamp_agent.commands.ends import OK
from homeamp_agent.commands.output import write_new
from homeamp_agent.settings import Effective
from homeamp_agent.settings.template import template


def show_config(effective: Effective, *, as_json: bool) -> int:
    """One line a setting: its name, its value, where that came from."""
    rows = [(key, _plain(value), origin) for key, value, origin in effective.rows()]
    if as_json:
        facts = {key: {"value": value, "origin": origin} for key, value, origin in rows}
        sys.stdout.write(json.dumps(facts) + "\n")
        return OK
    shown = [(key, "" if value is None else str(value), origin) for key, value, origin in rows]
    widths = [max(len(row[column]) for row in shown) for column in (0, 1)]
    for key, value, origin in shown:
        sys.stdout.write(f"{key:<{widths[0]}}  {value:<{widths[1]}}  {origin}\n")
    return OK


def init_config(file: Path | None) -> int:
    """Write a commented agent.yaml with every default, a new file (None: to stdout).

    Raises:
        CommandError: it is there already, or cannot be written.
    """
    if file is None:
        sys.stdout.write(template())
        return OK
    write_new(file, template().encode())
    return OK


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
