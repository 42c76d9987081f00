"""Loads a baseline directory file by file, and reloads it without losing what was good."""

from __future__ import annotations

import datetime as dt
import difflib
import fnmatch
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from homeamp_agent.baselines import approvals as approved
from homeamp_agent.baselines import expectations_file, markdown, matrix, rules_file, workbook
from homeamp_agent.baselines.approvals import Approval
from homeamp_agent.baselines.knowledge import Knowledge, load_knowledge
from homeamp_agent.baselines.matrix import MatrixRow
from homeamp_agent.baselines.rules_file import RulesFile
from homeamp_agent.baselines.source import SourceReading
from homeamp_agent.model.instance import Instance
from homeamp_agent.model.rule import BaselineProblem, ProblemSeverity, Rule, RuleSource, ScopeKind
from homeamp_agent.model.secret import SecretPolicy

FILE_BYTES_MAX = 64 * 1024 * 1024
"""The largest real baseline has 0.4 MB; a file beyond this is no baseline."""
PLATFORM_FOLDERS = frozenset({"paper", "velocity", "geyser", "fabric", "bungee", "neoforge"})
NEAREST = 3
KNOWLEDGE_FOLDER = "knowledge"

_Reader = Callable[[str, bytes], SourceReading]


@dataclass(frozen=True, slots=True)
class SourceReport:
    """One file of the directory. `stale` True: it failed to load, an earlier version counts."""

    file: str
    form: str
    rules: int
    problems: int
    sha256: str
    stale: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Baselines:
    """Everything the directory says, as last loaded."""

    directory: str
    rules: tuple[Rule, ...] = ()
    problems: tuple[BaselineProblem, ...] = ()
    sources: tuple[SourceReport, ...] = ()
    declared: RulesFile = field(default_factory=RulesFile)
    matrix: Mapping[str, MatrixRow] = field(default_factory=dict)
    approvals: tuple[Approval, ...] = ()
    knowledge: Knowledge = field(default_factory=load_knowledge)
    readings: Mapping[str, tuple[str, SourceReading]] = field(default_factory=dict, repr=False)

    @property
    def secret_policy(self) -> SecretPolicy:
        """What is secret: by default, by the plugins' knowledge and by rules.yaml."""
        extra: dict[str, tuple[re.Pattern[str], ...]] = {}
        never: dict[str, tuple[re.Pattern[str], ...]] = {}
        for plugin in self.knowledge.plugins.values():
            if plugin.secret:
                extra[plugin.name] = tuple(map(re.compile, plugin.secret))
            if plugin.not_secret:
                never[plugin.name] = tuple(map(re.compile, plugin.not_secret))
        for name, patterns in self.declared.secrets.items():
            good = tuple(re.compile(each) for each in patterns if _compiles(each))
            extra[name] = extra.get(name, ()) + good
        return SecretPolicy(extra, never)

    def tags_of(self, instance: Instance) -> tuple[str, ...]:
        """The instance's tags: its own, those rules.yaml gives it, those that include it."""
        tags = dict.fromkeys(instance.tags)
        entry = self.declared.instances.get(instance.name) or self.declared.instances.get(
            str(instance.id)
        )
        tags.update(dict.fromkeys(entry.tags if entry else ()))
        for name, tag in self.declared.tags.items():
            if _among(instance, tag.include):
                tags[name] = None
            if _among(instance, tag.exclude):
                tags.pop(name, None)
        return tuple(tags)

    def instance_name(self, name: str) -> str:
        """The real name behind an alias."""
        return self.declared.aliases.instances.get(name, name)

    def plugin_name(self, name: str) -> str:
        """The real name behind an alias."""
        return self.declared.aliases.plugins.get(name, name)


def load_baselines(directory: Path) -> Baselines:
    """Read the whole directory. Bad content is a problem, never an exception."""
    return reload(Baselines(str(directory)), directory)


