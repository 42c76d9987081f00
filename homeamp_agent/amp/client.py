"""The panel and its instances: list, state, start, stop, restart, console, settings, backups."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

from homeamp_agent.amp.errors import AmpAway, AmpError, AmpInstanceUnknown, AmpRefused
from homeamp_agent.amp.session import BACK_OFF_SECONDS, Credentials, Session
from homeamp_agent.amp.words import AmpInstance, AmpStatus, AppState, instances_in, status_in

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 15.0
"""Within the 10 to 30 s that operators of the field use."""
STATE_BOUND_SECONDS = 300.0
"""A heavy server takes minutes to start; the field's own tools give up after five."""
STATE_POLL_SECONDS = 1.0
"""AMP answers that it accepted, never that it is done: only its status tells."""
STATUSES_AT_ONCE = 4
"""One panel forwards all of them, on one small machine."""

_NEEDS_START = frozenset({AppState.STOPPED, AppState.FAILED, AppState.SLEEPING, AppState.UNDEFINED})
"""Any other state is on its way up already, or is a person's business."""
_GOING_DOWN = frozenset({AppState.STOPPING, AppState.STOPPED})


@dataclass(slots=True)
class Amp:
    """One panel. Use as `async with Amp(...) as amp`; every session is logged in when needed."""

    url: str
    credentials: Credentials
    timeout_seconds: float = TIMEOUT_SECONDS
    state_poll_seconds: float = STATE_POLL_SECONDS
    back_off_seconds: float = BACK_OFF_SECONDS
    _http: httpx.AsyncClient = field(init=False, repr=False)
    _panel: Session = field(init=False, repr=False)
    _doors: dict[str, Session] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        import httpx  # noqa: PLC0415  (100 ms that an agent without AMP starts earlier)

        # A proxy of the environment is for the internet; AMP stands on this host or beside it.
        # Certificates take a quarter of a second to load, and without HTTPS there are none.
        self._http = httpx.AsyncClient(
            timeout=self.timeout_seconds,
            trust_env=False,
            verify=self.url.lower().startswith("https:"),
        )
        self.url = self.url.rstrip("/")
        self._panel = self._session(self.url, f"AMP at {self.url}")

    async def __aenter__(self) -> Amp:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End every connection; AMP forgets the sessions by itself."""
        await self._http.aclose()

    async def instances(self) -> tuple[AmpInstance, ...]:
        """Every instance this account may manage, the panel itself left out."""
        answer = await self._panel.call("ADSModule/GetInstances", ForceIncludeSelf=True)
        return instances_in(answer)

    async def instance(self, name: str) -> AmpInstance:
        """The instance of that name.

        Raises:
            AmpInstanceUnknown: there is none, or this account may not see it.
        """
        for each in await self.instances():
            if each.name == name:
                return each
        raise AmpInstanceUnknown(f"AMP at {self.url} shows this account no instance {name}")

    async def statuses(self) -> dict[str, AmpStatus | AmpError]:
        """What every game does now, by the instance's name, or why AMP does not say.

        Raises:
            AmpError: the panel does not even list the instances.
        """
        turn = asyncio.Semaphore(STATUSES_AT_ONCE)

        async def ask(instance: AmpInstance) -> AmpStatus | AmpError:
            async with turn:
                try:
                    return await self._status_of(instance)
                except AmpError as error:
                    return error

        instances = await self.instances()
        answers = await asyncio.gather(*map(ask, instances))
        return dict(zip((each.name for each in instances), answers, strict=True))

    async def status(self, name: str) -> AmpStatus:
        """What the game of `name` does now; STOPPED where its daemon does not run."""
        return await self._status_of(await self.instance(name))

    async def start(self, name: str, bound_seconds: float = STATE_BOUND_SECONDS) -> None:
        """Start the daemon if needed, then tell the game to start; `reach` READY to wait for it."""
        instance = await self.instance(name)
        if not instance.running:
            await self._panel.call("ADSModule/StartInstance", InstanceName=name)
            await self._reach_daemon(name, bound_seconds)
            instance = await self.instance(name)
        state = (await self._status_of(instance)).state
        if state is AppState.STOPPING:
            await self.reach(name, AppState.STOPPED, bound_seconds)  # else it would stay down
            state = AppState.STOPPED
        if state in _NEEDS_START:
            await self._door(instance).call("Core/Start")

    async def stop(self, name: str, bound_seconds: float = STATE_BOUND_SECONDS) -> None:
        """Stop the game (not its daemon) and wait until it has stopped."""
        instance = await self.instance(name)
        if (await self._status_of(instance)).state is not AppState.STOPPED:
            try:
                await self._door(instance).call("Core/Stop")
            except AmpAway:
                # Its answer may be lost, and the game be on its way down.
                if (await self.status(name)).state not in _GOING_DOWN:
                    raise
            await self.reach(name, AppState.STOPPED, bound_seconds)

    async def restart(self, name: str, bound_seconds: float = STATE_BOUND_SECONDS) -> None:
        """Stop the game and tell it to start; `Core/Restart` would leave a stopped one stopped."""
        await self.stop(name, bound_seconds)
        await self.start(name, bound_seconds)

    async def start_daemon(self, name: str, bound_seconds: float = STATE_BOUND_SECONDS) -> None:
        """Start the instance's daemon and wait until it runs."""
        await self._panel.call("ADSModule/StartInstance", InstanceName=name)
        await self._reach_daemon(name, bound_seconds)

    async def stop_daemon(self, name: str) -> None:
        """Stop the instance's daemon: AMP's own files may be edited only then."""
        await self._panel.call("ADSModule/StopInstance", InstanceName=name)
        self._doors.pop(name, None)

    async def restart_daemon(self, name: str) -> None:
        """Restart the instance's daemon, and with it the game if it starts by itself."""
        await self._panel.call("ADSModule/RestartInstance", InstanceName=name)
        self._doors.pop(name, None)

    async def say(self, name: str, message: str) -> None:
        """Send a line to the game's console."""
        line = " ".join(message.split())
        await self._door(await self.instance(name)).call("Core/SendConsoleMessage", message=line)

    async def setting(self, name: str, node: str) -> Any:
        """The current value of one of AMP's own settings, as `MinecraftModule.Limits.MaxPlayers`.

        Raises:
            AmpRefused: AMP knows no such node.
        """
        return (await self._node(name, node))["CurrentValue"]

    async def choices(self, name: str, node: str) -> tuple[str, dict[str, str]]:
        """The current value of a setting as text, and what it may be: names by AMP's own value.

        Raises:
            AmpRefused: AMP knows no such node.
        """
        answer = await self._node(name, node)
        named = answer.get("EnumValues")
        names = (
            {str(key): str(each) for key, each in named.items()} if isinstance(named, dict) else {}
        )
        value = answer["CurrentValue"]
        return "" if value is None else str(value), names

    async def set_setting(self, name: str, node: str, value: str) -> None:
        """Write one of AMP's own settings."""
        await self._door(await self.instance(name)).call("Core/SetConfig", node=node, value=value)

    async def _node(self, name: str, node: str) -> dict[str, Any]:
        answer = await self._door(await self.instance(name)).call("Core/GetConfig", node=node)
        if not isinstance(answer, dict) or "CurrentValue" not in answer:
            raise AmpRefused(f"AMP at {self.url} knows no setting {node} on {name}")
        return answer

    async def take_backup(self, name: str, title: str, description: str = "") -> None:
        """Ask AMP for a backup of the instance; AMP makes it on its own time."""
        await self._door(await self.instance(name)).call(
            "LocalFileBackupPlugin/TakeBackup",
            Title=title,
            Description=description,
            Sticky=False,
        )

    async def reach(self, name: str, wanted: AppState, bound_seconds: float) -> None:
        """Wait until the game is in state `wanted`; AMP may be away in between.

        Raises:
            AmpRefused: it went to FAILED instead.
            AmpAway: it was not there after `bound_seconds`.
        """
        state, away = AppState.UNDEFINED, ""

        async def arrived() -> bool:
            nonlocal state, away
            try:
                state, away = (await self.status(name)).state, ""
            except AmpAway as error:
                away = str(error)
                return False
            if state is AppState.FAILED:
                raise AmpRefused(f"{name} failed on its way to {wanted.name.lower()}")
            return state is wanted

        if not await self._poll(arrived, bound_seconds):
            is_now = away or f"{name} is still {state.name.lower().replace('_', ' ')}"
            raise AmpAway(f"{is_now} after {bound_seconds:g} s, not {wanted.name.lower()}")

    async def _status_of(self, instance: AmpInstance) -> AmpStatus:
        if not instance.running:
            return AmpStatus(state=AppState.STOPPED)
        return status_in(await self._door(instance).call("Core/GetStatus"))

    async def _reach_daemon(self, name: str, bound_seconds: float) -> None:
        """Until the daemon answers: the panel says `Running` before its door opens."""

        async def runs() -> bool:
            instance = await self.instance(name)
            if not instance.running:
                return False
            try:
                await self._status_of(instance)
            except AmpAway:
                return False
            return True

        if not await self._poll(runs, bound_seconds):
            raise AmpAway(f"the daemon of {name} did not start in {bound_seconds:g} s")

    async def _poll(self, arrived: Callable[[], Awaitable[bool]], bound_seconds: float) -> bool:
        deadline = asyncio.get_running_loop().time() + bound_seconds
        while not await arrived():
            if asyncio.get_running_loop().time() >= deadline:
                return False
            await asyncio.sleep(self.state_poll_seconds)
        return True

    def _door(self, instance: AmpInstance) -> Session:
        """The session behind the panel's proxy: each instance has a login of its own."""
        base = f"{self._panel.base}/API/ADSModule/Servers/{instance.id}"
        door = self._doors.get(instance.name)
        if door is None or door.base != base:
            door = self._session(base, f"AMP's instance {instance.name}")
            self._doors[instance.name] = door
        return door

    def _session(self, base: str, name: str) -> Session:
        return Session(
            self._http, base, self.credentials, name, self.timeout_seconds, self.back_off_seconds
        )
