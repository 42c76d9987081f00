"""Every setting of a plugin against every instance that has it, and why values differ. Pure."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from homeamp_agent.baselines import Resolved, Resolver
from homeamp_agent.baselines.decisions import below_plugin
from homeamp_agent.baselines.rule_list import holds_word
from homeamp_agent.drift.fleet_view import folded
from homeamp_agent.drift.spread import canonical
from homeamp_agent.drift.unit import units_of
from homeamp_agent.model.deviation import OPEN_STATUSES, Deviation
from homeamp_agent.model.pattern import any_found
from homeamp_agent.model.rule import ConditionKind, ScopeKind
from homeamp_agent.model.setting import KeyPath, Value, dotted
from homeamp_agent.model.snapshot import MISSING, InstanceSnapshot, SettingTable
from homeamp_agent.model.variance import CellState, Variance

SEARCHED_CHARACTERS = 200
"""Of each value, for the filter: more is on no screen."""

MATRICES_KEPT = 4
"""A few dashboards, each on one plugin; a large matrix holds some megabytes."""

_COMPARED = frozenset({CellState.VALUE, CellState.MISSING})
"""An instance without the file says nothing of the settings in it."""

_FLAGS = frozenset({"true", "false"})

_BY_SCOPE = {
    ScopeKind.HOST: Variance.HOST,
    ScopeKind.TAG: Variance.TAG,
    ScopeKind.INSTANCE: Variance.INSTANCE,
}

Deviating = Callable[[str, str], Sequence[Deviation]]
"""(instance, plugin case folded) -> its deviations as last compared, whatever their status."""

Said = TypeVar("Said")


class Column(NamedTuple):
    """An instance that has the plugin; its files lie below `folder` (empty: the game folder)."""

    host: str
    instance: str
    folder: str


class Cell(NamedTuple):
    """What one instance has there (secrets masked), and the id of the open deviation, if any."""

    state: CellState
    value: Value
    variance: Variance
    deviation: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One setting: `file` is below the plugin's folder, `cells` stand in the columns' order."""

    file: str
    path: KeyPath
    variance: Variance
    cells: tuple[Cell, ...]

    @property
    def key(self) -> str:
        """The dotted text of the path."""
        return dotted(self.path)


@dataclass(frozen=True, slots=True)
class SettingMatrix:
    """The settings of a plugin (None: of the game folder), file by file, in the files' order."""

    plugin: str | None
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    _texts: list[str] = field(default_factory=list, repr=False, compare=False)

    def counts(self) -> Counter[Variance]:
        """How many rows are of each variance."""
        return Counter(row.variance for row in self.rows)

    def found(self, text: str | None, variances: Sequence[Variance] | None) -> list[Row]:
        """The rows with every word of `text` in file, key or a value; `!word`: without it."""
        words = (text or "").casefold().split()
        wanted = set(Variance) if variances is None else set(variances)
        if words and not self._texts:
            self._texts.extend([_searched(row) for row in self.rows])
        return [
            row
            for at, row in enumerate(self.rows)
            if row.variance in wanted and all(holds_word(self._texts[at], word) for word in words)
        ]


def _searched(row: Row) -> str:
    values = {
        str(cell.value)[:SEARCHED_CHARACTERS] for cell in row.cells if cell.state is CellState.VALUE
    }
    return "\n".join((row.file, row.key, *sorted(values))).casefold()


def plugins_of(snapshots: Iterable[InstanceSnapshot]) -> dict[str | None, list[str]]:
    """Every plugin (None: the game folder) with the instances that have it, by name."""
    names: dict[str, str | None] = {}
    having: dict[str | None, list[str]] = defaultdict(list)
    for snapshot in sorted(snapshots, key=lambda each: each.instance.name):
        for unit in units_of(snapshot):
            having[names.setdefault(folded(unit), unit)].append(snapshot.instance.name)
    return dict(sorted(having.items(), key=lambda each: folded(each[0])))


