"""Questions about deviations, and the counts that answer them: for the store and for the wire."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, Field

from homeamp_agent.model.base import WireWord, Word
from homeamp_agent.model.deviation import DeviationKind, DeviationStatus
from homeamp_agent.model.rule import Severity

PAGE_DEFAULT = 100
PAGE_LIMIT = 1000
"""Rows of a page: 1,000 deviations of 700 bytes stay under a reply's bound of 1 MiB."""

MAX_OFFSET = 1_000_000_000
"""Far beyond any list, and within what SQLite counts in."""


class PageParams(Word):
    """Which rows of a list."""

    limit: int = Field(default=PAGE_DEFAULT, ge=1, le=PAGE_LIMIT)
    cursor: str | None = None


class DeviationFilter(Word):
    """Which deviations. Fields are and-ed, the values of one field or-ed.

    `host`, `instance`, `plugin`, `file` and `key` may be globs (`*`, `?`, `[...]`). `text` is the
    `/` filter: words and-ed over instance, plugin, file, key, values and message; `field:value`
    narrows to one field (host, instance, plugin, file, key, kind, severity, status, pattern, rule),
    a leading `!` negates, double quotes hold words together. `open` (default): only what asks
    something of an operator.
    """

    ids: tuple[str, ...] | None = None
    host: str | None = None
    instance: str | None = None
    plugin: str | None = Field(default=None, description="A name; empty text: no plugin")
    file: str | None = None
    key: str | None = None
    group: str | None = None
    kinds: tuple[DeviationKind, ...] | None = None
    severities: tuple[Severity, ...] | None = None
    statuses: tuple[DeviationStatus, ...] | None = None
    text: str | None = Field(default=None, max_length=1000)
    open: bool = Field(default=True, description="Ignored where `statuses` is given")


class DeviationsSort(StrEnum):
    """Row order; ties by host, instance, plugin, file, key, id."""

    SEVERITY = "severity"
    INSTANCE = "instance"
    PLUGIN = "plugin"
    NEWEST = "newest"


class Counts(WireWord):
    """Open deviations by severity, and all by status."""

    open: int = 0
    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0
    info: int = 0
    pending: int = 0
    flagged: int = 0
    approved: int = 0
    fixed: int = 0


class PluginCount(WireWord):
    """Open deviations of one plugin (None: files of the game folder itself)."""

    plugin: str | None
    open: int
    instances: int


class ScopeCount(WireWord):
    """One node of the scope tree: open deviations below it."""

    host: str
    instance: str
    plugin: str | None
    open: int
    worst: Severity | None = None


class DeviationEvent(WireWord):
    """One step in a deviation's life."""

    at: AwareDatetime
    event: str
    status: DeviationStatus
    actor: str | None = None
    reason: str | None = None
    actual: Any = None


class SettingChange(WireWord):
    """One setting that changed in a file; secrets masked, `old` or `new` None where absent.

    `by` is `homeamp` for our own writes, `start` for one that was saved while the instance started
    (by the plugin, or by the game or AMP where it is of no plugin), else `outside`: by whom is not
    known. `while_away` says that it happened at some time between the agent's last look and `at`.
    """

    at: AwareDatetime
    instance: str
    plugin: str | None
    file: str
    key: str
    path: tuple[str | bool | int | None, ...]
    old: Any = None
    new: Any = None
    by: str
    change_id: str | None = None
    while_away: bool = False
