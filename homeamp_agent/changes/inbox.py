"""The inbox: a folder where a change request is dropped as a JSON or YAML file.

    inbox/NAME                 dropped by anybody whom the folder's owner, group and mode let
    inbox/taken/NAME           handed in; NAME.txt beside it names the request
    inbox/refused/NAME         not handed in; NAME.txt beside it says why, in one line

Both are kept for a time (`InboxRetention`), and what goes is told.

A file is looked at once it rests: two looks find the same file. One that cannot be understood gets
longer, for it may be half written. Everything here is somebody else's, and may be hostile: nothing
is followed, nothing but a plain file is opened, no more is read than a request may have.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from homeamp_agent.changes.disk import Disk
from homeamp_agent.changes.errors import FileConflictError, InboxError, UnsafeFileError
from homeamp_agent.changes.reading import MAX_REQUEST_BYTES
from homeamp_agent.changes.safety import read_file

TAKEN, REFUSED = "taken", "refused"
SUFFIXES = (".json", ".yaml", ".yml")
YAML_REST_S = 2.0
"""Half a YAML file may be a whole request of fewer edits; half a JSON file is none."""

REST_S = 10.0
"""What cannot be understood is refused only after it rested this long: a slow copy pauses."""

OTHER_REST_S = 60.0
"""What has no name of a request may be a download that is renamed at its end."""

MAX_FILES_OF_A_LOOK = 100
PRIVATE_FOLDER_MODE = 0o700
MAX_NAME_BYTES = 200
"""A name of 255 bytes leaves no room for `.txt`, nor for a number."""

MAX_SAME_NAMES = 10_000

DAY_S = 24 * 60 * 60
LINE_SUFFIX = ".txt"

_Identity = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class InboxRetention:
    """What stays of `taken/` and of `refused/`, each: what is both young and among the newest."""

    max_age_days: int = 30
    max_files: int = 1000
    """Of a size that a request may have, 1 GB at the very most."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed of `taken` or `refused`: names, oldest first. `left` are folders there,
    which are nobody's to remove but a person's."""

    folder: str
    names: tuple[str, ...] = ()
    left: int = 0


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file that rests in the inbox: its bytes, or why they are none of a request.

    `uid` owns it. `rested_s` is how long it is known to be as it is. `refusal` is final if set.
    """

    name: str
    uid: int
    rested_s: float
    identity: _Identity
    content: bytes = field(default=b"", repr=False)
    refusal: str | None = None

    @property
    def may_grow(self) -> bool:
        """Whether it may yet become a request."""
        return self.refusal is None and self.rested_s < REST_S


@dataclass(slots=True)
class Inbox:
    """One inbox folder. Not thread-safe; blocks."""

    folder: Path
    disk: Disk = field(default_factory=Disk)
    clock: Callable[[], float] = time.monotonic
    _seen: dict[str, tuple[_Identity, float]] = field(default_factory=dict)

    def look(self) -> Sequence[Dropped]:
        """The files that rest now, those longest there first; at most `MAX_FILES_OF_A_LOOK`.

        Raises:
            InboxError: the folder is not one that may be trusted.
            OSError: it cannot be read.
        """
        now = self.clock()
        with self._opened() as inbox:
            found = {name: facts for name in _names(inbox) if (facts := _facts(inbox, name))}
            seen = {}
            for name, facts in found.items():
                identity = _identity(facts)
                known = self._seen.get(name)
                since = known[1] if known is not None and known[0] == identity else now
                seen[name] = (identity, since)
            resting = [name for name in found if name in self._seen and seen[name][1] < now]
            self._seen = seen
            resting.sort(key=lambda name: (found[name].st_mtime_ns, name))
            dropped = []
            for name in resting:
                each = _dropped(inbox, name, found[name], now - seen[name][1])
                dropped += [each] if each is not None else []
                if len(dropped) == MAX_FILES_OF_A_LOOK:
                    break
            return dropped

    def take(self, dropped: Dropped, line: str) -> None:
        """Move what was handed in to `taken/`, and say beside it what became of it.

        Raises:
            InboxError, OSError: it could not be moved; it is found again by the next look.
        """
        self._move(dropped, TAKEN, line)

    def refuse(self, dropped: Dropped, line: str) -> None:
        """Move what is no request to `refused/`, and say why beside it; raises as `take`."""
        self._move(dropped, REFUSED, line)

    def prune(self, retention: InboxRetention, now_s: float) -> Sequence[Pruned]:
        """Remove what was taken or refused too long ago, with the line beside it; `now_s` is the
        time of day, in seconds since 1970.

        A file's age counts from the moment it was moved there, whatever its own times say.

        Raises:
            InboxError, OSError: as `look`; what was removed until then is gone.
        """
        with self._opened() as inbox:
            return [
                self._pruned(inbox, name, retention, now_s)
                for name in (TAKEN, REFUSED)
                if _exists(inbox, name)
            ]

    def _pruned(self, inbox: int, target: str, retention: InboxRetention, now_s: float) -> Pruned:
        with self._below(inbox, target) as folder:
            kept_until = now_s - retention.max_age_days * DAY_S
            ages, folders = _moved_at(folder)
            oldest_first = sorted(ages, key=lambda name: (ages[name], name))
            beyond = max(0, len(oldest_first) - retention.max_files)
            old = [
                name
                for number, name in enumerate(oldest_first)
                if number < beyond or ages[name] < kept_until
            ]
            for name in old:
                for each in (name, f"{name}{LINE_SUFFIX}"):
                    with suppress(FileNotFoundError):
                        self.disk.remove(folder, each)
            if old:
                self.disk.sync(folder)
            return Pruned(target, tuple(old), folders)

    def _move(self, dropped: Dropped, target: str, line: str) -> None:
        with self._opened() as inbox, self._below(inbox, target) as folder:
            facts = _facts(inbox, dropped.name)
            if facts is None or _identity(facts) != dropped.identity:
                return  # somebody took it away, or put another there, which is looked at next
            name = _free_name(folder, dropped.name)
            text = f"{' '.join(line.split())}\n".encode("utf-8", "backslashreplace")
            fd = self.disk.create(folder, f"{name}{LINE_SUFFIX}")
            try:
                self.disk.write(fd, text)
            finally:
                os.close(fd)
            self.disk.move(inbox, dropped.name, folder, name)
            self.disk.sync(folder)
            self.disk.sync(inbox)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The folder, made if it is missing, if nobody can be in it who should not."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            fd = os.open(self.folder, flags)
        except FileNotFoundError:
            self.folder.mkdir(mode=PRIVATE_FOLDER_MODE)
            fd = os.open(self.folder, flags)
        except OSError as error:
            reason = (error.strerror or "cannot be opened").lower()
            raise InboxError(f"{self.folder}: no folder that may be an inbox: {reason}") from error
        try:
            _refuse_strangers(fd, str(self.folder))
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def _below(self, inbox: int, name: str) -> Iterator[int]:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            fd = os.open(name, flags, dir_fd=inbox)
        except FileNotFoundError:
            self.disk.make_folder(inbox, name)
            fd = os.open(name, flags, dir_fd=inbox)
        except OSError as error:
            raise InboxError(f"{self.folder / name}: is no folder of the agent's") from error
        try:
            _refuse_strangers(fd, str(self.folder / name))
            yield fd
        finally:
            os.close(fd)


