"""Set every scalar of every file below some folders, one at a time, and check what changed.

    python -m benchmarks.sweep FOLDER... [--engine NAME]... [--per-file N] [--seconds N] [--jobs N]

An edit is right if the bytes outside of the old value's token are as they were and a reader that
shares no code with the engine finds exactly that one setting changed, to exactly that value. What
an engine refuses is counted by its reason; what it gets wrong is listed by file, line and key.
The scalars of a file are taken in a fixed random order, so that a bound leaves a fair choice.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.engines import ENGINES, Refused
from benchmarks.independent import READERS, differences
from homeamp_agent.configfiles import ConfigFileError, Document, KeyPath, Setting, parse

EXTENSIONS = frozenset(
    (".yml", ".yaml", ".json", ".json5", ".jsonc", ".mcmeta", ".toml", ".properties")  # noqa: RUF005
    + (".conf", ".hocon", ".cfg", ".kvp", ".ini")
)

STRINGS = (
    "homeamp",
    "two words",
    "yes",
    "12:30",
    "&aGreen text",
    'it\'s "quoted"',
    "0123",
    "key: value # no comment",
    "%player% joined",
    "1e3",
    "C:\\temp\\new",
    "null",
    "ключ §6",
    "[brackets], {braces}",
    "2024-01-02",
)
"""Text that writers get wrong: other types' looks, indicators, colour codes, escapes, non-ASCII."""


PROGRESS_FILES = 100
_NUMBER = re.compile(r"\b\d+\b")


@dataclass
class Tally:
    """What one engine made of one format."""

    files: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)
    right: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    crashed: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    unchecked: int = 0
    not_tried: int = 0
    seconds: float = 0.0

    def add(self, other: Tally) -> None:
        self.files += other.files
        self.unreadable += other.unreadable
        self.right += other.right
        self.refused += other.refused
        self.crashed += other.crashed
        self.wrong += other.wrong
        self.unchecked += other.unchecked
        self.not_tried += other.not_tried
        self.seconds += other.seconds

    @property
    def scalars(self) -> int:
        return self.right + self.refused.total() + self.crashed.total() + len(self.wrong)


Tallies = dict[tuple[str, str], Tally]


def new_value(old: Any, typed: bool, turn: int) -> Any:
    """Another value of the old one's type; text takes turns through `STRINGS`."""
    text = STRINGS[turn % len(STRINGS)]
    if isinstance(old, bool):
        return not old
    if isinstance(old, int):
        return old + 1
    if isinstance(old, float):
        return old + 1.5 if old == old and abs(old) < 1e15 else 2.5  # noqa: PLR0124  (NaN)
    if not typed and old in ("true", "false"):
        return "true" if old == "false" else "false"
    if not typed and str(old).isdecimal():
        return str(int(old) + 1)
    return text if text != old else text + " again"


def leaves(document: Document, per_file: int) -> list[tuple[int, KeyPath, Setting]]:
    """The scalars to set, with their number in the file, at most `per_file` unless that is 0."""
    found = [
        (number, path, setting)
        for number, (path, setting) in enumerate(document.settings.items())
        if not isinstance(setting.value, list | dict)
    ]
    random.Random(len(found)).shuffle(found)
    return found[:per_file] if per_file else found


def sweep_file(task: tuple[str, tuple[str, ...], int, float]) -> Tallies:
    """Sweep one file with every engine that edits its format, each for at most so many seconds."""
    file, engines, per_file, seconds = task
    data = Path(file).read_bytes()
    tallies: Tallies = {}
    try:
        document = parse(file, data)
        format_name, settings = document.format, len(document.settings)
    except ConfigFileError as error:
        suffix = Path(file).suffix.lower().lstrip(".")
        tally = tallies.setdefault((suffix + " (unreadable)", "ours"), Tally(1))
        tally.unreadable[error.reason] += 1
        return tallies
    if not settings:
        return tallies
    try:
        before = READERS[format_name](data)
        read = READERS[format_name]
    except Exception:
        before, read = document.value(()), lambda changed: document.reread(changed).value(())
        independent = False
    else:
        independent = True
    for engine in engines:
        setter_of, formats = ENGINES[engine]
        if formats is not None and format_name not in formats:
            continue
        tally = tallies.setdefault((format_name, engine), Tally(1))
        found = leaves(document, per_file)
        try:
            set_value = setter_of(file, data)
        except Exception as error:
            tally.refused[f"cannot read the file: {type(error).__name__}"] += len(found)
            continue
        ends = time.monotonic() + seconds if seconds else float("inf")
        for done, (number, path, setting) in enumerate(found):
            if time.monotonic() > ends:
                tally.not_tried += len(found) - done
                break
            value = new_value(setting.value, document.typed, number)
            _judge(tally, document, before, read, set_value, path, setting, value)
            tally.unchecked += not independent
    return tallies


