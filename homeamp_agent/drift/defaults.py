"""What plugins ship with: config files inside their jars, read when a deviation asks for one."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from homeamp_agent.configfiles import DEFAULT_LIMITS
from homeamp_agent.drift.content import Job, read_content
from homeamp_agent.model.secret import Masker
from homeamp_agent.model.setting import KeyPath, Value
from homeamp_agent.model.snapshot import MISSING, InstanceSnapshot, SettingTable

ENTRY_BYTES_MAX = 2 * 1024 * 1024
"""A config file inside a jar; the largest real one has 0.3 MB."""

_Jar = tuple[str, int, int]


@dataclass(slots=True)
class JarDefaults:
    """Looks defaults up; a jar's entry is read once while the jar stays the same."""

    snapshots: Mapping[str, InstanceSnapshot]
    masker: Masker
    _tables: dict[tuple[_Jar, str], SettingTable | None] = field(default_factory=dict)

    def __call__(self, instance: str, plugin: str, file: str, path: KeyPath) -> Value:
        """What the plugin's jar has at `path` of the file of that name, or MISSING."""
        snapshot = self.snapshots.get(instance)
        found = snapshot.instance.plugin(plugin) if snapshot is not None else None
        if snapshot is None or found is None or found.jar is None or found.folder is None:
            return MISSING
        inside = PurePosixPath(file)
        if not inside.is_relative_to(found.folder):
            return MISSING
        entry = str(inside.relative_to(found.folder))
        table = self._table(os.path.join(snapshot.instance.game_folder, found.jar), entry, plugin)  # noqa: PTH118 - strings, as `Instance` holds them
        return MISSING if table is None else table.value(path)

    def _table(self, jar: str, entry: str, plugin: str) -> SettingTable | None:
        try:
            status = os.stat(jar)  # noqa: PTH116 - strings, as `Instance` holds them
        except OSError:
            return None
        key = ((jar, status.st_size, status.st_mtime_ns), entry)
        if key not in self._tables:
            self._tables[key] = self._read(jar, entry, plugin)
        return self._tables[key]

    def _read(self, jar: str, entry: str, plugin: str) -> SettingTable | None:
        try:
            with zipfile.ZipFile(jar) as archive:
                info = archive.getinfo(entry)
                if info.file_size > ENTRY_BYTES_MAX:
                    return None
                with archive.open(info) as stream:
                    body = stream.read(ENTRY_BYTES_MAX + 1)
        except (OSError, KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
            return None  # no jar, no such entry, damaged or encrypted: then there is no default
        name = PurePosixPath(entry).name
        return read_content(Job("", name, plugin, body), self.masker, DEFAULT_LIMITS).table
