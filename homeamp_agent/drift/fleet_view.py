"""All deviations of a host, from the findings of its units: what takes more than one instance.

Kept per plugin over all instances, since an edit on one can make another's value no longer unique,
or the odd one out. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from homeamp_agent.baselines.knowledge import Knowledge
from homeamp_agent.drift.pattern_finding import Defaults, PatternFinding, no_defaults
from homeamp_agent.drift.uniqueness import shared_values
from homeamp_agent.drift.unit import UnitFindings
from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.snapshot import InstanceSnapshot

Unit = tuple[str, str]
"""(instance, plugin's name case folded; empty for the game folder)."""


def unit_of(findings: UnitFindings) -> Unit:
    """The unit that the findings are of."""
    return findings.instance, folded(findings.plugin)


def folded(plugin: str | None) -> str:
    """A plugin's name as units know it."""
    return (plugin or "").casefold()


@dataclass(slots=True)
class FleetView:
    """The findings of every unit, and the deviations they make together."""

    knowledge: Knowledge
    _units: dict[str, dict[str, UnitFindings]] = field(default_factory=lambda: defaultdict(dict))

    def put(self, findings: UnitFindings) -> None:
        """A unit was compared (again)."""
        instance, plugin = unit_of(findings)
        self._units[plugin][instance] = findings

    @property
    def plugins(self) -> tuple[str, ...]:
        """Every plugin that some unit is of, case folded; empty text for the game folder."""
        return tuple(self._units)

    def looking_at(self, instance: str, plugin: str) -> tuple[str | None, ...]:
        """The other plugins of the instance whose rules compare with settings of `plugin`."""
        return tuple(
            findings.plugin
            for name, units in self._units.items()
            if name != plugin and (findings := units.get(instance)) is not None
            and plugin in {folded(each) for each in findings.looks_at}
        )  # fmt: skip

    def variances(self) -> int:
        """Settings that differ on purpose: a narrower rule overrules a wider one."""
        return sum(each.variances for units in self._units.values() for each in units.values())

    def deviations(
        self,
        plugin: str,
        snapshots: Mapping[str, InstanceSnapshot],
        defaults: Defaults = no_defaults,
    ) -> dict[str, list[Deviation]]:
        """The deviations of a plugin by instance (also those with none), patterns named."""
        units = self._units.get(plugin, {})
        found = {instance: list(each.deviations) for instance, each in units.items()}
        uniques = [unique for each in units.values() for unique in each.uniques]
        for deviation in shared_values(uniques, self.knowledge):
            found[deviation.instance].append(deviation)
        return PatternFinding(snapshots, self.knowledge, defaults).named(found)
