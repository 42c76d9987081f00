"""The base of every value object: frozen, strict about names it does not know on the way in."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Word(BaseModel):
    """An immutable value object of the domain; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class WireWord(BaseModel):
    """An immutable value object that crosses the socket.

    Unknown fields are ignored: a newer peer of the same major protocol may send more.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)
