"""What is not as expected on one instance: expectations against its snapshot. Pure.

The unit of work is one plugin of one instance (None: the game folder's own files), so that an edit
compares again only what it can touch. What takes more than one instance is in `uniqueness`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from homeamp_agent.baselines.knowledge import Knowledge
from homeamp_agent.baselines.resolver import Resolved, Resolver
from homeamp_agent.drift.equality import Demand
from homeamp_agent.drift.finding import deviation_at, extra_paths, place_for
from homeamp_agent.drift.same_as import other_setting
from homeamp_agent.drift.severity import severity_of
from homeamp_agent.drift.unit import UniqueValue, UnitFindings, units_of
from homeamp_agent.drift.wording import counted, names, shown, wanted
from homeamp_agent.model.deviation import (
    Deviation,
    DeviationKind,
)
from homeamp_agent.model.rule import ConditionKind, Rule
from homeamp_agent.model.secret import Masker, wire_value
from homeamp_agent.model.setting import KeyPath, Value, dotted
from homeamp_agent.model.snapshot import MISSING, FileSnapshot, InstanceSnapshot

_NEEDS_KEY = frozenset(
    {
        ConditionKind.EQUALS,
        ConditionKind.ONE_OF,
        ConditionKind.RANGE,
        ConditionKind.MATCHES,
        ConditionKind.PRESENT,
        ConditionKind.SAME_AS,
    }
)
"""The demands that a missing key does not meet."""


@dataclass(slots=True)
class Comparison:
    """Compares the units of instances with what the rules expect of them."""

    resolver: Resolver
    masker: Masker

    def instance(self, snapshot: InstanceSnapshot) -> list[UnitFindings]:
        """Every unit of an instance: its plugins, the game folder, and plugins it should have."""
        expected: dict[str | None, list[Resolved]] = defaultdict(list)
        for each in self.resolver.resolve(snapshot):
            expected[self._unit_name(snapshot, each.plugin)].append(each)
        return [
            self._unit(snapshot, plugin, expected.get(plugin, ()))
            for plugin in dict.fromkeys((*units_of(snapshot), *expected))
        ]

    def unit(self, snapshot: InstanceSnapshot, plugin: str | None) -> UnitFindings:
        """One plugin that the instance has, whatever the case of `plugin` (None: the game folder's
        files): what it is called there is part of its deviations' identity."""
        plugin = self._unit_name(snapshot, plugin)
        return self._unit(snapshot, plugin, self.resolver.resolve_plugin(snapshot, plugin))

    def _unit(
        self, snapshot: InstanceSnapshot, plugin: str | None, expected: Sequence[Resolved]
    ) -> UnitFindings:
        unit = _Unit(snapshot, plugin, self.masker, self.resolver.baselines.knowledge)
        for each in expected:
            unit.compare(each)
        unit.close_missing_files()
        for file in unit.files():
            unit.look_readable(file)
        for path, rule in self.resolver.complete_files(snapshot, plugin).items():
            ignored = self.resolver.ignored(snapshot, plugin, path)
            unit.look_for_extra_keys(path, rule, expected, ignored)
        return unit.findings(expected)

    def _unit_name(self, snapshot: InstanceSnapshot, plugin: str | None) -> str | None:
        """The plugin's name as the instance has it, or the folder's that no plugin has."""
        if plugin is None:
            return None
        wanted = plugin.casefold()
        return next(
            (each for each in units_of(snapshot) if (each or "").casefold() == wanted), plugin
        )