def setting_matrix(
    plugin: str | None,
    snapshots: Iterable[InstanceSnapshot],
    resolver: Resolver,
    deviations: Deviating,
) -> SettingMatrix:
    """The matrix of one plugin; without columns where no instance has it."""
    sides = [
        _Side(snapshot, plugin, resolver, deviations(snapshot.instance.name, folded(plugin)))
        for snapshot in sorted(snapshots, key=lambda each: each.instance.name)
        if _has_unit(snapshot, plugin)
    ]
    columns = tuple(side.column for side in sides)
    places = dict.fromkeys(place for side in sides for place in side.places())
    by_file: dict[str, list[KeyPath]] = defaultdict(list)
    for file, path in places:
        by_file[file].append(path)
    expected_to_vary = _expected_to_vary(resolver, plugin)
    rows = [
        row
        for file in sorted(by_file)
        for row in _rows(file, by_file[file], sides, expected_to_vary)
    ]
    return SettingMatrix(plugin, columns, tuple(rows))


class Matrices:
    """The matrices last asked for, each as long as all that it was made of stands.

    A client pages through one matrix; making it anew for every page would take longer than the
    page. For any thread.
    """

    def __init__(self) -> None:
        self._made: dict[str, tuple[tuple[object, ...], SettingMatrix]] = {}
        self._lock = threading.Lock()

    def of(
        self,
        plugin: str | None,
        snapshots: Mapping[str, InstanceSnapshot],
        resolver: Resolver,
        deviations: Deviating,
    ) -> SettingMatrix:
        """The plugin's matrix as things stand now."""
        name = folded(plugin)
        with self._lock:
            lists = [deviations(instance, name) for instance in snapshots]
            stamp = (snapshots, resolver, *lists)
            known = self._made.pop(name, None)
            if known is None or not _same(known[0], stamp):
                known = (stamp, setting_matrix(plugin, snapshots.values(), resolver, deviations))
            self._made[name] = known
            while len(self._made) > MATRICES_KEPT:
                del self._made[next(iter(self._made))]
        return known[1]


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Whether both are made of the very same objects: all of these are replaced, never changed."""
    return len(one) == len(other) and all(
        left is right for left, right in zip(one, other, strict=True)
    )


def _has_unit(snapshot: InstanceSnapshot, plugin: str | None) -> bool:
    return folded(plugin) in {folded(unit) for unit in units_of(snapshot)}


def _expected_to_vary(resolver: Resolver, plugin: str | None) -> Callable[[KeyPath], bool]:
    known = resolver.baselines.knowledge.of(plugin)
    patterns = (*known.volatile, *known.identity)
    return lambda path: any_found(patterns, dotted(path))


class _At(Generic[Said]):
    """What is said of settings by file and path; a section speaks for what is in it, and a part
    of a list for the list."""

    def __init__(self) -> None:
        self._exact: dict[tuple[str, KeyPath], Said] = {}
        self._parts: dict[tuple[str, KeyPath], Said] = {}

    def __iter__(self) -> Iterator[tuple[str, KeyPath]]:
        return iter(self._exact)

    def say(self, file: str, path: KeyPath, said: Said) -> None:
        """The first to speak of a place is heard."""
        self._exact.setdefault((file, path), said)
        for size in range(1, len(path)):
            self._parts.setdefault((file, path[:size]), said)

    def of(self, file: str, path: KeyPath) -> Said | None:
        """What is said there, the nearest first; None: nothing."""
        if not self._exact:
            return None
        for size in range(len(path), 0, -1):
            said = self._exact.get((file, path[:size]))
            if said is not None:
                return said
        return self._parts.get((file, path))


class _Side:
    """One instance's part: its files, what is expected of them, and what deviates."""

    def __init__(
        self,
        snapshot: InstanceSnapshot,
        plugin: str | None,
        resolver: Resolver,
        deviations: Sequence[Deviation],
    ) -> None:
        instance = snapshot.instance
        found = instance.plugin(plugin) if plugin is not None else None
        folder = found.folder if found is not None and found.folder else ""
        self.column = Column(instance.host, instance.name, "" if folder == "." else folder)
        self.files = {
            below_plugin(file.plugin, file.path, instance): file
            for file in snapshot.files.values()
            if folded(file.plugin) == folded(plugin)
        }
        self._reasons: _At[Variance] = _At()
        self._deviating: _At[str] = _At()
        names = {file.path: name for name, file in self.files.items()}
        for each in deviations:
            if each.status in OPEN_STATUSES and each.file in names and each.path is not None:
                self._deviating.say(names[each.file], each.path, each.id)
        for name, file in self.files.items():
            for path in resolver.ignored(snapshot, plugin, file.path):
                self._reasons.say(name, path, Variance.VARIABLE)
        for resolved in resolver.resolve_plugin(snapshot, plugin):
            if resolved.file in names and resolved.path is not None:
                self._reasons.say(names[resolved.file], resolved.path, _reason(resolved))

    def places(self) -> Iterator[tuple[str, KeyPath]]:
        """Every setting there is, and every one that should be."""
        for name, file in self.files.items():
            for path in file.table.settings() if file.table is not None else ():
                yield name, path
        for name, path in self._deviating:
            table = self.files[name].table
            if table is not None and not table.has(path):
                yield name, path

    def table(self, file: str) -> SettingTable | CellState:
        """The settings of one of its files, or why it has none."""
        there = self.files.get(file)
        if there is None:
            return CellState.NO_FILE
        return CellState.UNREADABLE if there.table is None else there.table

    def deviating(self, file: str, path: KeyPath) -> str | None:
        """The open deviation there, if any."""
        return self._deviating.of(file, path)

    def reason(self, file: str, path: KeyPath) -> Variance | None:
        """Why the rules let it differ from others; None where none speaks of it."""
        return self._reasons.of(file, path)


