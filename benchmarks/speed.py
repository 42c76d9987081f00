"""How long reading and editing take, as a ratio to the usual reader on the same files.

    python -m benchmarks.speed FOLDER... [--rounds N]

Reading is `parse(...).settings` with each setting's value and span; the usual readers give values
only: `yaml.load(CSafeLoader)`, `json.loads`, `tomllib.loads`. An edit is `document.set(...)` with
its proof, compared to reading. The best of several rounds counts, taken in turns, in seconds of the
processor: those of the clock tell more of what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from benchmarks.sweep import files_below, new_value
from homeamp_agent.configfiles import ConfigFileError, EditRefused, KeyPath, parse

Reader = Callable[[bytes], Any]
_YAML = ("yaml.load(CSafeLoader)", lambda data: yaml.load(data, yaml.CSafeLoader))
USUAL: dict[str, list[tuple[str, Reader]]] = {
    "yaml": [_YAML],
    "json": [_YAML, ("json.loads", json.loads)],
    "toml": [("tomllib.loads", lambda data: tomllib.loads(data.decode()))],
}


def _read(file: str, data: bytes) -> list[Any]:
    settings = parse(file, data).settings.values()
    return [(setting.value, setting.span) for setting in settings]


def _edits(files: list[tuple[str, bytes]]) -> list[tuple[str, bytes, KeyPath, Any]]:
    """One edit a file: the middle scalar becomes another value of its type."""
    found = []
    for file, data in files:
        document = parse(file, data)
        scalars = [
            (path, setting.value)
            for path, setting in document.settings.items()
            if not isinstance(setting.value, list | dict)
        ]
        if scalars:
            path, value = scalars[len(scalars) // 2]
            found.append((file, data, path, new_value(value, document.typed, 0)))
    return found


def _prepared(edits: list[tuple[str, bytes, KeyPath, Any]]) -> Callable[[], object]:
    """The edits of documents that were just read: one that was edited knows more than that."""
    read = [(parse(file, data), path, value) for file, data, path, value in edits]

    def edit() -> None:
        for document, path, value in read:
            try:
                document.set(path, value)
            except EditRefused:
                continue

    return edit


def _readable(files: list[tuple[str, bytes]], format_name: str) -> list[tuple[str, bytes]]:
    """The files of a format that both we and its usual readers can read."""
    found = []
    for file, data in files:
        try:
            if parse(file, data).format == format_name:
                for _, usual in USUAL.get(format_name, []):
                    usual(data)
                found.append((file, data))
        except (ConfigFileError, yaml.YAMLError, ValueError):
            continue
    return found


def _best(rounds: int, *works: Callable[[], Callable[[], object]]) -> list[float]:
    """The least seconds of processor time of each work, which is prepared anew for each round."""
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for number, prepare in enumerate(works):
            work = prepare()
            started = time.process_time()
            work()
            best[number] = min(best[number], time.process_time() - started)
    return best


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; the numbers are ratios, since machines differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    files = [(file, Path(file).read_bytes()) for file in files_below(options.folders)]
    print("{:<12}{:>6}{:>7}{:>9}{:>9}{:>7}  {}".format(*HEAD))
    for format_name in ("yaml", "json", "toml", "properties", "hocon", "forge_cfg", "kvp", "ini"):
        readable = _readable(files, format_name)
        if readable:
            _measure(format_name, readable, options.rounds)
    return 0


HEAD = ("format", "files", "KB", "settings", "values", "edit", "as a multiple of")


def _measure(format_name: str, files: list[tuple[str, bytes]], rounds: int) -> None:
    edits = _edits(files)
    usual = USUAL.get(format_name, [])

    def load(reader: Reader) -> Callable[[], Callable[[], object]]:
        return lambda: lambda: [reader(data) for _, data in files]

    settings, values, edit, *others = _best(
        rounds,
        lambda: lambda: [parse(file, data).settings for file, data in files],
        lambda: lambda: [_read(file, data) for file, data in files],
        lambda: _prepared(edits),
        *(load(reader) for _, reader in usual),
    )
    size = sum(len(data) for _, data in files) // 1024
    bases = list(zip([name for name, _ in usual], others, strict=True)) or [
        ("our reading", settings)
    ]
    for name, base in bases:
        print(
            f"{format_name:<12}{len(files):>6}{size:>7}{settings / base:>8.2f}x"
            f"{values / base:>8.2f}x{edit / settings:>6.2f}x  {name}; an edit: of reading"
        )


if __name__ == "__main__":
    sys.exit(main())
