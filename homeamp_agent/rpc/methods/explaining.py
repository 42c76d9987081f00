"""Why something is expected at a place, and what every other instance has there. Blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from homeamp_agent.baselines import Resolved, expectation_of, sentences
from homeamp_agent.drift.judging import judged
from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.expectation import Explanation, InstanceValue
from homeamp_agent.model.secret import wire_value
from homeamp_agent.model.setting import KeyPath
from homeamp_agent.model.snapshot import MISSING, InstanceSnapshot
from homeamp_agent.rpc.methods.fitting import clipped
from homeamp_agent.rpc.rooms import DriftRoom

VALUE_CHARACTERS = 1_000
"""Of each instance's value: 100 instances fit into a reply."""


@dataclass(frozen=True, slots=True)
class Place:
    """A setting on some instance: by exact path, or by dotted key."""

    plugin: str | None
    file: str | None
    key: str | None
    path: KeyPath | None

    def fits(self, resolved: Resolved) -> bool:
        """Whether the expectation is about this place; without a file, about the key in any."""
        if self.file is not None and resolved.file not in {self.file, None}:
            return False
        if self.path is not None and resolved.path is not None:
            return resolved.path == self.path
        return resolved.key == self.key


def explain_deviation(drift: DriftRoom, deviation: Deviation) -> Explanation | None:
    """The explanation of a deviation's place; None where its instance is gone."""
    snapshot = drift.snapshots.get(deviation.instance)
    if snapshot is None:
        return None
    place = Place(deviation.plugin, deviation.file, deviation.key, deviation.path)
    return explain(drift, snapshot, place)


def explain(drift: DriftRoom, snapshot: InstanceSnapshot, place: Place) -> Explanation:
    """What is expected there and why; what the other instances have."""
    resolved = _resolved(drift, snapshot, place)
    if resolved is not None:
        place = Place(
            place.plugin, resolved.file or place.file, resolved.key, resolved.path or place.path
        )
    elsewhere = tuple(_elsewhere(drift, place))
    if resolved is None:
        return Explanation(
            expectation=None,
            sentences=("no rule speaks of this setting here",),
            elsewhere=elsewhere,
        )
    expectation = expectation_of(resolved, drift.masker)
    return Explanation(
        expectation=expectation, sentences=sentences(expectation), elsewhere=elsewhere
    )


def _resolved(drift: DriftRoom, snapshot: InstanceSnapshot, place: Place) -> Resolved | None:
    if place.plugin is not None and snapshot.instance.plugin(place.plugin) is None:
        # Only rules on its presence speak of a plugin that is not there.
        expected = drift.resolver.resolve(snapshot)
        wanted = place.plugin.casefold()
        expected = [each for each in expected if (each.plugin or "").casefold() == wanted]
    else:
        expected = drift.resolver.resolve_plugin(snapshot, place.plugin)
    return next((each for each in expected if place.fits(each)), None)


def _elsewhere(drift: DriftRoom, place: Place) -> Iterator[InstanceValue]:
    if place.file is None or (place.path is None and place.key is None):
        return
    for name in sorted(drift.snapshots):
        snapshot = drift.snapshots[name]
        if place.plugin is not None and snapshot.instance.plugin(place.plugin) is None:
            continue
        file = snapshot.files.get(place.file)
        if file is None or file.table is None:
            continue
        paths = [place.path] if place.path is not None else file.table.find(place.key or "")
        value = file.table.value(paths[0]) if paths else MISSING
        resolved = _resolved(drift, snapshot, place)
        yield InstanceValue(
            host=snapshot.instance.host,
            instance=name,
            value=None if value is MISSING else clipped(wire_value(value), VALUE_CHARACTERS),
            missing=value is MISSING,
            as_expected=judged(resolved, value, file.table.typed, drift.masker),
        )
