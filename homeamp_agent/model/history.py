"""What was done: acts as the audit log tells them, and the questions that can be asked of them."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, Field

from homeamp_agent.model.base import Moment, WireWord, Word


class ActSetting(WireWord):
    """One setting that an act was about, before and after; secrets masked, None where absent."""

    instance: str
    plugin: str | None = None
    file: str
    key: str
    path: tuple[str | bool | int | None, ...]
    old: Any = None
    new: Any = None
    line_edit: bool = Field(default=False, description="Unproven, in a file that nobody reads")


class ActFile(WireWord):
    """One file that an act was about."""

    instance: str
    file: str


class Act(WireWord):
    """One line of the audit log: who did what, when, why, and what came of it.

    `action` is `change.apply`, `change.rollback`, `change.submitted`, `change.approved`,
    `instance.restart` and the like; `subject` the id of the change, else what it was done to.
    `outcome` is `done`, or what became of it instead. `more_settings`: how many are left out.
    """

    number: int
    at: AwareDatetime
    who: str
    action: str
    subject: str
    reason: str = ""
    outcome: str
    message: str = ""
    source: str | None = None
    files: tuple[ActFile, ...] = ()
    settings: tuple[ActSetting, ...] = ()
    more_settings: int = 0


class ActFilter(Word):
    """Which acts. Fields are and-ed.

    `who`, `instance`, `plugin`, `key` and `action` may be globs (`*`, `?`, `[...]`), without regard
    to case; `key` is dotted. Of an act, only the settings that match are given.
    """

    who: str | None = Field(default=None, max_length=200)
    instance: str | None = Field(default=None, max_length=200)
    plugin: str | None = Field(default=None, max_length=200)
    key: str | None = Field(default=None, max_length=1000)
    action: str | None = Field(default=None, max_length=100)
    outcome: str | None = Field(default=None, max_length=100)
    subject: str | None = Field(default=None, max_length=200)
    since: Moment | None = None
    until: Moment | None = None
