"""AMP's own files of an instance, read only: `instances.json` and flat `Key=Value` files.

A `.kvp` splits at the first `=`: values hold `=` and JSON, and a trailing space can be the value
(facts on AMP, 'On disk').
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

AMP_FILE_BYTES_MAX = 8 * 1024 * 1024
"""The largest instances.json seen held 40 instances in 200 KB; 8 MiB is no such file any more."""

UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line ends, and the surrogates that stand for bytes that are not UTF-8."""

Report = Callable[[str], None]
"""Takes one problem, as one line for a person."""


def read_bounded(path: Path, bytes_max: int = AMP_FILE_BYTES_MAX) -> bytes:
    """The bytes of a regular file.

    Raises:
        OSError: not there, not readable, not a regular file, or larger than `bytes_max`.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(0, "not a regular file")
    if status.st_size > bytes_max:
        raise OSError(0, f"{status.st_size:,} bytes; more than {bytes_max:,} are not read")
    with path.open("rb") as stream:
        return stream.read(bytes_max)


def read_kvp(path: Path, report: Report) -> dict[str, str]:
    """The keys of an AMP file; empty where it is missing, or cannot be read (reported)."""
    try:
        text = read_bounded(path).decode("utf-8-sig", "surrogateescape")
    except FileNotFoundError:
        return {}
    except OSError as error:
        report(f"{path}: cannot be read: {error.strerror}")
        return {}
    pairs: dict[str, str] = {}
    for line in text.replace("\r\n", "\n").split("\n"):
        key, equals, value = line.partition("=")
        if equals and not key.lstrip().startswith("#"):
            pairs[key.strip()] = value
    return pairs


@dataclass(frozen=True, slots=True)
class ListedInstance:
    """One entry of `instances.json`; `path` is None where the file names none."""

    name: str
    friendly_name: str
    module: str
    path: str | None


def read_instances_json(path: Path, report: Report) -> tuple[ListedInstance, ...] | None:
    """The instances AMP lists, in its order; None where the file is missing or unreadable."""
    try:
        document = json.loads(read_bounded(path).decode("utf-8-sig"))
    except FileNotFoundError:
        return None
    except OSError as error:
        report(f"{path}: cannot be read: {error.strerror}; the folders decide")
        return None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        report(f"{path}: is not JSON: {reason}; the folders decide")
        return None
    if not isinstance(document, list):
        report(f"{path}: is not a list of instances; the folders decide")
        return None
    entries = (_listed(path, index, entry, report) for index, entry in enumerate(document))
    return tuple(entry for entry in entries if entry is not None)


def _listed(path: Path, index: int, entry: Any, report: Report) -> ListedInstance | None:
    name = entry.get("InstanceName") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not plain_name(name):
        report(f"{path}: entry {index + 1} has no usable InstanceName; left out")
        return None
    return ListedInstance(
        name=name,
        friendly_name=_text(entry.get("FriendlyName")),
        module=_text(entry.get("Module")),
        path=_text(entry.get("Path")) or None,
    )


def entry_names(folder: Path) -> list[str]:
    """The names in `folder`, sorted.

    Raises:
        OSError: no folder, or not readable.
    """
    return sorted(entry.name for entry in folder.iterdir())


def is_there(path: Path) -> bool:
    """Whether something is at `path`; False too where one may not look."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether a folder is at `path`; False too where one may not look."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def plain_name(name: str) -> bool:
    """Whether `name` can be one folder's name and one line of text."""
    if name in {"", ".", ".."} or "/" in name or "\\" in name:
        return False
    return UNSHOWABLE.search(name) is None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
