"""How soon an edit is told: from the save to the event at a client, beside watchfiles on its own.

    python -m benchmarks.latency [--edits 100]

A real agent watches a copy of the demo fleet; one setting of one file goes from what is expected to
something else and back, by an editor's way of saving (a new file renamed over the old one) and in
place. A subscribed client takes the time until `deviations opened` or `closed` is there: parsed,
compared and committed by then. Beside it, watchfiles' `awatch`, as any program would use it, takes
the time until it names the path, and knows nothing of the content.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from watchfiles import awatch

from benchmarks.served import served
from homeamp_agent.configfiles import parse
from homeamp_agent.model.event import Topic
from homeamp_agent.rpc.protocol.messages.events import EventsSubscribeParams
from homeamp_tui.demo_fleet import fixtures_folder, materialise

ANSWER_SECONDS = 30.0
INSTANCE, PLUGIN = "SKY01", "Essentials"
KEY = ("change-displayname",)
REST_SECONDS = (0.3, 0.6)
"""Between edits, drawn evenly: an edit must not meet the settling of the one before."""

Told = Callable[[], Awaitable[None]]


def main() -> None:
    """Edit, listen, print."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--edits", type=int, default=100)
    edits = options.parse_args().edits
    folder = Path(tempfile.mkdtemp(prefix="latency-"))
    try:
        materialise(fixtures_folder(), folder / "fleet")
        asyncio.run(measure(folder, edits))
    finally:
        shutil.rmtree(folder)


async def measure(folder: Path, edits: int) -> None:
    """Each way of saving, told by each of the two."""
    home = folder / "fleet"
    instances = home / "fleet" / "alder" / "instances"
    file = instances / INSTANCE / "Minecraft" / "plugins" / PLUGIN / "config.yml"
    print(f"{'':<28}{'median':>9}{'19 of 20':>10}{'worst':>9}")
    for name, save in (("renamed over", renamed_over), ("written in place", in_place)):
        async with agent(home, instances) as told:
            _print(f"agent, {name}", await times(file, save, told, edits))
        async with plainly(file.parent) as told:
            _print(f"awatch, {name}", await times(file, save, told, edits))


def _print(name: str, took: list[float]) -> None:
    ms = [each * 1000 for each in sorted(took)]
    late = ms[int(len(ms) * 0.95)]
    print(f"{name:<28}{statistics.median(ms):>6.1f} ms{late:>7.1f} ms{ms[-1]:>6.1f} ms", flush=True)


async def times(
    file: Path, save: Callable[[Path, bytes], None], told: Told, edits: int
) -> list[float]:
    """Seconds from each save to its telling; every second one takes the one before back."""
    pick = random.Random(edits)
    original = await asyncio.to_thread(file.read_bytes)
    document = parse(str(file), original)
    other = document.set(KEY, not document.settings[KEY].value)
    took = []
    for number in range(edits):
        await asyncio.sleep(pick.uniform(*REST_SECONDS))
        began = time.perf_counter()
        save(file, original if number % 2 else other)
        async with asyncio.timeout(ANSWER_SECONDS):
            await told()
        took.append(time.perf_counter() - began)
    save(file, original)
    return took


def renamed_over(file: Path, data: bytes) -> None:
    """As vim and most editors save."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_bytes(data)
    fresh.replace(file)


def in_place(file: Path, data: bytes) -> None:
    """As plugins and SFTP servers save."""
    file.write_bytes(data)


@contextlib.asynccontextmanager
async def agent(home: Path, instances: Path) -> AsyncIterator[Told]:
    """A real agent, and the next event about deviations that it tells."""
    async with served(home, instances, home / "baselines", "alder") as client:
        await client.subscribe(EventsSubscribeParams(topics=(Topic.DEVIATIONS,)))
        events = client.events()

        async def told() -> None:
            await anext(events)

        yield told


@contextlib.asynccontextmanager
async def plainly(folder: Path) -> AsyncIterator[Told]:
    """watchfiles with its defaults on the file's folder alone, and the next change it tells."""
    ended = asyncio.Event()
    changes = awatch(folder, stop_event=ended, yield_on_timeout=False)
    heard: asyncio.Queue[None] = asyncio.Queue()

    async def listen() -> None:
        async for batch in changes:
            if any(not Path(path).name.startswith(".") for _, path in batch):
                heard.put_nowait(None)

    listening = asyncio.create_task(listen())
    await asyncio.sleep(1)  # awatch does not say when its watches stand
    try:
        yield heard.get
    finally:
        ended.set()
        await listening


if __name__ == "__main__":
    main()
