"""Scanning instances: every config file read once, parsed once, masked before it goes anywhere.

A scanner remembers what it saw: a file whose size, times and inode are as before is not read, bytes
that were parsed before (of any instance, or in an earlier run) are not parsed. A bad file becomes a
`FileProblem` and stops nothing. Everything here blocks: call it off the event loop.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple, Protocol

from homeamp_agent.configfiles import DEFAULT_LIMITS, Limits
from homeamp_agent.drift.content import Content, Job, content_key, masker_mark, pack, unpack
from homeamp_agent.drift.reading import Reading, Stamp, Unread, read_whole, stamp_of
from homeamp_agent.drift.workers import ScanStopped, read_all
from homeamp_agent.instances import ConfigFileRef, config_files
from homeamp_agent.model.instance import Instance
from homeamp_agent.model.secret import Masker
from homeamp_agent.model.snapshot import FileSnapshot, InstanceSnapshot

BATCH_BYTES = 32 * 1024 * 1024
"""Unparsed bytes held at a time: 7,000 median files, or two of the largest allowed."""


class ContentCache(Protocol):
    """Packed contents that outlive the scanner."""

    def get(self, keys: Collection[str]) -> Mapping[str, bytes]:
        """The packed contents of those keys that are known."""

    def put(self, packed: Mapping[str, bytes]) -> None:
        """Remember packed contents."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which files count: globs of plugins' data to leave out, data files that rules name."""

    data_globs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    named_by_rules: frozenset[str] = frozenset()


class ScanCount(NamedTuple):
    """What a scan did: `read` and `parsed` are less than `files` where nothing had changed."""

    instances: int
    files: int
    settings: int
    read: int
    parsed: int
    seconds: float


class _Known(NamedTuple):
    """A file as last read; `stamp` None: read it again next time."""

    stamp: Stamp | None
    key: str
    snapshot: FileSnapshot

    @property
    def plugin(self) -> str | None:
        """Whose file it was then."""
        return self.snapshot.plugin


class _Place(NamedTuple):
    instance: str
    path: str


class _Fresh(NamedTuple):
    """A file that was read and waits for its content."""

    place: _Place
    plugin: str | None
    reading: Reading
    key: str


