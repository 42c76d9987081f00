"""The one interface that every config format stands behind.

A `Document` is parsed once from bytes and never changes: an edit returns new bytes. Spans are byte
offsets into the bytes that were parsed (BOM included), so `data[start:end]` is the value's token
exactly as the file writes it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

KeySegment = str | int | None
"""A mapping key as its reader types it (str; int and bool in YAML; None for YAML's null key),
or an int index into a list. Float and date keys are their source text."""

KeyPath = tuple[KeySegment, ...]
"""The way from the top of the file to one value. Dotted text for people comes from
`homeamp_agent.model.setting.dotted`."""

Scalar = str | int | float | bool | None
Value = Any
"""A JSON-like value: Scalar, list of Value, dict of Value (dict keys: KeySegment)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds against hostile or runaway files.

    The largest real config file measured has 1.05 MB, one of 21,060 has a 572 KB line, the deepest
    nests 14 levels; the defaults leave an order of magnitude. A setting costs some 400 bytes of
    memory.
    """

    max_bytes: int = 16 * 1024 * 1024
    max_depth: int = 200
    max_alias_expansion: int = 100_000
    max_settings: int = 100_000


DEFAULT_LIMITS = Limits()


class Span(NamedTuple):
    """Half-open byte range `[start, end)` in the parsed bytes."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a person should know about a file that could be read all the same.

    `kind` is one of `duplicate_key`, `suspicious_anchor`, `undecodable_bytes`, `extra_documents`,
    `unresolved_include`. `line` counts from 1.
    """

    kind: str
    message: str
    line: int | None = None


class Document(ABC):
    """A config file's settings with their places, and the edits that keep every other byte.

    `settings` holds every scalar leaf, also inside lists (int segments), and every empty list or
    mapping, in file order. Where a key occurs twice, the occurrence that the file's real reader
    uses is the setting and the other is a `Problem`.
    """

    file: str
    data: bytes
    format: str
    """`yaml`, `json`, `toml`, `properties`, `hocon`, `forge_cfg`, `kvp` or `ini`."""
    limits: Limits
    problems: tuple[Problem, ...]
    typed: bool
    """False for text formats (.properties, .kvp, ini), whose values compare by their text."""

    format_told: bool = False
    """Whether name and content are known to tell this format (else whoever opened it may know
    better, or nobody has looked)."""

    _reread: Document | None = None

    def reread(self, data: bytes) -> Document:
        """`data` read by the same reader under the same name and limits (for the proof).

        The last reading is kept: whoever goes on from an edit reads the bytes that were proven.

        Raises:
            ConfigFileError: `data` cannot be read.
        """
        if self._reread is None or self._reread.data != data:
            self._reread = self._read(data)
        return self._reread

    @abstractmethod
    def _read(self, data: bytes) -> Document:
        """`data` as a document of this kind."""

    @property
    @abstractmethod
    def settings(self) -> Mapping[KeyPath, Setting]:
        """Every setting, in file order."""

    @abstractmethod
    def value(self, path: KeyPath) -> Value:
        """The value at `path`, which may be a whole list or mapping; `()` is the whole file.

        Raises:
            KeyError: nothing is there.
        """

    @abstractmethod
    def set(self, path: KeyPath, value: Value) -> bytes:
        """New bytes in which the existing value at `path` is `value` and all else is as it was.

        `path` may name a scalar or a whole list. Text segments match a typed key by its text where
        no exact one exists.

        Raises:
            EditRefused: no such key, or it cannot be done by changing only that value's bytes.
        """

    @abstractmethod
    def unset(self, path: KeyPath) -> bytes:
        """New bytes without the setting at `path` (its lines, and nothing else).

        Raises:
            EditRefused: no such key, or removing it would touch other bytes.
        """

    @abstractmethod
    def insert(self, path: KeyPath, value: Value) -> bytes:
        """New bytes with a missing setting, placed beside its siblings in their style.

        Missing parents are made.

        Raises:
            EditRefused: the key exists, or there is no place that leaves the other bytes alone.
        """

    @abstractmethod
    def put_all(self, values: Iterable[tuple[KeyPath, Value]]) -> bytes:
        """New bytes in which each value is set where its key is there, and inserted where not.

        One proof for all: a thousand cost little more than one. None of the paths may lead
        through another, and no new one may end in a list.

        Raises:
            EditRefused: one of them cannot be made, not beside the others, or only in a way that
                takes more than one attempt; which one, putting half of them tells.
        """


class Setting(ABC):
    """One leaf of a config file. Formats may compute the attributes on demand."""

    __slots__ = ()

    @property
    @abstractmethod
    def value(self) -> Value: ...

    @property
    @abstractmethod
    def span(self) -> Span:
        """Where the value's token stands, quotes included; empty where the value is implied."""

    @property
    @abstractmethod
    def line(self) -> int:
        """The line the value's token starts on, counted from 1."""

    @property
    @abstractmethod
    def style(self) -> str:
        """How the file writes it: `plain`, `single`, `double`, `literal`, `folded`, `flow`,
        `implied`, or a format's own word."""
