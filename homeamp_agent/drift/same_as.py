"""The setting that a SAME_AS rule compares with. Pure."""

from __future__ import annotations

from pathlib import PurePosixPath

from homeamp_agent.baselines.knowledge import Knowledge
from homeamp_agent.baselines.resolver import Resolved
from homeamp_agent.model.setting import Value
from homeamp_agent.model.snapshot import MISSING, FileSnapshot, InstanceSnapshot


def other_setting(
    snapshot: InstanceSnapshot, plugin: str | None, expected: Resolved, knowledge: Knowledge
) -> tuple[Value, str]:
    """The value of the setting that `expected` points to (or MISSING), and its place in words.

    What the condition leaves out (plugin, file, key) is as in the rule itself.
    """
    condition = expected.condition
    key = condition.key or expected.key or ""
    place = " ".join(part for part in (condition.plugin, condition.file, key) if part)
    file = _other_file(snapshot, plugin, expected, knowledge)
    if file is None or file.table is None:
        return MISSING, place
    paths = file.table.find(key)
    return (file.table.value(paths[0]) if paths else MISSING), place


def _other_file(
    snapshot: InstanceSnapshot, plugin: str | None, expected: Resolved, knowledge: Knowledge
) -> FileSnapshot | None:
    condition = expected.condition
    owner = condition.plugin or plugin
    if condition.file is None and owner == plugin:
        return snapshot.files.get(expected.file or "")
    if owner is None:
        return snapshot.files.get(condition.file or "")
    found = snapshot.instance.plugin(owner)
    folder = PurePosixPath((found.folder if found is not None else None) or ".")
    return snapshot.files.get(str(folder / (condition.file or knowledge.of(owner).main)))
