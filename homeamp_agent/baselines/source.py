"""What one file of a baseline directory yields: rules, problems and what else it says."""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from homeamp_agent.model.rule import (
    BaselineProblem,
    Condition,
    ConditionKind,
    ProblemSeverity,
    Rule,
    RuleSource,
    Scope,
    Severity,
)

RULE_ID_HEX_DIGITS = 12
PLATFORM_FOLDERS = frozenset({"paper", "velocity", "geyser", "fabric", "bungee", "neoforge"})
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(slots=True)
class SourceReading:
    """Collects what a reader finds in `file`; readers append, the loader freezes.

    `form` is one of markdown-a, markdown-b, workbook, matrix, rules, approved, expectations.
    `counts["rows"]` is how many settings (or rows) were read, where that is not the rules' number.
    """

    file: str
    form: str
    rules: list[Rule] = field(default_factory=list)
    problems: list[BaselineProblem] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    declarations: dict[str, Any] = field(default_factory=dict)
    platform: str | None = None
    failed: bool = False
    _seen: dict[str, int] = field(default_factory=dict)

    @property
    def counts_for_something(self) -> bool:
        """Whether anything was read from the file."""
        return bool(self.rules or self.declarations)

    def text(self, data: bytes) -> str:
        """The file as text; bytes that are no UTF-8 are told with the line of the first one."""
        encoding = "utf-16" if data.startswith(_UTF_16) else "utf-8-sig"
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self.problem(
                "holds bytes that are no UTF-8; they are read as \N{REPLACEMENT CHARACTER}",
                line=line,
            )
            return data.decode(encoding, "replace")

    def problem(
        self,
        message: str,
        *,
        severity: ProblemSeverity = ProblemSeverity.WARNING,
        line: int | None = None,
        cell: str | None = None,
    ) -> None:
        """Note one thing that is wrong, in one line, with its place."""
        source = RuleSource(file=self.file, line=line, cell=cell)
        self.problems.append(BaselineProblem(source=source, severity=severity, message=message))

    def fail(self, message: str, *, line: int | None = None, cell: str | None = None) -> None:
        """Note that the whole file could not be read: its last good version goes on counting."""
        self.failed = True
        self.problem(message, severity=ProblemSeverity.ERROR, line=line, cell=cell)

    def add(
        self,
        condition: Condition,
        *,
        plugin: str | None,
        file: str | None = None,
        key: str | None = None,
        path: tuple[str | bool | int | None, ...] | None = None,
        scope: Scope | None = None,
        line: int | None = None,
        cell: str | None = None,
        complete: bool = False,
        severity: Severity | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """Add one rule with this file as its source."""
        scope = scope or Scope()
        self.rules.append(
            Rule(
                id=self._identity(scope, plugin, file, key if path is None else list(path)),
                scope=scope,
                plugin=plugin,
                file=file,
                key=key,
                path=path,
                condition=condition,
                complete=complete,
                severity=severity,
                source=RuleSource(file=self.file, line=line, cell=cell),
                **{"platform": self.platform, **(more or {})},
            )
        )

    def note_mixed_types(self) -> None:
        """Tell of each key with values of several types on its instances: most often a slip."""
        kinds: dict[tuple[str | None, str | None], dict[str, list[Rule]]] = {}
        for rule in self.rules:
            if rule.condition.kind is ConditionKind.EQUALS:
                of_key = kinds.setdefault((rule.plugin, rule.key), {})
                of_key.setdefault(_kind(rule.condition.value), []).append(rule)
        for (plugin, key), by_kind in kinds.items():
            if len(by_kind) < 2:
                continue
            odd = min(by_kind.values(), key=len)[0]
            told = ", ".join(f"{len(rules)} × {kind}" for kind, rules in sorted(by_kind.items()))
            self.problem(
                f"{plugin} {key} has values of several types ({told}); {odd.scope.target} differs",
                line=odd.source.line,
                cell=odd.source.cell,
            )

    def count(self, name: str) -> None:
        """One more in `counts`."""
        self.counts[name] = self.counts.get(name, 0) + 1

    def _identity(self, scope: Scope, plugin: str | None, file: str | None, key: Any) -> str:
        text = json.dumps([self.file, str(scope), plugin, file, key], ensure_ascii=False)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        identity = digest[:RULE_ID_HEX_DIGITS]
        count = self._seen.get(identity, 0)
        self._seen[identity] = count + 1
        return f"{identity}-{count}" if count else identity


def _kind(value: Any) -> str:
    kinds = {bool: "boolean", int: "number", float: "number", str: "text", list: "list"}
    return kinds.get(type(value), "nothing" if value is None else "section")


def platform_of(file: str) -> str | None:
    """The platform that a folder of the path limits the file to."""
    return next((part for part in file.split("/")[:-1] if part in PLATFORM_FOLDERS), None)
