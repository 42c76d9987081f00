"""What the rules together say of each setting of an instance, and which rule won.

Precedence: instance > tag > host > global; among tags the one later in `tag_order`; within one
scope an `ignore` first, then the more specific selector. Two rules of equal rank that disagree are
a conflict, never a coin toss.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from homeamp_agent.baselines.loader import Baselines
from homeamp_agent.baselines.selectors import (
    Specificity,
    glob,
    is_glob,
    is_glob_key,
    matching_files,
    matching_paths,
    specificity,
)
from homeamp_agent.baselines.variables import fill
from homeamp_agent.model.instance import Instance, Plugin
from homeamp_agent.model.rule import Condition, ConditionKind, Rule, ScopeKind
from homeamp_agent.model.setting import KeyPath, dotted, same_value
from homeamp_agent.model.snapshot import FileSnapshot, InstanceSnapshot

GAME_FOLDER = ""
"""Stands for 'no plugin' in the index: files of the game folder itself."""


@dataclass(frozen=True, slots=True)
class Rank:
    """Where a rule stands among those that speak of the same setting; higher wins."""

    scope: int
    tag: int
    ignores: bool
    specificity: Specificity

    def key(self) -> tuple[int, int, bool, Specificity]:
        """For sorting."""
        return (self.scope, self.tag, self.ignores, self.specificity)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What is expected at one place of one instance; plain, so never to be shown as it is.

    `path` None: the file itself; `file` None as well: the plugin. `rules` are all that spoke, the
    winner first.
    """

    host: str
    instance: str
    plugin: str | None
    file: str | None
    path: KeyPath | None
    key: str | None
    condition: Condition = field(repr=False)
    rules: tuple[Rule, ...]
    conflict: Rule | None = None
    unresolved: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()

    @property
    def rule(self) -> Rule:
        """The rule that won."""
        return self.rules[0]

    @property
    def variance(self) -> bool:
        """Whether a narrower rule expects something else than a wider one."""
        return any(
            each.scope.kind is not self.rule.scope.kind
            and not same_demand(each.condition, self.rule.condition)
            for each in self.rules[1:]
        )


def same_demand(one: Condition, other: Condition) -> bool:
    """Whether two conditions ask for the same."""
    if one.kind is not other.kind:
        return False
    if one.kind is ConditionKind.EQUALS:
        return same_value(one.value, other.value)
    return one == other


@dataclass(frozen=True, slots=True)
class _Place:
    file: str | None
    path: KeyPath | None
    key: str | None


