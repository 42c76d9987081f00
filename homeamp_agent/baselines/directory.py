"""The files of a baseline directory: which there are, who reads each, and their bytes."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from homeamp_agent.baselines import approvals, expectations_file, markdown, matrix, workbook
from homeamp_agent.baselines.rules_file import read_rules
from homeamp_agent.baselines.source import SourceReading
from homeamp_agent.model.rule import BaselineProblem, ProblemSeverity, RuleSource

FILE_BYTES_MAX = 64 * 1024 * 1024
"""The largest real baseline has 0.4 MB; a file beyond this is no baseline."""

KNOWLEDGE_FOLDER = "knowledge"

Reader = Callable[[str, bytes], SourceReading]


class DirectoryUnreadable(OSError):
    """There is no such directory, or it cannot be listed."""


def baseline_files(
    directory: Path, problems: list[BaselineProblem]
) -> Iterator[tuple[str, Path, Reader]]:
    """Each baseline file's name below the directory, its path and its reader; others are noted.

    Raises:
        DirectoryUnreadable: the directory itself cannot be read.
    """
    try:
        os.scandir(directory).close()
    except OSError as error:
        raise DirectoryUnreadable(error.strerror or str(error)) from error
    for file, path in sorted(_files(directory, problems)):
        reader = _reader_for(file)
        if reader is not None:
            yield file, path, reader
        elif not file.startswith(KNOWLEDGE_FOLDER + "/"):
            problems.append(problem_of(file, "is no baseline file; not read", ProblemSeverity.INFO))


def _files(directory: Path, problems: list[BaselineProblem]) -> Iterator[tuple[str, Path]]:
    def note(error: OSError) -> None:
        name = _name(Path(error.filename or directory), directory)
        problems.append(problem_of(name, f"cannot be listed: {error.strerror or error}"))

    for folder, folders, names in os.walk(directory, onerror=note):
        folders[:] = [each for each in folders if not each.startswith(".")]
        for name in names:
            # `~$` is what an open spreadsheet leaves beside the workbook.
            if not name.startswith((".", "~$")):
                path = Path(folder, name)
                yield _name(path, directory), path


def _name(path: Path, directory: Path) -> str:
    relative = path.relative_to(directory) if path.is_relative_to(directory) else path
    return os.fsencode(relative.as_posix()).decode("utf-8", "replace")


def _reader_for(file: str) -> Reader | None:
    name = file.rsplit("/", 1)[-1]
    if name.endswith(markdown.SUFFIX):
        return markdown.read_markdown
    if name in {expectations_file.UNIVERSAL, expectations_file.VARIABLE}:
        return expectations_file.read_expectations
    if name == workbook.FILE:
        return workbook.read_workbook
    if name in {f"{matrix.STEM}.csv", f"{matrix.STEM}.xlsx"}:
        return matrix.read_matrix
    if file == approvals.FILE:
        return approvals.read_approved
    in_rules_folder = file.startswith("rules/") and name.endswith((".yaml", ".yml"))
    if file in {"rules.yaml", "rules.yml"} or in_rules_folder:
        return read_rules
    return None


def read_bytes(file: str, path: Path, problems: list[BaselineProblem]) -> bytes | None:
    """The file's bytes; None where it cannot be read or is none (noted)."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            problems.append(problem_of(file, "is no regular file; not read"))
            return None
        if status.st_size > FILE_BYTES_MAX:
            problems.append(problem_of(file, f"{status.st_size:,} bytes are no baseline; not read"))
            return None
        return path.read_bytes()
    except OSError as error:
        problems.append(problem_of(file, f"cannot be read: {error.strerror or error}"))
        return None


def problem_of(
    file: str,
    message: str,
    severity: ProblemSeverity = ProblemSeverity.ERROR,
    line: int | None = None,
) -> BaselineProblem:
    """A problem of a whole file, or of one line of it."""
    source = RuleSource(file=file, line=line)
    return BaselineProblem(source=source, severity=severity, message=message)
