"""How a run begins: its steps, and the first entry of its journal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from homeamp_agent.changes.nodes import NodeEdit
from homeamp_agent.changes.plan import PlannedFile
from homeamp_agent.changes.run import RunFacts
from homeamp_agent.changes.safety import sha256_of
from homeamp_agent.changes.swap import FileStep, temp_name


def steps_of(files: Sequence[PlannedFile], facts: RunFacts) -> list[FileStep]:
    """A step a file, each with a temporary name of its own."""
    return [
        FileStep(
            place=planned.place,
            temp=temp_name(facts.change_id, facts.number, index),
            before=sha256_of(planned.before),
            after=sha256_of(planned.after),
        )
        for index, planned in enumerate(files)
    ]


def nodes_of(files: Sequence[PlannedFile]) -> tuple[NodeEdit, ...]:
    """What becomes of AMP's own settings, in all files together."""
    return tuple(node for each in files for node in each.nodes)


def lines_of(files: Sequence[PlannedFile]) -> dict[int, int]:
    """The lines of line edits, by the number of their file."""
    return {n: each.line.shown.line for n, each in enumerate(files) if each.line is not None}


def _told_line(planned: PlannedFile) -> dict[str, Any]:
    return {} if planned.line is None else {"line_edit": planned.line.shown.model_dump(mode="json")}


def begun_entry(
    facts: RunFacts,
    steps: Sequence[FileStep],
    files: Sequence[PlannedFile],
    nodes: Sequence[NodeEdit],
) -> dict[str, Any]:
    """What is on the medium before anything is touched: enough to finish it, or to undo it."""
    return {
        "nodes": [each.wire() for each in nodes],
        "run": facts.number,
        "kind": facts.kind,
        "author": facts.author,
        "reason": facts.reason,
        "files": [
            {**step.wire(), "diff": planned.diff, **_told_line(planned)}
            for step, planned in zip(steps, files, strict=True)
        ],
    }
