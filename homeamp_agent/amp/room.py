"""AMP as the agent uses it: who starts and stops, and what is known of the games.

room = amp_room(settings.amp, tell)
await room.watch.run()            # forever
await room.close()
"""

from __future__ import annotations

from dataclasses import dataclass

from homeamp_agent.amp.client import STATE_POLL_SECONDS, Amp
from homeamp_agent.amp.games import Games
from homeamp_agent.amp.instance_manager import InstanceManager
from homeamp_agent.amp.lifecycle import Lifecycle, NoAmp
from homeamp_agent.amp.panel import AmpLifecycle
from homeamp_agent.amp.session import Credentials
from homeamp_agent.amp.totp import NotASeed, totp
from homeamp_agent.amp.watch import AmpWatch, Tell
from homeamp_agent.model.game import AmpLink
from homeamp_agent.settings.sections import AmpSection

NO_ACCOUNT = "amp.url is set, but amp.user or amp.password is not: the agent cannot log in to AMP"


@dataclass(frozen=True, slots=True)
class AmpRoom:
    """`games` acts, `watch` looks; `amp` is the panel where there is one."""

    games: Games
    watch: AmpWatch
    amp: Amp | None = None

    @property
    def lifecycle(self) -> Lifecycle:
        """Who starts and stops, without regard for anybody."""
        return self.games.lifecycle

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with AMP now, for `agent.status`."""
        link = self.watch.link
        return () if link.state in {"off", "up"} else (f"amp: {link.message}",)

    async def close(self) -> None:
        """End the connections to the panel."""
        if self.amp is not None:
            await self.amp.close()


def amp_room(section: AmpSection, tell: Tell) -> AmpRoom:
    """As the settings say. Settings that cannot work make a room that says why, and no error."""
    amp, refusal = None, ""
    if section.url is not None:
        try:
            amp = _panel(section, section.url)
        except ValueError as error:
            refusal = str(error)
    lifecycle: Lifecycle = NoAmp(refusal) if refusal else NoAmp()
    if amp is not None:
        lifecycle = AmpLifecycle(amp)
    if section.control == "ampinstmgr":
        by_command = InstanceManager(section.ampinstmgr)
        lifecycle = (
            by_command if amp is None else InstanceManager(section.ampinstmgr, seen_by=lifecycle)
        )
    link = AmpLink(state="refused", message=refusal) if refusal else AmpLink()
    watch = AmpWatch(lifecycle, tell, section.poll_s, link)
    return AmpRoom(Games(lifecycle, section.ready_s), watch, amp)


def _panel(section: AmpSection, url: str) -> Amp:
    if section.user is None or section.password is None:
        raise ValueError(NO_ACCOUNT)
    seed = section.two_factor_token
    try:
        code = None if seed is None else totp(seed.get_secret_value())
    except NotASeed as error:
        raise ValueError(f"amp.two_factor_token {error}") from None
    credentials = Credentials(section.user, section.password.get_secret_value(), code)
    often_s = min(STATE_POLL_SECONDS, section.poll_s)
    return Amp(url, credentials, section.timeout_s, often_s)