class Resolver:
    """The rules of a baseline, indexed for questions about the given instances."""

    def __init__(
        self,
        baselines: Baselines,
        instances: Sequence[Instance] = (),
        now: dt.datetime | None = None,
    ) -> None:
        self.baselines = baselines
        self._now = now or dt.datetime.now(dt.UTC)
        self._by_plugin: dict[str, list[Rule]] = defaultdict(list)
        self._by_glob: list[Rule] = []
        self._tag_order = {tag: at for at, tag in enumerate(baselines.declared.tag_order)}
        self._specificity: dict[str, Specificity] = {}
        for rule in baselines.rules:
            if rule.expires is not None and rule.expires <= self._now:
                continue
            if rule.plugin is None:
                self._by_plugin[GAME_FOLDER].append(rule)
            elif is_glob(rule.plugin):
                self._by_glob.append(rule)
            else:
                name = baselines.plugin_name(rule.plugin).casefold()
                self._by_plugin[name].append(rule)
        self._tags = {each.id: baselines.tags_of(each) for each in instances}

    def tags(self, instance: Instance) -> tuple[str, ...]:
        """The instance's tags."""
        if instance.id not in self._tags:
            self._tags[instance.id] = self.baselines.tags_of(instance)
        return self._tags[instance.id]

    def resolve(self, snapshot: InstanceSnapshot) -> list[Resolved]:
        """Every expectation that applies on the instance, its plugins in order."""
        found = self.resolve_plugin(snapshot, None)
        installed = {plugin.name.casefold(): plugin for plugin in snapshot.instance.plugins}
        for plugin in snapshot.instance.plugins:
            found.extend(self.resolve_plugin(snapshot, plugin.name))
        for name, rules in self._by_plugin.items():
            if name != GAME_FOLDER and name not in installed:
                found.extend(self._about_absent_plugin(snapshot, rules))
        return found

    def resolve_plugin(self, snapshot: InstanceSnapshot, plugin: str | None) -> list[Resolved]:
        """The expectations of one plugin the instance has (None: of the game folder's files)."""
        instance = snapshot.instance
        rules = self._applicable(instance, plugin)
        if not rules:
            return []
        locator = _Locator(snapshot, plugin, self.baselines.knowledge.of(plugin).main)
        places: dict[_Place, list[Rule]] = {}
        ambiguous: list[Resolved] = []
        for rule in rules:
            if rule.complete and rule.key is None and rule.path is None:
                continue
            targets, candidates = locator.places(rule)
            if candidates:
                ambiguous.append(self._ambiguous(instance, plugin, rule, candidates))
            for place in targets:
                places.setdefault(place, []).append(rule)
        resolved = [
            self._decide(instance, plugin, place, speaking) for place, speaking in places.items()
        ]
        return [each for each in resolved if each is not None] + ambiguous

    def complete_files(self, snapshot: InstanceSnapshot, plugin: str | None) -> dict[str, Rule]:
        """The files of the plugin whose rules are declared complete, with the declaring rule."""
        locator = _Locator(snapshot, plugin, self.baselines.knowledge.of(plugin).main)
        return {
            file: rule
            for rule in self._applicable(snapshot.instance, plugin)
            if rule.complete
            for file in locator.files_named(rule)
        }

    def ignored(self, snapshot: InstanceSnapshot, plugin: str | None, file: str) -> set[KeyPath]:
        """The key paths of a file that ignore rules take out of extra-key findings."""
        locator = _Locator(snapshot, plugin, self.baselines.knowledge.of(plugin).main)
        return {
            place.path
            for rule in self._applicable(snapshot.instance, plugin)
            if rule.condition.kind is ConditionKind.IGNORE
            for place in locator.places(rule)[0]
            if place.file == file and place.path is not None
        }

    def variables(self, instance: Instance) -> dict[str, Any]:
        """The variables as they stand on the instance: the narrower over the wider."""
        declared = self.baselines.declared
        values: dict[str, Any] = {**declared.variables, "HOST": instance.host}
        values["INSTANCE"] = instance.name
        host = declared.hosts.get(instance.host)
        values.update(host.variables if host else {})
        tags = sorted(self.tags(instance), key=lambda tag: self._tag_order.get(tag, -1))
        for tag in tags:
            entry = declared.tags.get(tag)
            values.update(entry.variables if entry else {})
        own = declared.instances.get(instance.name) or declared.instances.get(str(instance.id))
        values.update(own.variables if own else {})
        return values

    def _about_absent_plugin(
        self, snapshot: InstanceSnapshot, rules: Iterable[Rule]
    ) -> Iterator[Resolved]:
        """Rules on presence are all that speaks of a plugin which the instance lacks."""
        instance = snapshot.instance
        speaking = [
            rule
            for rule in rules
            if rule.file is None
            and rule.key is None
            and rule.path is None
            and not rule.complete
            and self._applies(rule, instance)
        ]
        if speaking:
            decided = self._decide(instance, speaking[0].plugin, _Place(None, None, None), speaking)
            if decided is not None:
                yield decided

    def _applicable(self, instance: Instance, plugin: str | None) -> list[Rule]:
        name = GAME_FOLDER if plugin is None else plugin.casefold()
        rules = [rule for rule in self._by_plugin.get(name, ()) if self._applies(rule, instance)]
        if plugin is not None:
            rules += [
                rule
                for rule in self._by_glob
                if glob((rule.plugin or "").casefold(), "/").match(name)
                and self._applies(rule, instance)
            ]
        return rules

    def _applies(self, rule: Rule, instance: Instance) -> bool:
        if rule.platform is not None and rule.platform != instance.platform.value:
            return False
        target = rule.scope.target
        match rule.scope.kind:
            case ScopeKind.GLOBAL:
                return True
            case ScopeKind.HOST:
                return target == instance.host
            case ScopeKind.TAG:
                return target in self.tags(instance)
            case ScopeKind.INSTANCE:
                name = self.baselines.instance_name(target or "")
                return name in {instance.name, f"{instance.host}/{instance.name}"}

    def _rank(self, rule: Rule) -> tuple[int, int, bool, Specificity]:
        if rule.id not in self._specificity:
            self._specificity[rule.id] = specificity(rule)
        order = self._tag_order.get(rule.scope.target or "", -1)
        return Rank(
            rule.scope.kind.rank,
            order if rule.scope.kind is ScopeKind.TAG else 0,
            rule.condition.kind is ConditionKind.IGNORE,
            self._specificity[rule.id],
        ).key()

    def _decide(
        self, instance: Instance, plugin: str | None, place: _Place, speaking: list[Rule]
    ) -> Resolved | None:
        """The winner among the rules that speak of a place; None where it is to be ignored."""
        if len(speaking) > 1:
            speaking = sorted(speaking, key=lambda rule: (self._rank(rule), rule.order))
            speaking.reverse()
        winner = speaking[0]
        if winner.condition.kind is ConditionKind.IGNORE:
            return None
        top = self._rank(winner) if len(speaking) > 1 else None
        conflict = next(
            (
                rule
                for rule in speaking[1:]
                if self._rank(rule) == top and not same_demand(rule.condition, winner.condition)
            ),
            None,
        )
        condition, unresolved = self._filled(winner.condition, instance)
        return Resolved(
            host=instance.host,
            instance=instance.name,
            plugin=plugin,
            file=place.file,
            path=place.path,
            key=place.key,
            condition=condition,
            rules=tuple(speaking),
            conflict=conflict,
            unresolved=unresolved,
        )

    def _filled(
        self, condition: Condition, instance: Instance
    ) -> tuple[Condition, tuple[str, ...]]:
        if condition.kind is ConditionKind.EQUALS:
            if not _may_hold_variable(condition.value):
                return condition, ()
            value, missing = fill(condition.value, self.variables(instance))
            return condition.model_copy(update={"value": value}), missing
        if condition.kind is ConditionKind.ONE_OF:
            values, missing = fill(condition.values, self.variables(instance))
            return condition.model_copy(update={"values": tuple(values)}), missing
        return condition, ()

    def _ambiguous(
        self, instance: Instance, plugin: str | None, rule: Rule, candidates: Sequence[str]
    ) -> Resolved:
        return Resolved(
            host=instance.host,
            instance=instance.name,
            plugin=plugin,
            file=None,
            path=None,
            key=rule.key,
            condition=rule.condition,
            rules=(rule,),
            candidates=tuple(candidates),
        )


