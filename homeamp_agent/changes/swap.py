"""Putting a new file in the place of an old one, such that nobody's text is ever lost.

The new file is complete beside the old one (`temp`); one system call swaps the two names. What was
displaced is then read: if it is not what the plan was made against, an editor saved in the last
instant, and the names are swapped back. A file that another program holds open for writing counts
as being saved too. The displaced file stays at `temp` until the whole request is settled, so going
back needs no disk space and brings the very same file back, with its times and its attributes.

Where the file system knows no exchange (NFS, ZFS before 2.2), the old file is moved aside first,
to a third name, and the new one is placed only where nothing stands.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
from dataclasses import dataclass
from typing import Any

from homeamp_agent.changes.errors import ChangesError, FileConflictError, UnsafeFileError
from homeamp_agent.changes.metadata import Metadata, give_metadata, metadata_of
from homeamp_agent.changes.safety import (
    ABSENT,
    TEMP_PREFIX,
    FilePlace,
    hash_of,
    read_file,
    sha256_of,
)
from homeamp_agent.changes.workbench import Workbench

MAX_RACES = 16
"""So many saves in a row, each within microseconds of the last, are no editor."""

MAX_KEPT_STRAY_BYTES = 64 * 1024 * 1024
"""Text of another program that is found displaced is kept as a backup up to this size; larger,
the file itself is left where it is."""

UNREADABLE = "unreadable"
"""In place of a hash: something stands there that is no readable plain file."""


@dataclass(frozen=True, slots=True)
class FileStep:
    """One file of a run. `before` and `after` are hashes, `ABSENT` for no file."""

    place: FilePlace
    temp: str
    before: str
    after: str

    @property
    def aside(self) -> str:
        """The third name, for file systems without exchange."""
        return self.temp + ".aside"

    @property
    def rewritten(self) -> str:
        """The name under which a lost original is written again from its backup."""
        return self.temp + ".again"

    def wire(self) -> dict[str, Any]:
        """As a journal holds it."""
        return {
            "instance": self.place.instance,
            "folder": str(self.place.folder),
            "file": self.place.file,
            "temp": self.temp,
            "before": self.before,
            "after": self.after,
        }


def temp_name(change_id: str, run: int, index: int) -> str:
    """The temporary name of a file: one for each file of each run of each change."""
    return f"{TEMP_PREFIX}{sha256_of(change_id.encode())[:16]}-{run}-{index}.tmp"


def stage(
    bench: Workbench, folder: int, temp: str, content: bytes, metadata: Metadata | None
) -> None:
    """Write the new file beside the old one, complete and on the medium.

    Without `metadata`, owner and mode follow the folder.

    Raises:
        NotKeptError: owner, mode or attributes cannot be as wanted.
        OSError: it cannot be written.
    """
    fd = bench.disk.create(folder, temp)
    try:
        bench.disk.write(fd, content)
        give_metadata(bench.disk, fd, metadata or _inherited(folder, fd))
        bench.disk.sync(fd)
    finally:
        os.close(fd)


def swap_in(bench: Workbench, step: FileStep, change_id: str) -> None:
    """Make `temp` the file; the old one is at `temp` then.

    Raises:
        FileConflictError: another program saved the file; what it saved stands there.
        OSError: it could not be done; nothing was changed.
    """
    place = step.place
    with place.parent() as folder:
        if _hash(folder, place.name, place.file) != step.before:
            raise FileConflictError(place.file, "it was changed after the plan was made")
        bench.on_write(place.path, step.after, change_id)
        if step.before == ABSENT:
            _place(bench, folder, step)
        elif step.after == ABSENT:
            bench.disk.rename(folder, place.name, step.temp)
        else:
            _exchange(bench, folder, step.temp, step)
        bench.on_step("swapped")
        if step.before != ABSENT and not _settled(folder, step.temp, step.before):
            bench.on_write(place.path, step.before, change_id)
            _give_back(bench, folder, step, step.temp, step.after)
            raise FileConflictError(
                place.file, "another program was saving it at this very moment; its text was kept"
            )
        bench.disk.sync(folder)


def undo(bench: Workbench, step: FileStep, change_id: str) -> tuple[str, str]:
    """Bring the file back to what it was, if it is still ours; safe to repeat after any stop.

    Decides by what stands at the names now, never by what should. Returns the file's state
    (`undone` or `conflict`) and a sentence for it.

    Raises:
        ChangesError, OSError: it could not be done now; repeat it later.
    """
    place = step.place
    with place.parent() as folder:
        _clear_aside(bench, folder, step, change_id)
        _discard(bench, folder, step, step.rewritten, change_id)
        state = _undo(bench, folder, step, change_id)
        _discard(bench, folder, step, step.temp, change_id)
        bench.disk.sync(folder)
    return state


def clear_staged(bench: Workbench, step: FileStep) -> None:
    """Remove a new file that was never swapped in, finished or not."""
    with step.place.parent() as folder:
        _remove(bench, folder, step.temp)


def clear_displaced(bench: Workbench, step: FileStep, change_id: str) -> str:
    """Remove the old file after the run counts.

    Returns a sentence if another program wrote into it after all; that text is kept as a backup.
    """
    with step.place.parent() as folder:
        return _discard(bench, folder, step, step.temp, change_id)


def _undo(bench: Workbench, folder: int, step: FileStep, change_id: str) -> tuple[str, str]:
    place = step.place
    if _one_file(folder, place.name, step.temp):
        _remove(bench, folder, step.temp)  # placed by a link, stopped before its second half
    current, beside = (_hash(folder, name, place.file) for name in (place.name, step.temp))
    never_placed = step.before == ABSENT and beside == step.after
    if current == step.after and not never_placed:
        bench.on_write(place.path, step.before, change_id)
        return _undo_ours(bench, folder, step, beside, change_id)
    if current == step.before:
        return "undone", ""
    if current == ABSENT and beside == step.before:
        bench.on_write(place.path, step.before, change_id)
        bench.disk.place(folder, step.temp, place.name)
        return "undone", ""
    return "conflict", "another program changed it meanwhile; left as it is"


def _undo_ours(
    bench: Workbench, folder: int, step: FileStep, displaced: str, change_id: str
) -> tuple[str, str]:
    """Our content stands there: take it out again. `displaced` is what stands at `temp`."""
    place = step.place
    if displaced == UNREADABLE:
        raise UnsafeFileError(place.file, f"the original beside it, {step.temp}, is unreadable")
    if step.before == ABSENT:
        bench.disk.rename(folder, place.name, step.temp)
        if _settled(folder, step.temp, step.after):
            return "undone", ""
        _give_back(bench, folder, step, step.temp, ABSENT)
        return "conflict", "another program was saving it; left as it is"
    source = step.temp
    if displaced == ABSENT:
        source = step.rewritten
        _write_again(bench, folder, step)
    if step.after == ABSENT:
        bench.disk.place(folder, source, place.name)
    else:
        _exchange(bench, folder, source, step)
        if not _settled(folder, source, step.after):
            put = step.before if displaced == ABSENT else displaced
            _give_back(bench, folder, step, source, put)
            _discard(bench, folder, step, source, change_id)
            return "conflict", "another program was saving it; left as it is"
        _remove(bench, folder, source)
    if displaced not in {ABSENT, step.before}:
        return "conflict", "another program had saved it; its text stands there"
    return "undone", ""


def _exchange(bench: Workbench, folder: int, temp: str, step: FileStep) -> None:
    name = step.place.name
    try:
        if bench.disk.exchange(folder, temp, name):
            return
    except FileNotFoundError as error:
        raise FileConflictError(step.place.file, "it was removed meanwhile") from error
    bench.disk.rename(folder, name, step.aside)
    try:
        bench.disk.place(folder, temp, name)
    except FileExistsError as error:
        raise FileConflictError(step.place.file, "another program just saved it") from error
    except OSError:
        bench.disk.place(folder, step.aside, name)
        raise
    bench.disk.rename(folder, step.aside, temp)


def _place(bench: Workbench, folder: int, step: FileStep) -> None:
    try:
        bench.disk.place(folder, step.temp, step.place.name)
    except FileExistsError as error:
        raise FileConflictError(step.place.file, "another program just made it") from error


def _give_back(bench: Workbench, folder: int, step: FileStep, temp: str, put: str) -> None:
    """Put what was displaced (it is at `temp`) back to its name; `put` is what we put there.

    What comes out of the name must be what we put there. Anything else is a still newer save, and
    goes back in its turn, so that in the end the newest text stands at the name.
    """
    for _ in range(MAX_RACES):
        if put == ABSENT:
            with contextlib.suppress(FileExistsError):  # if one appeared, it is the newest
                bench.disk.place(folder, temp, step.place.name)
            return
        displaced = _hash(folder, temp, step.place.file)
        try:
            _exchange(bench, folder, temp, step)
        except FileConflictError:
            put = ABSENT
            continue
        if _settled(folder, temp, put):
            return
        put = displaced
    raise FileConflictError(step.place.file, "another program keeps saving it")


def _clear_aside(bench: Workbench, folder: int, step: FileStep, change_id: str) -> None:
    """Finish a swap that was stopped between its two halves (file systems without exchange)."""
    file = step.place.file
    if _hash(folder, step.aside, file) == ABSENT:
        return
    current = _hash(folder, step.place.name, file)
    if current == ABSENT:
        bench.disk.place(folder, step.aside, step.place.name)
    elif current == step.after:
        _remove(bench, folder, step.temp)
        bench.disk.rename(folder, step.aside, step.temp)
    else:
        _discard(bench, folder, step, step.aside, change_id)


def _write_again(bench: Workbench, folder: int, step: FileStep) -> None:
    """Write the lost original from its backup, with the metadata of what stands there."""
    content = bench.backups.read(step.before)
    metadata = None
    if step.after != ABSENT:
        current = read_file(folder, step.place.name, step.place.file, bench.limits.max_bytes)
        metadata = current.metadata
    stage(bench, folder, step.rewritten, content, metadata)


def _discard(bench: Workbench, folder: int, step: FileStep, name: str, change_id: str) -> str:
    """Remove a file of ours; content that is neither the old nor the new one is kept first."""
    found = _hash(folder, name, step.place.file)
    if found == ABSENT:
        return ""
    if not _settled(folder, name, found):
        return f"another program is writing into the old file; it was left at {name}"
    if found in {step.before, step.after}:
        _remove(bench, folder, name)
        return ""
    try:
        stray = read_file(folder, name, step.place.file, MAX_KEPT_STRAY_BYTES)
    except ChangesError:
        return f"text of another program was left at {name}"
    backup = bench.backups.keep(step.place, stray, change_id, note="displaced by another program")
    _remove(bench, folder, name)
    return f"text that another program wrote meanwhile is kept as backup {backup.id}"


def _settled(folder: int, name: str, sha256: str) -> bool:
    """Whether the file has that content and nobody has it open for writing.

    A read lease is granted only while there is no writer; with the file at a name that nobody else
    knows, none can come. Without the right to ask (another user's file), the content decides.
    """
    fd = None
    try:
        fd = os.open(
            name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
        )
        # Should the lease be broken, this signal is ignored by default; SIGIO would end the agent.
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return False
    finally:
        if fd is not None:
            os.close(fd)
    return _hash(folder, name, name) == sha256


def _hash(folder: int, name: str, file: str) -> str:
    try:
        return hash_of(folder, name, file)
    except UnsafeFileError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EIO:
            raise
        return UNREADABLE


def _remove(bench: Workbench, folder: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        bench.disk.remove(folder, name)


def _inherited(folder: int, fd: int) -> Metadata:
    """What a new file gets: the folder's owner, its mode without the execute bits."""
    facts = os.fstat(folder)
    mine = metadata_of(fd)
    uid, gid = (facts.st_uid, facts.st_gid) if os.geteuid() == 0 else (mine.uid, mine.gid)
    return Metadata(facts.st_mode & 0o666 | 0o600, uid, gid, mine.attributes)


def _one_file(folder: int, name: str, other: str) -> bool:
    try:
        one = os.stat(name, dir_fd=folder, follow_symlinks=False)
        return os.path.samestat(one, os.stat(other, dir_fd=folder, follow_symlinks=False))
    except FileNotFoundError:
        return False
