"""`homeamp-agent check`: one scan without a daemon, the open deviations on stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from homeamp_agent.commands.ends import FOUND, OK, CommandError
from homeamp_agent.commands.output import write_new
from homeamp_agent.configfiles import Limits
from homeamp_agent.drift.check import CheckReport, check
from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.rule import Severity
from homeamp_agent.model.secret import is_masked
from homeamp_agent.own_state import masking_key_of
from homeamp_agent.settings import Settings

VALUE_CHARACTERS = 40
PROBLEM_EXIT_NOTE = "could not be looked at"


def run_check(settings: Settings, *, as_json: bool, xlsx: Path | None, fail_on: str | None) -> int:
    """Scan, print, and say by the exit code whether anything is as bad as `fail_on`, or worse.

    `xlsx`: a new file for the same as a workbook.

    Raises:
        CommandError: the workbook is there already or cannot be written.
    """
    if xlsx is not None and xlsx.exists():
        # Before the scan, that nobody waits for it in vain; `write_new` makes sure.
        raise CommandError(f"{xlsx}: is there already; it is not overwritten")
    report = check(
        host=settings.host,
        instances=settings.instances,
        baselines=settings.baselines,
        masker_key=masking_key_of(settings.state),
        limits=Limits(
            max_bytes=settings.scan.max_file_bytes,
            max_depth=settings.scan.max_depth,
            max_settings=settings.scan.max_settings,
        ),
        workers=settings.scan.workers,
    )
    if xlsx is not None:
        from homeamp_agent.commands.findings import findings_workbook  # noqa: PLC0415

        write_new(xlsx, findings_workbook(report), instances=settings.instances)
    if as_json:
        sys.stdout.write(report.model_dump_json() + "\n")
    else:
        sys.stdout.write(report_text(report))
    for problem in report.problems:
        sys.stderr.write(f"homeamp-agent: {problem}\n")
    floor = Severity(fail_on) if fail_on else Severity.INFO
    return FOUND if any(each.severity.at_least(floor) for each in report.deviations) else OK


def report_text(report: CheckReport) -> str:
    """A table for a person, worst first, and a line of totals."""
    rows = [_row(each) for each in report.deviations]
    seen = report.scanned
    total = (
        f"{len(rows):,} deviations on {report.host}: {seen.instances:,} instances, "
        f"{seen.files:,} files, {seen.settings:,} settings in {seen.seconds:.1f} s"
    )
    if report.approved:
        total += f"; {report.approved:,} approved"
    return "\n".join([*_aligned(rows), total]) + "\n"


def _row(deviation: Deviation) -> tuple[str, ...]:
    place = deviation.file or deviation.plugin or ""
    if deviation.line is not None:
        place += f":{deviation.line}"
    wanted, found = _shown(deviation.expected), _shown(deviation.actual)
    differs = f"{found} instead of {wanted}" if deviation.kind == "value" else deviation.message
    return (
        deviation.severity.value,
        deviation.instance,
        place,
        deviation.key or "",
        deviation.kind.value,
        differs,
    )


def _shown(value: object) -> str:
    text = "a secret" if is_masked(value) else repr(value)
    return text if len(text) <= VALUE_CHARACTERS else text[: VALUE_CHARACTERS - 1] + "…"


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()