def reload(previous: Baselines, directory: Path) -> Baselines:
    """Read what changed since `previous`; a file that now fails keeps its last good version.

    'Fails' means: it was readable before and yields nothing but an error of the whole file now.
    """
    readings: dict[str, tuple[str, SourceReading]] = {}
    problems: list[BaselineProblem] = []
    stale: set[str] = set()
    for file, path, reader in _baseline_files(directory, problems):
        data = _read(file, path, problems)
        before = previous.readings.get(file)
        if data is None:
            if before is not None:
                readings[file] = before
                stale.add(file)
            continue
        digest = hashlib.sha256(data).hexdigest()
        if before is not None and before[0] == digest:
            readings[file] = before
            continue
        reading = reader(file, data)
        if before is not None and reading.failed:
            problems.extend(reading.problems)
            readings[file] = before
            stale.add(file)
        else:
            readings[file] = (digest, reading)
    return _combined(directory, readings, problems, stale)


def _baseline_files(
    directory: Path, problems: list[BaselineProblem]
) -> Iterable[tuple[str, Path, _Reader]]:
    try:
        paths = sorted(path for path in directory.rglob("*") if _counts(path, directory))
        if not directory.is_dir():
            raise NotADirectoryError("no such directory")
    except OSError as error:
        problems.append(_problem(str(directory), f"cannot be read: {_told(error)}"))
        return
    for path in paths:
        file = path.relative_to(directory).as_posix()
        reader = _reader_for(file)
        if reader is not None:
            yield file, path, reader
        elif not file.startswith(KNOWLEDGE_FOLDER + "/"):
            problems.append(_problem(file, "is no baseline file; not read", ProblemSeverity.INFO))


def _counts(path: Path, directory: Path) -> bool:
    hidden = any(part.startswith((".", "~$")) for part in path.relative_to(directory).parts)
    return not hidden and not path.is_dir()


def _reader_for(file: str) -> _Reader | None:
    name = file.rsplit("/", 1)[-1]
    if name.endswith(markdown.SUFFIX):
        return _on_platform(markdown.read_markdown)
    if name in {expectations_file.UNIVERSAL, expectations_file.VARIABLE}:
        return _on_platform(expectations_file.read_expectations)
    if name == workbook.FILE:
        return workbook.read_workbook
    if name in {f"{matrix.STEM}.csv", f"{matrix.STEM}.xlsx"}:
        return matrix.read_matrix
    if name == approved.FILE:
        return approved.read_approved
    in_rules_folder = file.startswith("rules/") and name.endswith((".yaml", ".yml"))
    if name in {"rules.yaml", "rules.yml"} or in_rules_folder:
        return rules_file.read_rules
    return None


def _on_platform(reader: _Reader) -> _Reader:
    """A folder named after a platform limits the files in it to that platform."""

    def read(file: str, data: bytes) -> SourceReading:
        reading = reader(file, data)
        platform = next((part for part in file.split("/")[:-1] if part in PLATFORM_FOLDERS), None)
        if platform is not None:
            reading.rules = [
                rule.model_copy(update={"platform": platform}) for rule in reading.rules
            ]
        return reading

    return read


def _read(file: str, path: Path, problems: list[BaselineProblem]) -> bytes | None:
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            problems.append(_problem(file, f"{size:,} bytes are no baseline; not read"))
            return None
        return path.read_bytes()
    except OSError as error:
        problems.append(_problem(file, f"cannot be read: {_told(error)}"))
        return None


def _problem(
    file: str, message: str, severity: ProblemSeverity = ProblemSeverity.ERROR
) -> BaselineProblem:
    return BaselineProblem(source=RuleSource(file=file), severity=severity, message=message)


def _told(error: OSError) -> str:
    return error.strerror or str(error)


