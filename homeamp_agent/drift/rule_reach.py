"""Where one rule speaks, where it wins, and what overrules it elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from homeamp_agent.baselines import Baselines, Resolved, Resolver
from homeamp_agent.baselines.selectors import glob, is_glob
from homeamp_agent.model.instance import Instance
from homeamp_agent.model.rule import Rule
from homeamp_agent.model.snapshot import InstanceSnapshot


class Heard(NamedTuple):
    """One place that a rule speaks of; `winner` is another rule where this one lost."""

    resolved: Resolved
    won: bool
    winner: Rule


class Remembering(Resolver):
    """A resolver that answers the same question once: for many rules over unchanged snapshots.

    Of one plugin all rules are resolved together, so that 100 rules of it ask 100 times the same.
    """

    def __init__(self, baselines: Baselines, instances: Sequence[Instance]) -> None:
        super().__init__(baselines, instances)
        self._known: dict[tuple[str, str | None], list[Resolved]] = {}

    def resolve_plugin(self, snapshot: InstanceSnapshot, plugin: str | None) -> list[Resolved]:
        place = (snapshot.instance.name, plugin)
        if place not in self._known:
            self._known[place] = super().resolve_plugin(snapshot, plugin)
        return self._known[place]


def rule_reach(
    rule: Rule, snapshots: Iterable[InstanceSnapshot], resolver: Resolver
) -> Iterator[Heard]:
    """Every place of every instance that the rule speaks of, by instance."""
    for snapshot in sorted(snapshots, key=lambda each: each.instance.name):
        for resolved in _expected(rule, snapshot, resolver):
            if any(each.id == rule.id for each in (*resolved.rules, *resolved.beside)):
                won = resolved.rule.id == rule.id
                yield Heard(resolved, won, resolved.rule)


def ignored_at(
    rule: Rule, snapshots: Iterable[InstanceSnapshot], resolver: Resolver
) -> Iterator[tuple[str, bool]]:
    """The instances that have what a rule of one plugin wants ignored, and whether it is."""
    for snapshot in sorted(snapshots, key=lambda each: each.instance.name):
        for place in resolver.named(snapshot, rule):
            spoken = resolver.resolve_plugin(snapshot, rule.plugin)
            narrower = any((each.file, each.path) == (place.file, place.path) for each in spoken)
            yield snapshot.instance.name, not narrower


def _expected(rule: Rule, snapshot: InstanceSnapshot, resolver: Resolver) -> Iterator[Resolved]:
    if rule.plugin is None:
        yield from resolver.resolve_plugin(snapshot, None)
        return
    names = [
        plugin.name
        for plugin in snapshot.instance.plugins
        if _names(rule.plugin, plugin.name, resolver)
    ]
    if not names and rule.file is None and rule.key is None and rule.path is None:
        # Only rules on its presence speak of a plugin that is not there.
        yield from resolver.resolve(snapshot)
    for name in names:
        yield from resolver.resolve_plugin(snapshot, name)


def _names(selector: str, plugin: str, resolver: Resolver) -> bool:
    key = resolver.baselines.plugin_key(plugin)
    if is_glob(selector):
        return glob(selector.casefold(), "/").matches(key)
    return resolver.baselines.plugin_key(selector) == key
