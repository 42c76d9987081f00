"""Edits as people make them with an editor, and whether the engine writes the very same bytes.

    python -m benchmarks.by_hand FOLDER... [--per-file N] [--seconds N] [--jobs N]
    python -m benchmarks.by_hand --pairs FOLDER
    python -m benchmarks.by_hand --git REPOSITORY

The first form edits every file itself: a figure, a word inside of a text, a switch, one line taken
away, one line copied below with another value. `--pairs` takes files `before/PATH` and `after/PATH`
and `--git` every edit in a repository's history that changed, added or removed one line of a config
file. Each edit is read as settings, the engine is asked for that change, and its bytes are compared
with the person's: `same`, `other bytes` (the same setting, written in another way) or refused.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.sweep import EXTENSIONS, files_below
from homeamp_agent.configfiles import (
    ConfigFileError,
    Document,
    EditRefused,
    KeyPath,
    Setting,
    parse,
)

NO_EDIT = "no single setting changed"
NUMBER = re.compile(rb"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?")
SWITCHES = {b"true": b"false", b"yes": b"no", b"on": b"off"}
SWITCHES |= {off: on for on, off in SWITCHES.items()}
SWITCHES |= {word.title(): other.title() for word, other in SWITCHES.items()}
WORD_START = re.compile(rb"(?<=[A-Za-z ])[A-Za-z](?=[A-Za-z]{2})")


class Wanted(NamedTuple):
    """One edit of settings: `set`, `insert` or `unset`, a path and its value."""

    operation: str
    path: KeyPath
    value: Any


class Hand(NamedTuple):
    """One edit by hand: what it was, and the bytes it left."""

    kind: str
    line: int
    after: bytes


@dataclass
class Count:
    """How the engine's bytes compared, by format and kind of edit."""

    verdicts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


def wanted_edit(before: Any, after: Any, path: KeyPath = ()) -> Wanted | None:
    """The one edit that makes `before` of `after`; None if nothing changed or more than one did."""
    if isinstance(before, dict) and isinstance(after, dict):
        gone = [key for key in before if key not in after]
        new = [key for key in after if key not in before]
        changed = [k for k in before if k in after and repr(before[k]) != repr(after[k])]
        if len(gone) + len(new) + len(changed) != 1:
            return None
        if gone:
            return Wanted("unset", (*path, gone[0]), None)
        if new:
            return Wanted("insert", (*path, new[0]), after[new[0]])
        return wanted_edit(before[changed[0]], after[changed[0]], (*path, changed[0]))
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        items = [n for n in range(len(before)) if repr(before[n]) != repr(after[n])]
        if len(items) == 1:
            return wanted_edit(before[items[0]], after[items[0]], (*path, items[0]))
    return Wanted("set", path, after) if repr(before) != repr(after) and path else None


def verdict(document: Document, after: bytes) -> str:
    """What the engine makes of the edit that left the bytes `after`."""
    try:
        read = document.reread(after)
    except ConfigFileError:
        return "not readable afterwards"
    wanted = wanted_edit(document.value(()), read.value(()))
    if wanted is None:
        return NO_EDIT
    try:
        if wanted.operation == "unset":
            ours = document.unset(wanted.path)
        elif wanted.operation == "insert":
            ours = document.insert(wanted.path, wanted.value)
        else:
            ours = document.set(wanted.path, wanted.value)
    except EditRefused as error:
        return "refused: " + re.sub(r"line \d+", "line N", error.reason)
    return "same" if ours == after else f"other bytes {_first_difference(ours, after)}"


def _first_difference(ours: bytes, theirs: bytes) -> str:
    """The first lines that differ, ours and the person's."""
    for one, other in zip_longest(ours.splitlines(True), theirs.splitlines(True), fillvalue=b""):
        if one != other:
            mine, hers = one.decode("utf-8", "replace"), other.decode("utf-8", "replace")
            return f"ours {mine!r} theirs {hers!r}"
    return ""