def _may_hold_variable(value: Any) -> bool:
    if isinstance(value, str):
        return "{{" in value
    return isinstance(value, (list, tuple, dict)) and "{{" in str(value)


class _Locator:
    """Finds where on one instance a plugin's rules point to."""

    def __init__(self, snapshot: InstanceSnapshot, plugin: str | None, main: str) -> None:
        found: Plugin | None = snapshot.instance.plugin(plugin) if plugin is not None else None
        folder = found.folder if found is not None else None
        self._prefix = f"{folder}/" if folder else ""
        self._has_folder = plugin is None or bool(folder)
        self._main = main
        self._files: dict[str, FileSnapshot] = {}
        if plugin is None:
            self._files = dict(snapshot.files)
        else:
            for file in snapshot.files_of(plugin):
                self._files[file.path.removeprefix(self._prefix)] = file
        self._plugin = plugin

    def files_named(self, rule: Rule) -> list[str]:
        """The files, relative to the game folder, that the rule's file selector picks."""
        if rule.file is None:
            return [file.path for file in self._files.values()]
        return [self._files[name].path for name in matching_files(rule.file, self._files)]

    def places(self, rule: Rule) -> tuple[list[_Place], list[str]]:
        """Where the rule points to; or, where that is ambiguous, the files it could mean."""
        if rule.key is None and rule.path is None:
            return self._file_places(rule), []
        if rule.file is not None:
            return self._places_in_named_file(rule), []
        return self._places_by_key(rule)

    def _file_places(self, rule: Rule) -> list[_Place]:
        if rule.file is None:
            return [_Place(None, None, None)]
        named = self.files_named(rule)
        if not named and not is_glob(rule.file):
            named = [self._prefix + rule.file]
        return [_Place(file, None, None) for file in named]

    def _places_in_named_file(self, rule: Rule) -> list[_Place]:
        assert rule.file is not None  # noqa: S101  (narrows for mypy; the caller has looked)
        names = matching_files(rule.file, self._files)
        if rule.stem_key is not None and not names:
            whole = as_whole_key(rule)
            by_key, candidates = self._places_by_key(whole)
            if not candidates and any(self._known(place) for place in by_key):
                return by_key
        if not names:
            if is_glob_key(rule) or rule.condition.kind is ConditionKind.IGNORE:
                return []
            return [self._missing(self._named(rule.file), rule)] if self._has_folder else []
        places: list[_Place] = []
        for name in names:
            places.extend(self._in_file(rule, self._files[name]))
        return places

    def _named(self, pattern: str) -> str:
        """A name for a file that is not there: a stem's ending is the usual one."""
        if pattern.endswith(".*"):
            return pattern[:-2] + ".yml"
        return pattern

    def _in_file(self, rule: Rule, file: FileSnapshot) -> list[_Place]:
        if file.table is None:
            return []
        paths = matching_paths(rule, file.table)
        if paths:
            return [_Place(file.path, path, dotted(path)) for path in paths]
        if is_glob_key(rule) or rule.condition.kind is ConditionKind.IGNORE:
            return []
        return [_Place(file.path, rule.path, _key_of(rule))]

    def _places_by_key(self, rule: Rule) -> tuple[list[_Place], list[str]]:
        """No file is named: the main config first, then the one other file that has the key."""
        main = self._files.get(self._main)
        if is_glob_key(rule) or rule.condition.kind is ConditionKind.IGNORE:
            return [
                place for file in self._files.values() for place in self._in_file(rule, file)
            ], []
        if main is not None and main.table is not None and matching_paths(rule, main.table):
            return self._in_file(rule, main), []
        having = [
            file
            for file in self._files.values()
            if file is not main and file.table is not None and matching_paths(rule, file.table)
        ]
        if len(having) == 1:
            return self._in_file(rule, having[0]), []
        if having:
            return [], sorted(file.path for file in having)
        if main is not None:
            return ([] if main.table is None else self._in_file(rule, main)), []
        if not self._has_folder and not self._files:
            return [], []
        return [self._missing(self._main, rule)], []

    def _missing(self, name: str, rule: Rule) -> _Place:
        return _Place(self._prefix + name, rule.path, _key_of(rule))

    def _known(self, place: _Place) -> bool:
        return any(
            file.path == place.file
            and file.table is not None
            and place.path is not None
            and file.table.has(place.path)
            for file in self._files.values()
        )


def as_whole_key(rule: Rule) -> Rule:
    """The rule as if its whole text were the key: its first segment is no file here."""
    return rule.model_copy(update={"file": None, "key": rule.stem_key, "stem_key": None})


def _key_of(rule: Rule) -> str | None:
    return rule.key if rule.path is None else dotted(rule.path)
