"""Compare our reading and writing of YAML with SnakeYAML itself.

    python -m benchmarks.snakeyaml JAR FOLDER... [--values N]

Reads every YAML file below the folders with both; then has the engine write N values that are
hard to write into small files of five kinds, and lets SnakeYAML read them back. Needs `java` (11
or later) and a SnakeYAML jar, such as that of Debian's package libyaml-snake-java.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.sweep import files_below
from homeamp_agent.configfiles import ConfigFileError, parse
from homeamp_agent.configfiles.yaml_scalars import TaggedText

TEMPLATES = (
    (b"k: [x]\na: old\n", ("a",)),
    (b"a: 'q'\n", ("a",)),
    (b'a: "q"\n', ("a",)),
    (b"a: [o, p]\n", ("a", 1)),
    (b"a: |\n  x\nb: 1\n", ("a",)),
)
NUMBER_LIKE = "0123456789+-_.:eExXbTtZ"
SIGNS = "abz09 .:-#'\"&*!|>%@`[]{},?=~<\\/\t§é\u00a0_+\n"


def read_by_snakeyaml(jar: str, files: list[str]) -> list[Any]:
    """Each file's content as SnakeYamlReader.java writes it."""
    reader = str(Path(__file__).with_name("SnakeYamlReader.java"))
    ended = subprocess.run(
        ["java", "-cp", jar, reader],
        input="\n".join(files) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in ended.stdout.splitlines()]


def read_by_us(file: str) -> Any:
    """The same, by our own reader."""
    try:
        return _as_written(parse("file.yml", Path(file).read_bytes()).value(()))
    except ConfigFileError as error:
        return {"e": error.reason}


def _as_written(value: Any) -> Any:
    if isinstance(value, dict):
        return {"m": [[_as_written(key), _as_written(one)] for key, one in value.items()]}
    if isinstance(value, list):
        return [_as_written(one) for one in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return {"i": str(value)}
    if isinstance(value, float):
        return {"f": repr(value)}
    if isinstance(value, TaggedText):
        return {"o": value.tag}
    # SnakeYAML's reader replaces undecodable bytes; we keep each as a character of plane 16.
    return "".join(sign if ord(sign) < 0x10FC00 else "\ufffd" for sign in value)


def same(ours: Any, theirs: Any) -> bool:
    """Whether two contents agree; of an error only that it is one."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        kind = next(iter(theirs))
        if list(ours) != list(theirs):
            return False
        if kind == "f":
            number = float(theirs["f"].replace("Infinity", "inf"))
            return repr(number) == repr(float(ours["f"]))
        if kind == "m":
            # A merged key stands first with us and last there; Bukkit looks keys up by name.
            pairs, twins = sorted(ours["m"], key=_key), sorted(theirs["m"], key=_key)
            return len(pairs) == len(twins) and all(map(same, pairs, twins))
        return kind in ("e", "o") or bool(ours == theirs)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return type(ours) is type(theirs) and bool(ours == theirs)


def _key(pair: list[Any]) -> str:
    return json.dumps(pair[0])


def hard_values(count: int) -> Iterator[str]:
    """Short texts that look like numbers, dates or YAML."""
    chance = random.Random(count)
    for number in range(count):
        signs = NUMBER_LIKE if number % 2 else SIGNS
        yield "".join(chance.choices(signs, k=chance.randrange(1, 8)))


def main(arguments: list[str] | None = None) -> int:
    """Compare; exit 1 on a written value that SnakeYAML reads otherwise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.snakeyaml", description=__doc__)
    parser.add_argument("jar")
    parser.add_argument("folders", nargs="*", metavar="FOLDER")
    parser.add_argument("--values", type=int, default=12_000)
    options = parser.parse_args(arguments)
    files = [file for file in files_below(options.folders) if file.endswith((".yml", ".yaml"))]
    _compare("files read", files, read_by_snakeyaml(options.jar, files))
    with tempfile.TemporaryDirectory() as folder:
        written = []
        for number, value in enumerate(hard_values(options.values)):
            template, path = TEMPLATES[number % len(TEMPLATES)]
            file = Path(folder, f"{number}.yml")
            file.write_bytes(parse("file.yml", template).set(path, value))
            written.append(str(file))
        different = _compare("values written", written, read_by_snakeyaml(options.jar, written))
    return 1 if different else 0


def _compare(what: str, files: list[str], theirs: list[Any]) -> int:
    different = [
        (file, ours, other)
        for file, other in zip(files, theirs, strict=True)
        if not same(ours := read_by_us(file), other)
    ]
    print(f"{what}: {len(files)}, the same to both readers: {len(files) - len(different)}")
    for file, ours, other in different[:20]:
        print(f"  {file}: {str(ours)[:120]} | {str(other)[:120]}")
    return len(different)


if __name__ == "__main__":
    sys.exit(main())