def edits(document: Document, per_file: int) -> Iterator[Hand]:
    """Edits by hand of one file, a fixed random choice above the cap."""
    found = [(s, s.span.start, s.span.end) for s in document.settings.values()]
    found = [one for one in found if one[1] < one[2]]
    random.Random(len(found)).shuffle(found)
    for number, (setting, start, end) in enumerate(found[:per_file] if per_file else found):
        yield from _in_place(document.data, setting, start, end, number)
        yield from _by_lines(document.data, setting, start, end)


def _in_place(data: bytes, setting: Setting, start: int, end: int, turn: int) -> Iterator[Hand]:
    token, line = data[start:end], setting.line
    number = NUMBER.fullmatch(token)

    def hand(kind: str, replacement: bytes) -> Hand:
        return Hand(kind, line, data[:start] + replacement + data[end:])

    if token in SWITCHES:
        yield hand("switch", SWITCHES[token])
    elif number:
        at = number.end(1) - 1
        figure = b"%d" % (int(token[at : at + 1]) % 9 + 1)
        yield hand("figure", token[:at] + figure + token[at + 1 :])
        yield hand("figure", token[: number.end(1)] + b"5" + token[number.end(1) :])
    elif isinstance(setting.value, str) and token:
        mark = token[:1] if token[:1] in (b"'", b'"') and token[-1:] == token[:1] else b""
        places = [match.start() for match in WORD_START.finditer(token)]
        if places:
            at = places[turn % len(places)]
            yield hand("word changed", token[:at] + b"Q" + token[at + 1 :])
            yield hand("word added", token[:at] + b"new " + token[at:])
            yield hand("word removed", token[:at] + token[at + 2 :])
        close = len(token) - len(mark)
        yield hand("text longer", token[:close] + b"X" + mark)
        yield hand("sentence added", token[:close] + b" and more" + mark)
        yield hand("text replaced", mark + b"replaced" + mark)
        if mark:
            yield hand("colour code", mark + b"&a" + token[1:])
            yield hand("emptied", mark + mark)


def _by_lines(data: bytes, setting: Setting, start: int, end: int) -> Iterator[Hand]:
    first = data.rfind(b"\n", 0, start) + 1
    last = data.find(b"\n", end)
    if last < 0 or b"\n" in data[start:end]:
        return
    line, number = data[first : last + 1], setting.line
    yield Hand("line removed", number, data[:first] + data[last + 1 :])
    if re.match(rb"\s*- ", line):
        copy = line.replace(data[start:end], _other(data[start:end]), 1)
        yield Hand("item added", number, data[: last + 1] + copy + data[last + 1 :])
    key = re.match(rb"""(\s*[\w:]*["']?[A-Za-z_-]+)(["']?\s*[:=])""", line)
    if key and not re.match(rb"\s*- ", line):
        copy = key[1] + b"Two" + line[key.end(1) :]
        yield Hand("key added", number, data[: last + 1] + copy + data[last + 1 :])


def _other(token: bytes) -> bytes:
    return token[:-1] + b"Z" + token[-1:] if token[-1:] in b"'\"" else token + b"2"


def edit_file(task: tuple[str, int, float]) -> Count:
    """Edit one file by hand and by the engine."""
    file, per_file, seconds = task
    count = Count()
    try:
        document = parse(file, Path(file).read_bytes())
        siblings_last = _last_of_their_kind(document)
    except ConfigFileError:
        return count
    ends = time.monotonic() + seconds if seconds else float("inf")
    for hand in edits(document, per_file):
        if hand.kind == "key added" and hand.line not in siblings_last:
            continue
        _note(count, document, hand)
        if time.monotonic() > ends:
            break
    return count


def _last_of_their_kind(document: Document) -> set[int]:
    """The lines of settings after which their section ends: a new key is looked for there."""
    last: dict[KeyPath, int] = {}
    for path, setting in document.settings.items():
        for depth in range(len(path)):
            last[path[:depth]] = max(last.get(path[:depth], 0), setting.line)
    own = {path: setting.line for path, setting in document.settings.items()}
    return {line for path, line in own.items() if path and last[path[:-1]] == line}


