"""The agent: wires the parts, keeps them running, and ends them in order.

    await run(settings, stop=stop)

Order of a start: the state folder is locked, changes cut short are finished or undone, the database
is opened, the socket listens, and then the scan begins; so that clients can look at what was known
while the first scan runs. A part that fails is tried again and says so in `agent.status`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from homeamp_agent import VERSION
from homeamp_agent.amp.room import AmpRoom, amp_room
from homeamp_agent.changes import ChangeRoom, RequestBook, Retention
from homeamp_agent.changes.errors import plain_reason
from homeamp_agent.changes.execution import PLAYERS_S, Pace
from homeamp_agent.changes.inbox import Inbox, InboxRetention
from homeamp_agent.configfiles import Limits
from homeamp_agent.drift.detector import Detector
from homeamp_agent.drift.detector_settings import DetectorSettings
from homeamp_agent.model.event import Topic
from homeamp_agent.model.game import InstanceState
from homeamp_agent.model.secret import Masker
from homeamp_agent.model.window import zone_of
from homeamp_agent.own_state import AgentError, locked_state, masking_key, room_problems
from homeamp_agent.problems import Problems
from homeamp_agent.rpc.access import AccessPolicy, gid_of, unknown_names
from homeamp_agent.rpc.after_restart import AfterRestart
from homeamp_agent.rpc.amp_settings import PanelSettings
from homeamp_agent.rpc.carrying_out import RestartRules
from homeamp_agent.rpc.deploying import deployments_of
from homeamp_agent.rpc.desk import Desk, DeskPolicy
from homeamp_agent.rpc.dispatch import Dispatcher, where_of
from homeamp_agent.rpc.events import EventBus
from homeamp_agent.rpc.hands import GameHands
from homeamp_agent.rpc.idempotency import AnsweredCalls
from homeamp_agent.rpc.inbox import Receiving
from homeamp_agent.rpc.listening import ListenError, listen, passed_socket
from homeamp_agent.rpc.methods import all_methods
from homeamp_agent.rpc.methods.settling import settle, tell_change
from homeamp_agent.rpc.protocol.messages import Access
from homeamp_agent.rpc.recovering import Recovering
from homeamp_agent.rpc.registry import Registry
from homeamp_agent.rpc.rooms import DriftRoom, Rooms
from homeamp_agent.rpc.server import Server
from homeamp_agent.rpc.systemd import notify, watchdog_interval_s
from homeamp_agent.settings import Settings
from homeamp_agent.store import Store, StoreError, open_store, release_fixing
from homeamp_agent.store.deployments import unfinished_deployments
from homeamp_agent.store.records import forget_unfinished_calls

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 60.0
"""A part that failed is tried again after 1 s, then less and less often, up to once a minute."""

SETTLED_S = 120.0
"""A part that has run for this long again is no longer a problem."""

PRUNE_EVERY_S = 24 * 3600
MEBIBYTE = 1024 * 1024

log = logging.getLogger("homeamp")


async def run(
    settings: Settings,
    *,
    stop: asyncio.Event,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Run until `stop` is set; `ready` is called once clients can connect.

    Raises:
        AgentError: it cannot start.
    """
    with locked_state(settings.state):
        key = masking_key(settings.state)
        try:
            store = await open_store(settings.state)
        except StoreError as error:
            raise AgentError(str(error)) from error
        try:
            await _Agent(settings, store, key).run(stop, ready)
        finally:
            await store.close()
    log.info("stopped")


