"""What the rules together say of each setting of an instance, and which rule won.

Where a rule points to is the `locator`'s business, which of several wins `ranking`'s.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from homeamp_agent.baselines.content import Baselines
from homeamp_agent.baselines.locator import WHOLE_PLUGIN, Locator, Place, by_plugin
from homeamp_agent.baselines.ranking import UNORDERED, Speaker, judge, same_demand
from homeamp_agent.baselines.selectors import glob, is_glob
from homeamp_agent.baselines.variables import fill
from homeamp_agent.model.instance import Instance, InstanceId
from homeamp_agent.model.rule import Condition, ConditionKind, Rule, ScopeKind
from homeamp_agent.model.setting import KeyPath
from homeamp_agent.model.snapshot import FileSnapshot, InstanceSnapshot

GAME_FOLDER = ""
"""Stands for 'no plugin' in the index: files of the game folder itself."""

_IGNORE = ConditionKind.IGNORE


@dataclass(frozen=True, slots=True)
class Resolved:
    """What is expected at one place of one instance; plain, so never to be shown as it is.

    `path` None: the file itself; `file` None as well: the plugin. `rules` are all that spoke, the
    winner first. `beside` spoke there too, of something else: that a value is to be unique says
    nothing of which value it is to be, so a place may have two of these.
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
    beside: tuple[Rule, ...] = ()

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


