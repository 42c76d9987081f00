"""`approved.yaml`: deviations that were accepted, so that a review survives a lost database.

An approval is tied to the place, the kind and the actual value. Another value, a changed rule or
the end of its term brings the deviation back. Secrets stand here as fingerprints only.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import AwareDatetime, ValidationError

from homeamp_agent.baselines.source import SourceReading
from homeamp_agent.model.base import Word
from homeamp_agent.model.deviation import Deviation, DeviationKind
from homeamp_agent.model.rule import ProblemSeverity, Scope, ScopeKind
from homeamp_agent.model.setting import same_value

FILE = "approved.yaml"
VERSION = 1
_ID_HEX_DIGITS = 12
_HEADER = (
    "# Written by homeamp: deviations that were accepted. Review it like any other baseline.\n"
)


class Approval(Word):
    """One accepted deviation and how far the acceptance reaches."""

    id: str
    scope: Scope
    plugin: str | None = None
    file: str | None = None
    path: tuple[str | bool | int | None, ...] | None = None
    key: str | None = None
    kind: DeviationKind
    expected: Any = None
    actual: Any = None
    reason: str = ""
    by: str = ""
    at: AwareDatetime
    expires: AwareDatetime | None = None

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
    place = [str(scope), deviation.plugin, deviation.file, deviation.key, deviation.kind.value]
    digest = hashlib.sha256(json.dumps(place, ensure_ascii=False).encode("utf-8", "replace"))
    return Approval(
        id=digest.hexdigest()[:_ID_HEX_DIGITS],
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


def read_approved(file: str, data: bytes) -> SourceReading:
    """Read the file; its approvals stand in `declarations["approvals"]`, a bad one is left out."""
    reading = SourceReading(file, "approved")
    approvals: list[Approval] = []
    reading.declarations["approvals"] = approvals
    try:
        loaded = yaml.safe_load(data.decode("utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        reading.fail(
            f"is no YAML: {getattr(error, 'problem', None) or error}",
            line=mark.line + 1 if mark else None,
        )
        return reading
    entries = loaded.get("approvals") if isinstance(loaded, dict) else None
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        try:
            approvals.append(Approval.model_validate(entry))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            reading.problem(
                f"approval {index + 1}: {where}: {first['msg']}; left out",
                severity=ProblemSeverity.ERROR,
            )
    reading.counts["approvals"] = len(approvals)
    return reading


def merged(
    approvals: Sequence[Approval], add: Iterable[Approval] = (), drop: Iterable[str] = ()
) -> tuple[Approval, ...]:
    """The approvals, sorted, with `add` (replacing those of the same id) and without `drop`."""
    by_id = {each.id: each for each in approvals}
    for identity in drop:
        by_id.pop(identity, None)
    by_id.update({each.id: each for each in add})
    return tuple(sorted(by_id.values(), key=_order))


def _order(approval: Approval) -> tuple[str, ...]:
    return (
        (approval.plugin or "").casefold(),
        approval.file or "",
        approval.key or "",
        approval.kind.value,
        str(approval.scope),
        approval.id,
    )


def approved_text(approvals: Sequence[Approval]) -> str:
    """The file's text: sorted and one field a line, so that git shows what a review changed."""
    entries = [
        {name: value for name, value in each.model_dump(mode="json").items() if value is not None}
        for each in merged(approvals)
    ]
    document = {"version": VERSION, "approvals": entries}
    return _HEADER + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


def write_approved(directory: Path, approvals: Sequence[Approval]) -> Path:
    """Write `approved.yaml` whole or not at all; a reader never sees half of it.

    Raises:
        OSError: the directory cannot be written to.
    """
    target = directory / FILE
    descriptor, name = tempfile.mkstemp(prefix=".approved-", suffix=".tmp", dir=directory)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(approved_text(approvals))
            file.flush()
            os.fsync(file.fileno())
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
        os.chmod(name, mode)  # noqa: PTH101  (mkstemp hands out a name)
        os.replace(name, target)  # noqa: PTH105
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108
        raise
    return target
