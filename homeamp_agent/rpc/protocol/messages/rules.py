"""`rules.*`: why a setting is expected."""

from __future__ import annotations

from homeamp_agent.model.base import WireWord, Word
from homeamp_agent.model.expectation import Explanation
from homeamp_agent.rpc.protocol.messages.base import Path


class RulesExplainParams(Word):
    """A setting by its place; `key` is dotted text, `path` exact segments (one of them)."""

    instance: str
    plugin: str | None = None
    file: str | None = None
    key: str | None = None
    path: Path | None = None


class RulesExplainResult(WireWord):
    """Why something is expected there."""

    explanation: Explanation