@dataclass(slots=True)
class _Unit:
    snapshot: InstanceSnapshot
    plugin: str | None
    masker: Masker
    knowledge: Knowledge
    found: dict[str, Deviation] = field(default_factory=dict)
    uniques: list[UniqueValue] = field(default_factory=list)
    looks_at: set[str | None] = field(default_factory=set)
    missing_files: dict[str, list[Resolved]] = field(default_factory=dict)

    def files(self) -> Iterator[FileSnapshot]:
        """The unit's own files."""
        wanted_ = None if self.plugin is None else self.plugin.casefold()
        for file in self.snapshot.files.values():
            owner = None if file.plugin is None else file.plugin.casefold()
            if owner == wanted_:
                yield file

    def findings(self, expected: Sequence[Resolved]) -> UnitFindings:
        """All of it."""
        return UnitFindings(
            instance=self.snapshot.instance.name,
            plugin=self.plugin,
            deviations=tuple(self.found.values()),
            uniques=tuple(self.uniques),
            compared=len(expected),
            variances=sum(each.variance for each in expected),
            looks_at=frozenset(self.looks_at),
        )

    def compare(self, expected: Resolved) -> None:
        """One expectation against what is there."""
        if self._undecided(expected):
            return
        if expected.path is None and expected.key is None:
            if expected.file is None:
                self._compare_presence_of_plugin(expected)
            else:
                self._compare_presence_of_file(expected, expected.file)
            return
        file = self.snapshot.files.get(expected.file) if expected.file is not None else None
        if file is not None:
            self._compare_setting(expected, file)
        elif expected.condition.kind in _NEEDS_KEY:
            self.missing_files.setdefault(expected.file or "", []).append(expected)

    def _undecided(self, expected: Resolved) -> bool:
        """Rules that do not say clearly what they want here are findings of their own."""
        place = expected.key or expected.file or self.plugin or "the game folder"
        actual, line = self._seen(expected)
        if expected.candidates:
            files = names(sorted(expected.candidates))
            message = f"{place} stands in more than one file ({files}): name the file in the rule"
            self._add(DeviationKind.RULE_CONFLICT, expected, message)
        elif expected.conflict is not None:
            sources = f"{expected.rule.source} and {expected.conflict.source}"
            message = f"{sources} want different things of {place}"
            self._add(DeviationKind.RULE_CONFLICT, expected, message, actual=actual, line=line)
        elif expected.unresolved:
            variables = names([f"{{{{{name}}}}}" for name in expected.unresolved])
            message = f"no value for {variables}, which {expected.rule.source} wants at {place}"
            self._add(
                DeviationKind.UNRESOLVED_VARIABLE,
                expected,
                message,
                actual=actual,
                line=line,
                expected=self._demand(expected, typed=True).expected(),
            )
        else:
            return False
        return True

    def _seen(self, expected: Resolved) -> tuple[Value, int | None]:
        """What stands at the place, and on which line; None where nothing does."""
        file = self.snapshot.files.get(expected.file) if expected.file is not None else None
        if file is None or file.table is None or expected.path is None:
            return None, None
        value = file.table.value(expected.path)
        return (None, None) if value is MISSING else (value, file.table.line(expected.path))

    def _compare_presence_of_plugin(self, expected: Resolved) -> None:
        plugin = self.snapshot.instance.plugin(self.plugin) if self.plugin else None
        # A folder without a jar is what a removed plugin leaves behind.
        there = plugin is not None and (plugin.jar is not None or plugin.folder == ".")
        kind = expected.condition.kind
        if kind is ConditionKind.PRESENT and not there:
            message = f"{self.plugin} is expected here and is not installed"
            self._add(DeviationKind.MISSING_PLUGIN, expected, message, expected={"present": True})
        elif kind is ConditionKind.ABSENT and there and plugin is not None:
            message = f"{self.plugin} is installed ({plugin.jar}) and must not be"
            self._add(
                DeviationKind.UNEXPECTED_PLUGIN,
                expected,
                message,
                expected={"absent": True},
                actual=plugin.version or plugin.jar,
            )

    def _compare_presence_of_file(self, expected: Resolved, file: str) -> None:
        there = file in self.snapshot.files
        if expected.condition.kind is ConditionKind.PRESENT and not there:
            self.missing_files.setdefault(file, []).append(expected)
        elif expected.condition.kind is ConditionKind.ABSENT and there:
            message = f"{file} is there and must not be"
            self._add(DeviationKind.EXTRA_KEY, expected, message, expected={"absent": True})

    def _compare_setting(self, expected: Resolved, file: FileSnapshot) -> None:
        if file.table is None:
            return  # the file is a finding of its own
        kind = expected.condition.kind
        path = expected.path
        actual = MISSING if path is None else file.table.value(path)
        demand = self._demand(expected, file.table.typed)
        if actual is MISSING or path is None:
            if kind in _NEEDS_KEY:
                other, _ = self._other(expected)
                wish = demand.expected(None if other is MISSING else other)
                message = f"{expected.key} is missing from {file.path}; {wanted(wish)}"
                where = path if path is not None else place_for(expected.key or "", file.table)
                place = (file.path, where, expected.key)
                self._add(
                    DeviationKind.MISSING_KEY,
                    expected,
                    message,
                    expected=wish,
                    place=place,
                    identity=path if path is not None else expected.key,
                )
            return
        line = file.table.line(path)
        if kind is ConditionKind.UNIQUE:
            self.uniques.append(self._unique(expected, file, path, actual, line))
        elif kind is ConditionKind.SAME_AS:
            self._compare_with_other(expected, demand, actual, line)
        elif not demand.met_by(actual):
            self._add_value(expected, demand, actual, line)

    def _add_value(
        self, expected: Resolved, demand: Demand, actual: Value, line: int | None
    ) -> None:
        wish = demand.expected()
        if expected.condition.kind is ConditionKind.ABSENT:
            message = f"{expected.key} is there and must not be"
            kind = DeviationKind.EXTRA_KEY
        elif demand.differs_only_in_type(actual):
            message = (
                f"{expected.key} is {shown(actual)}, a {_type(actual)}; {wanted(wish)}, "
                f"a {_type(wish)}"
            )
            kind = DeviationKind.TYPE
        else:
            message = f"{expected.key} is {shown(actual)}, {wanted(wish)}"
            kind = DeviationKind.VALUE
        self._add(kind, expected, message, expected=wish, actual=actual, line=line)

    def _compare_with_other(
        self, expected: Resolved, demand: Demand, actual: Value, line: int | None
    ) -> None:
        other, place = self._other(expected)
        if other is MISSING:
            message = f"{expected.key} is to be the same as {place}, which is not there"
            self._add(DeviationKind.VALUE, expected, message, actual=actual, line=line)
        elif not demand.met_by(actual, other):
            message = f"{expected.key} is {shown(actual)}, but {place} is {shown(other)}"
            self._add(
                DeviationKind.VALUE, expected, message, expected=other, actual=actual, line=line
            )

    def _other(self, expected: Resolved) -> tuple[Value, str]:
        """The setting that SAME_AS points to, and its place in words."""
        if expected.condition.kind is not ConditionKind.SAME_AS:
            return MISSING, ""
        if expected.condition.plugin is not None:
            self.looks_at.add(expected.condition.plugin)
        return other_setting(self.snapshot, self.plugin, expected, self.knowledge)

    def _unique(
        self, expected: Resolved, file: FileSnapshot, path: KeyPath, value: Value, line: int | None
    ) -> UniqueValue:
        return UniqueValue(
            host=self.snapshot.instance.host,
            instance=self.snapshot.instance.name,
            plugin=self.plugin,
            file=file.path,
            path=path,
            value=value,
            line=line,
            rule=expected.rule,
        )

    def close_missing_files(self) -> None:
        """One finding for each missing file, however many settings are expected in it."""
        for file, expected in self.missing_files.items():
            settings = sum(each.key is not None for each in expected)
            about_file = next((each for each in expected if each.key is None), expected[0])
            place = file or f"the config file of {self.plugin}"
            reason = f"; {counted(settings, 'setting')} expected in it" if settings else ""
            self._add(
                DeviationKind.MISSING_FILE,
                about_file,
                f"{place} is missing{reason}",
                expected={"present": True},
                place=(file or None, None, None),
            )

    def look_readable(self, file: FileSnapshot) -> None:
        """A config file that cannot be read is a finding, whoever speaks of it."""
        if file.problem is None:
            return
        where = "" if file.problem.line is None else f", line {file.problem.line}"
        self._put(
            DeviationKind.UNREADABLE,
            (file.path, None, None),
            f"{file.path}{where}: {file.problem.message}",
            line=file.problem.line,
        )

    def look_for_extra_keys(
        self, path: str, rule: Rule, expected: Iterable[Resolved], ignored: set[KeyPath]
    ) -> None:
        """In a file whose rules are complete, every other key is too much."""
        file = self.snapshot.files.get(path)
        if file is None or file.table is None:
            return
        known = {each.path for each in expected if each.file == path and each.path is not None}
        for extra in extra_paths(file.table.leaves, known | ignored):
            value = file.table.value(extra)
            message = f"{dotted(extra)} is in {path}, whose rules are complete and do not name it"
            self._put(
                DeviationKind.EXTRA_KEY,
                (path, extra, dotted(extra)),
                message,
                actual=wire_value(value),
                line=file.table.line(extra),
                rule=rule,
            )

    def _demand(self, expected: Resolved, typed: bool) -> Demand:
        return Demand(
            condition=expected.condition,
            typed=typed and expected.condition.typed,
            masker=self.masker,
            path=expected.path if expected.path is not None else (expected.key or "",),
            plugin=self.plugin,
        )

    def _add(
        self,
        kind: DeviationKind,
        why: Resolved,
        message: str,
        *,
        place: tuple[str | None, KeyPath | None, str | None] | None = None,
        **facts: Any,
    ) -> None:
        self._put(kind, place or (why.file, why.path, why.key), message, rule=why.rule, **facts)

    def _put(
        self,
        kind: DeviationKind,
        place: tuple[str | None, KeyPath | None, str | None],
        message: str,
        *,
        expected: Value = None,
        actual: Value = None,
        line: int | None = None,
        rule: Rule | None = None,
        identity: KeyPath | str | None = None,
    ) -> None:
        file, path, key = place
        instance = self.snapshot.instance
        deviation = deviation_at(
            instance.host, instance.name, self.plugin, file, path, key, kind,
            severity=(rule.severity if rule else None)
            or severity_of(kind, key, self.knowledge.of(self.plugin)),
            expected=wire_value(expected),
            actual=wire_value(actual),
            line=line,
            rule=rule,
            message=message,
            identity=identity,
        )  # fmt: skip
        self.found.setdefault(deviation.id, deviation)


def _type(value: Value) -> str:
    words = {bool: "boolean", int: "number", float: "number", str: "text", list: "list"}
    return words.get(type(value), "value")
