"""What is asked for: a change request as a person, a script or a file writes it.

`RequestedChange` is the published shape (docs/schemas/change_request.schema.json, an example in
fixtures/samples/change_request.json). What became of it is a `model.change.ChangeRequest`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import (
    AwareDatetime,
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from homeamp_agent.model.base import Word
from homeamp_agent.model.change import EditOperation, Priority, WritePolicy
from homeamp_agent.model.game import PlayersPolicy
from homeamp_agent.model.instance import Instance, Platform

MAX_EDITS = 1000
"""Of one request. Each may be for many instances."""

MAX_NAMES = 1000
EARLIEST_YEAR, LATEST_YEAR = 2000, 2199
REQUEST_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"
"""It becomes part of file names. Shorter than a change id, which may carry more than it."""


class RequestTargets(Word):
    """Which instances. Every kind that is given must match; within a kind, one name is enough.

    `plugins`: instances that have one of these. Without any kind, every instance of the host.
    """

    instances: tuple[str, ...] = Field(default=(), max_length=MAX_NAMES)
    tags: tuple[str, ...] = Field(default=(), max_length=MAX_NAMES)
    hosts: tuple[str, ...] = Field(default=(), max_length=MAX_NAMES)
    platforms: tuple[Platform, ...] = Field(default=(), max_length=MAX_NAMES)
    plugins: tuple[str, ...] = Field(default=(), max_length=MAX_NAMES)
    exclude_instances: tuple[str, ...] = Field(default=(), max_length=MAX_NAMES)

    def match(self, instance: Instance) -> bool:
        """Whether an instance is meant."""
        kinds = (
            not self.instances or instance.name in self.instances,
            not self.tags or bool(set(self.tags) & set(instance.tags)),
            not self.hosts or instance.host in self.hosts,
            not self.platforms or instance.platform in self.platforms,
            not self.plugins or any(map(instance.plugin, self.plugins)),
            instance.name not in self.exclude_instances,
        )
        return all(kinds)


class RequestedEdit(Word):
    """One edit, on every target or on `instances` of them, but never on `exclude_instances`.

    A `path` of one text with dots (`["chat.format"]`) is looked for as a dotted key where the file
    has no such name.

    `file` is relative to the config folder of `plugin` if there is such a file, else to the game
    folder. Without `expected_old`, whatever stands there is replaced: the approval then ties the
    request to what its preview showed. `new` is left out only by `unset`.

    `line_edit` allows `set` to change one line of a file that no reader takes, without proof, where
    the line of the key is found exactly once. Where the file can be read, it changes nothing.
    """

    plugin: str | None = None
    file: str = Field(min_length=1, max_length=1000)
    path: tuple[str | bool | int | None, ...] = Field(min_length=1, max_length=200)
    operation: EditOperation = EditOperation.SET
    expected_old: Any = None
    new: Any = None
    instances: tuple[str, ...] | None = Field(default=None, max_length=MAX_NAMES)
    exclude_instances: tuple[str, ...] = Field(default=(), max_length=MAX_NAMES)
    line_edit: bool = False

    @property
    def expects(self) -> bool:
        """Whether it says what it means to replace (null is a value)."""
        return "expected_old" in self.model_fields_set

    @model_validator(mode="after")
    def _whole(self) -> Self:
        gives = "new" in self.model_fields_set
        if gives == (self.operation is EditOperation.UNSET):
            need = "has no `new`" if gives else "needs `new`"
            raise ValueError(f"`{self.operation.value}` {need}")
        if self.operation is EditOperation.REPLACE_LIST and not isinstance(self.new, (list, tuple)):
            raise ValueError("`replace_list` needs a list as `new`")
        if self.line_edit and self.operation is not EditOperation.SET:
            raise ValueError("`line_edit` is for `set` alone")
        if self.operation is EditOperation.INSERT and self.expects:
            raise ValueError("`insert` has no `expected_old`: nothing may stand there")
        return self

    @model_serializer(mode="wrap")
    def _said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Null and not said differ, so what was not said is left out."""
        unsaid = {"expected_old", "new"} - self.model_fields_set
        return {name: value for name, value in handler(self).items() if name not in unsaid}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The schema of its fields, in both directions."""
        return handler(_without_serializer(core_schema))


def _without_serializer(schema: Any) -> Any:
    """A core schema as if `_said` were not there: its result would be described as any mapping."""
    if schema["type"].startswith("function-"):
        return {**schema, "schema": _without_serializer(schema["schema"])}
    return {name: value for name, value in schema.items() if name != "serialization"}


class Schedule(Word):
    """When a request may be carried out at the earliest."""

    not_before: AwareDatetime

    @field_validator("not_before")
    @classmethod
    def _is_a_time_of_ours(cls, moment: datetime) -> datetime:
        """A slip in the year; and no clock shows those at both ends of the calendar."""
        if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
            raise ValueError(f"a year from {EARLIEST_YEAR} to {LATEST_YEAR}")
        return moment


class RestartPolicy(Word):
    """How a restart that the write policy needs treats players, and when it may happen.

    `announce` is said to the players before. `window` is the name of a maintenance window of the
    settings, or `HH:MM-HH:MM` in the operator's time zone (may cross midnight).
    """

    players: PlayersPolicy = PlayersPolicy.WAIT
    wait_minutes: int = Field(default=30, ge=0, le=7 * 24 * 60)
    announce: str | None = Field(default=None, max_length=500)
    window: str | None = Field(default=None, max_length=100)


class RequestedChange(Word):
    """A change request as it is handed in.

    `author` is who the file says wrote it; who handed it in is known better by the agent and is
    what counts for approval.
    """

    request_id: str | None = Field(default=None, pattern=REQUEST_ID_PATTERN)
    reason: str = Field(min_length=1, max_length=2000)
    author: str = Field(default="", max_length=200)
    priority: Priority = Priority.NORMAL
    created_at: AwareDatetime | None = None
    write_policy: WritePolicy = WritePolicy.NOW
    schedule: Schedule | None = None
    restart: RestartPolicy | None = None
    targets: RequestTargets = RequestTargets()
    edits: tuple[RequestedEdit, ...] = Field(min_length=1, max_length=MAX_EDITS)


def change_request_schema() -> dict[str, Any]:
    """The JSON Schema of a change request, for editors and for scripts that write one."""
    schema = RequestedChange.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "homeamp change request"
    return schema
