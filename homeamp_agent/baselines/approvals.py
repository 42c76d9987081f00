"""`approved.yaml`: what reviews decided, so that they survive a lost database and show up in git.

version: 1
approvals: [...]     # accepted deviations
rules: [...]         # ignored keys and promoted values, as in rules.yaml, with id, by and at
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from homeamp_agent.baselines.decisions import Approval, ReviewedRule
from homeamp_agent.baselines.rules_file import add_rule, entries_of, read_entry, read_mapping
from homeamp_agent.baselines.source import SourceReading
from homeamp_agent.model.rule import ProblemSeverity, Rule, RuleSource
from homeamp_agent.model.setting import dotted

FILE = "approved.yaml"
VERSION = 1
_HEADER = "# Written by homeamp: what reviews decided. Review it like any other baseline.\n"
_KNOWN = ("version", "approvals", "rules")

__all__ = ["FILE", "Approval", "merged", "read_approved", "rewrite_approved", "write_approved"]

Decision = TypeVar("Decision", Approval, ReviewedRule)


class ApprovedFileError(OSError):
    """The file cannot be read as a whole or not be written; it is left as it is."""


def read_approved(file: str, data: bytes) -> SourceReading:
    """Read the file; a bad entry is left out alone.

    `declarations["approvals"]` are its approvals, `declarations["reviewed"]` what its rules were
    made of.
    """
    reading = SourceReading(file, "approved")
    approvals: list[Approval] = []
    reviewed: list[ReviewedRule] = []
    reading.declarations.update(approvals=approvals, reviewed=reviewed)
    document = read_mapping(reading, data)
    if document is None:
        return reading
    for key in document.value:
        if key not in _KNOWN:
            reading.problem(
                f"{key}: nothing of that name is known here",
                severity=ProblemSeverity.ERROR,
                line=document.line(str(key)),
            )
    for index, entry in enumerate(entries_of(reading, document, "approvals")):
        approval = read_entry(reading, Approval, entry, ("approvals", index), document)
        if approval is not None:
            approvals.append(approval)
    for index, entry in enumerate(entries_of(reading, document, "rules")):
        rule = read_entry(reading, ReviewedRule, entry, ("rules", index), document)
        if rule is not None:
            reviewed.append(rule)
            by = {"approval": rule.id, "owner": rule.owner or rule.by or None}
            add_rule(reading, rule, document.line("rules", index), by)
    reading.counts["rows"] = len(approvals) + len(reviewed)
    return reading


def merged(
    decisions: Sequence[Decision], add: Iterable[Decision] = (), drop: Iterable[str] = ()
) -> tuple[Decision, ...]:
    """The decisions, sorted, with `add` (replacing those of the same id) and without `drop`."""
    by_id = {each.id: each for each in decisions}
    for identity in drop:
        by_id.pop(identity, None)
    by_id.update({each.id: each for each in add})
    return tuple(sorted(by_id.values(), key=_order))


def _order(decision: Approval | ReviewedRule) -> tuple[str, ...]:
    key = decision.key if decision.path is None else dotted(decision.path)
    return (
        (decision.plugin or "").casefold(),
        decision.file or "",
        key or "",
        str(decision.scope),
        decision.id,
    )


def approved_text(approvals: Sequence[Approval], reviewed: Sequence[ReviewedRule] = ()) -> str:
    """The file's text: sorted and one field a line, so that git shows what a review changed."""
    document: dict[str, Any] = {
        "version": VERSION,
        "approvals": [
            {
                name: value
                for name, value in each.model_dump(mode="json").items()
                if value is not None and not (value == "" and name in {"reason", "by"})
            }
            for each in merged(approvals)
        ],
    }
    if reviewed:
        document["rules"] = [
            each.model_dump(mode="json", exclude_unset=True) for each in merged(reviewed)
        ]
    return _HEADER + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


def rules_of(reviewed: Sequence[ReviewedRule]) -> list[Rule]:
    """The rules as they will be read from the file, before they stand there."""
    reading = read_approved(FILE, approved_text((), reviewed).encode())
    source = RuleSource(file=FILE)
    return [rule.model_copy(update={"source": source}) for rule in reading.rules]


def rewrite_approved(
    directory: Path, add: Iterable[Approval | ReviewedRule] = (), drop: Iterable[str] = ()
) -> Path:
    """Add and drop decisions in the file as it stands now: a person may have edited it.

    Raises:
        ApprovedFileError: something in it cannot be read, so that writing it anew would lose it,
            or it cannot be written.
    """
    drop = tuple(drop)
    approvals, reviewed = _standing(directory)
    decisions = tuple(add)
    return write_approved(
        directory,
        merged(approvals, (each for each in decisions if isinstance(each, Approval)), drop),
        merged(reviewed, (each for each in decisions if isinstance(each, ReviewedRule)), drop),
    )


def _standing(directory: Path) -> tuple[list[Approval], list[ReviewedRule]]:
    try:
        data = (directory / FILE).read_bytes()
    except FileNotFoundError:
        data = b""
    except OSError as error:
        raise ApprovedFileError(f"{FILE}: cannot be read: {error.strerror}") from error
    reading = read_approved(FILE, data)
    errors = [each for each in reading.problems if each.severity is ProblemSeverity.ERROR]
    if errors:
        raise ApprovedFileError(
            f"{errors[0]}; repair it first: writing it anew would lose what is in it"
        )
    return reading.declarations["approvals"], reading.declarations["reviewed"]


def write_approved(
    directory: Path,
    approvals: Sequence[Approval],
    reviewed: Sequence[ReviewedRule] | None = None,
) -> Path:
    """Write the file whole or not at all; a reader never sees half of it.

    `reviewed` None leaves the rules in it as they are.

    Raises:
        ApprovedFileError: it cannot be written, or the rules in it not be kept.
    """
    if reviewed is None:
        reviewed = _standing(directory)[1]
    target = directory / FILE
    try:
        _replace(target, approved_text(approvals, reviewed))
    except OSError as error:
        raise ApprovedFileError(f"{FILE}: cannot be written: {error.strerror}") from error
    return target


def _replace(target: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".approved-", suffix=".tmp", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o644)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
