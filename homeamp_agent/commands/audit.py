"""`homeamp-agent audit verify`: whether every line of the audit log is there and as written."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from homeamp_agent.changes import AuditError, open_audit
from homeamp_agent.commands.ends import FOUND, OK, CommandError


def verify_audit(state: Path, *, as_json: bool) -> int:
    """Follow the chain; exit 1 names the first line that is not as written.

    Raises:
        CommandError: there is no log, or it cannot be read.
    """
    try:
        verdict = open_audit(state).verify()
    except AuditError as error:
        raise CommandError(f"{error}; give --state") from error
    except OSError as error:
        raise CommandError(f"{state}: the audit log cannot be read: {error.strerror}") from error
    broken = verdict.broken_lines
    if as_json:
        facts = {"entries": verdict.entries, "head": verdict.head, "broken_lines": list(broken)}
        sys.stdout.write(json.dumps({"whole": verdict.whole, **facts}) + "\n")
    elif verdict.whole:
        sys.stdout.write(f"whole: {verdict.entries:,} entries, head {verdict.head}\n")
    else:
        more = f" and {len(broken) - 1:,} more" if len(broken) > 1 else ""
        sys.stdout.write(
            f"broken at line {broken[0]:,}{more} of {verdict.entries:,}: "
            "a line was changed, removed or put in\n"
        )
    return OK if verdict.whole else FOUND
