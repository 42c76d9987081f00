"""Our own folder: private files in private folders, written through the write door.

state/journal/<change id>.jsonl     one append-only journal a change
state/backups/<aa>/<sha256>         exact bytes, by their hash
state/backups/entries/<id>.json     what they were a backup of
state/audit/audit.jsonl             who did what
state/requests/<id>.json            what was handed in, until nothing more comes of it
state/deployments/<id>.json         the same of a deployment
state/locks/...                     lock files, never removed
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from homeamp_agent.changes.disk import Disk

PRIVATE_FOLDER_MODE = 0o700


@dataclass(frozen=True, slots=True)
class StateFolder:
    """A private folder of ours."""

    path: Path
    disk: Disk

    def below(self, name: str) -> StateFolder:
        """A folder in this one."""
        return StateFolder(self.path / name, self.disk)

    @contextlib.contextmanager
    def opened(self) -> Iterator[int]:
        """The folder, made if it is missing."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            fd = os.open(self.path, flags)
        except FileNotFoundError:
            self._make()
            fd = os.open(self.path, flags)
        try:
            yield fd
        finally:
            os.close(fd)

    def names(self) -> list[str]:
        """The names in the folder, sorted; none if it was never made."""
        try:
            return sorted(each.name for each in self.path.iterdir())
        except FileNotFoundError:
            return []

    def read(self, name: str) -> bytes:
        """The bytes of a file in the folder."""
        return (self.path / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """A whole file, there in full or not at all, on the medium when this returns."""
        with self.opened() as folder:
            temp = f".{name[:200]}.new"
            with contextlib.suppress(FileNotFoundError):
                self.disk.remove(folder, temp)
            fd = self.disk.create(folder, temp)
            try:
                self.disk.write(fd, content)
                self.disk.sync(fd)
            except OSError:
                with contextlib.suppress(OSError):
                    self.disk.remove(folder, temp)  # half a file would take room of a full disk
                raise
            finally:
                os.close(fd)
            self.disk.rename(folder, temp, name)
            self.disk.sync(folder)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self.opened() as folder, contextlib.suppress(FileNotFoundError):
            self.disk.remove(folder, name)

    def _make(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER_MODE)
        parent = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(FileExistsError):
                self.disk.make_folder(parent, self.path.name)
            self.disk.sync(parent)
        finally:
            os.close(parent)