def _judge(
    tally: Tally,
    document: Document,
    before: Any,
    read: Any,
    set_value: Any,
    path: KeyPath,
    setting: Setting,
    value: Any,
) -> None:
    started = time.perf_counter()
    try:
        after = set_value(path, value)
    except Refused as refused:
        tally.refused[_NUMBER.sub("N", str(refused))] += 1
        return
    except Exception as error:
        tally.crashed[f"{type(error).__name__}"] += 1
        return
    finally:
        tally.seconds += time.perf_counter() - started
    fault = _fault(document, before, read, path, setting, value, after)
    if fault is None:
        tally.right += 1
    else:
        key = ".".join(map(str, path))
        tally.wrong.append(f"{document.file}:{setting.line} {key} := {value!r}: {fault}")


def _fault(
    document: Document,
    before: Any,
    read: Any,
    path: KeyPath,
    setting: Setting,
    value: Any,
    after: bytes,
) -> str | None:
    """What is wrong with an edit, or None."""
    span, data = setting.span, document.data
    kept = after.startswith(data[: span.start]) and after.endswith(data[span.end :])
    if not kept or len(after) < span.start + len(data) - span.end:
        return "bytes outside of the value changed"
    try:
        changed = list(differences(before, read(after)))
    except Exception as error:
        return f"cannot be read any more: {type(error).__name__}"
    if len(changed) != 1:
        return f"{len(changed)} settings changed"
    where, _, new = changed[0]
    if document.format in ("forge_cfg", "ini", "hocon"):
        return None if str(value) in str(new) or _as_word(value) in str(new) else "another value"
    if tuple(map(_word, where)) != tuple(map(_word, path)):
        return "another setting changed"
    if new != value or type(new) is not type(value):
        if str(new).endswith(" " + str(value)):
            return None
        return f"read back as {type(new).__name__}"
    return None


def _as_word(value: Any) -> str:
    return {True: "true", False: "false", None: "null"}.get(value, str(value))


def _word(segment: Any) -> str:
    return str(segment).casefold()


def files_below(folders: list[str]) -> list[str]:
    """Every file that may be a config file, in a fixed order."""
    found = []
    for folder in map(Path, folders):
        below = [folder] if folder.is_file() else sorted(folder.rglob("*"))
        found += [
            str(path)
            for path in below
            if path.is_file() and (path.suffix.lower() in EXTENSIONS or folder.is_file())
        ]
    return found


HEAD = ("format", "engine", "files", "scalars", "right", "wrong", "refused", "crashed")


def report(tallies: Tallies, *, worst: int) -> None:
    """Print one line an engine and format, then refusals by reason, then what went wrong."""
    print("{:<13}{:<18}{:>6}{:>9}{:>9}{:>7}{:>9}{:>9}  right %  ms/edit".format(*HEAD))
    for (format_name, engine), tally in sorted(tallies.items()):
        if not tally.scalars:
            continue
        print(
            f"{format_name:<13}{engine:<18}{tally.files:>6}{tally.scalars:>9}{tally.right:>9}"
            f"{len(tally.wrong):>7}{tally.refused.total():>9}{tally.crashed.total():>9}"
            f"{100 * tally.right / tally.scalars:>9.2f}{1e3 * tally.seconds / tally.scalars:>9.2f}"
        )
    for (format_name, engine), tally in sorted(tallies.items()):
        for reason, count in (tally.unreadable + tally.refused).most_common(20):
            print(f"  {format_name} {engine}: {count} x {reason[:160]}")
        for name, count in tally.crashed.most_common(20):
            print(f"  {format_name} {engine}: {count} x crashed with {name}")
        if tally.unchecked:
            print(f"  {format_name} {engine}: {tally.unchecked} checked by our own reader only")
        if tally.not_tried:
            print(f"  {format_name} {engine}: {tally.not_tried} not tried for lack of time")
        for line in tally.wrong[:worst]:
            print(f"  WRONG {engine} {line[:240]}")


def main(arguments: list[str] | None = None) -> int:
    """Sweep; exit 1 if our engine made a wrong edit or raised what it should not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep", description=__doc__)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--engine", action="append", choices=sorted(ENGINES))
    parser.add_argument("--per-file", type=int, default=0, metavar="N", help="0: every scalar")
    parser.add_argument("--seconds", type=float, default=0, metavar="N", help="for each file")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--worst", type=int, default=10, help="how many wrong edits to list")
    options = parser.parse_args(arguments)
    engines = tuple(options.engine or ["ours"])
    started = time.monotonic()
    files = sorted(files_below(options.folders), key=lambda file: -Path(file).stat().st_size)
    tasks = [(file, engines, options.per_file, options.seconds) for file in files]
    tallies: Tallies = {}
    with multiprocessing.Pool(options.jobs) as pool:
        for done, found in enumerate(pool.imap_unordered(sweep_file, tasks), 1):
            for key, tally in found.items():
                tallies.setdefault(key, Tally()).add(tally)
            if done % PROGRESS_FILES == 0:
                passed = time.monotonic() - started
                print(f"{done} of {len(tasks)} files, {passed:.0f} s", file=sys.stderr, flush=True)
    report(tallies, worst=options.worst)
    print(f"{len(tasks)} files in {time.monotonic() - started:.0f} s")
    ours = [tally for (_, engine), tally in tallies.items() if engine == "ours"]
    return 1 if any(tally.wrong or tally.crashed for tally in ours) else 0


if __name__ == "__main__":
    sys.exit(main())
