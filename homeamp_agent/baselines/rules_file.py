"""`rules.yaml`: what an operator states by hand. Its JSON Schema is made from these models."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Hashable, Iterator
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from homeamp_agent.baselines.source import SourceReading
from homeamp_agent.model.base import Word
from homeamp_agent.model.rule import (
    Condition,
    ConditionKind,
    ProblemSeverity,
    Scope,
    ScopeKind,
    Severity,
)
from homeamp_agent.model.secret import wire_value

VERSION = 1
LINES_DEPTH = 4
"""`rules`, index, field, and one below: no problem names a place further down."""
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

    plugin: str | None = None
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
                re.compile(self.matches)
            except re.error as error:
                raise ValueError(f"matches is no regular expression: {error}") from error
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


def read_rules(file: str, data: bytes) -> SourceReading:
    """Read a rules file; each problem names its line, a bad rule is left out alone."""
    reading = SourceReading(file, "rules")
    try:
        node, loaded = _load(data)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error).split("\n", maxsplit=1)[0]
        reading.fail(
            f"is no YAML: {what}",
            line=mark.line + 1 if mark else None,
        )
        return reading
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        reading.fail(f"cannot be read: {error}")
        return reading
    if loaded is None:
        return reading
    if not isinstance(loaded, dict):
        reading.fail("is no mapping", line=1)
        return reading
    lines = _Lines(node)
    entries = loaded.pop("rules", None)
    _read_declarations(reading, loaded, lines)
    if isinstance(entries, list):
        for index, entry in enumerate(entries):
            _read_rule(reading, entry, index, lines)
    elif entries is not None:
        reading.problem("rules is no list", severity=ProblemSeverity.ERROR, line=lines.of("rules"))
    return reading


def _load(data: bytes) -> tuple[Any, Any]:
    loader = yaml.SafeLoader(data.decode("utf-8-sig"))
    try:
        node = loader.get_single_node()
        if _refers_to_itself(node, set(), set()):
            raise ValueError("an anchor refers to itself")
        loaded = None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()
    return node, loaded


def _refers_to_itself(node: Any, above: set[int], done: set[int]) -> bool:
    if not isinstance(node, yaml.CollectionNode) or id(node) in done:
        return False
    if id(node) in above:
        return True
    above.add(id(node))
    pairs = (
        node.value if isinstance(node, yaml.MappingNode) else [(None, each) for each in node.value]
    )
    found = any(_refers_to_itself(value, above, done) for _, value in pairs)
    above.discard(id(node))
    done.add(id(node))
    return found


class _Lines:
    """Where each key of the file stands, by its path."""

    def __init__(self, node: Any) -> None:
        self._lines: dict[tuple[Hashable, ...], int] = dict(_walk(node, ()))

    def of(self, *path: Any) -> int | None:
        """The line of the deepest known part of `path`."""
        for size in range(len(path), 0, -1):
            if path[:size] in self._lines:
                return self._lines[path[:size]]
        return None


def _walk(node: Any, path: tuple[Hashable, ...]) -> Iterator[tuple[tuple[Hashable, ...], int]]:
    if len(path) >= LINES_DEPTH:
        return
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            yield inner, key.start_mark.line + 1
            yield from _walk(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*path, index), value.start_mark.line + 1
            yield from _walk(value, (*path, index))


def _read_declarations(reading: SourceReading, loaded: dict[Any, Any], lines: _Lines) -> None:
    """Validate everything but the rules; a bad top-level key is left out alone."""
    good: dict[str, Any] = {}
    for key, value in loaded.items():
        try:
            RulesFile.model_validate({str(key): value})
        except ValidationError as error:
            _note_errors(reading, error, (), lines)
        else:
            good[str(key)] = value
    declared = RulesFile.model_validate(good)
    if declared.version != VERSION:
        reading.problem(
            f"is of version {declared.version}; this homeamp reads version {VERSION}",
            severity=ProblemSeverity.ERROR,
            line=lines.of("version"),
        )
    for name, patterns in declared.secrets.items():
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                reading.problem(
                    f"secrets of {name}: {pattern!r} is no regular expression: {error}",
                    severity=ProblemSeverity.ERROR,
                    line=lines.of("secrets", name),
                )
    reading.declarations["rules"] = declared


def _read_rule(reading: SourceReading, entry: Any, index: int, lines: _Lines) -> None:
    line = lines.of("rules", index)
    if not isinstance(entry, dict):
        reading.problem("a rule is a mapping", severity=ProblemSeverity.ERROR, line=line)
        return
    try:
        rule = RuleEntry.model_validate(entry)
    except ValidationError as error:
        _note_errors(reading, error, ("rules", index), lines)
        return
    reading.add(
        rule.condition(),
        plugin=rule.plugin,
        file=rule.file,
        key=rule.key,
        path=rule.path,
        scope=rule.scope.scope() if isinstance(rule.scope, ScopeEntry) else Scope(),
        line=line,
        complete=rule.complete,
        severity=rule.severity,
        more={"reason": rule.reason, "owner": rule.owner, "expires": rule.expiry()},
    )


def _note_errors(
    reading: SourceReading, error: ValidationError, above: tuple[Any, ...], lines: _Lines
) -> None:
    for each in error.errors():
        place = (*above, *each["loc"])
        named = ".".join(str(part) for part in each["loc"])
        message = each["msg"].removeprefix("Value error, ")
        reading.problem(
            f"{named}: {message}" if named else message,
            severity=ProblemSeverity.ERROR,
            line=lines.of(*place),
        )


def rules_schema() -> dict[str, Any]:
    """The JSON Schema of rules.yaml, for editors (published as `docs/rules.schema.json`)."""
    schema = RulesFile.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "homeamp rules.yaml"
    return schema