class Resolver:
    """The rules of a baseline, indexed for questions about the given instances.

    Made anew when rules, tags or the instances change; snapshots may change under it.
    """

    def __init__(
        self,
        baselines: Baselines,
        instances: Sequence[Instance] = (),
        now: dt.datetime | None = None,
    ) -> None:
        self.baselines = baselines
        now = now or dt.datetime.now(dt.UTC)
        order = {tag: at for at, tag in enumerate(baselines.declared.tag_order)}
        self._tag_order = order
        self._by_plugin: dict[str, list[Speaker]] = defaultdict(list)
        self._by_glob: list[Speaker] = []
        for rule in baselines.rules:
            if rule.expires is not None and rule.expires <= now:
                continue
            if rule.plugin is None:
                self._by_plugin[GAME_FOLDER].append(Speaker(rule, order))
            elif is_glob(rule.plugin):
                self._by_glob.append(Speaker(rule, order))
            else:
                self._by_plugin[baselines.plugin_key(rule.plugin)].append(Speaker(rule, order))
        self._tags = {each.id: baselines.tags_of(each) for each in instances}
        self._variables: dict[InstanceId, dict[str, Any]] = {}

    def tags(self, instance: Instance) -> tuple[str, ...]:
        """The instance's tags."""
        if instance.id not in self._tags:
            self._tags[instance.id] = self.baselines.tags_of(instance)
        return self._tags[instance.id]

    def resolve(self, snapshot: InstanceSnapshot) -> list[Resolved]:
        """Every expectation that applies on the instance, its plugins in order."""
        files = by_plugin(snapshot.files)
        found = self.resolve_plugin(snapshot, None)
        installed = set()
        for plugin in snapshot.instance.plugins:
            installed.add(self.baselines.plugin_key(plugin.name))
            own = files.get(plugin.name.casefold(), ())
            found.extend(self._resolve(snapshot, plugin.name, own))
        for name, speakers in self._by_plugin.items():
            if name != GAME_FOLDER and name not in installed:
                found.extend(self._about_absent_plugin(snapshot.instance, speakers))
        return found

    def resolve_plugin(self, snapshot: InstanceSnapshot, plugin: str | None) -> list[Resolved]:
        """The expectations of one plugin the instance has (None: of the game folder's files)."""
        return self._resolve(snapshot, plugin, _files_of(snapshot, plugin))

    def resolve_file(self, snapshot: InstanceSnapshot, path: str) -> list[Resolved]:
        """The expectations of one file (below the game folder), whoever owns it.

        For an edit of a plugin with many files: rules that name other files are not looked at.
        """
        file = snapshot.files.get(path)
        plugin = file.plugin if file is not None else None
        own = _files_of(snapshot, plugin)
        if plugin is None:
            own = [file] if file is not None else []
        found = self._resolve(snapshot, plugin, own, only=path)
        return [each for each in found if each.file == path]

    def complete_files(self, snapshot: InstanceSnapshot, plugin: str | None) -> dict[str, Rule]:
        """The files of the plugin whose rules are declared complete, with the declaring rule."""
        complete = [
            each for each in self._applicable(snapshot.instance, plugin) if each.rule.complete
        ]
        if not complete:
            return {}
        locator = self._locator(snapshot.instance, plugin, _files_of(snapshot, plugin))
        return {file: each.rule for each in complete for file in locator.files_named(each.rule)}

    def ignored(self, snapshot: InstanceSnapshot, plugin: str | None, file: str) -> set[KeyPath]:
        """The key paths of a file that ignore rules take out of extra-key findings."""
        ignoring = [
            each.rule
            for each in self._applicable(snapshot.instance, plugin)
            if each.rule.condition.kind is _IGNORE
        ]
        if not ignoring:
            return set()
        locator = self._locator(snapshot.instance, plugin, _files_of(snapshot, plugin))
        return {
            place.path
            for rule in ignoring
            for place in locator.places(rule)[0]
            if place.file == file and place.path is not None
        }

    def named(self, snapshot: InstanceSnapshot, rule: Rule) -> list[Place]:
        """The places that a rule of one plugin names on the instance; none where it is not for it
        or lacks the plugin."""
        plugin = rule.plugin
        if not self._applies(rule, snapshot.instance) or (
            plugin is not None and snapshot.instance.plugin(plugin) is None
        ):
            return []
        locator = self._locator(snapshot.instance, plugin, _files_of(snapshot, plugin))
        return list(locator.places(rule)[0])

    def variables(self, instance: Instance) -> dict[str, Any]:
        """The variables as they stand on the instance: the narrower over the wider."""
        if instance.id not in self._variables:
            self._variables[instance.id] = self._variables_of(instance)
        return self._variables[instance.id]

    def _variables_of(self, instance: Instance) -> dict[str, Any]:
        declared = self.baselines.declared
        values: dict[str, Any] = {**declared.variables, "HOST": instance.host}
        values["INSTANCE"] = instance.name
        host = declared.hosts.get(instance.host)
        values.update(host.variables if host else {})
        tags = sorted(self.tags(instance), key=lambda tag: self._tag_order.get(tag, UNORDERED))
        for tag in tags:
            entry = declared.tags.get(tag)
            values.update(entry.variables if entry else {})
        for name in self.baselines.names_of(instance):
            own = declared.instances.get(name)
            values.update(own.variables if own else {})
        return values

    def _resolve(
        self,
        snapshot: InstanceSnapshot,
        plugin: str | None,
        files: Iterable[FileSnapshot],
        only: str | None = None,
    ) -> list[Resolved]:
        instance = snapshot.instance
        speakers = self._applicable(instance, plugin)
        if not speakers:
            return []
        locator = self._locator(instance, plugin, files)
        speaking: dict[Place, list[Speaker]] = {}
        found: list[Resolved] = []
        for speaker in speakers:
            rule = speaker.rule
            if rule.complete and rule.key is None and rule.path is None:
                continue
            if only is not None and not locator.may_mean(rule, only):
                continue
            places, candidates = locator.places(rule)
            if candidates:
                found.append(_ambiguous(instance, plugin, rule, candidates))
            for place in places:
                speaking.setdefault(place, []).append(speaker)
        host, name = instance.host, instance.name
        for place, those in speaking.items():
            one = those[0]
            if len(those) == 1 and not one.may_hold_variable and one.kind is not _IGNORE:
                # Nearly all of the tens of thousands: one rule, and nothing to work out.
                found.append(Resolved(host, name, plugin, *place, one.condition, (one.rule,)))
            else:
                found.extend(self._decide(instance, plugin, place, those))
        return found

    def _locator(
        self, instance: Instance, plugin: str | None, files: Iterable[FileSnapshot]
    ) -> Locator:
        known = None if plugin is None else self.baselines.plugin_name(plugin)
        return Locator(instance, plugin, files, self.baselines.knowledge.of(known).main)

    def _about_absent_plugin(
        self, instance: Instance, speakers: Iterable[Speaker]
    ) -> Iterator[Resolved]:
        """Rules on presence are all that speaks of a plugin which the instance lacks."""
        speaking = [
            each
            for each in speakers
            if each.rule.file is None
            and each.rule.key is None
            and each.rule.path is None
            and not each.rule.complete
            and self._applies(each.rule, instance)
        ]
        if speaking:
            plugin = self.baselines.plugin_name(speaking[0].rule.plugin or "")
            yield from self._decide(instance, plugin, WHOLE_PLUGIN, speaking)

    def _applicable(self, instance: Instance, plugin: str | None) -> list[Speaker]:
        name = GAME_FOLDER if plugin is None else self.baselines.plugin_key(plugin)
        speakers = [
            each for each in self._by_plugin.get(name, ()) if self._applies(each.rule, instance)
        ]
        if plugin is not None:
            speakers += [
                each
                for each in self._by_glob
                if glob((each.rule.plugin or "").casefold(), "/").matches(name)
                and self._applies(each.rule, instance)
            ]
        return speakers

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

    def _decide(
        self, instance: Instance, plugin: str | None, place: Place, speaking: list[Speaker]
    ) -> Iterator[Resolved]:
        """What is expected of the value, and whether it is to be unique; neither if ignored."""
        unique = [each for each in speaking if each.kind is ConditionKind.UNIQUE]
        if not unique or len(unique) == len(speaking):
            sides = [(speaking, unique[:0])]
        else:
            others = _beside_unique(speaking, unique)
            ignoring = [each for each in others if each.kind is _IGNORE]
            sides = [(others, unique)] if others else []
            sides.append((unique + ignoring, others))
        for side, beside in sides:
            verdict = judge(side, lambda each: self._filled(each, instance)[0])
            winner = verdict.winner
            if winner.kind is _IGNORE and verdict.conflict is None:
                continue
            condition, unresolved = self._filled(winner, instance)
            yield Resolved(
                instance.host,
                instance.name,
                plugin,
                *place,
                condition,
                tuple([each.rule for each in verdict.speakers]),
                verdict.conflict,
                unresolved,
                beside=tuple([each.rule for each in beside]),
            )

    def _filled(self, speaker: Speaker, instance: Instance) -> tuple[Condition, tuple[str, ...]]:
        condition = speaker.condition
        if not speaker.may_hold_variable:
            return condition, ()
        if condition.kind is ConditionKind.EQUALS:
            value, missing = fill(condition.value, self.variables(instance))
            return condition.model_copy(update={"value": value}), missing
        if condition.kind is ConditionKind.ONE_OF:
            values, missing = fill(condition.values, self.variables(instance))
            return condition.model_copy(update={"values": tuple(values)}), missing
        return condition, ()


def _beside_unique(speaking: Sequence[Speaker], unique: Sequence[Speaker]) -> list[Speaker]:
    """The rules on the value itself: a review that gives every instance its own value takes back
    what its scope and wider ones wanted it to be."""
    reviewed = max((each.rank for each in unique if each.rule.approval is not None), default=None)
    return [
        each
        for each in speaking
        if each.kind is not ConditionKind.UNIQUE
        and (reviewed is None or each.rank > reviewed or each.kind is _IGNORE)
    ]


def _files_of(snapshot: InstanceSnapshot, plugin: str | None) -> Iterable[FileSnapshot]:
    return snapshot.files.values() if plugin is None else snapshot.files_of(plugin)


def _ambiguous(
    instance: Instance, plugin: str | None, rule: Rule, candidates: Sequence[str]
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
