"""Values that must differ on every instance and don't. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from homeamp_agent.baselines.knowledge import Knowledge
from homeamp_agent.drift.finding import deviation_at
from homeamp_agent.drift.severity import severity_of
from homeamp_agent.drift.spread import canonical
from homeamp_agent.drift.unit import UniqueValue
from homeamp_agent.drift.wording import names, shown
from homeamp_agent.model.deviation import Deviation, DeviationKind
from homeamp_agent.model.secret import wire_value
from homeamp_agent.model.setting import dotted


def shared_values(uniques: Iterable[UniqueValue], knowledge: Knowledge) -> list[Deviation]:
    """One finding for each instance whose value another instance has too.

    An empty value is no identity: a plugin fills it in at its first start.
    """
    places: dict[tuple[object, ...], dict[str, list[UniqueValue]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for unique in uniques:
        if unique.value not in (None, ""):
            place = (unique.plugin and unique.plugin.casefold(), unique.file, unique.path)
            places[place][canonical(unique.value)].append(unique)
    return [
        _finding(unique, sharers, knowledge)
        for values in places.values()
        for sharers in values.values()
        if len(sharers) > 1
        for unique in sharers
    ]


def _finding(unique: UniqueValue, sharers: list[UniqueValue], knowledge: Knowledge) -> Deviation:
    key = dotted(unique.path)
    others = sorted(each.instance for each in sharers if each.instance != unique.instance)
    return deviation_at(
        unique.host,
        unique.instance,
        unique.plugin,
        unique.file,
        unique.path,
        key,
        DeviationKind.NOT_UNIQUE,
        expected={"unique": True},
        actual=wire_value(unique.value),
        rule=unique.rule,
        severity=unique.rule.severity
        or severity_of(DeviationKind.NOT_UNIQUE, key, knowledge.of(unique.plugin)),
        line=unique.line,
        message=f"{key} must be unique; {shown(unique.value)} is also that of {names(others)}",
    )
