"""A first baseline from the fleet as it stands: what most instances have, and who differs. Pure.

What the majority has becomes a global rule, what differs a rule of its instance, a plugin's
identity `unique`, what changes by itself `ignore`. Secrets are masked before they come here, so no
rule can hold one: they are left out and counted.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from homeamp_agent.baselines import Knowledge
from homeamp_agent.baselines.decisions import below_plugin, key_fields
from homeamp_agent.baselines.knowledge import PluginKnowledge
from homeamp_agent.baselines.rules_text import expressible
from homeamp_agent.model.pattern import any_found
from homeamp_agent.model.secret import is_masked
from homeamp_agent.model.setting import KeyPath, Value, dotted
from homeamp_agent.model.snapshot import MISSING, InstanceSnapshot, SettingTable

_VOLATILE = re.compile(
    r"(?:^|[.\-_])(?:last[-_]?(?:update|updated|check|checked|run|seen|start|saved?)|timestamp)$",
    re.IGNORECASE,
)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\Z", re.IGNORECASE)

Entry = dict[str, Any]
_Place = tuple[str | None, str]
"""(plugin, file below its folder; below the game folder where plugin is None)."""

_Tables = dict[_Place, dict[str, SettingTable]]


@dataclass(slots=True)
class Proposal:
    """Rules as rules.yaml writes them, and how many settings became what."""

    entries: list[Entry] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    by_plugin: Counter[str] = field(default_factory=Counter)

    def report(self) -> list[str]:
        """What was proposed, in lines for a person."""
        told = {
            "global": "settings that most instances share: global rules",
            "instance": "values that differ: rules of their instance",
            "absent": "keys that one instance lacks: absent there",
            "unique": "identities: must be unique",
            "ignore": "settings that change by themselves: ignored",
            "secret": "secrets: left out, put them into rules.yaml by hand",
            "unsaid": "values that no rule can say (variables, infinite numbers): left out",
        }
        widest = max((len(f"{count:,}") for count in self.counts.values()), default=1)
        lines = [
            f"{self.counts[name]:>{widest},} {what}"
            for name, what in told.items()
            if self.counts[name]
        ]
        most = ", ".join(f"{name} {count:,}" for name, count in self.by_plugin.most_common(5))
        return [*lines, f"most rules: {most}"] if most else ["nothing to learn from"]


def learn(snapshots: Sequence[InstanceSnapshot], knowledge: Knowledge) -> Proposal:
    """Propose rules from what the instances have now; sorted, so twice the same is the same."""
    proposal = Proposal()
    hosts = _hosts(snapshots)
    tables = _tables(snapshots)
    for plugin, file in sorted(tables, key=lambda place: ((place[0] or "").casefold(), place[1])):
        having = tables[plugin, file]
        everywhere = hosts[(plugin or "").casefold()] == having.keys()
        of_file = _OfFile(plugin, file, having, knowledge.of(plugin), everywhere)
        for path in dict.fromkeys(path for table in having.values() for path in table.settings()):
            of_file.learn(path, proposal)
    return proposal


def _hosts(snapshots: Sequence[InstanceSnapshot]) -> Mapping[str, set[str]]:
    """By plugin, case folded, the instances that have it; by empty text all instances."""
    found: dict[str, set[str]] = defaultdict(set)
    for snapshot in snapshots:
        name = str(snapshot.instance.id)
        found[""].add(name)
        for plugin in snapshot.instance.plugins:
            if plugin.folder is not None or plugin.jar is not None:
                found[plugin.name.casefold()].add(name)
    return found


def _tables(snapshots: Sequence[InstanceSnapshot]) -> _Tables:
    found: _Tables = defaultdict(dict)
    names: dict[str, str] = {}
    for snapshot in snapshots:
        for file in snapshot.files.values():
            if file.table is None or not file.table.leaves:
                continue
            plugin = file.plugin and names.setdefault(file.plugin.casefold(), file.plugin)
            below = below_plugin(file.plugin, file.path, snapshot.instance)
            found[plugin, below][str(snapshot.instance.id)] = file.table
    return found


@dataclass(frozen=True, slots=True)
class _OfFile:
    """One file on the instances that have it; `everywhere`: all that have the plugin have it."""

    plugin: str | None
    file: str
    tables: Mapping[str, SettingTable]
    knowledge: PluginKnowledge
    everywhere: bool

    def learn(self, path: KeyPath, proposal: Proposal) -> None:
        """Add what one setting teaches."""
        values = {name: table.value(path) for name, table in sorted(self.tables.items())}
        there = {name: value for name, value in values.items() if value is not MISSING}
        key = dotted(path)
        if any_found(self.knowledge.volatile, key) or _VOLATILE.search(key):
            self._add(proposal, "ignore", path, {"ignore": True})
        elif any(map(_secret, there.values())):
            proposal.counts["secret"] += 1
        elif any_found(self.knowledge.identity, key) or _identities(there.values()):
            self._add(proposal, "unique", path, {"unique": True})
        elif not all(map(expressible, there.values())):
            proposal.counts["unsaid"] += 1
        else:
            self._add_values(proposal, path, values, there)

    def _add_values(
        self,
        proposal: Proposal,
        path: KeyPath,
        values: Mapping[str, Value],
        there: Mapping[str, Value],
    ) -> None:
        texts = {name: json.dumps(value, sort_keys=True) for name, value in there.items()}
        common, count = Counter(texts.values()).most_common(1)[0]
        shared = self.everywhere and (count * 2 > len(values) or len(values) == 1)
        if shared:
            value = next(there[name] for name, text in texts.items() if text == common)
            self._add(proposal, "global", path, {"value": value})
        for name in values:
            scope = {"scope": {"instance": name}}
            if name not in there:
                if shared:
                    self._add(proposal, "absent", path, {"absent": True, **scope})
            elif not shared or texts[name] != common:
                self._add(proposal, "instance", path, {"value": there[name], **scope})

    def _add(self, proposal: Proposal, kind: str, path: KeyPath, says: Entry) -> None:
        plugin = {} if self.plugin is None else {"plugin": self.plugin}
        proposal.entries.append({**plugin, "file": self.file, **key_fields(path), **says})
        proposal.counts[kind] += 1
        proposal.by_plugin[self.plugin or "the game itself"] += 1


def _identities(values: Any) -> bool:
    """Whether every instance has an id there: a copied one is then found as not unique."""
    return all(isinstance(value, str) and _UUID.match(value) for value in values)


def _secret(value: Value) -> bool:
    if is_masked(value):
        return True
    if isinstance(value, dict):
        return any(map(_secret, value.values()))
    return isinstance(value, (list, tuple)) and any(map(_secret, value))
