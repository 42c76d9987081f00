"""`homeamp-agent audit verify`: whether every line of the audit log is there and as written."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from homeamp_agent.changes import AuditError, AuditVerdict, open_audit
from homeamp_agent.changes.audit import HEAD
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
    if as_json:
        facts = {**asdict(verdict), "broken_lines": list(verdict.broken_lines)}
        sys.stdout.write(json.dumps({"whole": verdict.whole, **facts}) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _told(verdict))
    return OK if verdict.whole else FOUND


def _told(verdict: AuditVerdict) -> Iterator[str]:
    broken = verdict.broken_lines
    if verdict.whole:
        yield f"whole: {verdict.entries:,} entries, head {verdict.head}"
    if broken:
        more = f" and {len(broken) - 1:,} more" if len(broken) > 1 else ""
        yield (
            f"broken at line {broken[0]:,}{more} of {verdict.entries:,}: "
            "a line was changed, removed or put in"
        )
    if verdict.cut:
        were = "line that was" if verdict.cut == 1 else "lines that were"
        gone = "is gone" if verdict.cut == 1 else "are gone"
        yield f"cut: {verdict.cut:,} {were} written after line {verdict.entries:,} {gone}"
    if verdict.head_broken:
        yield f"nobody knows whether lines are missing at its end: {HEAD} is not of this log"
