"""What a file's bytes say: its settings with secrets masked, or why they cannot be read.

`read_content` is the only step that sees secrets in the clear; it may run in another process, and
what it returns packed goes into the database. Everything a content depends on is in its key, so
that equal files of 23 instances are parsed once and a restart parses nothing that stayed the same.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from homeamp_agent.configfiles import (
    DEFAULT_LIMITS,
    ConfigFileError,
    Document,
    Limits,
    TooLargeError,
    parse,
)
from homeamp_agent.model.secret import Masker
from homeamp_agent.model.setting import KeyPath, Value
from homeamp_agent.model.snapshot import FileProblem, SettingTable

CONTENT_VERSION = 1
"""Raised whenever parsing or masking changes what a content holds: older packed ones are void."""

PACK_LEVEL = 1
"""zlib's fastest: settings shrink to a sixth, and a scan must not wait for the last tenth."""

MARK_DIGITS = 8

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Content:
    """The settings of some bytes; `table` None exactly where `problem` says why."""

    table: SettingTable | None
    problem: FileProblem | None = None
    remarks: tuple[FileProblem, ...] = ()


class Job(NamedTuple):
    """Bytes to be read: `name` is the file's own name, which picks the format."""

    key: str
    name: str
    plugin: str | None
    body: bytes


def masker_mark(masker: Masker) -> str:
    """Names a masking key and policy without giving anything of the key away."""
    policy = [
        (kind, plugin, [pattern.text for pattern in patterns])
        for kind, table in (("extra", masker.policy.extra), ("never", masker.policy.never))
        for plugin, patterns in sorted(table.items())
    ]
    text = json.dumps([CONTENT_VERSION, policy]).encode("utf-8", "surrogatepass")
    return hmac.new(masker.key, text, hashlib.sha256).hexdigest()


def content_key(mark: str, sha256: str, path: str, plugin: str | None) -> str:
    """The key of a file's content: its bytes, its name, whose it is, and how it was masked."""
    parts = [mark, sha256, PurePosixPath(path).name, (plugin or "").casefold()]
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{mark[:MARK_DIGITS]}-{digest}"


def masked_alike(one: str, other: str) -> bool:
    """Whether the contents of two keys were masked under one key and policy."""
    return one[:MARK_DIGITS] == other[:MARK_DIGITS]


def read_content(job: Job, masker: Masker, limits: Limits = DEFAULT_LIMITS) -> Content:
    """Parse and mask; bad bytes are a `problem`, never an exception."""
    if not job.body.strip():
        return Content(SettingTable({}, {}))
    at = job.body.find(b"\0")
    if at >= 0 and not job.body.startswith(_UTF16_MARKS):
        return _problem("binary", f"holds binary data (a NUL byte at offset {at:,})")
    try:
        return _settings(parse(job.name, job.body, limits), masker, job.plugin)
    except TooLargeError as error:
        return _problem("too_large", _blotted(error, masker), error.line, error.column)
    except ConfigFileError as error:
        return _problem("unreadable", _blotted(error, masker), error.line, error.column)
    except (RecursionError, MemoryError) as error:
        return _problem("too_large", f"is too deep or too large to read ({type(error).__name__})")


def _problem(
    kind: str, message: str, line: int | None = None, column: int | None = None
) -> Content:
    return Content(None, FileProblem(kind, message, line, column))


def _blotted(error: ConfigFileError, masker: Masker) -> str:
    """The reason with what looks like a secret blotted out: parsers quote what they stumble on."""
    return masker.mask_line(error.reason)


def _settings(document: Document, masker: Masker, plugin: str | None) -> Content:
    leaves: dict[KeyPath, Value] = {}
    lines: dict[KeyPath, int] = {}
    for path, setting in document.settings.items():
        leaves[path] = masker.mask(path, setting.value, plugin)
        lines[path] = setting.line
    remarks = tuple(
        FileProblem(each.kind, masker.mask_line(each.message), each.line)
        for each in document.problems
    )
    table = SettingTable(leaves, lines, document.typed, document.format)
    return Content(table, remarks=remarks)


def read_packed(
    jobs: Sequence[Job], masker: Masker, limits: Limits = DEFAULT_LIMITS
) -> list[tuple[str, bytes]]:
    """`read_content` for many, each packed: what a worker process does."""
    return [(job.key, pack(read_content(job, masker, limits))) for job in jobs]


def pack(content: Content) -> bytes:
    """The content as compressed JSON, each path without what it shares with the one before."""
    rows: list[list[Any]] = []
    before: KeyPath = ()
    table = content.table
    for path, value in table.leaves.items() if table else ():
        shared = 0
        for left, right in zip(before, path, strict=False):
            if left is not right and (left != right or type(left) is not type(right)):
                break
            shared += 1
        rows.append([shared, table.lines[path] if table else 0, value, *path[shared:]])
        before = path
    packed = {
        "table": None if table is None else [table.format, table.typed],
        "rows": rows,
        "problem": _fields(content.problem),
        "remarks": [_fields(each) for each in content.remarks],
    }
    return zlib.compress(json.dumps(packed, separators=(",", ":")).encode(), PACK_LEVEL)


def _fields(problem: FileProblem | None) -> list[Any] | None:
    if problem is None:
        return None
    return [problem.kind, problem.message, problem.line, problem.column]


def unpack(packed: bytes) -> Content:
    """The content of `pack`.

    Raises:
        ValueError: the bytes were not made by `pack`.
    """
    try:
        loaded = json.loads(zlib.decompress(packed))
        remarks = tuple(FileProblem(*each) for each in loaded["remarks"])
        if loaded["table"] is None:
            return Content(None, FileProblem(*loaded["problem"]), remarks)
        format_, typed = loaded["table"]
        return Content(_unpacked(loaded["rows"], format_, typed), remarks=remarks)
    except (zlib.error, TypeError, KeyError) as error:
        raise ValueError(f"no packed content: {error}") from error


def _unpacked(rows: list[list[Any]], format_: str, typed: bool) -> SettingTable:
    leaves: dict[KeyPath, Value] = {}
    lines: dict[KeyPath, int] = {}
    path: KeyPath = ()
    for shared, line, value, *rest in rows:
        path = (*path[:shared], *rest)
        leaves[path] = value
        lines[path] = line
    return SettingTable(leaves, lines, typed, format_)
