"""How long a network's rules take to resolve: from cold, and after one edit.

    python -m benchmarks.resolve [--instances 23] [--plugins 82] [--rules 4000] [--trees 12]

The rules are spread over the plugins in shape A; `--trees` plugins have, besides, a shape B1
baseline of many files, as add-ons with levels and phases do (the operator's 17 hold 22,603
settings; 1,884 settings in 24 files each is that). Prints the time beside that of looking every
expected value up by its path, as a ratio: absolute times follow the machine.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from homeamp_agent.baselines import Baselines, Resolver, load_baselines
from homeamp_agent.model.instance import Instance, Platform, Plugin
from homeamp_agent.model.setting import KeyPath, dotted
from homeamp_agent.model.snapshot import FileSnapshot, InstanceSnapshot, SettingTable

FILES_OF_TREE = 24
SETTINGS_OF_FILE = 78
INSTANCES_WITH_TREES = 3
"""Such add-ons run on the few instances of one game mode."""

EDITS = 200

Leaves = dict[KeyPath, int]


def flat_keys(plugin: int, plugins: int, rules: int) -> Leaves:
    """The settings of one plugin's config.yml."""
    return {(f"section{key % 7}", f"key{key}"): key for key in range(plugin, rules, plugins)}


def tree_files(plugin: int) -> Iterator[tuple[str, Leaves]]:
    """The files of a plugin with levels, without their ending."""
    for number in range(FILES_OF_TREE):
        leaves: Leaves = {(f"phase{key % 9}", f"key{key}"): key for key in range(SETTINGS_OF_FILE)}
        yield f"levels/{plugin}/level_{number}", leaves


def write_baselines(folder: Path, plugins: int, rules: int, trees: int) -> None:
    """One markdown file a plugin."""
    for number in range(plugins):
        leaves = flat_keys(number, plugins, rules)
        text = "".join(f"`{dotted(path)}` = {value}\n\n" for path, value in leaves.items())
        (folder / f"Plugin{number:02}_universal_config.md").write_text(text)
    for number in range(trees):
        lines = [
            f"{file}: { {dotted(path): value for path, value in leaves.items()}!r}\n"
            for file, leaves in tree_files(number)
        ]
        text = "```yaml\n" + "".join(lines) + "```\n"
        (folder / f"Tree{number:02}_universal_config.md").write_text(text)


def fleet(instances: int, plugins: int, rules: int, trees: int) -> list[InstanceSnapshot]:
    """Snapshots that hold exactly the rules' settings; equal files share one table."""
    files: dict[str, dict[str, SettingTable]] = {}
    for number in range(plugins):
        leaves = flat_keys(number, plugins, rules)
        files[f"Plugin{number:02}"] = {"config.yml": SettingTable(leaves, dict.fromkeys(leaves, 1))}
    for number in range(trees):
        files[f"Tree{number:02}"] = {
            f"{file}.yml": SettingTable(leaves, dict.fromkeys(leaves, 1))
            for file, leaves in tree_files(number)
        }
    return [
        _snapshot(at, {
            name: tables
            for name, tables in files.items()
            if not name.startswith("Tree") or at < INSTANCES_WITH_TREES
        })
        for at in range(instances)
    ]  # fmt: skip


def _snapshot(number: int, plugins: dict[str, dict[str, SettingTable]]) -> InstanceSnapshot:
    installed = tuple(Plugin(name=name, folder=f"plugins/{name}") for name in plugins)
    instance = Instance(
        host="alder", name=f"I{number:02}", platform=Platform.PAPER, plugins=installed
    )
    files = {
        f"plugins/{name}/{file}": FileSnapshot(f"plugins/{name}/{file}", name, "0", 1, 1, table)
        for name, tables in plugins.items()
        for file, table in tables.items()
    }
    return InstanceSnapshot(instance, files)


def look_ups(snapshots: list[InstanceSnapshot]) -> int:
    """The floor: every setting read by its path."""
    found = 0
    for snapshot in snapshots:
        for file in snapshot.files.values():
            assert file.table is not None
            found += sum(1 for path in file.table.leaves if file.table.value(path) is not None)
    return found


def edit_seconds(resolver: Resolver, snapshot: InstanceSnapshot, plugin: str) -> list[float]:
    """How long the expectations of one of the plugin's files take after an edit, each time."""
    path = next(path for path, file in snapshot.files.items() if file.plugin == plugin)
    taken = []
    for number in range(EDITS):
        file = snapshot.files[path]
        assert file.table is not None
        leaves = {**file.table.leaves, next(iter(file.table.leaves)): -number}
        edited = replace(file, table=SettingTable(leaves, file.table.lines))
        snapshot = InstanceSnapshot(snapshot.instance, {**snapshot.files, path: edited})
        began = time.perf_counter()
        resolver.resolve_file(snapshot, path)
        taken.append(time.perf_counter() - began)
    return taken


def show(name: str, seconds: float, what: str) -> None:
    print(f"{name:<12} {seconds:7.3f} s  {what}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=23)
    parser.add_argument("--plugins", type=int, default=82)
    parser.add_argument("--rules", type=int, default=4000)
    parser.add_argument("--trees", type=int, default=0)
    options = parser.parse_args()
    shape = (options.plugins, options.rules, options.trees)
    with tempfile.TemporaryDirectory() as name:
        write_baselines(Path(name), *shape)
        began = time.perf_counter()
        baselines: Baselines = load_baselines(Path(name))
        show("load", time.perf_counter() - began, f"{len(baselines.rules):,} rules")
    snapshots = fleet(options.instances, *shape)
    began = time.perf_counter()
    resolver = Resolver(baselines, [each.instance for each in snapshots])
    count = sum(len(resolver.resolve(each)) for each in snapshots)
    resolved = time.perf_counter() - began
    show("resolve", resolved, f"{count:,} expectations from cold")
    began = time.perf_counter()
    found = look_ups(snapshots)
    floor = time.perf_counter() - began
    show("floor", floor, f"{found:,} look-ups")
    print(f"{'ratio':<12} {resolved / floor:7.1f}")
    for plugin in ("Plugin00", *(["Tree00"] if options.trees else [])):
        taken = edit_seconds(resolver, snapshots[0], plugin)
        show("one edit", statistics.median(taken), f"{plugin}, worst {max(taken) * 1000:.1f} ms")


if __name__ == "__main__":
    main()
