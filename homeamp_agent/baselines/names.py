"""Names that a baseline uses and nobody else knows, each with the nearest that are known.

The same instance or plugin has several names across sources. None is ever taken for another by
likeness (MIN01, MINE01 and MINT01 are three instances): a person declares an alias.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from homeamp_agent.baselines.content import Baselines
from homeamp_agent.baselines.selectors import is_glob
from homeamp_agent.model.instance import Instance
from homeamp_agent.model.rule import BaselineProblem, ProblemSeverity, Rule, RuleSource, ScopeKind

NEAREST = 3
LIKENESS = 0.6
"""difflib's ratio from which a name is worth proposing; below, the proposals are noise."""


def with_names_checked(baselines: Baselines, instances: Sequence[Instance]) -> Baselines:
    """The baselines with a problem for each instance, plugin, tag and host that nobody has."""
    known_instances = {each.name for each in instances} | {str(each.id) for each in instances}
    known_plugins = {plugin.name for each in instances for plugin in each.plugins}
    problems = [
        *_unknown_instances(baselines, known_instances, "no instance is called"),
        *_unknown_plugins(baselines, baselines.rules, known_plugins, "no instance has a plugin"),
        *_unknown_targets(baselines, ScopeKind.HOST, {each.host for each in instances}),
        *_unknown_targets(
            baselines,
            ScopeKind.TAG,
            {tag for each in instances for tag in baselines.tags_of(each)}
            | set(baselines.declared.tags),
        ),
    ]
    return replace(baselines, problems=(*baselines.problems, *problems))


def cross_checked(baselines: Baselines) -> list[BaselineProblem]:
    """Names of one source that the matrix and the rules file do not know, without any instance."""
    columns = {name for row in baselines.matrix for name in row.instances}
    known = columns | set(baselines.declared.instances)
    problems: list[BaselineProblem] = []
    if known:
        problems += _unknown_instances(baselines, known, "neither matrix nor rules name")
    if baselines.matrix:
        plugins = {row.plugin for row in baselines.matrix}
        markdown = [rule for rule in baselines.rules if rule.source.file.endswith(".md")]
        problems += _unknown_plugins(baselines, markdown, plugins, "the matrix has no plugin")
    return problems


def _unknown_instances(
    baselines: Baselines, known: Collection[str], what: str
) -> list[BaselineProblem]:
    real = {baselines.instance_name(name) for name in known} | set(known)
    unknown: dict[str, RuleSource] = {}
    for rule in baselines.rules:
        target = rule.scope.target
        if rule.scope.kind is not ScopeKind.INSTANCE or target is None:
            continue
        name = baselines.instance_name(target)
        if name not in real and name.rsplit("/", 1)[-1] not in real:
            unknown.setdefault(target, rule.source)
    return [
        _problem(source, f"{what} {name}", name, real, ProblemSeverity.WARNING)
        for name, source in unknown.items()
    ]


def _unknown_plugins(
    baselines: Baselines, rules: Iterable[Rule], known: Collection[str], what: str
) -> list[BaselineProblem]:
    real = {baselines.plugin_key(name) for name in known}
    unknown: dict[str, RuleSource] = {}
    for rule in rules:
        if rule.plugin is None or is_glob(rule.plugin):
            continue
        if baselines.plugin_key(rule.plugin) not in real:
            unknown.setdefault(rule.plugin, rule.source)
    return [
        _problem(source, f"{what} {name}", name, known, ProblemSeverity.INFO)
        for name, source in unknown.items()
    ]


def _unknown_targets(
    baselines: Baselines, kind: ScopeKind, known: Collection[str]
) -> list[BaselineProblem]:
    unknown: dict[str, RuleSource] = {}
    for rule in baselines.rules:
        target = rule.scope.target
        if rule.scope.kind is kind and target is not None and target not in known:
            unknown.setdefault(target, rule.source)
    # A baseline directory serves many hosts, and an agent knows the instances of its own.
    return [
        _problem(
            source, f"nothing here is of {kind.value} {name}", name, known, ProblemSeverity.INFO
        )
        for name, source in unknown.items()
    ]


def _problem(
    source: RuleSource, message: str, name: str, known: Collection[str], severity: ProblemSeverity
) -> BaselineProblem:
    near = nearest(name, known)
    hint = f"; nearest: {', '.join(near)} (declare an alias if it is one)" if near else ""
    return BaselineProblem(source=source, severity=severity, message=message + hint)


def nearest(name: str, known: Collection[str]) -> list[str]:
    """The known names most like `name`, case ignored, the likest first."""
    folded = {each.casefold(): each for each in sorted(known, reverse=True)}
    found = difflib.get_close_matches(name.casefold(), list(folded), n=NEAREST, cutoff=LIKENESS)
    return [folded[each] for each in found]
