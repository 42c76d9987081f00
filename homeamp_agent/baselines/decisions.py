"""What a review decides: to accept a deviation, to ignore its key, to promote its value.

An approval is tied to the place, the kind and the actual value. Another value, a changed rule or
the end of its term brings the deviation back. A key that is ignored and a value that is promoted
become rules. Secrets stand here as fingerprints only, so they cannot be promoted.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, field_serializer

from homeamp_agent.baselines.declarations import RuleEntry, ScopeEntry
from homeamp_agent.baselines.selectors import is_glob
from homeamp_agent.model.base import Moment, Word
from homeamp_agent.model.deviation import Deviation, DeviationKind
from homeamp_agent.model.instance import Instance
from homeamp_agent.model.rule import Scope, ScopeKind
from homeamp_agent.model.secret import holds_mask
from homeamp_agent.model.setting import KeyPath, same_value

_ID_HEX_DIGITS = 12


class NotPromotable(ValueError):
    """No rule can be made of the deviation; the text says why."""


def _scope_of(written: Any) -> Any:
    """A scope as rules.yaml writes it, or as the wire does."""
    if written == "global":
        return Scope()
    if isinstance(written, dict) and "kind" not in written:
        return ScopeEntry.model_validate(written).scope()
    return written


def scope_text(scope: Scope) -> str | dict[str, str]:
    """A scope as rules.yaml writes it."""
    return "global" if scope.target is None else {scope.kind.value: scope.target}


WrittenScope = Annotated[
    Scope, BeforeValidator(_scope_of), PlainSerializer(scope_text, return_type=Any)
]


class Approval(Word):
    """One accepted deviation and how far the acceptance reaches."""

    id: str
    scope: WrittenScope
    plugin: str | None = None
    file: str | None = None
    path: tuple[str | bool | int | None, ...] | None = None
    key: str | None = None
    kind: DeviationKind
    expected: Any = None
    actual: Any = None
    reason: str = ""
    by: str = ""
    at: Moment
    expires: Moment | None = None

    def covers(self, deviation: Deviation, tags: Iterable[str], now: dt.datetime) -> bool:
        """Whether `deviation`, on an instance with `tags`, is what was accepted here."""
        return (
            (self.expires is None or now < self.expires)
            and self.kind is deviation.kind
            and (self.plugin or "").casefold() == (deviation.plugin or "").casefold()
            and self.file == deviation.file
            and (self.path == deviation.path if self.path else self.key == deviation.key)
            and self._reaches(deviation, tags)
            and same_value(self.expected, deviation.expected)
            and same_value(self.actual, deviation.actual)
        )

    def _reaches(self, deviation: Deviation, tags: Iterable[str]) -> bool:
        match self.scope.kind:
            case ScopeKind.GLOBAL:
                return True
            case ScopeKind.HOST:
                return self.scope.target == deviation.host
            case ScopeKind.TAG:
                return self.scope.target in set(tags)
            case ScopeKind.INSTANCE:
                return self.scope.target in {
                    deviation.instance,
                    f"{deviation.host}/{deviation.instance}",
                }


def approval_of(
    deviation: Deviation,
    *,
    scope: Scope,
    reason: str,
    by: str,
    at: dt.datetime,
    expires: dt.datetime | None = None,
) -> Approval:
    """The approval that accepts `deviation` within `scope`; the same again has the same id."""
    return Approval(
        id=_identity("accept", scope, deviation),
        scope=scope,
        plugin=deviation.plugin,
        file=deviation.file,
        path=deviation.path,
        key=deviation.key,
        kind=deviation.kind,
        expected=deviation.expected,
        actual=deviation.actual,
        reason=reason,
        by=by,
        at=at,
        expires=expires,
    )


@dataclass(frozen=True, slots=True)
class Decision:
    """What a review says of a rule that it makes: how far it reaches, why, who, when, how long."""

    scope: Scope
    reason: str
    by: str
    at: dt.datetime
    expires: dt.datetime | None = None


class ReviewedRule(RuleEntry):
    """A rule that a review made. Within its scope it outranks every rule of another source."""

    id: str
    by: str = ""
    at: Moment

    @field_serializer("scope")
    def _scope_as_written(self, scope: str | ScopeEntry) -> Any:
        return scope if isinstance(scope, str) else scope_text(scope.scope())


def ignoring(deviation: Deviation, instance: Instance, decision: Decision) -> ReviewedRule:
    """The rule that ignores the deviation's key, whatever its value. `instance`: where it is.

    Raises:
        NotPromotable: the deviation is about no key.
    """
    return _rule("ignore", {"ignore": True}, deviation, instance, decision)


def promoting(deviation: Deviation, instance: Instance, decision: Decision) -> ReviewedRule:
    """The rule that makes the actual value the expected one. `instance`: where it is.

    Raises:
        NotPromotable: the deviation is about no key, has no value, or a secret one.
    """
    if deviation.kind not in {DeviationKind.VALUE, DeviationKind.TYPE}:
        raise NotPromotable(f"a {deviation.kind.value} has no value to promote")
    if holds_mask(deviation.actual):
        raise NotPromotable("it is a secret: put its value into rules.yaml by hand")
    says = {"value": deviation.actual}
    return _rule("promote", says, deviation, instance, decision)


def marking_unique(deviation: Deviation, instance: Instance, decision: Decision) -> ReviewedRule:
    """The rule that every instance has its own value there. `instance`: where the deviation is.

    Raises:
        NotPromotable: the deviation is about no key.
    """
    return _rule("unique", {"unique": True}, deviation, instance, decision)


def rule_ids(deviation: Deviation, scope: Scope) -> frozenset[str]:
    """The ids of all rules that a review can make at the deviation's place and scope: only one of
    them can stand at a time."""
    return frozenset(_identity(act, scope, deviation) for act in ("ignore", "promote", "unique"))


def _rule(
    act: str,
    says: dict[str, Any],
    deviation: Deviation,
    instance: Instance,
    decision: Decision,
) -> ReviewedRule:
    if deviation.path is None or deviation.file is None:
        raise NotPromotable("it is about no single key")
    fields: dict[str, Any] = {
        "id": _identity(act, decision.scope, deviation),
        "plugin": deviation.plugin,
        "file": below_plugin(deviation.plugin, deviation.file, instance),
        **key_fields(deviation.path),
        **says,
        "scope": scope_text(decision.scope),
        "reason": decision.reason or None,
        "expires": decision.expires,
        "by": decision.by,
        "at": decision.at,
    }
    return ReviewedRule.model_validate(
        {name: value for name, value in fields.items() if value is not None or name in says}
    )


def below_plugin(plugin: str | None, file: str, instance: Instance) -> str:
    """The file as rules name it: below the plugin's folder, which differs by platform."""
    found = instance.plugin(plugin) if plugin is not None else None
    if found is None or found.folder is None:
        return file
    path = PurePosixPath(file)
    folder = PurePosixPath(found.folder)
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else file


def key_fields(path: KeyPath) -> dict[str, Any]:
    """The dotted key where it says exactly this path, else the segments."""
    plain = all(isinstance(part, str) and part and "." not in part for part in path)
    key = ".".join(map(str, path))
    return {"key": key} if plain and not is_glob(key) else {"path": list(path)}


def _identity(act: str, scope: Scope, deviation: Deviation) -> str:
    """One decision of a kind at a place and scope: a later one replaces it."""
    place = [act, str(scope), deviation.plugin, deviation.file, deviation.key]
    if act == "accept":
        place.append(deviation.kind.value)
    digest = hashlib.sha256(json.dumps(place, ensure_ascii=False).encode("utf-8", "replace"))
    return digest.hexdigest()[:_ID_HEX_DIGITS]
