"""`rules.yaml` and `rules/*.yaml`: what an operator states by hand, one bad rule at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from homeamp_agent.baselines.declarations import VERSION, RuleEntry, RulesFile, ScopeEntry
from homeamp_agent.baselines.source import SourceReading
from homeamp_agent.baselines.yaml_text import YamlProblem, YamlText, read_yaml
from homeamp_agent.model.pattern import BadPattern, pattern_of
from homeamp_agent.model.rule import ProblemSeverity, Scope

Entry = TypeVar("Entry", bound=BaseModel)


def read_rules(file: str, data: bytes) -> SourceReading:
    """Read a rules file; each problem names its line, a bad rule is left out alone."""
    reading = SourceReading(file, "rules")
    document = read_mapping(reading, data)
    if document is None:
        return reading
    declared = {key: value for key, value in document.value.items() if key != "rules"}
    _read_declarations(reading, declared, document)
    for index, entry in enumerate(entries_of(reading, document, "rules")):
        rule = read_entry(reading, RuleEntry, entry, ("rules", index), document)
        if rule is not None:
            add_rule(reading, rule, document.line("rules", index))
    return reading


def read_mapping(reading: SourceReading, data: bytes) -> YamlText | None:
    """The file as a YAML mapping, an empty one as such; None where it is none (noted)."""
    try:
        document = read_yaml(reading.text(data))
    except YamlProblem as error:
        reading.fail(str(error), line=error.line)
        return None
    for key, line in document.twice:
        reading.problem(
            f"{key} stands here twice in one mapping; the last counts",
            severity=ProblemSeverity.ERROR,
            line=line,
        )
    if document.value is None:
        return YamlText({}, {})
    if not isinstance(document.value, dict):
        reading.fail("is no mapping", line=1)
        return None
    return document


def entries_of(reading: SourceReading, document: YamlText, key: str) -> list[Any]:
    """The list at a top-level key; empty where there is none (noted where it is something else)."""
    entries = document.value.get(key)
    if entries is None:
        return []
    if not isinstance(entries, list):
        reading.problem(
            f"{key} is no list", severity=ProblemSeverity.ERROR, line=document.line(key)
        )
        return []
    return entries


def read_entry(
    reading: SourceReading,
    model: type[Entry],
    entry: Any,
    place: tuple[Any, ...],
    document: YamlText,
) -> Entry | None:
    """One entry of a list; None where it is wrong (noted with its line)."""
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        note_errors(reading, error, place, document)
        return None


def add_rule(
    reading: SourceReading,
    rule: RuleEntry,
    line: int | None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Add what the entry says as a rule."""
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
        more={
            "reason": rule.reason,
            "owner": rule.owner,
            "expires": rule.expiry(),
            **({"platform": rule.platform.value} if rule.platform else {}),
            **(more or {}),
        },
    )


def note_errors(
    reading: SourceReading, error: ValidationError, above: tuple[Any, ...], document: YamlText
) -> None:
    """A problem for everything that is wrong, each with its line; never with the value."""
    for each in error.errors(include_input=False, include_url=False):
        named = ".".join(str(part) for part in each["loc"])
        message = each["msg"].removeprefix("Value error, ")
        reading.problem(
            f"{named}: {message}" if named else message,
            severity=ProblemSeverity.ERROR,
            line=document.line(*above, *each["loc"]),
        )


def _read_declarations(
    reading: SourceReading, declared: dict[Any, Any], document: YamlText
) -> None:
    """Validate everything but the rules; what is wrong is left out alone."""
    good: dict[str, Any] = {}
    for key, value in declared.items():
        kept = _without_errors(reading, str(key), value, document)
        if kept is not None:
            good[str(key)] = kept
    result = RulesFile.model_validate(good)
    if result.version != VERSION:
        reading.problem(
            f"is of version {result.version}; this homeamp reads version {VERSION}",
            severity=ProblemSeverity.ERROR,
            line=document.line("version"),
        )
    for name, patterns in result.secrets.items():
        for index, pattern in enumerate(patterns):
            try:
                pattern_of(pattern)
            except BadPattern as error:
                reading.problem(
                    f"secrets of {name}: a pattern cannot be used: {error}",
                    severity=ProblemSeverity.ERROR,
                    line=document.line("secrets", name, index),
                )
    reading.declarations["rules"] = result


def _without_errors(reading: SourceReading, key: str, value: Any, document: YamlText) -> Any | None:
    """The value of a top-level key without the entries in it that are wrong (noted)."""
    try:
        RulesFile.model_validate({key: value})
    except ValidationError as error:
        note_errors(reading, error, (), document)
        bad = {str(each["loc"][1]) for each in error.errors() if len(each["loc"]) > 1}
        if not isinstance(value, dict):
            return None
        rest = {name: entry for name, entry in value.items() if str(name) not in bad}
        if len(rest) == len(value):
            return None
        return _without_errors(reading, key, rest, document)
    return value