@dataclass(slots=True)
class Scanner:
    """Turns instances into snapshots. Not for two threads at once.

    `workers` bounds the processes of a large scan (1: none but this). Once `stopping` is set, it
    ends with `ScanStopped`.
    """

    masker: Masker
    limits: Limits = DEFAULT_LIMITS
    cache: ContentCache | None = None
    workers: int = 2
    stopping: threading.Event = field(default_factory=threading.Event)
    _mark: str = ""
    _known: dict[_Place, _Known] = field(default_factory=dict)
    _contents: dict[str, Content] = field(default_factory=dict)
    _read: int = 0
    _parsed: int = 0

    def __post_init__(self) -> None:
        self._mark = masker_mark(self.masker)

    def use_masker(self, masker: Masker) -> bool:
        """Mask by another policy from now on; True if that makes every file unread again."""
        mark = masker_mark(masker)
        if mark == self._mark:
            return False
        self.masker, self._mark = masker, mark
        self._known.clear()
        self._contents.clear()
        return True

    def scan(
        self, instances: Sequence[Instance], scope: Scope | None = None
    ) -> tuple[dict[str, InstanceSnapshot], ScanCount]:
        """Snapshots of whole instances, by name, and what it took."""
        began = time.monotonic()
        self._read = self._parsed = 0
        scope = scope or Scope()
        batch = _Batch()
        found: dict[str, list[str]] = {}
        problems: dict[str, list[str]] = {}
        for instance in instances:
            lines = problems[instance.name] = []
            paths = found[instance.name] = []
            for ref in config_files(
                instance,
                knowledge_data_globs=scope.data_globs,
                named_by_rules=scope.named_by_rules,
                report=lines.append,
            ):
                if self.stopping.is_set():
                    raise ScanStopped
                if self._look(_Place(instance.name, ref.path), ref, batch):
                    paths.append(ref.path)
                if batch.bytes > BATCH_BYTES:
                    self._settle(batch)
                    batch = _Batch()
        self._settle(batch)
        snapshots = {
            instance.name: self._snapshot(instance, found[instance.name], problems[instance.name])
            for instance in instances
        }
        self._forget(found)
        files = [file for snapshot in snapshots.values() for file in snapshot.files.values()]
        settings = sum(len(file.table.leaves) for file in files if file.table)
        seconds = time.monotonic() - began
        count = ScanCount(len(snapshots), len(files), settings, self._read, self._parsed, seconds)
        return snapshots, count

    def refresh(self, snapshot: InstanceSnapshot, refs: Iterable[ConfigFileRef]) -> RefreshedFiles:
        """Read these files of an instance again, and only these."""
        batch = _Batch()
        name = snapshot.instance.name
        present: list[str] = []
        gone: list[str] = []
        for ref in refs:
            there = self._look(_Place(name, ref.path), ref, batch)
            (present if there else gone).append(ref.path)
        self._settle(batch)
        files = {path: self._known[_Place(name, path)].snapshot for path in present}
        moving = [path for path in present if self._known[_Place(name, path)].stamp is None]
        for path in gone:
            self._known.pop(_Place(name, path), None)
        return RefreshedFiles(files, tuple(gone), tuple(moving))

    def distrust(self) -> None:
        """Read every file again at the next look, even if its stamp is as it was."""
        for place, known in self._known.items():
            self._known[place] = known._replace(stamp=None)

    def key_of(self, instance: str, path: str) -> str | None:
        """The content key of a file as last read; None for one that could not be read."""
        known = self._known.get(_Place(instance, path))
        return known.key if known and known.key else None

    def content(self, key: str) -> Content | None:
        """The content of a key: in memory, or from the cache."""
        if key not in self._contents and self.cache is not None:
            return _unpacked(self.cache.get([key])).get(key)
        return self._contents.get(key)

    def changed(self, instance: str, path: str, absolute: str) -> bool:
        """Whether the file differs by its stamp from what was last read (or is new, or gone)."""
        known = self._known.get(_Place(instance, path))
        try:
            stamp = stamp_of(os.stat(absolute))  # noqa: PTH116 - strings, as the walk gives them
        except OSError:
            return known is not None
        return known is None or known.stamp != stamp

    def _look(self, place: _Place, ref: ConfigFileRef, batch: _Batch) -> bool:
        """Take the file from memory, or read it into `batch`; False if it is gone."""
        known = self._known.get(place)
        try:
            # What is secret depends on the plugin: another owner, another reading.
            if known is not None and known.stamp is not None and known.plugin == ref.plugin:
                status = os.stat(ref.absolute)  # noqa: PTH116 - strings, as the walk gives them
                if known.stamp == stamp_of(status):
                    return True
            outcome = read_whole(ref.absolute, self.limits.max_bytes, time.time_ns())
        except OSError:
            return False
        self._read += 1
        if isinstance(outcome, Unread):
            self._unread(place, ref, outcome, known)
        else:
            key = content_key(self._mark, outcome.sha256, place.path, ref.plugin)
            batch.add(_Fresh(place, ref.plugin, outcome, key), key in self._contents)
        return True

    def _unread(
        self, place: _Place, ref: ConfigFileRef, outcome: Unread, known: _Known | None
    ) -> None:
        if outcome.moving and known is not None:
            # What was last seen whole stands until the file rests.
            self._known[place] = known._replace(stamp=None)
            return
        snapshot = FileSnapshot(
            ref.path, ref.plugin, "", ref.size, ref.mtime_ns, problem=outcome.problem
        )
        self._known[place] = _Known(outcome.stamp, "", snapshot)

    def _settle(self, batch: _Batch) -> None:
        """Give every file of the batch its content."""
        wanted = {fresh.key: fresh for fresh in batch.fresh if fresh.key not in self._contents}
        if wanted and self.cache is not None:
            self._contents.update(_unpacked(self.cache.get(wanted.keys())))
        jobs = [
            Job(key, PurePosixPath(fresh.place.path).name, fresh.plugin, fresh.reading.body)
            for key, fresh in wanted.items()
            if key not in self._contents
        ]
        self._parsed += len(jobs)
        contents, packed = read_all(jobs, self.masker, self.limits, self.workers, self.stopping)
        self._contents.update(contents)
        if jobs and self.cache is not None:
            for key, content in contents.items():
                packed.setdefault(key, pack(content))
            self.cache.put(packed)
        for fresh in batch.fresh:
            self._known[fresh.place] = self._now_known(fresh)

    def _now_known(self, fresh: _Fresh) -> _Known:
        content, reading = self._contents[fresh.key], fresh.reading
        snapshot = FileSnapshot(
            fresh.place.path,
            fresh.plugin,
            reading.sha256,
            reading.stamp.size,
            reading.stamp.mtime_ns,
            content.table,
            content.problem,
            content.remarks,
        )
        return _Known(None if reading.racy else reading.stamp, fresh.key, snapshot)

    def _snapshot(
        self, instance: Instance, paths: Iterable[str], problems: list[str]
    ) -> InstanceSnapshot:
        files = {path: self._known[_Place(instance.name, path)].snapshot for path in paths}
        if problems:
            lines = tuple(dict.fromkeys((*instance.problems, *problems)))
            instance = instance.model_copy(update={"problems": lines})
        return InstanceSnapshot(instance, files)

    def _forget(self, found: Mapping[str, Collection[str]]) -> None:
        """Drop files that are gone, and contents that no file has any more."""
        places = {_Place(name, path) for name, paths in found.items() for path in paths}
        for place in [each for each in self._known if each.instance in found]:
            if place not in places:
                del self._known[place]
        used = {known.key for known in self._known.values()}
        for key in [key for key in self._contents if key not in used]:
            del self._contents[key]


class RefreshedFiles(NamedTuple):
    """What `Scanner.refresh` read: files by path, those gone, those still being written to."""

    files: Mapping[str, FileSnapshot]
    gone: tuple[str, ...]
    moving: tuple[str, ...]


@dataclass(slots=True)
class _Batch:
    """Files that were read and wait to be parsed; `bytes` counts those with new content."""

    fresh: list[_Fresh] = field(default_factory=list)
    bytes: int = 0

    def add(self, fresh: _Fresh, known: bool) -> None:
        """One more file."""
        self.fresh.append(fresh)
        self.bytes += 0 if known else len(fresh.reading.body)


def _unpacked(packed: Mapping[str, bytes]) -> dict[str, Content]:
    """What the cache holds; a damaged entry counts as none and is parsed again."""
    contents: dict[str, Content] = {}
    for key, body in packed.items():
        try:
            contents[key] = unpack(body)
        except ValueError:
            continue
    return contents
