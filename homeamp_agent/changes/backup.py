"""Backups: the exact bytes of every file before it is changed, by their hash.

    backups/<aa>/<sha256>         the bytes; one copy, however many files had them
    backups/entries/<id>.json     one backup: whose bytes, when, for which change, owner and mode

Restoring needs nothing but this folder: `restore_copy` works without journal, agent or settings.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from homeamp_agent.changes.disk import Disk
from homeamp_agent.changes.errors import BackupDamagedError, BackupMissingError
from homeamp_agent.changes.locks import Locks
from homeamp_agent.changes.metadata import Metadata, give_metadata
from homeamp_agent.changes.safety import FileContent, FilePlace, sha256_of
from homeamp_agent.changes.state import StateFolder

FOLDER = "backups"
ENTRIES = "entries"
MAX_REPLACEMENT_BYTES = 256 * 1024
"""What a change wrote is kept for a person to compare; nobody compares more text, or jars."""

ORIGIN_HEX_DIGITS = 12
CLOCK_TICK_NS = 1_000_000_000
"""Of the coarsest clock of a file system: a folder that changed longer ago did not change since."""

_OBJECT_FOLDER = re.compile(r"[0-9a-f]{2}")
_HASH = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[0-9A-Za-z-]{1,80}")


@dataclass(frozen=True, slots=True)
class Backup:
    """One file's bytes before one change.

    `replacement` is the hash of what the change wrote, if that is kept too (for the three-way view
    of a rollback). `note` says why the backup was made, where it was not the plain course.
    """

    id: str
    at: datetime
    instance: str
    folder: str
    file: str
    sha256: str
    size: int
    change_id: str
    metadata: Metadata
    replacement: str = ""
    note: str = ""

    def wire(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "id": self.id,
            "at": self.at.isoformat(),
            "instance": self.instance,
            "folder": self.folder,
            "file": self.file,
            "sha256": self.sha256,
            "size": self.size,
            "change_id": self.change_id,
            "metadata": self.metadata.wire(),
            "replacement": self.replacement,
            "note": self.note,
        }

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Backup:
        """Back from `wire()`."""
        return cls(
            **{
                **wire,
                "at": datetime.fromisoformat(wire["at"]),
                "metadata": Metadata.from_wire(wire["metadata"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Retention:
    """How long backups are kept. The last one of a file is kept whatever these say."""

    max_age_days: int = 30
    max_per_file: int = 10
    max_total_bytes: int = 1024 * 1024 * 1024
    """Config files of a host come to about 20 MB: fifty full copies."""


@dataclass(frozen=True, slots=True)
class BackupProblem:
    """A backup that could not be restored now, or a file that is none."""

    name: str
    reason: str


class Backups:
    """The backups of one state folder."""

    def __init__(self, folder: StateFolder, locks: Locks) -> None:
        self._folder = folder
        self._entries = folder.below(ENTRIES)
        self._locks = locks
        self._index: tuple[int, Mapping[str, Sequence[str]]] = (-1, {})

    def keep(
        self,
        place: FilePlace,
        current: FileContent,
        change_id: str,
        *,
        replacement: bytes | None = None,
        note: str = "",
    ) -> Backup:
        """Keep the bytes of a file; they are on the medium when this returns.

        Raises:
            OSError: they could not be kept.
        """
        now = datetime.now(UTC)
        keep_replacement = replacement is not None and len(replacement) <= MAX_REPLACEMENT_BYTES
        origin = _origin(place.instance, place.file, change_id, current.sha256)
        backup = Backup(
            id=f"{now:%Y%m%dT%H%M%S%f}Z-{origin}",
            at=now,
            instance=place.instance,
            folder=str(place.folder),
            file=place.file,
            sha256=current.sha256,
            size=len(current.content),
            change_id=change_id,
            metadata=current.metadata,
            replacement=sha256_of(replacement) if keep_replacement else "",
            note=note,
        )
        with self._locks.backups(exclusive=False):
            self._keep_bytes(current.sha256, current.content)
            if keep_replacement and replacement is not None:
                self._keep_bytes(backup.replacement, replacement)
            self._entries.write(f"{backup.id}.json", json.dumps(backup.wire(), indent=1).encode())
        return backup

    def list(self, instance: str | None = None, file: str | None = None) -> Sequence[Backup]:
        """All backups, newest first; unreadable entries are left to `verify` to name."""
        found = [entry for entry in map(self._entry, self._ids()) if isinstance(entry, Backup)]
        chosen = (
            each
            for each in found
            if (instance is None or each.instance == instance)
            and (file is None or each.file == file)
        )
        return sorted(chosen, key=lambda each: (each.at, each.id), reverse=True)

    def of_change(self, instance: str, file: str, change_id: str, sha256: str) -> Backup | None:
        """The backup of a file's bytes that a change made; found without reading the others."""
        wanted = _origin(instance, file, change_id, sha256)
        for backup_id in self._by_origin().get(wanted, ()):
            entry = self._entry(backup_id)
            if isinstance(entry, Backup) and entry.change_id == change_id:
                return entry
        return None

    def show(self, backup_id: str) -> Backup:
        """One backup.

        Raises:
            BackupMissingError: there is none of that id, or its entry is unreadable.
        """
        entry = self._entry(backup_id) if _ID.fullmatch(backup_id) else None
        if isinstance(entry, Backup):
            return entry
        raise BackupMissingError(f"there is no backup {backup_id}")

    def read(self, sha256: str) -> bytes:
        """The bytes with that hash.

        Raises:
            BackupMissingError: they are not kept.
            BackupDamagedError: what is kept is not them.
        """
        if not _HASH.fullmatch(sha256):
            raise BackupMissingError("a backup's bytes are named by their sha256")
        try:
            content = self._folder.below(sha256[:2]).read(sha256)
        except OSError as error:
            raise BackupMissingError(f"the backup {sha256[:12]}… is gone") from error
        if sha256_of(content) != sha256:
            raise BackupDamagedError(f"the backup {sha256[:12]}… is damaged")
        return content

    def verify(self) -> tuple[int, Sequence[BackupProblem]]:
        """Read everything: how many backups are whole, and every problem."""
        problems: list[BackupProblem] = []
        whole = 0
        for name in self._ids():
            entry = self._entry(name)
            if not isinstance(entry, Backup):
                problems.append(BackupProblem(name, entry))
                continue
            try:
                self.read(entry.sha256)
                whole += 1
            except (BackupMissingError, BackupDamagedError) as error:
                problems.append(BackupProblem(name, str(error)))
        return whole, problems

    def restore_copy(self, backup_id: str, target: Path) -> Backup:
        """Write a backup to a new file, for the day on which nothing else works.

        Owner and mode are those of the backup where that is permitted. An existing file is never
        overwritten.

        Raises:
            BackupError: the backup is gone or damaged.
            FileExistsError: something stands at `target`.
            NotKeptError: owner or mode cannot be set; the bytes are written, mode 0600.
        """
        backup = self.show(backup_id)
        content = self.read(backup.sha256)
        disk = Disk()
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fd = disk.create(folder, target.name)
            try:
                disk.write(fd, content)
                disk.sync(fd)
                give_metadata(disk, fd, backup.metadata)
            finally:
                os.close(fd)
            disk.sync(folder)
        finally:
            os.close(folder)
        return backup

    def prune(
        self,
        retention: Retention,
        open_changes: Collection[str],
        now: datetime | None = None,
    ) -> Sequence[Backup]:
        """Remove what `retention` no longer asks for, and return it.

        Never the newest backup of a file, never one of a change in `open_changes`.
        """
        with self._locks.backups(exclusive=True):
            backups = self.list()
            now = now or datetime.now(UTC)
            surplus = _surplus(backups, retention, open_changes, now, self._sizes())
            for backup in surplus:
                self._entries.remove(f"{backup.id}.json")
            self._remove_unused_bytes()
        return surplus

    def _keep_bytes(self, sha256: str, content: bytes) -> None:
        try:
            self.read(sha256)
        except (BackupMissingError, BackupDamagedError):
            self._folder.below(sha256[:2]).write(sha256, content)

    def _by_origin(self) -> Mapping[str, Sequence[str]]:
        """The ids by what they are backups of; listed anew when the folder has changed."""
        try:
            changed_ns = self._entries.path.stat().st_mtime_ns
        except OSError:
            return {}
        if self._index[0] == changed_ns and time.time_ns() - changed_ns > CLOCK_TICK_NS:
            return self._index[1]
        found: dict[str, list[str]] = {}
        for backup_id in self._ids():
            found.setdefault(backup_id.rpartition("-")[2], []).append(backup_id)
        self._index = (changed_ns, found)
        return found

    def _ids(self) -> Sequence[str]:
        names = self._entries.names()
        return [name.removesuffix(".json") for name in names if name.endswith(".json")]

    def _entry(self, backup_id: str) -> Backup | str:
        """The backup, or why it cannot be read."""
        try:
            return Backup.from_wire(json.loads(self._entries.read(f"{backup_id}.json")))
        except OSError as error:
            return f"the entry cannot be read: {error.strerror}"
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return "the entry is damaged"

    def _sizes(self) -> Mapping[str, int]:
        """How many bytes are kept under each hash."""
        sizes: dict[str, int] = {}
        for name in filter(_OBJECT_FOLDER.fullmatch, self._folder.names()):
            with contextlib.suppress(OSError), os.scandir(self._folder.path / name) as entries:
                sizes |= {each.name: each.stat(follow_symlinks=False).st_size for each in entries}
        return sizes

    def _remove_unused_bytes(self) -> None:
        """Remove bytes without an entry; none at all while an entry is unreadable."""
        entries = [self._entry(each) for each in self._ids()]
        used = {
            sha256
            for each in entries
            if isinstance(each, Backup)
            for sha256 in (each.sha256, each.replacement)
        }
        if any(isinstance(each, str) for each in entries):
            return
        for name in filter(_OBJECT_FOLDER.fullmatch, self._folder.names()):
            folder = self._folder.below(name)
            for sha256 in filter(_HASH.fullmatch, folder.names()):
                if sha256 not in used:
                    folder.remove(sha256)