def _reason(resolved: Resolved) -> Variance:
    scope = _BY_SCOPE.get(resolved.rule.scope.kind)
    if scope is not None:
        return scope
    literal = resolved.condition.kind is ConditionKind.EQUALS
    filled = resolved.condition is not resolved.rule.condition
    return Variance.SAME if literal and not filled else Variance.VARIABLE


class _Seen(NamedTuple):
    """What stands at a place; `camp` is equal for what counts as equal in the file's format."""

    state: CellState
    value: Value
    camp: str


def _seen(table: SettingTable | CellState, path: KeyPath) -> _Seen:
    if isinstance(table, CellState):
        return _Seen(table, None, table.value)
    value = table.value(path)
    if value is MISSING:
        return _Seen(CellState.MISSING, None, CellState.MISSING.value)
    if isinstance(value, str):
        # A text format has `True` for what another instance writes as `true`.
        flag = not table.typed and value.casefold() in _FLAGS
        return _Seen(CellState.VALUE, value, f'"{value.casefold() if flag else value}')
    return _Seen(CellState.VALUE, value, canonical(value))


def _rows(
    file: str, paths: Sequence[KeyPath], sides: Sequence[_Side], varies: Callable[[KeyPath], bool]
) -> Iterator[Row]:
    tables = [side.table(file) for side in sides]
    # Instances with the same content share one table: it is looked at once.
    distinct = {id(table): table for table in tables}
    for path in paths:
        by_table = {number: _seen(table, path) for number, table in distinct.items()}
        yield _row(file, path, sides, [by_table[id(table)] for table in tables], varies)


def _row(
    file: str,
    path: KeyPath,
    sides: Sequence[_Side],
    seen: Sequence[_Seen],
    varies: Callable[[KeyPath], bool],
) -> Row:
    camps = Counter([each.camp for each in seen if each.state in _COMPARED])
    common, most = camps.most_common(1)[0] if camps else ("", 0)
    usual = common if most * 2 > camps.total() else None
    meant = len(camps) > 1 and varies(path)
    worst = Variance.SAME
    cells = []
    for side, (state, value, camp) in zip(sides, seen, strict=True):
        variance = Variance.SAME
        deviation = side.deviating(file, path)
        if deviation is not None:
            variance = Variance.DRIFT
        elif len(camps) > 1 and state in _COMPARED:
            unsaid = Variance.SAME if camp == usual else Variance.DRIFT
            variance = Variance.VARIABLE if meant else side.reason(file, path) or unsaid
        if variance.rank > worst.rank:
            worst = variance
        cells.append(Cell(state, value, variance, deviation))
    return Row(file, path, worst, tuple(cells))
