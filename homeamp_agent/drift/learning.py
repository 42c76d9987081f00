"""A first baseline from the fleet as it stands: what most instances have, and who differs. Pure.

What the majority has becomes a global rule, what differs a rule of its instance, a plugin's
identity `unique`, what changes by itself `ignore`. Secrets are masked before they come here, so no
rule can hold one: they are left out and counted.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from homeamp_agent.baselines import Knowledge
from homeamp_agent.baselines.decisions import below_plugin, key_fields
from homeamp_agent.baselines.knowledge import PluginKnowledge
from homeamp_agent.baselines.rules_text import expressible
from homeamp_agent.drift.severity import severity_of
from homeamp_agent.model.deviation import DeviationKind
from homeamp_agent.model.instance import Platform
from homeamp_agent.model.pattern import any_found
from homeamp_agent.model.secret import is_masked
from homeamp_agent.model.setting import KeyPath, Value, dotted
from homeamp_agent.model.snapshot import MISSING, InstanceSnapshot, SettingTable

_VOLATILE = re.compile(
    r"(?:^|[.\-_])(?:last[-_]?(?:update|updated|check|checked|run|seen|start|saved?)|timestamp)$",
    re.IGNORECASE,
)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\Z", re.IGNORECASE)

SLIP_OF = 3
"""Of two instances neither differs alone."""

SLIPS_SHOWN = 10

Entry = dict[str, Any]
_Place = tuple[str | None, str]
"""(plugin, file below its folder; below the game folder where plugin is None)."""

_Tables = dict[_Place, dict[str, SettingTable]]


@dataclass(slots=True)
class Proposal:
    """Rules as rules.yaml writes them, and how many settings became what.

    `alone` holds the settings that all instances but one agree on, slips most of them, with the
    rank of their severity.
    """

    entries: list[Entry] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    by_plugin: Counter[str] = field(default_factory=Counter)
    alone: list[tuple[int, str]] = field(default_factory=list)

    def report(self) -> list[str]:
        """What was proposed, in lines for a person."""
        told = {
            "global": "settings that most instances share: rules for all, or for a platform",
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
        if not lines:
            return ["nothing to learn from"]
        most = ", ".join(f"{name} {count:,}" for name, count in self.by_plugin.most_common(5))
        return [*lines, f"most rules: {most}", *self._slips()]

    def _slips(self) -> list[str]:
        if not self.alone:
            return []
        more = len(self.alone) - SLIPS_SHOWN
        return [
            f"{len(self.alone):,} settings where one instance alone differs; look at these first, "
            "a slip is a rule to delete:",
            *(f"  {each}" for _, each in sorted(self.alone)[:SLIPS_SHOWN]),
            *([f"  and {more:,} more"] if more > 0 else []),
        ]


def learn(snapshots: Sequence[InstanceSnapshot], knowledge: Knowledge) -> Proposal:
    """Propose rules from what the instances have now; sorted, so twice the same is the same."""
    proposal = Proposal()
    hosts = _hosts(snapshots)
    platforms = {str(each.instance.id): each.instance.platform for each in snapshots}
    tables, unread = _tables(snapshots)
    for plugin, file in sorted(tables, key=lambda place: ((place[0] or "").casefold(), place[1])):
        having = tables[plugin, file]
        there = having.keys() | unread.get((plugin, file), set())
        every = hosts[(plugin or "").casefold()]
        all_of_them = _Circle({}, frozenset(there), whole=there == every)
        circles = tuple(_circles(there, every, platforms))
        of_file = _OfFile(plugin, file, having, knowledge.of(plugin), all_of_them, circles)
        for path in dict.fromkeys(path for table in having.values() for path in table.settings()):
            of_file.learn(path, proposal)
    return proposal


class _Circle(NamedTuple):
    """Instances that have a file, and what a rule for all of them says beside it; `whole`: no
    other instance would hear that rule."""

    selector: Mapping[str, str]
    names: frozenset[str]
    whole: bool


def _circles(
    having: Collection[str], hosts: Collection[str], platforms: Mapping[str, Platform]
) -> Iterator[_Circle]:
    """The instances with the file, platform by platform: a plugin of a proxy is another one than
    that of its backends, though it has the name."""
    for platform in sorted({platforms[name] for name in having}):
        there = frozenset(name for name in having if platforms[name] is platform)
        every = {name for name in hosts if platforms[name] is platform}
        whole = there == every and platform is not Platform.UNKNOWN
        yield _Circle({"platform": platform.value} if whole else {}, there, whole)


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


def _tables(snapshots: Sequence[InstanceSnapshot]) -> tuple[_Tables, Mapping[_Place, set[str]]]:
    """The settings by place and instance; and where else the file is, but cannot be read."""
    found: _Tables = defaultdict(dict)
    unread: Mapping[_Place, set[str]] = defaultdict(set)
    names: dict[str, str] = {}
    for snapshot in snapshots:
        instance = str(snapshot.instance.id)
        for file in snapshot.files.values():
            plugin = file.plugin and names.setdefault(file.plugin.casefold(), file.plugin)
            place = (plugin, below_plugin(file.plugin, file.path, snapshot.instance))
            if file.table is None:
                unread[place].add(instance)
            elif file.table.leaves:
                found[place][instance] = file.table
    return found, unread


@dataclass(frozen=True, slots=True)
class _OfFile:
    """One file on the instances that have it."""

    plugin: str | None
    file: str
    tables: Mapping[str, SettingTable]
    knowledge: PluginKnowledge
    all_of_them: _Circle
    circles: Sequence[_Circle]

    def learn(self, path: KeyPath, proposal: Proposal) -> None:
        """Add what one setting teaches."""
        values = {name: table.value(path) for name, table in sorted(self.tables.items())}
        there = {name: value for name, value in values.items() if value is not MISSING}
        key = dotted(path)
        if any_found(self.knowledge.volatile, key) or _VOLATILE.search(key):
            self._add(proposal, "ignore", path, {"ignore": True})
        elif any(map(_secret, there.values())):
            proposal.counts["secret"] += 1
        elif _identities(there.values()) or (
            any_found(self.knowledge.identity, key) and not _mostly_one(there.values())
        ):
            self._add(proposal, "unique", path, {"unique": True})
        elif not all(map(expressible, there.values())):
            proposal.counts["unsaid"] += 1
        else:
            for circle in self._circles_of(values):
                inside = {name: values[name] for name in values if name in circle.names}
                if any(value is not MISSING for value in inside.values()):
                    self._add_values(proposal, path, inside, circle)

    def _circles_of(self, values: Mapping[str, Value]) -> Sequence[_Circle]:
        """All in one where all have the file and either agree or are of one platform."""
        agreed = {
            MISSING if value is MISSING else json.dumps(value, sort_keys=True)
            for value in values.values()
        }
        in_one = self.all_of_them.whole and (len(agreed) == 1 or len(self.circles) == 1)
        return (self.all_of_them,) if in_one else self.circles

    def _add_values(
        self, proposal: Proposal, path: KeyPath, values: Mapping[str, Value], circle: _Circle
    ) -> None:
        there = {name: value for name, value in values.items() if value is not MISSING}
        texts = {name: json.dumps(value, sort_keys=True) for name, value in there.items()}
        common, count = Counter(texts.values()).most_common(1)[0]
        shared = circle.whole and (count * 2 > len(values) or len(values) == 1)
        if shared:
            value = next(there[name] for name, text in texts.items() if text == common)
            self._add(proposal, "global", path, {**circle.selector, "value": value})
        others = [name for name in values if texts.get(name) != common]
        for name in others if shared else there:
            scope = {"scope": {"instance": name}}
            says = {"value": there[name]} if name in there else {"absent": True}
            self._add(proposal, "instance" if name in there else "absent", path, says | scope)
        if shared and len(others) == 1 and len(values) >= SLIP_OF:
            place = f"{self.plugin}/{self.file}" if self.plugin else self.file
            kind = DeviationKind.VALUE if others[0] in there else DeviationKind.MISSING_KEY
            rank = severity_of(kind, dotted(path), self.knowledge).rank
            proposal.alone.append((rank, f"{others[0]}  {place}  {dotted(path)}"))

    def _add(self, proposal: Proposal, kind: str, path: KeyPath, says: Entry) -> None:
        plugin = {} if self.plugin is None else {"plugin": self.plugin}
        proposal.entries.append({**plugin, "file": self.file, **key_fields(path), **says})
        proposal.counts[kind] += 1
        proposal.by_plugin[self.plugin or "the game itself"] += 1


def _identities(values: Any) -> bool:
    """Whether every instance has an id there: a copied one is then found as not unique."""
    return all(isinstance(value, str) and _UUID.match(value) for value in values)


def _mostly_one(values: Collection[Value]) -> bool:
    """Whether more than half of several have the same: what could tell them apart does not here."""
    texts = Counter(json.dumps(value, sort_keys=True) for value in values)
    return len(values) > 1 and texts.most_common(1)[0][1] * 2 > len(values)


def _secret(value: Value) -> bool:
    if is_masked(value):
        return True
    if isinstance(value, dict):
        return any(map(_secret, value.values()))
    return isinstance(value, (list, tuple)) and any(map(_secret, value))