def _combined(
    directory: Path,
    readings: dict[str, tuple[str, SourceReading]],
    problems: list[BaselineProblem],
    stale: set[str],
) -> Baselines:
    declared = _declarations([reading for _, reading in readings.values()], problems)
    if declared.matrix.authoritative:
        readings = {
            file: (digest, _with_presence(reading)) for file, (digest, reading) in readings.items()
        }
    rules: list[Rule] = []
    for _, reading in readings.values():
        rules.extend(reading.rules)
        problems.extend(reading.problems)
    return Baselines(
        directory=str(directory),
        rules=tuple(rule.model_copy(update={"order": at}) for at, rule in enumerate(rules)),
        problems=tuple(problems),
        sources=tuple(
            SourceReport(
                file=file,
                form=reading.form,
                rules=reading.counts.get("rows", reading.counts.get("approvals", 0))
                or len(reading.rules),
                problems=len(reading.problems),
                sha256=digest,
                stale=file in stale,
                counts=dict(reading.counts),
            )
            for file, (digest, reading) in sorted(readings.items())
        ),
        declared=declared,
        matrix=_first(readings, "matrix", {}),
        approvals=tuple(_first(readings, "approvals", ())),
        knowledge=load_knowledge(directory / KNOWLEDGE_FOLDER),
        readings=readings,
    )


def _with_presence(reading: SourceReading) -> SourceReading:
    if reading.form != "matrix" or reading.rules:
        return reading
    matrix.presence_rules(reading)
    return reading


def _first(
    readings: Mapping[str, tuple[str, SourceReading]], declaration: str, default: Any
) -> Any:
    for _, reading in readings.values():
        if declaration in reading.declarations:
            return reading.declarations[declaration]
    return default


def _declarations(readings: Sequence[SourceReading], problems: list[BaselineProblem]) -> RulesFile:
    """The declarations of all rules files together; of two that disagree the first counts."""
    together: dict[str, Any] = {}
    for reading in readings:
        declared = reading.declarations.get("rules")
        if declared is None:
            continue
        for name in declared.model_fields_set - {"version", "rules"}:
            value = getattr(declared, name)
            if name not in together:
                together[name] = value
            elif isinstance(value, dict):
                together[name] = {**value, **together[name]}
            elif together[name] != value:
                problems.append(
                    _problem(reading.file, f"{name} is declared in another rules file too")
                )
    return RulesFile().model_copy(update=together)


def with_names_checked(baselines: Baselines, instances: Sequence[Instance]) -> Baselines:
    """The baselines with a warning for each instance and plugin name that no instance has.

    The nearest names are told; none is ever taken for another (MIN01, MINE01, MINT01 differ).
    """
    known_instances = {each.name for each in instances}
    known_plugins = {plugin.name for each in instances for plugin in each.plugins}
    folded = {name.casefold() for name in known_plugins}
    unknown: dict[tuple[str, str], RuleSource] = {}
    for rule in baselines.rules:
        target = rule.scope.target
        if rule.scope.kind is ScopeKind.INSTANCE and target is not None:
            name = baselines.instance_name(target).rsplit("/", 1)[-1]
            if name not in known_instances:
                unknown.setdefault(("instance", target), rule.source)
        plain = rule.plugin is not None and not set(rule.plugin) & set("*?[")
        if plain and baselines.plugin_name(rule.plugin or "").casefold() not in folded:
            unknown.setdefault(("plugin", rule.plugin or ""), rule.source)
    problems = [
        BaselineProblem(
            source=source,
            severity=ProblemSeverity.WARNING if kind == "instance" else ProblemSeverity.INFO,
            message=_unknown_name(
                kind, name, known_instances if kind == "instance" else known_plugins
            ),
        )
        for (kind, name), source in unknown.items()
    ]
    return replace(baselines, problems=(*baselines.problems, *problems))


def _unknown_name(kind: str, name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=NEAREST, cutoff=0.6)
    hint = f"; nearest: {', '.join(near)} (declare an alias if it is one)" if near else ""
    return f"no {kind} is called {name}{hint}"


def _among(instance: Instance, patterns: Iterable[str]) -> bool:
    names = (instance.name, str(instance.id))
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in names)


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def live(rules: Iterable[Rule], now: dt.datetime) -> list[Rule]:
    """The rules that have not expired."""
    return [rule for rule in rules if rule.expires is None or now < rule.expires]
