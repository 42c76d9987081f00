"""`settings.*`: how the settings of instances compare, and how they changed."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from homeamp_agent.model.base import WireWord
from homeamp_agent.model.query import MAX_OFFSET, PageParams, SettingChange
from homeamp_agent.model.variance import CellState, Variance
from homeamp_agent.rpc.protocol.messages.base import Path


class SettingsHistoryParams(PageParams):
    """A place on one instance: a file, a plugin, or one setting there (`key` or `path`).

    The `path` of a list or a section means all that is in it.
    """

    instance: str
    plugin: str | None = None
    file: str | None = None
    key: str | None = None
    path: Path | None = None

    @model_validator(mode="after")
    def _one_place(self) -> SettingsHistoryParams:
        if self.key is not None and self.path is not None:
            raise ValueError("give key or path, not both")
        return self


class SettingsHistoryResult(WireWord):
    """A page of changes, newest first; of one setting the last 100 are kept, for a year."""

    changes: tuple[SettingChange, ...]
    next_cursor: str | None = None


class SettingsMatrixParams(PageParams):
    """A window of a plugin's settings (None: of the game folder): by cursor, or by `offset`.

    `filter`: words that all stand in the file, the key or a value; a leading `!` negates.
    """

    plugin: str | None = None
    filter: str | None = Field(default=None, max_length=1000)
    variance: tuple[Variance, ...] | None = Field(default=None, description="None: every one")
    offset: int | None = Field(default=None, ge=0, le=MAX_OFFSET, description="Instead of a cursor")


class MatrixInstance(WireWord):
    """A column: an instance that has the plugin, its files below `folder` of the game folder."""

    host: str
    instance: str
    folder: str = ""


class MatrixCell(WireWord):
    """What one instance has; `value` masked where secret and cut where long."""

    state: CellState
    value: Any = None
    variance: Variance
    deviation: str | None = Field(default=None, description="The id of the open one, if any")


class MatrixRow(WireWord):
    """One setting on every instance, in the order of the columns.

    `file` is below the plugin's folder. `variance` is the one of the cells that matters most.
    """

    file: str
    key: str
    path: Path
    variance: Variance
    cells: tuple[MatrixCell, ...]


class SettingsMatrixResult(WireWord):
    """A page of rows, file by file; `counts` is over all rows, whatever the filter."""

    instances: tuple[MatrixInstance, ...]
    rows: tuple[MatrixRow, ...]
    total: int
    counts: dict[Variance, int]
    next_cursor: str | None = None


class PluginRow(WireWord):
    """One plugin of the host (None: the game folder itself) and how much of it deviates."""

    plugin: str | None
    instances: int
    open: int = Field(description="Open deviations")


class SettingsPluginsResult(WireWord):
    """Every plugin whose settings could be compared, by name."""

    plugins: tuple[PluginRow, ...]
