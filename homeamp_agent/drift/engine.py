"""The blocking half of the detector: what is known of a host, and what each look changes in it.

Not for two threads at once; the detector gives it a thread of its own. Snapshots and deviations are
replaced, never changed, so that others may read them meanwhile.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from homeamp_agent.baselines import Baselines, Resolver, load_baselines, reload, with_names_checked
from homeamp_agent.configfiles import DEFAULT_LIMITS, Limits
from homeamp_agent.drift.approving import approved
from homeamp_agent.drift.attribution import BY_OTHERS, Attribution
from homeamp_agent.drift.compare import Comparison
from homeamp_agent.drift.content import masked_alike
from homeamp_agent.drift.defaults import JarDefaults
from homeamp_agent.drift.fleet_view import FleetView, Unit, folded
from homeamp_agent.drift.outcome import LastLook, Outcome
from homeamp_agent.drift.reach import reach_of, reaches
from homeamp_agent.drift.scan import ContentCache, Scanner, Scope
from homeamp_agent.drift.setting_changes import setting_changes
from homeamp_agent.instances import ConfigFileRef, Sieve, discover
from homeamp_agent.model.deviation import Deviation
from homeamp_agent.model.instance import Instance
from homeamp_agent.model.query import SettingChange
from homeamp_agent.model.secret import Masker
from homeamp_agent.model.snapshot import FileSnapshot, InstanceSnapshot

SETTLE_NS = 35_000_000
"""A file is read when it was not written to for this long: saves in place take some 20 ms."""

HALF_NS = 250_000_000
"""One that lost much of its text, or can no longer be read, is given this long to become whole."""


SETTLED = 1 << 63
"""A moment after which every file has rested."""


@dataclass(slots=True)
class Engine:
    """A host's instances, their settings, the rules, and the deviations that follow."""

    host: str
    instances_dir: Path
    baselines_dir: Path
    masker_key: bytes
    limits: Limits = DEFAULT_LIMITS
    cache: ContentCache | None = None
    workers: int = 2
    attribution: Attribution = field(default_factory=Attribution)
    last_look: Mapping[tuple[str, str], LastLook] = field(default_factory=dict)
    snapshots: Mapping[str, InstanceSnapshot] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    baselines: Baselines = field(init=False)
    resolver: Resolver = field(init=False)
    masker: Masker = field(init=False)
    scanner: Scanner = field(init=False)
    _defaults: JarDefaults = field(init=False)
    _view: FleetView = field(init=False)
    _comparison: Comparison = field(init=False)
    _unchecked: Baselines = field(init=False)
    _lists: dict[Unit, tuple[Deviation, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.baselines = Baselines(str(self.baselines_dir))
        self.masker = Masker(self.masker_key, self.baselines.secret_policy)
        self.scanner = Scanner(self.masker, self.limits, self.cache, self.workers)
        self._view = FleetView(self.baselines.knowledge)
        self._adopt()

    def load(self) -> None:
        """Read the baselines for the first time."""
        self.baselines = load_baselines(self.baselines_dir)
        self._adopt()

    def scan(
        self,
        only: Collection[str] | None = None,
        *,
        thorough: bool = False,
        now: dt.datetime | None = None,
    ) -> Outcome:
        """Discover and look at every file of the host (or of some instances), compare everything.

        `thorough`: read files even where their stamps say that nothing changed. `now` is when
        rules and approvals have to be in force.

        Raises:
            ScanStopped: the scanner was told to stop.
        """
        began = time.monotonic()
        discovery = discover(self.instances_dir, self.host)
        instances = tag_instances(self.baselines, discovery.instances)
        names = {each.name for each in instances}
        if thorough:
            self.scanner.distrust()
        wanted = [each for each in instances if only is None or each.name in only]
        snapshots, count = self.scanner.scan(wanted, self.scope)
        before = self.snapshots
        kept = {name: each for name, each in before.items() if name in names}
        self.snapshots = {**kept, **snapshots}
        self.problems = discovery.problems
        self.baselines = with_names_checked(self._unchecked, instances)
        self._renew(now)
        outcome = self._compare_all(now)
        outcome.count = count
        self._note_files(outcome, before, {name: each.files for name, each in snapshots.items()})
        self._note_gone(outcome, before)
        outcome.seconds = time.monotonic() - began
        return outcome

    def refresh(self, touched: Mapping[str, Collection[str]], *, settle: bool = True) -> Outcome:
        """Look again at single files, by instance and path below the game folder.

        With `settle`, a file that was written to a moment ago is left for later (`moving`).
        """
        began = time.monotonic()
        outcome = Outcome()
        before = self.snapshots
        units: dict[str, set[str | None]] = {}
        for name, paths in touched.items():
            snapshot = before.get(name)
            if snapshot is None:
                continue
            sieve = self.sieve(snapshot.instance)
            refs = [ref for path in paths if (ref := sieve.file(path)) is not None]
            units[name] = self._take(snapshot, refs, set(paths), outcome, settle)
        plugins: set[str] = set()
        for name, wanted in units.items():
            plugins |= self._compare_units(self.snapshots[name], wanted)
        self._list(plugins, outcome)
        outcome.seconds = time.monotonic() - began
        return outcome

    def reload_baselines(self) -> Outcome | None:
        """Read the baselines again; None where that asks for a whole scan (other files or secrets
        count now), which is then the caller's to do."""
        began = time.monotonic()
        before, scope = self._unchecked, self.scope
        self.baselines = reload(before, self.baselines_dir)
        masked_anew = self._adopt()
        if masked_anew or self.scope != scope:
            return None
        reach = reach_of(before, self._unchecked)
        instances = tag_instances(self._unchecked, self._instances())
        self.snapshots = {
            each.name: InstanceSnapshot(each, self.snapshots[each.name].files) for each in instances
        }
        self.baselines = with_names_checked(self._unchecked, instances)
        self._renew()
        if reach is None:
            outcome = self._compare_all()
        else:
            outcome = Outcome()
            for plugin, named in reach.items():
                for snapshot in self.snapshots.values():
                    if reaches(named, snapshot.instance, self.baselines):
                        self._view.put(self._comparison.unit(snapshot, plugin or None))
            approvals_differ = before.approvals != self.baselines.approvals
            self._list(self._view.plugins if approvals_differ else reach, outcome)
        outcome.seconds = time.monotonic() - began
        return outcome

    def expire(self) -> Outcome:
        """Compare everything again: the term of a rule or of an approval has ended."""
        self._renew()
        return self._compare_all()

    def next_expiry(self, after: dt.datetime) -> dt.datetime | None:
        """When the next term ends, or ended, after a moment."""
        terms = [rule.expires for rule in self.baselines.rules]
        terms += [approval.expires for approval in self.baselines.approvals]
        return min((term for term in terms if term is not None and term > after), default=None)

    def sweep(self) -> dict[str, list[str]] | None:
        """Files, by instance, that differ by their stamps from what was last read.

        None where instances or plugins came or went: then everything is to be scanned.
        """
        discovery = discover(self.instances_dir, self.host)
        here = {each.name: each.plugins for each in discovery.instances}
        if here != {name: each.instance.plugins for name, each in self.snapshots.items()}:
            return None
        changed: dict[str, list[str]] = {}
        for name, snapshot in self.snapshots.items():
            seen = {}
            for ref in self.sieve(snapshot.instance).below(""):
                seen[ref.path] = ref.absolute
            paths = [
                path
                for path, absolute in seen.items()
                if self.scanner.changed(name, path, absolute)
            ]
            paths += snapshot.files.keys() - seen.keys()
            if paths:
                changed[name] = paths
        return changed

    def folders(self) -> list[str]:
        """Every folder that holds config files or may come to."""
        found: list[str] = []
        for snapshot in self.snapshots.values():
            found += self.sieve(snapshot.instance).folders()
        return found

    def sieve(self, instance: Instance) -> Sieve:
        """What counts as a config file on the instance."""
        scope = self.scope
        return Sieve(instance, scope.data_globs, scope.named_by_rules)

    @property
    def scope(self) -> Scope:
        """Which files count."""
        return scope_of(self._unchecked)

    @property
    def all_problems(self) -> tuple[str, ...]:
        """What cannot be looked at, one line each."""
        lines = [*self.problems]
        for name, snapshot in sorted(self.snapshots.items()):
            lines += [f"{name}: {problem}" for problem in snapshot.instance.problems]
        return tuple(lines)

    @property
    def variances(self) -> int:
        """Settings that differ on purpose."""
        return self._view.variances()

    def deviations_of(self, instance: str, plugin: str) -> tuple[Deviation, ...]:
        """What a unit's list last held, in any status; `plugin` case folded."""
        return self._lists.get((instance, plugin), ())

    def _instances(self) -> list[Instance]:
        return [snapshot.instance for snapshot in self.snapshots.values()]

    def _adopt(self) -> bool:
        """Take over freshly read baselines; True if other settings count as secret now."""
        self._unchecked = self.baselines
        self._view.knowledge = self.baselines.knowledge
        masker = Masker(self.masker_key, self.baselines.secret_policy)
        anew = self.scanner.use_masker(masker)
        self.masker = masker
        self._renew()
        return anew

    def _renew(self, now: dt.datetime | None = None) -> None:
        self.resolver = Resolver(self.baselines, self._instances(), now)
        self._comparison = Comparison(self.resolver, self.masker)
        self._defaults = JarDefaults(self.snapshots, self.masker)

    def _compare_all(self, now: dt.datetime | None = None) -> Outcome:
        self._view = FleetView(self.baselines.knowledge)
        for snapshot in self.snapshots.values():
            for findings in self._comparison.instance(snapshot):
                self._view.put(findings)
        outcome = Outcome(whole=True)
        self._lists = {}
        self._list(set(self._view.plugins), outcome, now)
        return outcome

    def _compare_units(self, snapshot: InstanceSnapshot, plugins: Iterable[str | None]) -> set[str]:
        """Compare units of one instance again, and those that compare with them."""
        name = snapshot.instance.name
        wanted = dict.fromkeys(plugins)
        for plugin in plugins:
            wanted.update(dict.fromkeys(self._view.looking_at(name, folded(plugin))))
        for plugin in wanted:
            self._view.put(self._comparison.unit(snapshot, plugin))
        return {folded(plugin) for plugin in wanted}

    def _take(
        self,
        snapshot: InstanceSnapshot,
        refs: list[ConfigFileRef],
        asked: set[str],
        outcome: Outcome,
        settle: bool,
    ) -> set[str | None]:
        """Read the files into a new snapshot; returns the plugins whose settings may differ."""
        name, known = snapshot.instance.name, snapshot.files
        now = time.time_ns() if settle else SETTLED
        young = {ref.path for ref in refs if 0 <= now - ref.mtime_ns < SETTLE_NS}
        fresh = self.scanner.refresh(snapshot, [ref for ref in refs if ref.path not in young])
        missing = (asked - {ref.path for ref in refs}) | set(fresh.gone)
        gone = {path for path in missing if path in known}
        changed = {path: file for path, file in fresh.files.items() if known.get(path) is not file}
        halves = {path for path, file in changed.items() if half(known.get(path), file, now)}
        for path in halves:
            del changed[path]
        files = {path: file for path, file in known.items() if path not in gone}
        waiting = young | halves | set(fresh.moving)
        self.snapshots = {
            **self.snapshots,
            name: InstanceSnapshot(snapshot.instance, {**files, **changed}),
        }
        outcome.gone += [(name, path) for path in gone]
        outcome.moving += [(name, path) for path in sorted(waiting)]
        self._note_files(outcome, {name: snapshot}, {name: changed})
        self._defaults.snapshots = self.snapshots
        plugins = {file.plugin for file in changed.values()}
        return plugins | {known[path].plugin for path in gone}

    def _note_files(
        self,
        outcome: Outcome,
        before: Mapping[str, InstanceSnapshot],
        now: Mapping[str, Mapping[str, FileSnapshot]],
    ) -> None:
        """Which settings changed, by whom, and which content each file has now."""
        at = dt.datetime.now(dt.UTC)
        for name, files in now.items():
            known = before[name].files if name in before else {}
            for path, file in files.items():
                key = self.scanner.key_of(name, path)
                last = known.get(path)
                if key is None or (last is not None and last.sha256 == file.sha256):
                    continue
                look = LastLook(file.sha256, key)
                if last is not None or self.last_look.get((name, path)) != look:
                    outcome.files[name, path] = look
                outcome.changes += self._changes(name, file, last, key, at)

    def _note_gone(self, outcome: Outcome, before: Mapping[str, InstanceSnapshot]) -> None:
        """Files that were there at the last look, of this run or of the one before."""
        known = {(name, path) for name, each in before.items() for path in each.files}
        there = {(name, path) for name, each in self.snapshots.items() for path in each.files}
        outcome.gone += sorted((known | self.last_look.keys()) - there)

    def _changes(
        self, name: str, file: FileSnapshot, last: FileSnapshot | None, key: str, at: dt.datetime
    ) -> list[SettingChange]:
        before = last.table if last is not None else None
        away = False
        if last is None:
            look = self.last_look.get((name, file.path))
            if look is None or look.sha256 == file.sha256 or not masked_alike(look.key, key):
                return []
            content = self.scanner.content(look.key)
            before, away = (content.table if content is not None else None), True
        if before is None or file.table is None:
            return []
        changes = setting_changes(
            before,
            file.table,
            at=at,
            instance=name,
            plugin=file.plugin,
            file=file.path,
            by=BY_OTHERS,
            while_away=away,
        )
        instance = self.snapshots[name].instance
        return self.attribution.attributed(changes, instance, file, while_away=away)

    def _list(
        self, plugins: Iterable[str], outcome: Outcome, now: dt.datetime | None = None
    ) -> None:
        """Make the lists of these plugins on every instance again; note those that differ."""
        now = now or dt.datetime.now(dt.UTC)
        for plugin in plugins:
            found = self._view.deviations(plugin, self.snapshots, self._defaults)
            for instance, deviations in found.items():
                unit = (instance, plugin)
                marked = tuple(approved(deviations, self.baselines.approvals, self.snapshots, now))
                if outcome.whole or self._lists.get(unit, ()) != marked:
                    self._lists[unit] = outcome.units[unit] = marked


def scope_of(baselines: Baselines) -> Scope:
    """Which files count by what the baselines know and name."""
    named = frozenset(
        rule.file for rule in baselines.rules if rule.plugin is None and rule.file is not None
    )
    return Scope(baselines.knowledge.data_globs, named)


def tag_instances(baselines: Baselines, instances: Iterable[Instance]) -> tuple[Instance, ...]:
    """The instances with the tags that the baselines give them."""
    return tuple(each.model_copy(update={"tags": baselines.tags_of(each)}) for each in instances)


def half(before: FileSnapshot | None, after: FileSnapshot, now_ns: int) -> bool:
    """Whether a file that was just written looks like the first half of a save."""
    if not 0 <= now_ns - after.mtime_ns < HALF_NS:
        return False
    if before is None:
        return after.size == 0
    broken = after.problem is not None and before.problem is None
    return broken or after.size * 2 < before.size
