"""Loads a baseline directory file by file, and reloads it without losing what was good."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from homeamp_agent.baselines import matrix
from homeamp_agent.baselines.consistency import disagreeing
from homeamp_agent.baselines.content import Baselines, SourceReport
from homeamp_agent.baselines.declarations import AliasesEntry, RulesFile
from homeamp_agent.baselines.directory import (
    KNOWLEDGE_FOLDER,
    DirectoryUnreadable,
    Reader,
    baseline_files,
    problem_of,
    read_bytes,
)
from homeamp_agent.baselines.knowledge import load_knowledge
from homeamp_agent.baselines.matrix import MatrixRow
from homeamp_agent.baselines.names import cross_checked
from homeamp_agent.baselines.source import SourceReading
from homeamp_agent.model.rule import BaselineProblem, ProblemSeverity, Rule

_Readings = dict[str, tuple[str, SourceReading]]


def load_baselines(directory: Path) -> Baselines:
    """Read the whole directory. Bad content is a problem, never an exception."""
    return reload(Baselines(str(directory)), directory)


def reload(previous: Baselines, directory: Path) -> Baselines:
    """Read what changed since `previous`; a file that now fails keeps its last good version.

    A file fails that was readable before and now is not, or is empty; so does the directory.
    """
    readings: _Readings = {}
    problems: list[BaselineProblem] = []
    stale: set[str] = set()
    try:
        for file, path, reader in baseline_files(directory, problems):
            before = previous.readings.get(file)
            found = _read(file, path, reader, before, problems)
            if found is not None:
                readings[file] = found
            elif before is not None:
                readings[file] = before
                stale.add(file)
    except DirectoryUnreadable as error:
        problems.append(problem_of(str(directory), f"cannot be read: {error}"))
        readings = dict(previous.readings)
        stale = set(readings)
    return _combined(directory, readings, problems, stale)


def _read(
    file: str,
    path: Path,
    reader: Reader,
    before: tuple[str, SourceReading] | None,
    problems: list[BaselineProblem],
) -> tuple[str, SourceReading] | None:
    """The file's hash and reading; None where it failed (noted) and has no reading of its own."""
    data = read_bytes(file, path, problems)
    if data is None:
        return None
    digest = hashlib.sha256(data).hexdigest()
    if before is not None and before[0] == digest:
        return before
    if before is not None and not data.strip() and before[1].counts_for_something:
        problems.append(problem_of(file, "is empty; its last good version counts"))
        return None
    try:
        reading = reader(file, data)
    except Exception as error:
        problems.append(problem_of(file, f"cannot be read: {type(error).__name__}"))
        return None
    if before is not None and reading.failed:
        problems.extend(reading.problems)
        return None
    return digest, reading


def _combined(
    directory: Path, readings: _Readings, problems: list[BaselineProblem], stale: set[str]
) -> Baselines:
    every = [reading for _, reading in readings.values()]
    declared = _declarations(every, problems)
    rules: list[Rule] = []
    for reading in every:
        rules.extend(reading.rules)
        problems.extend(reading.problems)
    matrices = [reading for reading in every if "matrix" in reading.declarations]
    if matrices and declared.matrix.authoritative:
        rules.extend(matrix.presence_rules(matrices[0]))
    problems.extend(_second_matrices(matrices))
    knowledge = load_knowledge(directory / KNOWLEDGE_FOLDER)
    problems.extend(
        problem_of(each.file, each.message, line=each.line) for each in knowledge.problems
    )
    loaded = Baselines(
        directory=str(directory),
        rules=tuple(rule.model_copy(update={"order": at}) for at, rule in enumerate(rules)),
        sources=tuple(
            _report(digest, reading, file in stale)
            for file, (digest, reading) in sorted(readings.items())
        ),
        declared=declared,
        matrix=matrices[0].declarations["matrix"] if matrices else (),
        approvals=_first(every, "approvals"),
        reviewed=_first(every, "reviewed"),
        knowledge=knowledge,
        readings=readings,
    )
    return replace(loaded, problems=(*problems, *cross_checked(loaded), *disagreeing(loaded)))


def _report(digest: str, reading: SourceReading, stale: bool) -> SourceReport:
    return SourceReport(
        file=reading.file,
        form=reading.form,
        rules=reading.counts.get("rows", len(reading.rules)),
        problems=len(reading.problems),
        sha256=digest,
        stale=stale,
        counts=dict(reading.counts),
    )


def _second_matrices(matrices: Sequence[SourceReading]) -> list[BaselineProblem]:
    """The matrix may lie there as .csv and as .xlsx; of two that differ the first counts."""
    return [
        problem_of(
            each.file, f"says other things than {matrices[0].file}, which counts",
            ProblemSeverity.WARNING,
        )
        for each in matrices[1:]
        if _without_lines(each) != _without_lines(matrices[0])
    ]  # fmt: skip


def _without_lines(reading: SourceReading) -> list[MatrixRow]:
    rows: tuple[MatrixRow, ...] = reading.declarations["matrix"]
    return [row.model_copy(update={"line": 0}) for row in rows]


def _first(readings: Iterable[SourceReading], declaration: str) -> tuple[Any, ...]:
    for reading in readings:
        if declaration in reading.declarations:
            return tuple(reading.declarations[declaration])
    return ()


def _declarations(readings: Sequence[SourceReading], problems: list[BaselineProblem]) -> RulesFile:
    """The declarations of all rules files together; of two that disagree the first counts."""
    together: dict[str, Any] = {}
    for reading in readings:
        declared = reading.declarations.get("rules")
        if declared is None:
            continue
        for name in declared.model_fields_set - {"version", "rules"}:
            value = getattr(declared, name)
            before = together.setdefault(name, value)
            if isinstance(value, AliasesEntry):
                together[name] = value.beneath(before)
                twice = []
            elif isinstance(value, dict):
                twice = [each for each in value if each in before and before[each] != value[each]]
                together[name] = {**value, **before}
            else:
                twice = [] if value == before else [""]
            problems.extend(
                problem_of(
                    reading.file,
                    f"{name}{' ' * bool(each)}{each} is declared otherwise in another rules file, "
                    "which counts",
                )
                for each in twice
            )
    return RulesFile().model_copy(update=together)
