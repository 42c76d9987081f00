"""Expectations: what the rules together say of one setting on one instance, and why."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from homeamp_agent.model.base import WireWord
from homeamp_agent.model.rule import Condition, Rule, Scope, Severity


class ChainLink(WireWord):
    """One rule that spoke, and what became of it."""

    rule: Rule
    won: bool
    note: str = Field(description="One sentence: why it won, lost, or did not count")


class Expectation(WireWord):
    """What is expected at one place of one instance.

    The place: `plugin` and `file` (relative to the game folder) and `path`; `path` None means the
    file itself, `file` None as well the plugin. `condition` has its variables filled in and its
    secrets masked; the plain value is asked for again when it is written.
    """

    host: str
    instance: str
    plugin: str | None
    file: str | None
    path: tuple[str | bool | int | None, ...] | None
    key: str | None = Field(description="The dotted text of `path`, or as the rule wrote it")
    condition: Condition
    severity: Severity | None = None
    scope: Scope
    chain: tuple[ChainLink, ...] = ()
    conflict: str | None = Field(
        default=None, description="Two rules of equal rank disagree: one sentence naming both"
    )
    unresolved: tuple[str, ...] = Field(default=(), description="Variables without a value")
    candidates: tuple[str, ...] = Field(
        default=(), description="Files that could be meant, where that is ambiguous"
    )
    variance: bool = Field(
        default=False, description="A narrower rule expects another value than a wider one"
    )

    @property
    def owning_rule(self) -> Rule | None:
        """The rule that won."""
        return next((link.rule for link in self.chain if link.won), None)


class InstanceValue(WireWord):
    """What one instance has at the explained place."""

    host: str
    instance: str
    value: Any = None
    missing: bool = False
    as_expected: bool | None = Field(description="None where nothing is expected there")


class Explanation(WireWord):
    """The whole answer to 'why is this expected here?'."""

    expectation: Expectation | None
    sentences: tuple[str, ...] = Field(description="The chain in words, widest rule first")
    elsewhere: tuple[InstanceValue, ...] = ()
