"""Rules in the forms that operators keep: markdown of shape A, the workbook, `rules.yaml`.

What was written is read back by the reader of its form. A rule that does not come back as it went
in is left out and told, so that an export never says something else than the baseline does.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from homeamp_agent.baselines import markdown_text, rules_text, workbook, workbook_text
from homeamp_agent.baselines.content import Baselines
from homeamp_agent.baselines.decisions import scope_text
from homeamp_agent.baselines.explain import masked_condition
from homeamp_agent.baselines.markdown import SUFFIX, read_markdown
from homeamp_agent.baselines.rules_file import read_rules
from homeamp_agent.baselines.source import SourceReading
from homeamp_agent.model.rule import Condition, ConditionKind, Rule, ScopeKind
from homeamp_agent.model.secret import Masker

RULES_FILE = "rules.yaml"
_MAIN_FILES = frozenset({"config.*", "config.yml"})
"""A key of shape A is looked for here before any other file of its plugin."""

Line = tuple[Rule, str]


class Form(NamedTuple):
    """A form to write: its files of these rules, and why it has no place for a rule (or None).

    `scope`: what the form is for; rules of other scopes are not missed in it.
    """

    files: Callable[[Sequence[Rule], Baselines], dict[str, bytes]]
    read: Callable[[str, bytes], SourceReading]
    why_not: Callable[[Rule], str | None]
    scope: ScopeKind | None = None
    reads_file: bool = True


@dataclass(slots=True)
class Export:
    """Files by name, each rule that none of them holds with the reason, and what else to know."""

    files: dict[str, bytes] = field(default_factory=dict)
    rules: int = 0
    left_out: list[Line] = field(default_factory=list)
    of_other_scopes: int = 0
    notes: list[str] = field(default_factory=list)

    def report(self) -> Iterator[str]:
        """Lines for a person: how many, what else to know, and every rule that is left out."""
        files = "1 file" if len(self.files) == 1 else f"{len(self.files):,} files"
        yield f"{self.rules:,} rules in {files}, {len(self.left_out):,} left out"
        if self.of_other_scopes:
            yield f"{self.of_other_scopes:,} rules of other scopes are not for this form"
        yield from self.notes
        for rule, why in self.left_out:
            place = " ".join(filter(None, (rule.plugin, rule.file, _key_text(rule))))
            yield f"{rule.source}: {place}: left out: {why}"


def export_rules(baselines: Baselines, form: str) -> Export:
    """Write the rules of a baseline directory in a form: `markdown`, `yaml` or `xlsx`."""
    wanted = FORMS[form]
    made = Export()
    # The key lives as long as the run: it only tells what is secret.
    masker = Masker(os.urandom(32), baselines.secret_policy)
    kept: list[Rule] = []
    for rule in baselines.rules:
        if wanted.scope not in {None, rule.scope.kind}:
            made.of_other_scopes += 1
            continue
        why = _never(rule, masker) or wanted.why_not(rule)
        if why is None:
            kept.append(rule)
        else:
            made.left_out.append((rule, why))
    if not wanted.reads_file:
        kept = _first_told(kept, made.left_out)
    made.files = wanted.files(kept, baselines)
    lost = _lost(kept, made.files, wanted)
    if lost:
        made.left_out += [(rule, "does not read back as it is") for rule in lost]
        gone = {rule.order for rule in lost}
        kept = [rule for rule in kept if rule.order not in gone]
        made.files = wanted.files(kept, baselines)
        if still := _lost(kept, made.files, wanted):
            raise AssertionError(f"{len(still)} rules do not read back")
    made.rules = len(kept)
    made.left_out.sort(key=lambda line: line[0].order)
    made.notes = list(_notes(kept, wanted, baselines, masker))
    return made


def _never(rule: Rule, masker: Masker) -> str | None:
    if rule.approval is not None:
        return "belongs to approved.yaml"
    path = rule.path or tuple((rule.stem_key or rule.key or "").split("."))
    if masked_condition(rule.condition, path, rule.plugin, masker) != rule.condition:
        return "holds a secret"
    return None


def _first_told(rules: Sequence[Rule], left_out: list[Line]) -> list[Rule]:
    """One rule a setting: of several the one that wins, as the form can say only one."""
    winners: dict[tuple[Any, ...], Rule] = {}
    for rule in sorted(rules, key=lambda each: (each.file is not None, each.order)):
        place = (rule.platform, rule.plugin, rule.key, rule.scope)
        if place in winners:
            left_out.append((winners[place], "another rule for the same setting wins"))
        winners[place] = rule
    return sorted(winners.values(), key=lambda each: each.order)


def _notes(
    rules: Sequence[Rule], form: Form, baselines: Baselines, masker: Masker
) -> Iterator[str]:
    untyped = sum(not rule.condition.typed for rule in rules)
    if untyped:
        yield f"{untyped:,} values are written with the type they look like; their source hides it"
    if not form.reads_file and (named := sum(rule.file is not None for rule in rules)):
        yield f"{named:,} rules name config.yml, which the form does not; it is looked in first"
    if form is FORMS["yaml"]:
        for name in sorted(_secret_variables(baselines, masker)):
            yield f"the variable {name} holds a secret: left out"


def _lost(rules: Sequence[Rule], files: Mapping[str, bytes], form: Form) -> list[Rule]:
    """The rules that are not read back from what was written."""
    found: Counter[str] = Counter()
    for name, data in files.items():
        found.update(_said(rule, form) for rule in form.read(name, data).rules)
    lost: list[Rule] = []
    for rule in rules:
        said = _said(rule, form)
        if found[said] < 1:
            lost.append(rule)
        found[said] -= 1
    return lost


def _said(rule: Rule, form: Form) -> str:
    """All that a rule says, to the type of its value."""
    condition = rule.condition.model_copy(update={"typed": True})
    parts = [
        str(rule.scope), rule.platform, rule.plugin, rule.file if form.reads_file else None,
        rule.key, rule.path, condition.model_dump(mode="json"), rule.complete, rule.severity,
        rule.reason, rule.owner, rule.expires and rule.expires.isoformat(),
    ]  # fmt: skip
    return json.dumps(parts, sort_keys=True)


def _key_text(rule: Rule) -> str | None:
    return rule.key if rule.path is None else json.dumps(list(rule.path), ensure_ascii=False)


# Markdown of shape A ----------------------------------------------------------------------------


def _no_markdown(rule: Rule) -> str | None:
    if rule.condition.kind is not ConditionKind.EQUALS:
        return f"is no plain value: {rule.condition.kind.value}"
    if rule.plugin is None or "/" in rule.plugin or rule.plugin.startswith("."):
        return "is of no plugin that a file could be named after"
    if rule.file is not None and rule.file not in _MAIN_FILES:
        return "names a file other than config.yml"
    return _no_plain_row(rule)


def _no_plain_row(rule: Rule) -> str | None:
    if rule.key is None:
        return "names its key by segments" if rule.path is not None else "names no key"
    more = {
        "severity": rule.severity,
        "reason": rule.reason,
        "owner": rule.owner,
        "expires": rule.expires,
        "complete": rule.complete,
    }
    said = [name for name, value in more.items() if value]
    return f"also says {', '.join(said)}" if said else None


def _markdown_files(rules: Sequence[Rule], baselines: Baselines) -> dict[str, bytes]:
    del baselines
    by_file: dict[str, list[tuple[str, Any]]] = {}
    for rule in rules:
        folder = f"{rule.platform}/" if rule.platform else ""
        name = f"{folder}{rule.plugin}{SUFFIX}"
        by_file.setdefault(name, []).append((str(rule.key), rule.condition.value))
    return {name: markdown_text.shape_a(name, pairs).encode() for name, pairs in by_file.items()}


# The workbook -----------------------------------------------------------------------------------


def _no_workbook(rule: Rule) -> str | None:
    if rule.condition.kind not in {ConditionKind.EQUALS, ConditionKind.ABSENT}:
        return f"is neither a value nor absent: {rule.condition.kind.value}"
    if rule.plugin is None:
        return "is of no plugin"
    if rule.platform is not None:
        return f"counts on {rule.platform} only"
    if rule.file is not None and rule.file not in _MAIN_FILES:
        return "names a file other than config.yml"
    return _no_plain_row(rule)


def _workbook_files(rules: Sequence[Rule], baselines: Baselines) -> dict[str, bytes]:
    del baselines
    cells = [
        workbook_text.Cell(
            str(rule.plugin), str(rule.key), str(rule.scope.target), rule.condition.value,
            absent=rule.condition.kind is ConditionKind.ABSENT,
        )
        for rule in rules
    ]  # fmt: skip
    return {workbook.FILE: workbook_text.workbook_bytes(cells)}


# rules.yaml -------------------------------------------------------------------------------------


def _no_yaml(rule: Rule) -> str | None:
    values = (rule.condition.value, *rule.condition.values)
    return None if all(map(rules_text.writable, values)) else "has a value that YAML cannot write"


def _yaml_files(rules: Sequence[Rule], baselines: Baselines) -> dict[str, bytes]:
    masker = Masker(os.urandom(32), baselines.secret_policy)
    text = rules_text.rules_text(
        map(_entry, rules),
        (f"Exported from {Path(baselines.directory).name or 'a baseline'}.",),
        _declared(baselines, masker),
    )
    return {RULES_FILE: text.encode("utf-8")}


def _entry(rule: Rule) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "plugin": rule.plugin,
        "platform": rule.platform,
        "file": rule.file,
        "key": rule.key,
        "path": None if rule.path is None else list(rule.path),
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    fields |= _condition_fields(rule)
    if rule.scope.target is not None:
        fields["scope"] = scope_text(rule.scope)
    more = {
        "severity": rule.severity and rule.severity.value,
        "reason": rule.reason,
        "owner": rule.owner,
        "expires": rule.expires and rule.expires.isoformat(),
    }
    return fields | {name: value for name, value in more.items() if value is not None}


def _condition_fields(rule: Rule) -> dict[str, Any]:
    condition = rule.condition
    complete = {"complete": True} if rule.complete else {}
    match condition.kind:
        case ConditionKind.EQUALS:
            says: dict[str, Any] = {"value": condition.value}
        case ConditionKind.ONE_OF:
            says = {"one_of": list(condition.values)}
        case ConditionKind.RANGE:
            says = {"range": [condition.minimum, condition.maximum]}
        case ConditionKind.MATCHES:
            says = {"matches": condition.pattern}
        case ConditionKind.SAME_AS:
            says = {"same_as": _same_as(condition)}
        case _:
            says = {condition.kind.value: True}
    return says | complete


def _same_as(condition: Condition) -> dict[str, str]:
    names = ("plugin", "file", "key")
    return {name: value for name in names if (value := getattr(condition, name)) is not None}


def _declared(baselines: Baselines, masker: Masker) -> dict[str, Any]:
    """What the rules files declare beside rules, without secrets."""
    secret = _secret_variables(baselines, masker)
    declared = baselines.declared.model_dump(
        mode="json", exclude={"version", "rules"}, exclude_defaults=True
    )
    return {name: _without(value, secret) for name, value in declared.items()}


def _secret_variables(baselines: Baselines, masker: Masker) -> set[str]:
    every: list[Mapping[str, Any]] = [baselines.declared.variables]
    for table in (baselines.declared.hosts, baselines.declared.instances, baselines.declared.tags):
        every += [each.variables for each in table.values()]
    return {
        name
        for variables in every
        for name, value in variables.items()
        if masker.mask((name,), value) != value
    }


def _without(value: Any, names: Iterable[str]) -> Any:
    """The mapping without these variables, at whatever depth they are declared."""
    if not isinstance(value, dict):
        return value
    return {
        name: (
            {each: item for each, item in inner.items() if each not in names}
            if name == "variables" and isinstance(inner, dict)
            else _without(inner, names)
        )
        for name, inner in value.items()
        if not (name in names and not isinstance(inner, dict))
    }


FORMS: dict[str, Form] = {
    "markdown": Form(
        _markdown_files, read_markdown, _no_markdown, ScopeKind.GLOBAL, reads_file=False
    ),
    "yaml": Form(_yaml_files, read_rules, _no_yaml),
    "xlsx": Form(
        _workbook_files, workbook.read_workbook, _no_workbook, ScopeKind.INSTANCE, reads_file=False
    ),
}
"""What `rules export` can write."""
