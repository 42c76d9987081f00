"""`agent.*`: who the agent is and how it is."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from homeamp_agent.model.base import WireWord
from homeamp_agent.model.game import AmpLink
from homeamp_agent.rpc.protocol.messages.base import Access, MutationParams


class HelloParams(WireWord):
    """`protocol` is `MAJOR.MINOR` or just the major number.

    The only params that ignore unknown fields: a newer client must be able to introduce itself.
    Everywhere else a field that this agent does not know might have been a condition.
    """

    protocol: str = Field(default="1.0", coerce_numbers_to_str=True)
    client: str = Field(default="", max_length=200)


class HelloResult(WireWord):
    """Who the agent is and where its event sequence stands."""

    protocol: str
    product: str
    version: str
    host: str
    epoch: str = Field(description="Changes with every start: cursors of another epoch are void")
    cursor: int
    access: Access
    capabilities: tuple[str, ...]


class ScanStatus(WireWord):
    """The last scan, or the one under way."""

    running: bool
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    seconds: float | None = None
    instances: int = 0
    files: int = 0
    settings: int = 0
    error: str | None = Field(default=None, description="Why the last scan failed, in one line")


class BaselineStatus(WireWord):
    """What the baseline directory holds."""

    directory: str
    loaded_at: AwareDatetime | None = None
    rules: int = 0
    errors: int = 0
    warnings: int = 0
    stale: tuple[str, ...] = Field(
        default=(), description="Files that failed to load: their last good version counts"
    )


class StatusResult(WireWord):
    """How the agent is doing."""

    host: str
    version: str
    pid: int
    started_at: AwareDatetime
    epoch: str
    cursor: int
    watching: bool
    watched_folders: int
    clients: int
    memory_bytes: int
    instances: int
    scan: ScanStatus
    baselines: BaselineStatus
    amp: AmpLink = AmpLink()
    problems: tuple[str, ...] = Field(default=(), description="What is wrong now, one line each")


class RescanParams(MutationParams):
    """Which instances (None: all); `wait` answers only when the scan is done."""

    instances: tuple[str, ...] | None = None
    wait: bool = True


class RescanResult(WireWord):
    """The scan that was asked for."""

    scan: ScanStatus
