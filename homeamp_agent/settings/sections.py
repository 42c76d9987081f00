"""What may be set: the sections of `agent.yaml`, each key with its unit, default and reason.

The template that `homeamp-agent config init` prints is made of these descriptions.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from homeamp_agent.model.window import window_of, zone_of

MAX_NAME_CHARACTERS = 64


class Section(BaseModel):
    """A part of the settings; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AccessSection(Section):
    """Who may do what over the socket. Users and groups by name or number.

    Root and the agent's own user always operate. Everybody else needs to be in the socket's group
    to connect at all.
    """

    group: str | None = Field(
        default=None, description="Group that owns the socket; none: the agent's own group"
    )
    members: Literal["none", "read", "operate"] = Field(
        default="read", description="What members of the socket's group may do"
    )
    read_users: tuple[str, ...] = Field(default=(), description="May look")
    read_groups: tuple[str, ...] = Field(default=(), description="May look")
    operate_users: tuple[str, ...] = Field(default=(), description="May also change")
    operate_groups: tuple[str, ...] = Field(default=(), description="May also change")


class ScanSection(Section):
    """Watching and scanning."""

    settle_ms: int = Field(
        default=35, ge=1, le=60_000, description="A file still written to is read once it rests"
    )
    sweep_s: int = Field(
        default=60, ge=1, description="Every file's time and size is looked at this often"
    )
    rescan_s: int = Field(default=3600, ge=10, description="A full scan, as a safety net")
    workers: int = Field(default=2, ge=1, le=64, description="Processes of a large scan")
    max_file_bytes: int = Field(
        default=16 * 1024 * 1024, ge=1024, description="A larger config file is a finding, not read"
    )
    max_depth: int = Field(default=200, ge=8, description="Deepest nesting that is read")
    max_settings: int = Field(default=200_000, ge=100, description="Most settings of one file")


class BackupsSection(Section):
    """What is kept to roll back to."""

    keep_days: int = Field(default=30, ge=1, description="Backups younger than this stay")
    keep_per_file: int = Field(default=10, ge=1, description="The newest of each file stay")
    keep_total_mb: int = Field(
        default=1024, ge=1, description="All together; the last one of a file stays all the same"
    )
    min_free_mb: int = Field(
        default=100, ge=0, description="Nothing is written if the disk would have less free"
    )


class ChangesSection(Section):
    """Change requests."""

    approval: Literal["own", "other", "at_once"] = Field(
        default="own",
        description="Who approves a request: its author may (own), somebody else must (other), or"
        " handing it in is enough for who may operate (at_once)",
    )
    parallel: int = Field(
        default=2, ge=1, le=16, description="Requests carried out at the same time"
    )
    inbox: Path | None = Field(
        default=None,
        description="A folder of the agent's user; a JSON or YAML request dropped in it waits for"
        " approval. Made if it is missing; who may drop is its group and mode, never everybody",
    )
    inbox_keep_days: int = Field(
        default=30, ge=1, description="What the inbox took or refused stays this long at the most"
    )
    inbox_keep_files: int = Field(
        default=1000, ge=1, description="The newest of each of the two stay, the others go"
    )


class DeploymentHook(Section):
    """A command of the operator's own that looks at what a deployment did.

    Exit code 0 means well. It is told by its environment: HOMEAMP_DEPLOYMENT, HOMEAMP_HOST,
    HOMEAMP_WAVE and HOMEAMP_INSTANCES (names with a blank between); nothing else of the agent's
    reaches it. It may run again for the same wave after a restart of the agent.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")
    command: tuple[str, ...] = Field(
        min_length=1, description="The program, with its whole path, and its arguments; no shell"
    )
    timeout_s: float = Field(default=60.0, gt=0, le=3600, description="Killed by then: a failure")
    where: Literal["dev", "waves", "both"] = Field(default="both", description="Where it looks")

    def __str__(self) -> str:
        """As `config show` tells it."""
        return f"{self.name} ({' '.join(self.command)})"

    @field_validator("command")
    @classmethod
    def _is_a_path(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        if not command[0].startswith("/"):
            raise ValueError("its first word is the whole path of a program, as /usr/bin/curl")
        return command


class DeploymentsSection(Section):
    """Change requests that go to DEV first, and then to production in waves."""

    dev_instances: tuple[str, ...] = Field(
        default=(), description="Where a deployment is tried first"
    )
    dev_tag: str | None = Field(
        default="dev", description="Instances with this tag are DEV instances as well"
    )
    approval: Literal["own", "other", "at_once"] = Field(
        default="own",
        description="Who lets it go on to production: its author may (own), somebody else must"
        " (other), or DEV's checks are enough (at_once)",
    )
    soak_s: float = Field(
        default=300.0, ge=0, le=7 * 86400, description="DEV is looked at for this long"
    )
    wave_soak_s: float = Field(
        default=60.0, ge=0, le=86400, description="Every later wave is looked at for this long"
    )
    wave_size: int = Field(
        default=3, ge=1, le=1000, description="Instances of a wave; the first wave has one"
    )
    hooks: tuple[DeploymentHook, ...] = Field(
        default=(),
        description="Own checks, as {name: smoke, command: [/opt/check, quick], timeout_s: 30}",
    )

    @field_validator("hooks")
    @classmethod
    def _are_told_apart(cls, hooks: tuple[DeploymentHook, ...]) -> tuple[DeploymentHook, ...]:
        names = [each.name for each in hooks]
        if len(set(names)) < len(names):
            raise ValueError("two hooks have the same name")
        return hooks


class AmpSection(Section):
    """The AMP panel; without a URL the agent does not speak to it."""

    url: str | None = Field(
        default=None, pattern=r"^https?://[^/]", description="For instance http://127.0.0.1:8080"
    )
    user: str | None = Field(default=None, description="An AMP user made for the agent")
    password: SecretStr | None = Field(default=None, description="Belongs into secrets_file")
    two_factor_token: SecretStr | None = Field(
        default=None, description="The base32 seed of its two-factor login; into secrets_file"
    )
    timeout_s: float = Field(default=15.0, gt=0, le=300, description="A call not answered by then")
    poll_s: float = Field(default=10.0, ge=0.1, le=3600, description="States are asked this often")
    ready_s: float = Field(
        default=300.0, ge=1, le=3600, description="A game not ready by then has failed to start"
    )
    control: Literal["panel", "ampinstmgr"] = Field(
        default="panel", description="What starts and stops; the panel still tells states"
    )
    ampinstmgr: tuple[str, ...] = Field(
        default=("sudo", "-n", "-i", "-u", "amp", "ampinstmgr"),
        min_length=1,
        description="The command and its first arguments; no shell reads it",
    )

    @field_validator("url")
    @classmethod
    def _holds_no_account(cls, url: str | None) -> str | None:
        # The URL is told in every message about AMP.
        if url is not None and "@" in url:
            raise ValueError("holds an account; set amp.user, and amp.password in secrets_file")
        return url


class RestartsSection(Section):
    """When a change may take a game down, and how the operator's clock goes."""

    time_zone: str = Field(
        default="UTC", description="The operator's, as Europe/Berlin; windows are in it"
    )
    windows: dict[str, str] = Field(
        default={}, description="Maintenance windows by name, as {night: 03:00-05:00}"
    )
    window: str | None = Field(
        default=None, description="The window of changes that name none; none: at any time"
    )
    settle_s: float = Field(
        default=10.0,
        ge=0,
        le=3600,
        description="After a game is ready: plugins may still write their files",
    )

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        return zone_of(name).key

    @field_validator("windows")
    @classmethod
    def _are_windows(cls, windows: dict[str, str]) -> dict[str, str]:
        for name in windows:
            window_of(name, windows, ZoneInfo("UTC"))
        return windows

    @field_validator("window")
    @classmethod
    def _is_a_window(cls, said: str | None, others: ValidationInfo) -> str | None:
        window_of(said, others.data.get("windows", {}), ZoneInfo("UTC"))
        return said


