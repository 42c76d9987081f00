"""`settings.*`: how the settings of instances compare, and how they changed."""

from __future__ import annotations

from pydantic import model_validator

from homeamp_agent.model.base import WireWord
from homeamp_agent.model.query import PageParams, SettingChange
from homeamp_agent.rpc.protocol.messages.base import Path


class SettingsHistoryParams(PageParams):
    """A place on one instance: a file, a plugin, or one setting there (`key` or `path`)."""

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
