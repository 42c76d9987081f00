"""How long 23 instances × 82 plugins × 4,000 rules take to resolve from cold.

    python -m benchmarks.resolve [--instances 23] [--plugins 82] [--rules 4000]

Prints the time beside that of reading the same rules' key paths out of plain dictionaries, as a
ratio: absolute times follow the machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from homeamp_agent.baselines import Resolver, load_baselines
from homeamp_agent.model.instance import Instance, Platform, Plugin
from homeamp_agent.model.snapshot import FileSnapshot, InstanceSnapshot, SettingTable


def write_baselines(folder: Path, plugins: int, rules: int) -> None:
    """One markdown file a plugin, the rules spread evenly."""
    for number in range(plugins):
        keys = range(number, rules, plugins)
        text = "".join(f"`section{key % 7}.key{key}` = {key}\n\n" for key in keys)
        (folder / f"Plugin{number:02}_universal_config.md").write_text(text)


def fleet(instances: int, plugins: int, rules: int) -> list[InstanceSnapshot]:
    """Snapshots whose plugins hold exactly the rules' settings; equal files share one table."""
    tables = []
    for number in range(plugins):
        leaves = {(f"section{key % 7}", f"key{key}"): key for key in range(number, rules, plugins)}
        tables.append(SettingTable(leaves, dict.fromkeys(leaves, 1)))
    installed = tuple(
        Plugin(name=f"Plugin{number:02}", folder=f"plugins/Plugin{number:02}")
        for number in range(plugins)
    )
    found = []
    for number in range(instances):
        instance = Instance(
            host="alder", name=f"I{number:02}", platform=Platform.PAPER, plugins=installed
        )
        files = {
            f"{plugin.folder}/config.yml": FileSnapshot(
                f"{plugin.folder}/config.yml", plugin.name, "0", 1, 1, table
            )
            for plugin, table in zip(installed, tables, strict=True)
        }
        found.append(InstanceSnapshot(instance, files))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=23)
    parser.add_argument("--plugins", type=int, default=82)
    parser.add_argument("--rules", type=int, default=4000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        write_baselines(Path(name), options.plugins, options.rules)
        began = time.perf_counter()
        baselines = load_baselines(Path(name))
        loaded = time.perf_counter()
        snapshots = fleet(options.instances, options.plugins, options.rules)
        ready = time.perf_counter()
        resolver = Resolver(baselines, [each.instance for each in snapshots])
        count = sum(len(resolver.resolve(each)) for each in snapshots)
        resolved = time.perf_counter()
        floor = 0
        for each in snapshots:
            for file in each.files.values():
                assert file.table is not None
                floor += sum(1 for path in file.table.leaves if file.table.leaves[path] is not None)
        ended = time.perf_counter()
    print(f"load      {loaded - began:6.2f} s  {len(baselines.rules):,} rules")
    print(f"resolve   {resolved - ready:6.2f} s  {count:,} expectations")
    print(f"floor     {ended - resolved:6.2f} s  {floor:,} look-ups")
    print(f"ratio     {(resolved - ready) / (ended - resolved):6.1f}")


if __name__ == "__main__":
    main()
