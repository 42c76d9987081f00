"""How far a change of the baselines reaches: which settings are to be compared again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from homeamp_agent.baselines import Baselines
from homeamp_agent.drift.fleet_view import folded
from homeamp_agent.model.instance import Instance
from homeamp_agent.model.rule import Rule, ScopeKind

Reach = Mapping[str, frozenset[str] | None]
"""Case-folded names of plugins (empty: the game folder), each with the names that its changed rules
call their instances by; None: every instance."""


def reach_of(before: Baselines, after: Baselines) -> Reach | None:
    """The plugins whose rules differ, and where; None: everything.

    Variables, tags, aliases and knowledge reach everywhere, rules on patterns of names as well, and
    rules on the presence of a plugin reach instances that do not have it. A rule that only stands
    on another line is another rule: its deviations name its line.
    """
    if before.declared.model_copy(update={"rules": after.declared.rules}) != after.declared:
        return None
    if before.knowledge != after.knowledge:
        return None
    old, new = _by_plugin(before.rules), _by_plugin(after.rules)
    reach: dict[str, frozenset[str] | None] = {}
    for name in old.keys() | new.keys():
        if old.get(name) == new.get(name):
            continue
        rules = [*old.get(name, ()), *new.get(name, ())]
        if set(name) & set("*?[") or any(_about_presence(rule) for rule in rules):
            return None
        plugin = folded(after.plugin_name(rules[0].plugin) if rules[0].plugin else None)
        named = _instances_named(old.get(name, ()), new.get(name, ()))
        # Two spellings of one plugin, under aliases, are one plugin.
        others = reach.get(plugin, frozenset())
        reach[plugin] = None if named is None or others is None else named | others
    return reach


def reaches(named: frozenset[str] | None, instance: Instance, baselines: Baselines) -> bool:
    """Whether rules that name these instances are about `instance`."""
    return named is None or not named.isdisjoint(baselines.names_of(instance))


def _instances_named(old: Sequence[Rule], new: Sequence[Rule]) -> frozenset[str] | None:
    """What the rules that differ call their instances; None where one of them is about more, or
    where the others stand in another order."""
    was, now = ({rule.model_dump_json(): rule for rule in rules} for rules in (old, new))
    if [text for text in was if text in now] != [text for text in now if text in was]:
        return None
    differing = [each for text, each in (was | now).items() if (text in was) != (text in now)]
    if not differing or any(each.scope.kind is not ScopeKind.INSTANCE for each in differing):
        return None
    return frozenset(str(each.scope.target) for each in differing)


def _by_plugin(rules: Iterable[Rule]) -> dict[str, list[Rule]]:
    """Rules by plugin, in order; the position among other plugins' rules does not matter."""
    found: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        found[rule.plugin or ""].append(rule.model_copy(update={"order": 0}))
    return dict(found)


def _about_presence(rule: Rule) -> bool:
    return (
        rule.plugin is not None
        and rule.file is None
        and rule.key is None
        and rule.path is None
        and not rule.complete
    )
