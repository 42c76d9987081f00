"""What the params and results of many methods share."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, Field

from homeamp_agent.model.base import Word

Path = tuple[str | bool | int | None, ...]


class Access(StrEnum):
    """What a peer may do: `read` looks, `operate` also changes."""

    READ = "read"
    OPERATE = "operate"


class NoParams(Word):
    """A method without params."""


class MutationParams(Word):
    """A retry with the same key never applies twice; keys are remembered for a day."""

    idempotency_key: str | None = Field(default=None, max_length=200)


def param_names(model: type[BaseModel]) -> list[str]:
    """The order of a method's params when given by position.

    Required ones first, then the method's own, then those that many methods share (`limit`,
    `cursor`, `idempotency_key`).
    """
    own = set(model.__annotations__)
    return sorted(
        model.model_fields,
        key=lambda name: (not model.model_fields[name].is_required(), name not in own),
    )
