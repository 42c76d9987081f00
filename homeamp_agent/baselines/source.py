"""What one file of a baseline directory yields: rules, problems and what else it says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from homeamp_agent.model.rule import (
    BaselineProblem,
    Condition,
    ProblemSeverity,
    Rule,
    RuleSource,
    Scope,
    Severity,
)

RULE_ID_HEX_DIGITS = 12


@dataclass(slots=True)
class SourceReading:
    """Collects what a reader finds in `file`; readers append, the loader freezes.

    `form` is one of markdown-a, markdown-b, workbook, matrix, rules, approved, expectations.
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
                platform=self.platform,
                **(more or {}),
            )
        )

    def _identity(self, scope: Scope, plugin: str | None, file: str | None, key: Any) -> str:
        text = json.dumps([self.file, str(scope), plugin, file, key], ensure_ascii=False)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        identity = digest[:RULE_ID_HEX_DIGITS]
        count = self._seen.get(identity, 0)
        self._seen[identity] = count + 1
        return f"{identity}-{count}" if count else identity