class _Agent:
    """One run of the agent."""

    def __init__(self, settings: Settings, store: Store, masking_key: bytes) -> None:
        self._settings = settings
        self._store = store
        self._masking_key = masking_key
        self._problems = Problems()
        self._problems.set("store", *store.problems)
        for line in store.problems:
            log.warning("%s", line)
        self._limits = Limits(
            max_bytes=settings.scan.max_file_bytes,
            max_depth=settings.scan.max_depth,
            max_settings=settings.scan.max_settings,
        )
        self._bus = EventBus()
        self._drift = DriftRoom(self._new_detector(), settings.baselines)
        self._changes: tuple[Masker, ChangeRoom] | None = None
        self._amp_settings: PanelSettings | None = None
        self._amp: AmpRoom = amp_room(
            settings.amp, lambda name, body: self._publish(Topic.INSTANCES, name, body)
        )
        book = RequestBook(settings.state)
        self._problems.set("requests", *book.problems)
        self._desk = Desk(
            book=book,
            drift=self._drift,
            changes=self._change_room,
            settle=lambda change: settle(rooms, change, ()),
            told=lambda change: tell_change(self._bus, change),
            policy=_desk_policy(settings),
        )
        inbox, keep = settings.changes.inbox, settings.changes
        self._receiving = Receiving(
            None if inbox is None else Inbox(inbox),
            self._desk,
            lambda *lines: self._problems.set("inbox folder", *lines),
            retention=InboxRetention(keep.inbox_keep_days, keep.inbox_keep_files),
        )
        self._recovering = Recovering(
            self._change_room,
            self._desk,
            lambda *lines: self._problems.set("recovery", *lines),
        )
        self._deployments = deployments_of(
            host=settings.host,
            store=store,
            state=settings.state,
            desk=self._desk,
            drift=self._drift,
            changes=self._change_room,
            amp=self._amp,
            bus=self._bus,
            section=settings.deployments,
            problem=lambda *lines: self._problems.set("unfinished deployments", *lines),
        )
        registry = Registry(all_methods())
        rooms = Rooms(
            host=settings.host,
            started_at=datetime.now(UTC),
            bus=self._bus,
            store=store,
            drift=self._drift,
            changes=self._change_room,
            desk=self._desk,
            deployments=self._deployments,
            amp=self._amp,
            registry=registry,
            clients=lambda: self._server.clients,
            problems=self._all_problems,
        )
        after = AfterRestart(rooms, settings.restarts.settle_s)
        self._amp.watch.looked = lambda states: self._looked(after, states)
        self._amp.games.restarted = after.restarted
        if self._amp.lifecycle.available:
            self._desk.carrying.speaks_through(GameHands(self._amp.games, after.look))
            next_stop = self._desk.carrying.next_stop
            self._amp.games.before_start = next_stop.down
            self._amp.watch.awaited = lambda: bool(next_stop.instances)
        answered = AnsweredCalls(store, masking_key)
        self._server = Server(
            Dispatcher(rooms, registry, answered), self._bus, self._access_policy()
        )

    async def run(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Until `stop` is set."""
        if self._amp.amp is not None:
            self._amp_settings = PanelSettings(self._amp.amp, asyncio.get_running_loop())
        await self._recover()
        await forget_unfinished_calls(self._store)
        await self._listen()
        notify("READY=1", f"STATUS=watching {self._settings.instances}")
        log.info("homeamp %s on %s, socket %s", VERSION, self._settings.host, self._settings.socket)
        ready()
        try:
            async with asyncio.TaskGroup() as parts:
                running = [
                    parts.create_task(self._keep("drift", self._detect)),
                    parts.create_task(self._keep("unfinished fixes", self._release_unfinished)),
                    parts.create_task(self._keep("backups", self._prune_backups)),
                    parts.create_task(self._keep("requests", self._desk.run)),
                    parts.create_task(self._keep("inbox", self._receiving.run)),
                    parts.create_task(self._keep("unsettled changes", self._recovering.run)),
                    parts.create_task(self._keep("deployments", self._deployments.run)),
                    parts.create_task(self._keep("amp", self._amp.watch.run)),
                    parts.create_task(self._say_alive()),
                ]
                await stop.wait()
                notify("STOPPING=1")
                self._bus.emit(Topic.AGENT, "stopping")
                await self._server.stop()
                for part in running:
                    part.cancel()
        finally:
            await self._server.stop(0)
            await self._amp.close()

    async def _recover(self) -> None:
        """Finish or undo what was cut short, before anybody looks at the files."""
        await self._recovering.at_start()
        try:
            damaged = await asyncio.to_thread(lambda: self._change_room().damaged_journals())
        except OSError:
            return  # their folder cannot be read, which is told already
        self._problems.set("journals", *map(_damaged, damaged))
        for change_id in damaged:
            log.error("%s", _damaged(change_id))

    async def _listen(self) -> None:
        group = self._settings.access.group
        gid = gid_of(group) if group is not None else None
        try:
            listening = passed_socket() or listen(self._settings.socket, gid)
        except ListenError as error:
            raise AgentError(str(error)) from error
        await self._server.start(listening)

    async def _keep(self, part: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a part; if it fails, say so, and try again."""
        retry_s = FIRST_RETRY_S
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            settled = loop.call_later(SETTLED_S, self._problems.set, part)
            try:
                await work()
            except Exception as error:
                where = where_of(error)
                log.error("%s failed: %s", part, where)  # noqa: TRY400 - its text may hold a value
                if loop.time() - began > SETTLED_S:
                    retry_s = FIRST_RETRY_S
                kind = type(error).__name__
                why = plain_reason(error) if isinstance(error, OSError) else kind
                line = f"{part}: failed ({why}); tried again in {retry_s:g} s"
                self._problems.set(part, line)
            else:
                return
            finally:
                settled.cancel()
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, LONGEST_RETRY_S)

    async def _detect(self) -> None:
        try:
            await self._drift.detector.run()
        except Exception:
            # A detector runs once.
            self._drift.replace(self._new_detector())
            raise

    async def _release_unfinished(self) -> None:
        """After the first look: what the last agent did not get fixed is open again."""
        await self._drift.detector.ready.wait()
        reason = "the agent was stopped while it was being fixed"
        await release_fixing(self._store, reason, datetime.now(UTC))

    async def _prune_backups(self) -> None:
        keep = self._settings.backups
        while True:
            retention = Retention(
                max_age_days=keep.keep_days,
                max_per_file=keep.keep_per_file,
                max_total_bytes=keep.keep_total_mb * MEBIBYTE,
            )
            removed = await asyncio.to_thread(
                self._change_room().prune_backups, retention, await self._needed_changes()
            )
            if removed:
                log.info("forgot %d old backups", len(removed))
            await asyncio.sleep(PRUNE_EVERY_S)

    async def _needed_changes(self) -> set[str]:
        """Changes that a request or a deployment under way may yet take back."""
        under_way = await unfinished_deployments(self._store)
        waves = {wave.change_id for each in under_way.deployments for wave in each.waves}
        return waves | {each.change.id for each in self._desk.book.all() if each.open}

    async def _say_alive(self) -> None:
        interval_s = watchdog_interval_s()
        while interval_s is not None:
            notify("WATCHDOG=1")
            await asyncio.sleep(interval_s)

    def _amp_starting(self, instance: str) -> bool:
        return self._amp.watch.starting(instance)

    def _new_detector(self) -> Detector:
        scan = self._settings.scan
        return Detector(
            host=self._settings.host,
            instances=self._settings.instances,
            baselines=self._settings.baselines,
            masker_key=self._masking_key,
            store=self._store,
            publish=self._publish,
            amp_starting=self._amp_starting,
            settings=DetectorSettings(
                rescan_seconds=scan.rescan_s,
                sweep_seconds=scan.sweep_s,
                settle_ms=scan.settle_ms,
                limits=self._limits,
                workers=scan.workers,
            ),
        )

    def _change_room(self) -> ChangeRoom:
        """The room, made anew when other settings count as secret."""
        masker = self._drift.masker
        if self._changes is None or self._changes[0] != masker:
            room = ChangeRoom(
                self._settings.state,
                masker=masker,
                game_folder_of=self._drift.game_folder_of,
                limits=self._limits,
                min_free_bytes=self._settings.backups.min_free_mb * MEBIBYTE,
                on_write=self._note_own_write,
                owned_by_amp=self._drift.owned_by_amp,
                amp=self._amp_settings,
            )
            self._changes = (masker, room)
        return self._changes[1]

    def _note_own_write(self, path: Path, sha256: str, change_id: str) -> None:
        self._drift.detector.note_own_write(path, sha256, change_id)

    def _publish(self, topic: Topic, name: str, body: dict[str, Any]) -> None:
        self._bus.emit(topic, name, body)

    def _access_policy(self) -> AccessPolicy:
        access = self._settings.access
        groups = (*access.read_groups, *access.operate_groups)
        given = (*groups, access.group) if access.group is not None else groups
        unknown = unknown_names((*access.read_users, *access.operate_users), given)
        self._problems.set("access", *(f"access: {line}" for line in unknown))
        return AccessPolicy(
            read_users=access.read_users,
            read_groups=access.read_groups,
            operate_users=access.operate_users,
            operate_groups=access.operate_groups,
            members=None if access.members == "none" else Access(access.members),
        )

    def _looked(self, after: AfterRestart, states: Mapping[str, InstanceState]) -> None:
        self._recovering.link = self._amp.watch.link.state
        after.seen(states)
        self._desk.carrying.next_stop.seen(states)

    def _all_problems(self) -> tuple[str, ...]:
        least_free = self._settings.backups.min_free_mb * MEBIBYTE
        return (
            *self._problems.all(),
            *room_problems(self._settings.state, least_free),
            *self._amp.problems,
            *self._desk.carrying.problems(self._amp.watch.states),
            *self._drift.detector.problems,
        )


def _damaged(change_id: str) -> str:
    return (
        f"the journal of change {change_id} is damaged: look at its files yourself (their bytes "
        "from before are in `homeamp-agent backups list`), then move "
        f"journal/{change_id}.jsonl out of the state folder"
    )


def _desk_policy(settings: Settings) -> DeskPolicy:
    restarts = settings.restarts
    pace = Pace(players_s=min(PLAYERS_S, settings.amp.poll_s))
    rules = RestartRules(zone_of(restarts.time_zone), restarts.windows, restarts.window, pace)
    return DeskPolicy(settings.changes.approval, settings.changes.parallel, rules)