def _note(count: Count, document: Document, hand: Hand) -> None:
    try:
        said = verdict(document, hand.after)
    except Exception as error:
        said = f"crashed: {type(error).__name__}"
    if said in (NO_EDIT, "not readable afterwards"):
        return
    count.verdicts[document.format, hand.kind, _class(said)] += 1
    if said != "same":
        count.notes.append(f"{document.file}:{hand.line}: {hand.kind}: {said}")


def pairs_below(folder: Path) -> Iterator[tuple[str, bytes, bytes]]:
    """The files that stand both in `before/` and in `after/`."""
    for path in sorted((folder / "before").rglob("*")):
        other = folder / "after" / path.relative_to(folder / "before")
        if path.is_file() and other.is_file():
            yield str(path), path.read_bytes(), other.read_bytes()


def pairs_of_history(repository: Path) -> Iterator[tuple[str, bytes, bytes]]:
    """Every edit in a git history that touched one line of a config file."""

    def git(*words: str) -> bytes:
        command = ["git", "-C", str(repository), *words]
        return subprocess.run(command, check=True, capture_output=True).stdout

    log = git("log", "--no-merges", "--diff-filter=M", "--numstat", "--format=commit %H", "-z")
    commit = ""
    for part in re.split(rb"[\0\n]", log):
        text = part.decode("utf-8", "surrogateescape")
        if text.startswith("commit "):
            commit = text[7:]
            continue
        added, _, rest = text.partition("\t")
        removed, _, file = rest.partition("\t")
        if (added, removed) not in (("1", "1"), ("1", "0"), ("0", "1")):
            continue
        if Path(file).suffix.lower() in EXTENSIONS:
            yield file, git("show", f"{commit}~:{file}"), git("show", f"{commit}:{file}")


def _class(said: str) -> str:
    """A verdict without what only this one edit says."""
    return "other bytes" if said.startswith("other bytes") else said


def compare_pairs(pairs: Iterator[tuple[str, bytes, bytes]]) -> Count:
    """Real edits: the engine's bytes against the person's."""
    count = Count()
    for file, before, after in pairs:
        try:
            document = parse(file, before)
        except ConfigFileError:
            count.verdicts["-", "real edit", "not readable before"] += 1
            continue
        said = verdict(document, after)
        count.verdicts[document.format, "real edit", _class(said)] += 1
        if said not in ("same", NO_EDIT):
            count.notes.append(f"{file}: {said}")
    return count


def report(count: Count, worst: int) -> None:
    """Print one line a format, kind and verdict, then the first edits that differ of each kind."""
    for (format_name, kind, said), number in sorted(count.verdicts.items()):
        print(f"{format_name:<12}{kind:<16}{number:>8}  {said}")
    shown: Counter[str] = Counter()
    for note in count.notes:
        kind = (
            Path(note.partition(": ")[0]).suffix.partition(":")[0]
            + note.split(": ", 1)[1].split(" ours ")[0]
        )
        shown[kind] += 1
        if shown[kind] <= worst:
            print("  " + note)


def main(arguments: list[str] | None = None) -> int:
    """Compare and print; exit 1 if the engine crashed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.by_hand", description=__doc__)
    parser.add_argument("folders", nargs="*", metavar="FOLDER")
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--git", type=Path)
    parser.add_argument("--per-file", type=int, default=0, metavar="N", help="0: every setting")
    parser.add_argument("--seconds", type=float, default=0, metavar="N", help="for each file")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--worst", type=int, default=3, help="how many of a kind to list")
    options = parser.parse_args(arguments)
    total = Count()
    sources: list[tuple[Path | None, Callable[[Path], Iterator[tuple[str, bytes, bytes]]]]] = [
        (options.pairs, pairs_below),
        (options.git, pairs_of_history),
    ]
    counts = [compare_pairs(pairs(folder)) for folder, pairs in sources if folder]
    tasks = [(file, options.per_file, options.seconds) for file in files_below(options.folders)]
    with multiprocessing.Pool(options.jobs) as pool:
        counts += pool.imap_unordered(edit_file, tasks)
    for count in counts:
        total.verdicts += count.verdicts
        total.notes += count.notes
    report(total, options.worst)
    return 1 if any("crashed" in said for _, _, said in total.verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