class FleetSection(Section):
    """The S3 bucket that hosts share; without an endpoint this host works alone."""

    endpoint: str | None = Field(default=None, description="host:port of the S3 service")
    secure: bool = Field(default=True, description="HTTPS; false only on a network of your own")
    region: str | None = None
    access_key: SecretStr | None = Field(default=None, description="Belongs into secrets_file")
    secret_key: SecretStr | None = Field(default=None, description="Belongs into secrets_file")
    signing_key: SecretStr | None = Field(
        default=None, description="Signs change requests; belongs into secrets_file"
    )
    heartbeat_s: int = Field(default=300, ge=10)
    poll_s: int = Field(default=30, ge=1, description="How often change requests are looked for")
    heartbeats_bucket: str = "archivesmp-heartbeats"
    reports_bucket: str = "archivesmp-drift-reports"
    changes_bucket: str = "archivesmp-changes"
    backups_bucket: str = "archivesmp-backups"
    baselines_bucket: str = "archivesmp-baselines"


class UpdatesSection(Section):
    """Looking for plugin updates."""

    enabled: bool = False
    check_s: int = Field(default=24 * 3600, ge=3600, description="How often sources are asked")


def default_host() -> str:
    """This machine's name, without its domain."""
    return socket.gethostname().partition(".")[0] or "localhost"


def default_state() -> Path:
    """What systemd gives, the system's folder for root, else one of the user's own."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.partition(":")[0])
    if os.geteuid() == 0:
        return Path("/var/lib/homeamp")
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "homeamp"


def default_listen() -> Path:
    """What systemd gives, the system's folder for root, else one of the user's own."""
    if given := os.environ.get("RUNTIME_DIRECTORY"):
        return Path(given.partition(":")[0]) / "agent.sock"
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if os.geteuid() == 0 or runtime is None:
        return Path("/run/homeamp/agent.sock")
    return Path(runtime) / "homeamp" / "agent.sock"


class Settings(Section):
    """Everything that can be set."""

    host: str = Field(
        default_factory=default_host,
        min_length=1,
        max_length=MAX_NAME_CHARACTERS,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        description="This host's name in the fleet; default: the machine's name",
    )
    instances: Path = Field(
        default=Path("/home/amp/.ampdata/instances"), description="AMP's folder of instances"
    )
    baselines: Path = Field(
        default=Path("/etc/homeamp/baselines"), description="What settings should be"
    )
    state: Path = Field(
        default_factory=default_state,
        description="Database, journal and backups; default: /var/lib/homeamp for root",
    )
    socket: Path = Field(
        default_factory=default_listen,
        description="Where clients connect; default: /run/homeamp/agent.sock for root",
    )
    secrets_file: Path | None = Field(
        default=None, description="YAML of the same shape for what is secret; mode 0600"
    )
    access: AccessSection = AccessSection()
    scan: ScanSection = ScanSection()
    backups: BackupsSection = BackupsSection()
    changes: ChangesSection = ChangesSection()
    deployments: DeploymentsSection = DeploymentsSection()
    amp: AmpSection = AmpSection()
    restarts: RestartsSection = RestartsSection()
    fleet: FleetSection = FleetSection()
    updates: UpdatesSection = UpdatesSection()
