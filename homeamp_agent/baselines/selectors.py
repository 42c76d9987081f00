"""What a rule's selectors pick: plugins, files below the plugin's folder, keys of a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from homeamp_agent.model.pattern import LENGTH_MAX, BadPattern, Pattern, pattern_of
from homeamp_agent.model.rule import Rule
from homeamp_agent.model.setting import KeyPath, dotted
from homeamp_agent.model.snapshot import SettingTable

GLOB_CHARACTERS = frozenset("*?[")
ANY_ENDING = ".*"
NOTHING = Pattern(r"[^\x00-\x{10FFFF}]")


class Specificity(NamedTuple):
    """How exactly a rule names its setting; compared in this order."""

    plugin: int
    file: int
    key: int


@lru_cache(maxsize=65_536)
def is_glob(pattern: str) -> bool:
    """Whether the text is a pattern rather than a name."""
    return not GLOB_CHARACTERS.isdisjoint(pattern)


@lru_cache(maxsize=65_536)
def glob(pattern: str, separator: str) -> Pattern:
    """`*` matches within one segment, `**` over segments (also none: `**.x` matches `x`).

    As a pattern of RE2: a dozen stars, on a key of some length, keep `re` busy for hours. What
    cannot be used is a name that holds these characters.
    """
    try:
        return pattern_of(_translated(pattern, separator))
    except BadPattern:
        literal = re.escape(pattern)
        return Pattern(literal) if len(literal) <= LENGTH_MAX else NOTHING


def glob_problem(pattern: str, separator: str) -> str | None:
    """Why the text cannot be used as a pattern of names; None where it can, or is a plain name."""
    try:
        if is_glob(pattern):
            pattern_of(_translated(pattern, separator))
    except BadPattern as error:
        return str(error)
    return None


def _translated(pattern: str, separator: str) -> str:
    parts: list[str] = []
    rest = pattern
    inner = f"[^{re.escape(separator)}]"
    while rest:
        if rest.startswith("**" + separator):
            parts.append(f"(?:.*{re.escape(separator)})?")
            rest = rest[2 + len(separator) :]
        elif rest.startswith("**"):
            parts.append(".*")
            rest = rest[2:]
        elif rest[0] == "*":
            parts.append(inner + "*")
            rest = rest[1:]
        elif rest[0] == "?":
            parts.append(inner)
            rest = rest[1:]
        elif rest[0] == "[" and "]" in rest[2:]:
            end = rest.index("]", 2)
            body, rest = rest[1:end], rest[end + 1 :]
            negated = body.startswith("!")
            parts.append(
                f"[{'^' if negated else ''}{re.escape(body[negated:])}]".replace(r"\-", "-")
            )
        else:
            parts.append(re.escape(rest[0]))
            rest = rest[1:]
    return "".join(parts)


def specificity(rule: Rule) -> Specificity:
    """The rank of a rule within its scope: an exact name beats a pattern, a pattern beats none.

    A markdown stem (`config.*`) names one file in all but its ending, so it counts as exact.
    """
    return Specificity(
        0 if rule.plugin is not None and is_glob(rule.plugin) else 1,
        0 if rule.file is None else 1 if is_glob(rule.file) and stem_of(rule.file) is None else 2,
        1 if rule.path is not None or rule.key is None or not is_glob_key(rule) else 0,
    )


def stem_pattern(stem: str) -> str:
    """The file selector of a markdown baseline, which records paths without their ending."""
    return re.sub(r"[*?\[]", r"[\g<0>]", stem) + ANY_ENDING


@lru_cache(maxsize=65_536)
def stem_of(pattern: str) -> str | None:
    """The path that `pattern` names in all but its ending; None where it is no such selector."""
    if not pattern.endswith(ANY_ENDING):
        return None
    stem = pattern[: -len(ANY_ENDING)]
    plain = re.sub(r"\[([*?\[])\]", "", stem)
    return None if is_glob(plain) else re.sub(r"\[([*?\[])\]", r"\1", stem)


def without_ending(file: str) -> str:
    """`lang/en.us.yml` → `lang/en.us`."""
    folder, slash, name = file.rpartition("/")
    return folder + slash + (name.rpartition(".")[0] or name)


def is_glob_key(rule: Rule) -> bool:
    """Whether the rule's key is a pattern. Only rules.yaml has patterns; real keys hold `*` too."""
    return (
        rule.key is not None
        and is_glob(rule.key)
        and rule.source.file.rsplit("/", 1)[-1].endswith((".yaml", ".yml"))
    )


def matching_files(pattern: str, files: Iterable[str]) -> list[str]:
    """The files, relative to what the rule is relative to, that the pattern names."""
    if not is_glob(pattern):
        return [file for file in files if file == pattern]
    stem = stem_of(pattern)
    if stem is not None:
        return [file for file in files if without_ending(file) == stem]
    compiled = glob(pattern, "/")
    return [file for file in files if compiled.matches(file)]


def matching_paths(rule: Rule, table: SettingTable, key: str | None = None) -> list[KeyPath]:
    """The key paths of the table that the rule names; `key` stands in for the rule's own."""
    if rule.path is not None:
        return [rule.path] if table.has(rule.path) else []
    wanted = rule.key if key is None else key
    if wanted is None:
        return []
    if key is None and is_glob_key(rule):
        compiled = glob(wanted, ".")
        return [path for path in table.leaves if compiled.matches(dotted(path))]
    return table.find(wanted)
