"""Gathers what surrounds each deviation, and has the patterns look at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from homeamp_agent.baselines.knowledge import Knowledge
from homeamp_agent.drift.patterns import Sight, pattern_of
from homeamp_agent.drift.spread import Spread
from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.setting import KeyPath, Value, same_value
from homeamp_agent.model.snapshot import MISSING, InstanceSnapshot

ALIAS_LENGTH_MIN = 3
"""Two letters name nothing."""


Defaults = Callable[[str, str, str, KeyPath], Value]
"""(instance, plugin, file, path) -> what the plugin ships with there, or MISSING."""


def no_defaults(_instance: str, _plugin: str, _file: str, _path: KeyPath) -> Value:
    """For callers that do not read jars."""
    return MISSING


@dataclass(slots=True)
class PatternFinding:
    """Finds the patterns of deviations among the snapshots of a host."""

    snapshots: Mapping[str, InstanceSnapshot]
    knowledge: Knowledge
    defaults: Defaults = no_defaults
    _spreads: dict[tuple[str, KeyPath], Spread] = field(default_factory=dict)

    def named(self, found: Mapping[str, Sequence[Deviation]]) -> dict[str, list[Deviation]]:
        """The deviations by instance, each with its pattern if it has one."""
        aliases = {name: aliases_of(each) for name, each in sorted(self.snapshots.items())}
        alike = Counter(each.group for deviations in found.values() for each in deviations)
        return {
            instance: self._named_on(deviations, aliases, alike)
            for instance, deviations in found.items()
        }

    def _named_on(
        self,
        deviations: Sequence[Deviation],
        aliases: Mapping[str, Sequence[str]],
        alike: Mapping[str, int],
    ) -> list[Deviation]:
        defaults = {each.id: self._default(each) for each in deviations if each.path is not None}
        at_default: Counter[str | None] = Counter(
            each.file
            for each in deviations
            if each.id in defaults and same_default(defaults[each.id], each.actual)
        )
        named: list[Deviation] = []
        for deviation in deviations:
            if deviation.file is None or deviation.path is None:
                named.append(deviation)
                continue
            sight = Sight(
                deviation,
                self._spread_at(deviation.file, deviation.path),
                aliases,
                self.knowledge.of(deviation.plugin),
                defaults[deviation.id],
                at_default[deviation.file],
                alike[deviation.group],
            )
            pattern = pattern_of(sight)
            named.append(
                deviation.model_copy(update={"pattern": pattern}) if pattern else deviation
            )
        return named

    def _spread_at(self, file: str, path: KeyPath) -> Spread:
        place = (file, path)
        if place not in self._spreads:
            self._spreads[place] = Spread(
                {
                    instance: seen.table.value(path)
                    for instance, snapshot in self.snapshots.items()
                    if (seen := snapshot.files.get(file)) is not None and seen.table is not None
                }
            )
        return self._spreads[place]

    def _default(self, deviation: Deviation) -> Value:
        if deviation.plugin is None or deviation.file is None or deviation.path is None:
            return MISSING
        return self.defaults(deviation.instance, deviation.plugin, deviation.file, deviation.path)


def same_default(default: Value, actual: Value) -> bool:
    """Whether a value is the plugin's default (no default is none)."""
    return default is not MISSING and same_value(default, actual)


def aliases_of(snapshot: InstanceSnapshot) -> tuple[str, ...]:
    """What an instance may be called: its name, that without its number, its friendly name."""
    name = snapshot.instance.name
    stem = name.rstrip("0123456789").rstrip("-_ ")
    found = (name, stem, snapshot.instance.friendly_name)
    return tuple(dict.fromkeys(each for each in found if len(each) >= ALIAS_LENGTH_MIN))
