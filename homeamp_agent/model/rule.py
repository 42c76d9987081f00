"""Rules: what a baseline says, where it says it, and how far that reaches."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from homeamp_agent.model.base import Moment, WireWord


class ScopeKind(StrEnum):
    """How wide a rule reaches; the narrower wins: instance > tag > host > global."""

    GLOBAL = "global"
    HOST = "host"
    TAG = "tag"
    INSTANCE = "instance"

    @property
    def rank(self) -> int:
        """0 (global) to 3 (instance)."""
        return list(ScopeKind).index(self)


class Scope(WireWord):
    """A scope and its target: the host, tag or instance; None for global."""

    kind: ScopeKind = ScopeKind.GLOBAL
    target: str | None = None

    def __str__(self) -> str:
        return self.kind.value if self.target is None else f"{self.kind.value} {self.target}"


class Severity(StrEnum):
    """How much a deviation matters, the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 (critical) to 4 (info)."""
        return _RANKS[self]

    def at_least(self, floor: Severity) -> bool:
        """Whether this is as bad as `floor` or worse."""
        return self.rank <= floor.rank


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class RuleSource(WireWord):
    """Where a rule stands: a file below the baseline directory, and the line or the cell in it."""

    file: str
    line: int | None = None
    cell: str | None = Field(default=None, description="Sheet and cell, as in `Sheet!B7`")

    def __str__(self) -> str:
        if self.cell is not None:
            return f"{self.file}!{self.cell}"
        return self.file if self.line is None else f"{self.file}:{self.line}"


class ConditionKind(StrEnum):
    """What a rule demands of a setting (or of a file or plugin, where it names no key)."""

    EQUALS = "equals"
    UNIQUE = "unique"
    ONE_OF = "one_of"
    RANGE = "range"
    MATCHES = "matches"
    PRESENT = "present"
    ABSENT = "absent"
    IGNORE = "ignore"
    SAME_AS = "same_as"


class Condition(WireWord):
    """A demand; which fields carry it depends on `kind`.

    EQUALS: `value`. ONE_OF: `values`. RANGE: `minimum`, `maximum` (inclusive, either may be None).
    MATCHES: `pattern`, a regular expression that must match the whole text. SAME_AS: `plugin`,
    `file`, `key` of the other setting (None: those of this rule). The others carry nothing.
    """

    kind: ConditionKind = ConditionKind.EQUALS
    value: Any = None
    values: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    plugin: str | None = None
    file: str | None = None
    key: str | None = None
    typed: bool = Field(
        default=True,
        description="False where the source hides the type: then equal text is equal",
    )

    def sentence(self) -> str:
        """The demand in a few words: `= 10`, `unique`, `one of a, b`, `1 … 20`."""
        match self.kind:
            case ConditionKind.EQUALS:
                return f"= {self.value!r}"
            case ConditionKind.ONE_OF:
                return "one of " + ", ".join(repr(value) for value in self.values)
            case ConditionKind.RANGE:
                low = "" if self.minimum is None else f"{self.minimum:g}"
                high = "" if self.maximum is None else f"{self.maximum:g}"
                return f"{low} … {high}".strip()
            case ConditionKind.MATCHES:
                return f"matches {self.pattern}"
            case ConditionKind.SAME_AS:
                place = [part for part in (self.plugin, self.file, self.key) if part]
                return "same as " + " ".join(place)
            case _:
                return self.kind.value


class Rule(WireWord):
    """One statement of a baseline.

    Selectors: `plugin` (name or glob; None: the game folder itself), `file` (path or glob below
    the plugin's folder, or below the game folder where `plugin` is None; None: whichever config
    file of the plugin has the key), `key` (dotted text or glob) or `path` (exact segments). With
    neither key nor path the rule is about the file; without file either, about the plugin.
    `complete` declares that the rules of this plugin (and file) name every setting there is.
    """

    id: str = Field(description="Stable: made of source file and selector, not of the line")
    scope: Scope = Scope()
    plugin: str | None = None
    file: str | None = None
    key: str | None = None
    path: tuple[str | bool | int | None, ...] | None = None
    condition: Condition = Condition()
    stem_key: str | None = Field(
        default=None,
        description="The whole key, where `file` is only its first segment by assumption",
    )
    platform: str | None = Field(default=None, description="Counts only on this platform")
    complete: bool = False
    severity: Severity | None = None
    reason: str | None = None
    owner: str | None = None
    expires: Moment | None = None
    source: RuleSource
    order: int = Field(default=0, description="Position over all sources; the later wins a tie")
    approval: str | None = Field(
        default=None, description="The approval this rule was made by, if it was"
    )
    approved_actual: Any = Field(
        default=None, description="The value that was approved; another one reopens the deviation"
    )


class ProblemSeverity(StrEnum):
    """How bad a baseline's problem is: an error drops a rule, a warning keeps it."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class BaselineProblem(WireWord):
    """One thing wrong with a baseline, in one line, with its place."""

    source: RuleSource
    severity: ProblemSeverity
    message: str

    def __str__(self) -> str:
        return f"{self.source}: {self.severity.value}: {self.message}"