def _refuse_strangers(fd: int, where: str) -> None:
    facts = os.fstat(fd)
    if facts.st_uid != os.geteuid():
        raise InboxError(f"{where}: belongs to uid {facts.st_uid}, not to the agent's own user")
    if facts.st_mode & stat.S_IWOTH:
        mode = stat.S_IMODE(facts.st_mode)
        raise InboxError(f"{where}: everybody may write in it (mode {mode:04o}): chmod o-w")


def _dropped(inbox: int, name: str, facts: os.stat_result, rested_s: float) -> Dropped | None:
    """What is to be done about a resting name now; None for nothing yet."""
    request = name.lower().endswith(SUFFIXES)
    refusal, content = None, b""
    if not request:
        if rested_s < OTHER_REST_S:
            return None
        refusal = f"only {', '.join(SUFFIXES)} are read here"
    elif len(os.fsencode(name)) > MAX_NAME_BYTES:
        refusal = f"its name has more than {MAX_NAME_BYTES} bytes"
    else:
        try:
            content = read_file(inbox, name, name, MAX_REQUEST_BYTES).content
        except FileConflictError:
            return None
        except UnsafeFileError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            refusal = error.reason
        else:
            if rested_s < YAML_REST_S and not content.lstrip().startswith(b"{"):
                return None
    return Dropped(name, facts.st_uid, rested_s, _identity(facts), content, refusal)


def _facts(folder: int, name: str) -> os.stat_result | None:
    """Of a name that may be looked at: not hidden, not a folder of ours, not gone."""
    if name.startswith(".") or name.endswith("~") or name in {TAKEN, REFUSED}:
        return None
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _moved_at(folder: int) -> tuple[dict[str, float], int]:
    """When each file came here, by name: as its line says, which was written then. And the number
    of folders."""
    facts = {name: os.stat(name, dir_fd=folder, follow_symlinks=False) for name in _names(folder)}
    ages: dict[str, float] = {}
    folders = 0
    for name, its in facts.items():
        if stat.S_ISDIR(its.st_mode):
            folders += 1
        elif not (name.endswith(LINE_SUFFIX) and name.removesuffix(LINE_SUFFIX) in facts):
            line = facts.get(f"{name}{LINE_SUFFIX}")
            ages[name] = line.st_mtime if line is not None else its.st_ctime
    return ages, folders


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [each.name for each in entries]


def _identity(facts: os.stat_result) -> _Identity:
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def _free_name(folder: int, name: str) -> str:
    """The name, numbered if there was such a file before."""
    taken = set(_names(folder))
    encoded = os.fsencode(name)[:MAX_NAME_BYTES]
    short = os.fsdecode(encoded)
    for number in range(MAX_SAME_NAMES):
        free = short if number == 0 else f"{short}.{number}"
        if not {free, f"{free}{LINE_SUFFIX}"} & taken:
            return free
    raise InboxError(f"{name}: was dropped {MAX_SAME_NAMES:,} times: clear the folder")
