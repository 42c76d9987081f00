"""The live half: keeps a host's deviations true while files, baselines and instances change.

    detector = Detector(host=..., instances=..., baselines=..., masker_key=..., store=store,
                        publish=events.publish)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(detector.run())

An edit is told by the watcher, settles, is parsed and compared on the engine's thread, committed,
and published. What a watcher can miss, a sweep by stat finds within a minute, a full scan within
the hour. Nothing that is read can stop it.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from homeamp_agent.baselines import Baselines, Resolver
from homeamp_agent.drift.attribution import Attribution, nobody_says
from homeamp_agent.drift.detector_settings import DetectorSettings
from homeamp_agent.drift.engine import Engine
from homeamp_agent.drift.ledger import Ledger
from homeamp_agent.drift.outcome import LastLook, Outcome
from homeamp_agent.drift.pending import Pending
from homeamp_agent.drift.places import Places
from homeamp_agent.drift.scan_state import ScanState
from homeamp_agent.drift.store_cache import StoreCache
from homeamp_agent.drift.watching import Watching
from homeamp_agent.drift.workers import ScanStopped
from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.event import Topic
from homeamp_agent.model.rule import ProblemSeverity
from homeamp_agent.model.secret import Masker
from homeamp_agent.model.snapshot import InstanceSnapshot
from homeamp_agent.store import Store, StoreError

log = logging.getLogger(__name__)

Publish = Callable[[Topic, str, dict[str, Any]], None]
"""(topic, name, body): what happened; must not block and must not raise."""

Answer = TypeVar("Answer")


class Detector:
    """Owns the snapshots of a host; see the module's text. Use from one event loop."""

    def __init__(
        self,
        *,
        host: str,
        instances: Path,
        baselines: Path,
        masker_key: bytes,
        store: Store,
        publish: Publish,
        settings: DetectorSettings | None = None,
        amp_starting: Callable[[str], bool] = nobody_says,
    ) -> None:
        self.host = host
        self.settings = settings or DetectorSettings()
        self.scan_state = ScanState()
        self.baselines_loaded_at: dt.datetime | None = None
        self.ready = asyncio.Event()
        """Set when the first scan is committed."""
        self._attribution = Attribution(amp_starting=amp_starting)
        self._cache = StoreCache(store)
        self._engine = Engine(
            host,
            instances,
            baselines,
            masker_key,
            self.settings.limits,
            self._cache,
            self.settings.workers,
            self._attribution,
        )
        self._ledger = Ledger(host, store, publish)
        self._publish = publish
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="drift engine")
        self._turn = asyncio.Lock()
        self._acts: set[asyncio.Task[Any]] = set()
        self._failures = 0
        self._pending = Pending()
        self._wake = asyncio.Event()
        self._terms = asyncio.Event()
        """Baselines were loaded: another term may end next."""
        self._watching: Watching | None = None
        self._places = Places(instances, baselines)
        self._trouble: str | None = None

    # what others may read ------------------------------------------------------------------------

    @property
    def snapshots(self) -> Mapping[str, InstanceSnapshot]:
        """Every instance as last seen, by name; never changed, only replaced."""
        return self._engine.snapshots

    @property
    def baselines(self) -> Baselines:
        """The baselines as last loaded."""
        return self._engine.baselines

    @property
    def resolver(self) -> Resolver:
        """What the rules expect of the snapshots."""
        return self._engine.resolver

    @property
    def masker(self) -> Masker:
        """What masks this host's secrets now."""
        return self._engine.masker

    @property
    def watched_folders(self) -> int:
        """How many folders are watched."""
        return self._watching.folders if self._watching is not None else 0

    @property
    def variances(self) -> int:
        """Settings that differ on purpose."""
        return self._engine.variances

    def deviations_of(self, instance: str, plugin: str) -> tuple[Deviation, ...]:
        """What deviates on one plugin (case folded) of an instance, approved ones included."""
        return self._engine.deviations_of(instance, plugin)

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong now with looking, one line each."""
        blind = self._watching.problem if self._watching is not None else None
        own = (each for each in (blind, self._trouble) if each is not None)
        return (*self._engine.all_problems, *own)

    # what others may ask for ---------------------------------------------------------------------

    async def run(self) -> None:
        """Scan, then watch until cancelled; ends within moments then."""
        self._cache.loop = asyncio.get_running_loop()
        watching = self._watching = Watching()
        try:
            await self._begin(watching)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(watching))
                tasks.create_task(self._work())
                tasks.create_task(self._every(self._sweep_interval, self._ask_sweep))
                tasks.create_task(self._every(self._rescan_interval, self._full_rescan))
                tasks.create_task(self._expire())
        finally:
            self._engine.scanner.stopping.set()
            self._cache.loop = None
            for act in self._acts:
                act.cancel()
            watching.close()
            self._watching = None
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def rescan(self, only: Collection[str] | None = None) -> ScanState:
        """Look at every file (of these instances), compare, commit; returns how it went."""
        await self._to_the_end(self._scan(only, thorough=True))
        return self.scan_state

    async def refresh(self, instance: str, files: Iterable[str]) -> None:
        """Look at these files (below the game folder) now, and commit: after a write of ours."""
        await self._to_the_end(self._refresh({instance: list(files)}, settle=False))

    async def baselines_changed(self) -> None:
        """Read the baselines again, compare what they touch, and commit: after a write of ours."""
        await self._to_the_end(self._reload_baselines())

    async def _reload_baselines(self) -> None:
        async with self._turn:
            outcome = await self._on_thread(self._engine.reload_baselines)
            self._baselines_loaded()
            if outcome is not None:
                await self._ledger.commit(outcome)
        if outcome is None:
            await self._scan(None, thorough=False)

    def note_own_write(self, path: str | Path, sha256: str, change_id: str = "") -> None:
        """Call before writing: these bytes at this absolute path are ours, not somebody's drift."""
        self._attribution.own_writes.note(str(path), sha256, change_id)

    # the first look ------------------------------------------------------------------------------

    async def _begin(self, watching: Watching) -> None:
        known = await self._ledger.last_look()
        self._engine.last_look = {
            (each.instance, each.file): LastLook(each.sha256, each.parsed) for each in known
        }
        await self._on_thread(self._engine.load)
        self._baselines_loaded()
        await watching.more(self._places.roots())
        await self._scan(None, thorough=False)
        self._engine.last_look = {}
        self.ready.set()

    # scans ---------------------------------------------------------------------------------------

    async def _scan(self, only: Collection[str] | None, *, thorough: bool) -> None:
        async with self._turn:
            await self._scan_in_turn(only, thorough)

    async def _scan_in_turn(self, only: Collection[str] | None, thorough: bool) -> None:
        state = self.scan_state = ScanState(True, dt.datetime.now(dt.UTC))
        self._publish(Topic.SCAN, "started", {})
        try:
            outcome = await self._on_thread(lambda: self._engine.scan(only, thorough=thorough))
            await self._ledger.commit(outcome)
            await self._watch_instances()
            await self._ledger.record_scan(state.started_at, outcome)
        except ScanStopped:
            raise asyncio.CancelledError from None
        except (StoreError, OSError) as error:
            state.error = str(error)
            log.warning("scan failed: %s", error)
            outcome = Outcome()
        state.running, state.finished_at = False, dt.datetime.now(dt.UTC)
        state.seconds = round(outcome.seconds, 3)
        if outcome.count is not None:
            state.instances, state.files = outcome.count.instances, outcome.count.files
            state.settings = outcome.count.settings
        body = {"seconds": state.seconds, "files": state.files, "error": state.error}
        self._publish(Topic.SCAN, "finished", body)

    async def _full_rescan(self) -> None:
        await self._scan(None, thorough=True)
        await self._ledger.prune()

    # watching ------------------------------------------------------------------------------------

    async def _watch_instances(self) -> None:
        """Watch every folder of every instance, and nothing that is gone."""
        folders = await self._on_thread(self._engine.folders)
        self._places.instances = {
            name: each.instance.game_folder for name, each in self.snapshots.items()
        }
        wanted = [*self._places.roots(), *folders]
        wanted += [each.instance.folder for each in self.snapshots.values()]
        if self._watching is not None and await self._watching.more(wanted, only=True):
            # What changed between the look and the watches being set is found by one sweep.
            await self._ask_sweep()

    async def _listen(self, watching: Watching) -> None:
        while True:
            told = await asyncio.to_thread(self._places.sort, await watching.changes())
            self._pending.add_told(told)
            for instance, folder in told.folders:
                await self._new_folder(watching, instance, folder)
            for instance, folder in told.gone:
                await self._folder_gone(watching, instance, folder)
            if self._pending:
                self._wake.set()

    async def _new_folder(self, watching: Watching, instance: str, folder: str) -> None:
        """Watch a new folder with all below it, then walk it: in this order nothing is missed."""
        snapshot = self.snapshots.get(instance)
        if snapshot is None:
            return
        sieve = self._engine.sieve(snapshot.instance)
        while await watching.more(await asyncio.to_thread(sieve.folders, folder)):
            pass  # folders that came while the others were being watched
        files = await asyncio.to_thread(lambda: [ref.path for ref in sieve.below(folder)])
        self._pending.files[instance].update(files)
        self._pending.instances |= self._places.holds_plugins(folder)

    async def _folder_gone(self, watching: Watching, instance: str, folder: str) -> None:
        snapshot = self.snapshots.get(instance)
        if snapshot is None:
            return
        await watching.forget(f"{snapshot.instance.game_folder}/{folder}")
        below = f"{folder}/"
        self._pending.files[instance].update(
            path for path in snapshot.files if path.startswith(below)
        )
        self._pending.instances |= self._places.holds_plugins(folder)

    # the work ------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            pending, self._pending = self._pending, Pending()
            if not pending:
                continue
            try:
                await self._do(pending)
                self._trouble, self._failures = None, 0
            except ScanStopped:
                raise asyncio.CancelledError from None
            except Exception as error:
                # The boundary that reports: whatever one look meets, the next is still made.
                self._trouble = f"looking failed and is tried again: {error}"
                self._failures += 1
                log.exception("looking failed and is tried again")
                wait = min(self.settings.blind_sweep_seconds * 2**self._failures, RETRY_SECONDS)
                self._later(wait, Pending(instances=True))

    async def _do(self, pending: Pending) -> None:
        if pending.files:
            await self._refresh(pending.files)
        if pending.sweep:
            async with self._turn:
                changed = await self._on_thread(self._engine.sweep)
                await self._watch_instances()
            pending.instances |= changed is None
            if changed:
                await self._refresh(changed)
        if pending.baselines:
            await self._reload_baselines()
        if pending.instances:
            await asyncio.sleep(self.settings.discover_ms / 1000)
            await self._scan(None, thorough=False)
            names = sorted(self.snapshots)
            self._publish(Topic.INSTANCES, "updated", {"instances": names})

    async def _refresh(
        self, touched: Mapping[str, Collection[str]], *, settle: bool = True
    ) -> None:
        async with self._turn:
            outcome = await self._on_thread(lambda: self._engine.refresh(touched, settle=settle))
            await self._ledger.commit(outcome)
        if outcome.moving:
            self._later(self.settings.settle_ms / 1000, Pending.of_files(outcome.moving))

    def _later(self, seconds: float, more: Pending) -> None:
        def ask() -> None:
            self._pending.add(more)
            self._wake.set()

        asyncio.get_running_loop().call_later(seconds, ask)

    async def _ask_sweep(self) -> None:
        self._pending.sweep = True
        self._wake.set()

    async def _expire(self) -> None:
        """When the term of a rule or an approval ends, its deviations come back."""
        looked = dt.datetime.now(dt.UTC)
        while True:
            self._terms.clear()
            end = self._engine.next_expiry(looked)
            now = dt.datetime.now(dt.UTC)
            wait = (end - now).total_seconds() if end is not None else EXPIRY_LOOK_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(max(wait, 0.0), EXPIRY_LOOK_SECONDS)):
                    await self._terms.wait()
            now = dt.datetime.now(dt.UTC)
            if end is not None and now >= end:
                looked = now
                async with self._turn:
                    await self._ledger.commit(await self._on_thread(self._engine.expire))

    async def _every(self, seconds: Callable[[], float], act: Callable[[], Any]) -> None:
        while True:
            await asyncio.sleep(seconds())
            await act()

    def _sweep_interval(self) -> float:
        blind = self._watching is not None and self._watching.problem is not None
        return self.settings.blind_sweep_seconds if blind else self.settings.sweep_seconds

    def _rescan_interval(self) -> float:
        return self.settings.rescan_seconds

    def _baselines_loaded(self) -> None:
        self._terms.set()
        self.baselines_loaded_at = dt.datetime.now(dt.UTC)
        problems = self.baselines.problems
        body = {
            "rules": len(self.baselines.rules),
            "errors": sum(each.severity is ProblemSeverity.ERROR for each in problems),
            "warnings": sum(each.severity is ProblemSeverity.WARNING for each in problems),
            "stale": [each.file for each in self.baselines.sources if each.stale],
        }
        self._publish(Topic.RULES, "reloaded", body)

    async def _to_the_end(self, act: Coroutine[Any, Any, None]) -> None:
        """Run `act` even if the caller goes away: what the engine saw must reach the store."""
        task = asyncio.create_task(act)
        self._acts.add(task)
        task.add_done_callback(self._acts.discard)
        await asyncio.shield(task)

    async def _on_thread(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


RETRY_SECONDS = 60.0
"""The longest wait before a failed look is made again."""

EXPIRY_LOOK_SECONDS = 60.0
"""Terms are looked at this often at least: baselines change, and clocks are set."""
