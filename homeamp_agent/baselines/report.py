"""`homeamp-agent baselines check`: rules by source, and every problem with its place."""

from __future__ import annotations

from typing import Any

from homeamp_agent.baselines.content import Baselines
from homeamp_agent.model.rule import ProblemSeverity


def check_report(baselines: Baselines) -> dict[str, Any]:
    """The report as JSON (DESIGN.md, 'Command line and library doors')."""
    return {
        "sources": [
            {
                "file": source.file,
                "form": source.form,
                "rules": source.rules,
                "problems": source.problems,
                **{
                    name: count
                    for name, count in source.counts.items()
                    if name in {"lines", "absent"}
                },
            }
            for source in baselines.sources
        ],
        "rules": len(baselines.rules),
        "problems": [
            {
                "source": str(problem.source),
                "severity": problem.severity.value,
                "message": problem.message,
            }
            for problem in baselines.problems
        ],
    }


def check_text(baselines: Baselines) -> str:
    """The report for a person: a table of sources, then a line a problem."""
    widest = max((len(source.file) for source in baselines.sources), default=0)
    lines = [
        f"{source.file:<{widest}}  {source.form:<12} {source.rules:>7,} rules"
        + (f"  {source.counts['absent']} absent" if source.counts.get("absent") else "")
        + (f"  {source.problems} problems" if source.problems else "")
        for source in baselines.sources
    ]
    lines.append(f"{len(baselines.rules):,} rules from {len(baselines.sources)} files")
    lines.extend(str(problem) for problem in baselines.problems)
    return "\n".join(lines)


def has_errors(baselines: Baselines) -> bool:
    """Whether anything in the directory is an error."""
    return any(each.severity is ProblemSeverity.ERROR for each in baselines.problems)