def _origin(instance: str, file: str, change_id: str, sha256: str) -> str:
    """The end of a backup's id: whose bytes, for which change."""
    origin = f"{instance}\0{file}\0{change_id}\0{sha256}"
    return hashlib.sha256(origin.encode()).hexdigest()[:ORIGIN_HEX_DIGITS]


def open_backups(state: Path) -> Backups:
    """The backups of a state folder, with nothing else of it: for the day the agent is dead.

    `state` may also be the folder of backups itself, saved from elsewhere. Looking and
    `restore_copy` write nothing into it.

    Raises:
        BackupMissingError: the folder holds none.
    """
    folder = StateFolder(state, Disk())
    for backups in (folder.below(FOLDER), folder):
        if backups.below(ENTRIES).path.is_dir():
            return Backups(backups, Locks(folder.below("locks")))
    raise BackupMissingError(f"{state}: holds no backups")


def _surplus(
    newest_first: Sequence[Backup],
    retention: Retention,
    open_changes: Collection[str],
    now: datetime,
    sizes: Mapping[str, int],
) -> Sequence[Backup]:
    oldest_allowed = now - timedelta(days=retention.max_age_days)
    per_file: dict[tuple[str, str], int] = {}
    surplus: list[Backup] = []
    spare: list[Backup] = []
    for backup in newest_first:
        count = per_file[backup.instance, backup.file] = (
            per_file.get((backup.instance, backup.file), 0) + 1
        )
        if count == 1 or backup.change_id in open_changes:
            continue
        if count > retention.max_per_file or backup.at < oldest_allowed:
            surplus.append(backup)
        else:
            spare.append(backup)
    gone = {each.id for each in surplus}
    users: dict[str, int] = {}
    for backup in newest_first:
        for sha256 in _objects(backup) if backup.id not in gone else ():
            users[sha256] = users.get(sha256, 0) + 1
    total = sum(sizes.get(sha256, 0) for sha256 in users)
    for backup in reversed(spare):
        if total <= retention.max_total_bytes:
            break
        surplus.append(backup)
        for sha256 in _objects(backup):
            users[sha256] -= 1
            if users[sha256] == 0:
                total -= sizes.get(sha256, 0)
    return surplus


def _objects(backup: Backup) -> Sequence[str]:
    """What is kept for it: the bytes before, and those after where they are kept, too."""
    return [sha256 for sha256 in (backup.sha256, backup.replacement) if sha256]
