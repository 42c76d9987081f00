"""How the deviations screen takes 100,000 rows, as a ratio to textual's own DataTable with them.

    python -m benchmarks.table [--rows 100000]

A tree is generated in which every setting deviates, a real agent of its own process scans it and
serves the rows; the real dashboard opens, scrolls and filters. The stock table gets the same number
of rows from memory, so it has nothing to ask anybody for.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import DataTable

from benchmarks.served import START_SECONDS, served
from homeamp_tui.app import HomeampApp
from homeamp_tui.screens.deviations import DeviationsScreen

INSTANCES, PLUGINS = 20, 10
SIZE = (140, 45)
LOOK_SECONDS = 0.002
PAGES = 60
COLUMNS = ("SEV", "HOST", "INSTANCE", "PLUGIN", "SETTING", "EXPECTED", "ACTUAL", "AGE")


def main() -> None:
    """Generate, serve, measure, print."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--rows", type=int, default=100_000)
    rows = options.parse_args().rows
    folder = Path(tempfile.mkdtemp(prefix="table-"))
    try:
        generate(folder, rows)
        asyncio.run(measure(folder, rows))
    finally:
        shutil.rmtree(folder)


def generate(folder: Path, rows: int) -> None:
    """Instances whose every setting is not as their baseline says."""
    keys = [f"section-{at // 50:03}.key-{at:05}" for at in range(rows // INSTANCES // PLUGINS)]
    for plugin in range(PLUGINS):
        name = f"Plugin{plugin:02}"
        lines = [f"# {name} - Universal Configuration", "", "## General", ""]
        lines += [f"`{key}` = {at}" for at, key in enumerate(keys)]
        baseline = folder / "baselines" / f"{name}_universal_config.md"
        baseline.parent.mkdir(exist_ok=True)
        baseline.write_text("\n".join(lines) + "\n", "utf-8")
    for instance in range(INSTANCES):
        game = folder / "instances" / f"INST{instance:02}" / "Minecraft"
        game.mkdir(parents=True)
        (game.parent / "AMPConfig.conf").write_text("AMP.Version=2.6\n", "utf-8")
        (game / "server.properties").write_text("motd=measured\n", "utf-8")
        for plugin in range(PLUGINS):
            home = game / "plugins" / f"Plugin{plugin:02}"
            home.mkdir(parents=True)
            (home / "config.yml").write_text(_yaml(keys, instance), "utf-8")


def _yaml(keys: list[str], instance: int) -> str:
    lines, section = [], ""
    for at, key in enumerate(keys):
        name, _, leaf = key.partition(".")
        if name != section:
            section = name
            lines.append(f"{name}:")
        lines.append(f"  {leaf}: {at + 1 + instance}")
    return "\n".join(lines) + "\n"


async def measure(folder: Path, rows: int) -> None:
    """Serve, then open, scroll and filter on both tables."""
    began = time.monotonic()
    async with served(folder, folder / "instances", folder / "baselines") as client:
        counted = await client.call_json("deviations.count", {})
        total = int(counted["total"])
        print(f"the agent found {total:,} deviations in {time.monotonic() - began:.1f} s")
        ours = await measure_dashboard(client.url, total)
    stock = await measure_stock(rows)
    print(f"{'':<24}{'dashboard':>12}{'DataTable':>12}{'ratio':>9}")
    for name, seconds in ours.items():
        other = stock.get(name)
        against = f"{other * 1000:>9.0f} ms{other / seconds:>8.1f}×" if other else ""
        print(f"{name:<24}{seconds * 1000:>9.1f} ms{against}")


async def _until(pilot: Pilot[None], true: Callable[[], bool]) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not true():
            await pilot.pause(LOOK_SECONDS)


async def measure_dashboard(url: str, total: int) -> dict[str, float]:
    """Seconds of each thing somebody does."""
    took: dict[str, float] = {}
    began = time.monotonic()
    async with HomeampApp([url], start="deviations").run_test(size=SIZE) as pilot:
        await _until(pilot, lambda: isinstance(pilot.app.screen, DeviationsScreen))
        screen = pilot.app.screen
        assert isinstance(screen, DeviationsScreen)

        def here() -> bool:
            first, last = screen.table.window()
            return screen.reader.known and all(screen.reader.row(at) for at in range(first, last))

        await _until(pilot, lambda: here() and screen.reader.total == total)
        took["open"] = time.monotonic() - began
        began = time.monotonic()
        await pilot.press("G")
        await _until(pilot, lambda: screen.table.cursor == total - 1 and here())
        took["to the last row"] = time.monotonic() - began
        await pilot.press("home")
        pages = []
        for _ in range(PAGES):
            began = time.monotonic()
            await pilot.press("pagedown")
            await _until(pilot, here)
            pages.append(time.monotonic() - began)
        took["a page down (median)"] = statistics.median(pages)
        took["a page down (worst)"] = max(pages)
        took["filter while typing"] = await _filter(pilot, screen, "key-00042", total)
        await pilot.press("escape")
        await _until(pilot, lambda: screen.reader.total == total)
        took["filter by field"] = await _filter(pilot, screen, "instance:INST07", total)
    return took


async def _filter(pilot: Pilot[None], screen: DeviationsScreen, text: str, total: int) -> float:
    """From the last key to the rows, with the pause that waits for another key."""
    await pilot.press("slash", *text[:-1])
    await _until(pilot, lambda: screen.reader.known)
    began = time.monotonic()
    await pilot.press(text[-1])
    before = screen.reader.rows.query
    await _until(pilot, lambda: screen.reader.rows.query != before)
    await _until(pilot, lambda: screen.reader.known and 0 < screen.reader.total < total)
    return time.monotonic() - began


class Stock(App[None]):
    """The same rows in textual's own table."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self._rows = rows

    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns(*COLUMNS)
        for at in range(self._rows):
            table.add_row(
                "MED", "bench", f"INST{at % INSTANCES:02}", f"Plugin{at % PLUGINS:02}",
                f"section.key-{at:05}", str(at), str(at + 1), "1m",
            )  # fmt: skip


async def measure_stock(rows: int) -> dict[str, float]:
    """Seconds of what a stock table can do by itself."""
    took: dict[str, float] = {}
    began = time.monotonic()
    async with Stock(rows).run_test(size=SIZE) as pilot:
        table = pilot.app.query_one(DataTable)
        await _until(pilot, lambda: table.row_count == rows and table.virtual_size.height >= rows)
        took["open"] = time.monotonic() - began
        began = time.monotonic()
        await pilot.press("ctrl+end")
        await pilot.pause()
        took["to the last row"] = time.monotonic() - began
        await pilot.press("ctrl+home")
        pages = []
        for _ in range(PAGES):
            began = time.monotonic()
            await pilot.press("pagedown")
            await pilot.pause()
            pages.append(time.monotonic() - began)
        took["a page down (median)"] = statistics.median(pages)
        took["a page down (worst)"] = max(pages)
    return took


if __name__ == "__main__":
    main()
