"""What a baseline directory says, as last loaded: rules, declarations, approvals, problems."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from homeamp_agent.baselines.decisions import Approval, ReviewedRule
from homeamp_agent.baselines.declarations import RulesFile
from homeamp_agent.baselines.knowledge import Knowledge, load_knowledge
from homeamp_agent.baselines.matrix import MatrixRow
from homeamp_agent.baselines.source import SourceReading
from homeamp_agent.model.instance import Instance
from homeamp_agent.model.pattern import BadPattern, Pattern, pattern_of
from homeamp_agent.model.rule import BaselineProblem, Rule
from homeamp_agent.model.secret import SecretPolicy


@dataclass(frozen=True, slots=True)
class SourceReport:
    """One file of the directory. `stale` True: it failed to load, an earlier version counts."""

    file: str
    form: str
    rules: int
    problems: int
    sha256: str
    stale: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Baselines:
    """Everything the directory says, as last loaded."""

    directory: str
    rules: tuple[Rule, ...] = ()
    problems: tuple[BaselineProblem, ...] = ()
    sources: tuple[SourceReport, ...] = ()
    declared: RulesFile = field(default_factory=RulesFile)
    matrix: tuple[MatrixRow, ...] = ()
    approvals: tuple[Approval, ...] = ()
    reviewed: tuple[ReviewedRule, ...] = ()
    knowledge: Knowledge = field(default_factory=load_knowledge)
    readings: Mapping[str, tuple[str, SourceReading]] = field(default_factory=dict, repr=False)

    @property
    def secret_policy(self) -> SecretPolicy:
        """What is secret: by default, by the plugins' knowledge and by rules.yaml."""
        extra: dict[str, tuple[Pattern, ...]] = {}
        never: dict[str, tuple[Pattern, ...]] = {}
        for plugin in self.knowledge.plugins.values():
            self._name_secrets(extra, plugin.name, plugin.secret)
            self._name_secrets(never, plugin.name, plugin.not_secret)
        for name, patterns in self.declared.secrets.items():
            self._name_secrets(extra, name, patterns)
        return SecretPolicy(extra, never)

    def _name_secrets(
        self, table: dict[str, tuple[Pattern, ...]], plugin: str, patterns: Iterable[str]
    ) -> None:
        good = tuple(Pattern(each) for each in patterns if _usable(each))
        # Velocity knows a plugin by its lower-case id.
        names = {plugin, plugin.casefold(), self.plugin_name(plugin)} if good else ()
        for name in names:
            table[name] = table.get(name, ()) + good

    def tags_of(self, instance: Instance) -> tuple[str, ...]:
        """The instance's tags: its own, those rules.yaml gives it, those that include it."""
        tags = dict.fromkeys(instance.tags)
        names = self.names_of(instance)
        for name in names:
            entry = self.declared.instances.get(name)
            tags.update(dict.fromkeys(entry.tags if entry else ()))
        for name, tag in self.declared.tags.items():
            if _among(names, tag.include):
                tags[name] = None
            if _among(names, tag.exclude):
                tags.pop(name, None)
        return tuple(tags)

    def names_of(self, instance: Instance) -> tuple[str, ...]:
        """Every name a baseline may call the instance by; `host/name` is the surest."""
        real = (instance.name, str(instance.id))
        aliases = (other for other, name in self.declared.aliases.instances.items() if name in real)
        return (*aliases, *real)

    def instance_name(self, name: str) -> str:
        """The real name behind an alias."""
        return self.declared.aliases.instances.get(name, name)

    def plugin_name(self, name: str) -> str:
        """The real name behind an alias."""
        return self._plugin_aliases.get(name.casefold(), name)

    def plugin_key(self, name: str) -> str:
        """What is equal for all names of one plugin: aliases resolved, case ignored."""
        return self.plugin_name(name).casefold()

    @cached_property
    def _plugin_aliases(self) -> dict[str, str]:
        return {other.casefold(): name for other, name in self.declared.aliases.plugins.items()}

    def updates_of(self, plugin: str, platform: str | None = None) -> MatrixRow | None:
        """The plugin's row of the matrix; of several the one for `platform`."""
        key = self.plugin_key(plugin)
        rows = [row for row in self.matrix if self.plugin_key(row.plugin) == key]
        fitting = [row for row in rows if row.platform in {platform, None}]
        return next(iter(fitting or (rows if platform is None else ())), None)


def _among(names: Iterable[str], patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in names)


def _usable(pattern: str) -> bool:
    try:
        pattern_of(pattern)
    except BadPattern:
        return False
    return True
