"""A deviation filter as SQL: the fields, and the small language of the `/` box.

    luckperms !kind:type severity:high,critical file:*.yml "spawn point"

Words are and-ed over everything that a row shows; `field:value` narrows to one field, where the
value may be a part of it, a glob, or several joined by commas; a leading `!` negates; quotes hold
spaces. What looks like a field but is none (`minecraft:stone`, `https://...`) is a word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from homeamp_agent.model.deviation import DeviationKind, DeviationStatus
from homeamp_agent.model.query import DeviationFilter
from homeamp_agent.model.rule import Severity
from homeamp_agent.store.errors import BadQueryError

TEXT_FIELDS = ("host", "instance", "plugin", "file", "key", "pattern", "rule")
WORDS_LIMIT = 50
"""Terms of one filter: SQLite's expression depth is bounded, a person's patience as well."""

_TERM = re.compile(r'(?P<not>!?)(?:(?P<field>[a-z]+):)?(?:"(?P<quoted>[^"]*)"?|(?P<bare>\S+))')
_GLOB = re.compile(r"[*?\[]")


class Term(NamedTuple):
    """One word of the `/` box; `field` is empty for a plain word."""

    negated: bool
    field: str
    value: str


def terms_of(text: str) -> tuple[Term, ...]:
    """The words of the `/` box.

    Raises:
        BadQueryError: more than `WORDS_LIMIT`, or a kind, severity or status that does not exist.
    """
    terms: list[Term] = []
    for match in _TERM.finditer(text):
        name = match["field"] or ""
        value = match["quoted"] if match["quoted"] is not None else match["bare"]
        if name and name not in TEXT_FIELDS and name not in _CHOICES:
            name, value = "", match.group().removeprefix("!").replace('"', "")
        if value:
            terms.append(Term(bool(match["not"]), name, value))
    if len(terms) > WORDS_LIMIT:
        raise BadQueryError(f"the filter has {len(terms)} words; at most {WORDS_LIMIT}")
    return tuple(terms)


@dataclass(slots=True)
class Where:
    """A WHERE clause being put together."""

    clauses: list[str] = field(default_factory=list)
    arguments: list[Any] = field(default_factory=list)

    def add(self, clause: str, *arguments: Any) -> None:
        """And one more condition."""
        self.clauses.append(clause)
        self.arguments += arguments

    @property
    def sql(self) -> str:
        """The clause, never empty."""
        return " AND ".join(self.clauses) or "1"


def where_of(wanted: DeviationFilter, *, any_status: bool = False) -> Where:
    """The rows that `wanted` matches; with `any_status` whatever their status.

    Raises:
        BadQueryError: the text cannot be understood.
    """
    where = Where()
    terms = terms_of(wanted.text or "")
    if not any_status:
        _add_status(where, wanted, terms)
    for name in ("host", "instance", "plugin", "file", "key"):
        value = getattr(wanted, name)
        if value is not None:
            operator = "GLOB" if _GLOB.search(value) else "="
            where.add(f"{name} {operator} ?", value)
    if wanted.group is not None:
        where.add("group_id = ?", wanted.group)
    if wanted.ids is not None:
        where.add("id IN (SELECT value FROM json_each(?))", json.dumps(wanted.ids))
    if wanted.kinds is not None:
        _add_choice(where, "kind", [kind.value for kind in wanted.kinds])
    if wanted.severities is not None:
        _add_choice(where, "severity", [severity.rank for severity in wanted.severities])
    for term in terms:
        if term.field != "status" or not any_status:
            _add_term(where, term)
    return where


def _add_status(where: Where, wanted: DeviationFilter, terms: Sequence[Term]) -> None:
    if wanted.statuses is not None:
        _add_choice(where, "status", [status.value for status in wanted.statuses])
    elif wanted.open and not any(term.field == "status" for term in terms):
        # The sort indexes begin with `open`. A narrower filter is better served by the index on its
        # own column, one by words by reading the rows in the order they lie in: `+` hides `open`.
        narrow = (wanted.instance, wanted.group, wanted.ids, wanted.file, wanted.key)
        hidden = "+" if terms or any(value is not None for value in narrow) else ""
        where.add(f"{hidden}open = 1")


def _add_choice(where: Where, column: str, values: Sequence[Any], negated: bool = False) -> None:
    operator = "NOT IN" if negated else "IN"
    where.add(f"{column} {operator} ({', '.join('?' * len(values))})", *values)


def _add_term(where: Where, term: Term) -> None:
    if not term.field:
        operator = "= 0" if term.negated else "> 0"
        where.add(f"instr(search, ?) {operator}", term.value.casefold())
    elif term.field in _CHOICES:
        values = [value for part in term.value.split(",") for value in _chosen(term.field, part)]
        _add_choice(where, term.field, values, term.negated)
    else:
        parts = [_ascii_lower(part) for part in term.value.split(",") if part]
        column = f"lower({term.field})"
        alternatives = [
            f"{column} GLOB ?" if _GLOB.search(part) else f"instr({column}, ?) > 0"
            for part in parts
        ]
        if alternatives:
            clause = " OR ".join(alternatives)
            where.add(f"NOT ({clause})" if term.negated else f"({clause})", *parts)


def _chosen(name: str, text: str) -> list[Any]:
    """The values of an enumerated field that begin with `text` (`crit`, `missing`)."""
    words, column = _CHOICES[name]
    wanted = text.casefold().replace("-", "_")
    exact = [word for word in words if word.value == wanted]
    chosen = exact or [word for word in words if wanted and word.value.startswith(wanted)]
    if not chosen:
        known = ", ".join(word.value for word in words)
        raise BadQueryError(f"there is no {name} {text!r}; there are {known}")
    return [column(word) for word in chosen]


def _value(word: StrEnum) -> Any:
    return word.value


def _rank(word: StrEnum) -> Any:
    return Severity(word).rank


_CHOICES: dict[str, tuple[tuple[StrEnum, ...], Any]] = {
    "kind": (tuple(DeviationKind), _value),
    "severity": (tuple(Severity), _rank),
    "status": (tuple(DeviationStatus), _value),
}


def _ascii_lower(text: str) -> str:
    """As SQLite's `lower` does it: other letters than ASCII keep their case."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)
