"""How far a change of the baselines reaches: which plugins' settings are to be compared again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from homeamp_agent.baselines import Baselines
from homeamp_agent.drift.fleet_view import folded
from homeamp_agent.model.rule import Rule


def plugins_touched(before: Baselines, after: Baselines) -> frozenset[str] | None:
    """Case-folded names (empty: the game folder) of the plugins whose rules differ; None: all.

    Variables, tags, aliases and knowledge reach everywhere, rules on patterns of names as well, and
    rules on the presence of a plugin reach instances that do not have it.
    """
    if before.declared.model_copy(update={"rules": after.declared.rules}) != after.declared:
        return None
    if before.knowledge != after.knowledge:
        return None
    old, new = _by_plugin(before.rules), _by_plugin(after.rules)
    touched: set[str] = set()
    for name in old.keys() | new.keys():
        if old.get(name) == new.get(name):
            continue
        rules = [*old.get(name, ()), *new.get(name, ())]
        if set(name) & set("*?[") or any(_about_presence(rule) for rule in rules):
            return None
        touched.add(folded(after.plugin_name(rules[0].plugin) if rules[0].plugin else None))
    return frozenset(touched)


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
