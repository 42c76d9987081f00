"""How long a scan takes, as a ratio to reading and parsing the same tree with PyYAML's C loader.

    python -m benchmarks.scan [--files 4800] [--keep FOLDER]

The tree is generated: AMP's layout, 23 instances, YAML files of the sizes measured on real servers
(median 1.7 KB, some of 24 KB, a few of 136 KB), a third of them equal on several instances.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import yaml

from homeamp_agent.drift.scan import Scanner
from homeamp_agent.instances import discover
from homeamp_agent.model.secret import Masker

INSTANCES = 23
SIZES = [1_000] * 30 + [2_500] * 40 + [6_000] * 20 + [24_000] * 9 + [136_000]
"""Bytes of a file; drawn evenly."""

WORDS = [
    "enabled",
    "delay",
    "spawn",
    "radius",
    "message",
    "world",
    "limit",
    "player",
    "format",
    "chance",
    "amount",
    "mode",
]


def main() -> None:
    """Generate, measure, print."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--files", type=int, default=4_800)
    options.add_argument("--keep", type=Path, help="generate into this folder and leave it there")
    chosen = options.parse_args()
    folder = chosen.keep or Path(tempfile.mkdtemp(prefix="scan-"))
    try:
        if not (folder / "instances").exists():
            generate(folder / "instances", chosen.files)
        measure(folder / "instances")
    finally:
        if chosen.keep is None:
            shutil.rmtree(folder)


def generate(root: Path, files: int) -> None:
    """Write the tree."""
    pick = random.Random(20260816)
    shared = [settings(pick, pick.choice(SIZES)) for _ in range(files // 12)]
    for number in range(files):
        instance = root / f"SMP{number % INSTANCES:02}" / "Minecraft"
        plugin = number // INSTANCES // 4
        folder = instance / "plugins" / f"Plugin{plugin}" / ("lang" if number % 3 == 0 else "")
        folder.mkdir(parents=True, exist_ok=True)
        same = pick.random() < 1 / 3
        text = shared[number // INSTANCES % len(shared)] if same else settings(pick)
        (folder / f"file{number // INSTANCES % 4}.yml").write_text(text, "utf-8")
    for instance in root.iterdir():
        (instance / "AMPConfig.conf").write_text("Core.Name=x\n")
        (instance / "Minecraft" / "bukkit.yml").write_text("settings: {}\n")


def settings(pick: random.Random, size: int = 0) -> str:
    """A config file of about `size` bytes, with comments, sections, lists and every scalar."""
    size = size or pick.choice(SIZES)
    lines: list[str] = []
    written = 0
    while written < size:
        section = [f"{pick.choice(WORDS)}-{len(lines)}:"]
        for at in range(pick.randrange(2, 12)):
            key = f"  {pick.choice(WORDS)}-{at}"
            value = pick.choice(
                [
                    str(pick.randrange(10_000)),
                    str(pick.random() < 0.5).lower(),
                    f"{pick.random() * 100:.2f}",
                    f"'&7Hello {pick.choice(WORDS)}: %player%'",
                    f'"{pick.choice(WORDS)} {pick.choice(WORDS)}"',
                    f"[{pick.randrange(9)}, {pick.randrange(9)}]",
                    pick.choice(WORDS),
                ]
            )
            section.append(f"{key}: {value}")
            if pick.random() < 0.15:
                section.append(f"  # {' '.join(pick.choices(WORDS, k=8))}")
        lines += section
        written += sum(len(line) + 1 for line in section)
    return "\n".join(lines) + "\n"


class Memory:
    """Stands for the database: contents of an earlier run."""

    def __init__(self) -> None:
        self.packed: dict[str, bytes] = {}

    def get(self, keys: Collection[str]) -> Mapping[str, bytes]:
        """What is known."""
        return {key: self.packed[key] for key in keys if key in self.packed}

    def put(self, packed: Mapping[str, bytes]) -> None:
        """Remember."""
        self.packed.update(packed)


def measure(root: Path) -> None:
    """Time each way over the same tree, and print a table."""
    instances = discover(root, "bench").instances
    masker = Masker(bytes(32))
    # One look first, so that nobody pays for the disk.
    paths = [path for path in root.rglob("*.yml") if path.read_bytes() is not None]
    size = sum(path.stat().st_size for path in paths)
    cache = Memory()
    plain = timed(lambda: parse_plainly(paths))
    alone = timed(lambda: Scanner(masker, workers=1).scan(instances))
    kept = Scanner(masker, cache=cache, workers=2)
    cold = timed(lambda: kept.scan(instances))
    age(paths)
    kept.scan(instances)
    warm = timed(lambda: kept.scan(instances))
    kept.distrust()
    distrusting = timed(lambda: kept.scan(instances))
    restart = timed(lambda: Scanner(masker, cache=cache, workers=2).scan(instances))
    _, count = kept.scan(instances)
    print(f"{count.files:,} files, {size / 1e6:.1f} MB, {count.settings:,} settings")
    for name, seconds in (
        ("read + yaml.load(CSafeLoader), one process", plain),
        ("cold scan, one process", alone),
        ("cold scan, two processes", cold),
        ("restart, every content known", restart),
        ("full rescan that trusts no stamp", distrusting),
        ("warm scan, nothing changed", warm),
    ):
        print(f"{name:45} {seconds * 1000:9.0f} ms {seconds / plain:8.3f}x")
    print(f"packed contents {sum(map(len, cache.packed.values())) / 1e6:.1f} MB")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def parse_plainly(paths: list[Path]) -> None:
    """What any tool would do, as a yardstick."""
    for path in paths:
        yaml.load(path.read_bytes(), yaml.CSafeLoader)


def age(paths: list[Path]) -> None:
    """Files that were just written are read twice; real ones rest."""
    for path in paths:
        os.utime(path, ns=(10**18, 10**18))


def timed(work: Callable[[], object]) -> float:
    """Seconds of one run."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
