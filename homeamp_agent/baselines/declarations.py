"""What a rules file may say: the models that it is checked by, and its JSON Schema."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from homeamp_agent.baselines.selectors import glob_problem
from homeamp_agent.model.base import Word
from homeamp_agent.model.instance import Platform
from homeamp_agent.model.pattern import BadPattern, pattern_of
from homeamp_agent.model.rule import Condition, ConditionKind, Scope, ScopeKind, Severity
from homeamp_agent.model.secret import wire_value

VERSION = 1
CONDITION_KEYS = (
    "value",
    "unique",
    "one_of",
    "range",
    "matches",
    "present",
    "absent",
    "ignore",
    "same_as",
)
_SCOPE_KEYS = ("host", "tag", "instance")


class SameAs(Word):
    """Another setting; what is left out is as in the rule itself."""

    plugin: str | None = None
    file: str | None = None
    key: str


class ScopeEntry(Word):
    """Exactly one of host, tag and instance."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    host: str | None = None
    tag: str | None = None
    instance: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> ScopeEntry:
        if sum(getattr(self, name) is not None for name in _SCOPE_KEYS) != 1:
            raise ValueError("a scope names exactly one of host, tag and instance")
        return self

    def scope(self) -> Scope:
        """The scope it names."""
        name = next(each for each in _SCOPE_KEYS if getattr(self, each) is not None)
        return Scope(kind=ScopeKind(name), target=getattr(self, name))


class RuleEntry(Word):
    """One rule. `value` may be null, so which condition it has is told by which key is there."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    plugin: str | None = None
    platform: Platform | None = None
    file: str | None = None
    key: str | None = None
    path: tuple[str | bool | int | None, ...] | None = None
    value: Any = None
    unique: bool | None = None
    one_of: tuple[Any, ...] | None = None
    range: tuple[float | None, float | None] | None = None
    matches: str | None = None
    present: bool | None = None
    absent: bool | None = None
    ignore: bool | None = None
    same_as: SameAs | None = None
    complete: bool = False
    scope: str | ScopeEntry = "global"
    severity: Severity | None = None
    reason: str | None = None
    owner: str | None = None
    expires: dt.datetime | dt.date | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> RuleEntry:
        given = [name for name in CONDITION_KEYS if name in self.model_fields_set]
        if len(given) != 1 and not (self.complete and not given):
            said = ", ".join(given) or "none"
            raise ValueError(f"a rule has exactly one of {', '.join(CONDITION_KEYS)}; here: {said}")
        if self.key is not None and self.path is not None:
            raise ValueError("a rule has a key or a path, not both")
        if not (self.plugin or self.file):
            raise ValueError("a rule names a plugin or a file")
        for name in ("unique", "present", "absent", "ignore"):
            if getattr(self, name) is False:
                raise ValueError(f"{name} is true or left out")
        if self.matches is not None:
            try:
                pattern_of(self.matches)
            except BadPattern as error:
                raise ValueError(f"matches cannot be used: {error}") from error
        for name, separator in (("plugin", "/"), ("file", "/"), ("key", ".")):
            problem = glob_problem(getattr(self, name) or "", separator)
            if problem is not None:
                raise ValueError(f"{name} cannot be used: {problem}")
        if isinstance(self.scope, str) and self.scope != "global":
            raise ValueError("scope is global, or {host: …}, {tag: …}, {instance: …}")
        if self.key is None and self.path is None and {"value", "unique"} & set(given):
            raise ValueError("a rule on a value names a key or a path")
        return self

    def condition(self) -> Condition:
        """The demand it makes; PRESENT for a rule that only declares completeness."""
        given = next((name for name in CONDITION_KEYS if name in self.model_fields_set), None)
        match given:
            case None:
                return Condition(kind=ConditionKind.PRESENT)
            case "value":
                return Condition(value=wire_value(self.value))
            case "one_of":
                values = tuple(wire_value(each) for each in self.one_of or ())
                return Condition(kind=ConditionKind.ONE_OF, values=values)
            case "range":
                low, high = self.range or (None, None)
                return Condition(kind=ConditionKind.RANGE, minimum=low, maximum=high)
            case "matches":
                return Condition(kind=ConditionKind.MATCHES, pattern=self.matches)
            case "same_as":
                assert self.same_as is not None  # noqa: S101  (narrows for mypy)
                return Condition(kind=ConditionKind.SAME_AS, **self.same_as.model_dump())
            case _:
                return Condition(kind=ConditionKind(given))

    def expiry(self) -> dt.datetime | None:
        """When it ends to count: a bare date at its end, in UTC where no zone is given."""
        if self.expires is None:
            return None
        if isinstance(self.expires, dt.datetime):
            return self.expires if self.expires.tzinfo else self.expires.replace(tzinfo=dt.UTC)
        return dt.datetime.combine(self.expires, dt.time.max, tzinfo=dt.UTC)


class TagEntry(Word):
    """Which instances carry a tag: names or globs, `host/name` too; exclusions win."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    variables: dict[str, Any] = Field(default_factory=dict)


class InstanceEntry(Word):
    """What the disk does not say of an instance."""

    tags: tuple[str, ...] = ()
    variables: dict[str, Any] = Field(default_factory=dict)


class HostEntry(Word):
    """Variables of a host."""

    variables: dict[str, Any] = Field(default_factory=dict)


class AliasesEntry(Word):
    """Other names → real names."""

    instances: dict[str, str] = Field(default_factory=dict)
    plugins: dict[str, str] = Field(default_factory=dict)

    def beneath(self, first: AliasesEntry) -> AliasesEntry:
        """Both together; of two names for one alias that of `first`."""
        return AliasesEntry(
            instances={**self.instances, **first.instances},
            plugins={**self.plugins, **first.plugins},
        )


class MatrixEntry(Word):
    """Whether the deployment matrix also says which plugins must be present or absent."""

    authoritative: bool = False


class RulesFile(Word):
    """The whole file. Each rule is validated by itself, so that one bad rule loses no other."""

    version: int = VERSION
    variables: dict[str, Any] = Field(default_factory=dict)
    hosts: dict[str, HostEntry] = Field(default_factory=dict)
    instances: dict[str, InstanceEntry] = Field(default_factory=dict)
    tags: dict[str, TagEntry] = Field(default_factory=dict)
    tag_order: tuple[str, ...] = ()
    aliases: AliasesEntry = AliasesEntry()
    matrix: MatrixEntry = MatrixEntry()
    secrets: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    rules: tuple[RuleEntry, ...] = ()


def rules_schema() -> dict[str, Any]:
    """The JSON Schema of rules.yaml, for editors (published as `docs/rules.schema.json`)."""
    schema = RulesFile.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "homeamp rules.yaml"
    return schema
