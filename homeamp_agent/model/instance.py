"""Hosts, instances and plugins."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from homeamp_agent.model.base import WireWord


class Platform(StrEnum):
    """What an instance runs; decides where its plugins live and what may be deployed to it."""

    PAPER = "paper"
    VELOCITY = "velocity"
    BUNGEE = "bungee"
    GEYSER = "geyser"
    FABRIC = "fabric"
    NEOFORGE = "neoforge"
    VANILLA = "vanilla"
    BEDROCK = "bedrock"
    UNKNOWN = "unknown"


class InstanceId(WireWord):
    """The identity of an instance: two hosts may both have an `ADS01`."""

    host: str
    name: str

    def __str__(self) -> str:
        return f"{self.host}/{self.name}"


class Plugin(WireWord):
    """A plugin or mod of one instance.

    `name` is the descriptor's (`Essentials`, not `EssentialsX-2.21.jar`); `jar` and `folder` are
    relative to the game folder. A folder without a jar has `jar` None: its plugin was removed, or
    never was one (`bStats`).
    """

    name: str
    version: str | None = None
    jar: str | None = None
    folder: str | None = None


class Instance(WireWord):
    """One AMP instance on a host.

    `folder` is the instance's absolute path, `game_folder` the absolute path of the game below it.
    """

    host: str
    name: str
    friendly_name: str = ""
    module: str = ""
    platform: Platform = Platform.UNKNOWN
    folder: str = ""
    game_folder: str = ""
    tags: tuple[str, ...] = ()
    plugins: tuple[Plugin, ...] = ()
    problems: tuple[str, ...] = Field(
        default=(), description="What could not be read, one line each"
    )

    @property
    def id(self) -> InstanceId:
        """The identity of this instance."""
        return InstanceId(host=self.host, name=self.name)

    def plugin(self, name: str) -> Plugin | None:
        """The plugin of that name, ignoring case (Velocity uses the lower-case id)."""
        wanted = name.casefold()
        return next((each for each in self.plugins if each.name.casefold() == wanted), None)
