"""What a deviation looks like over all instances: the reading that an operator would make.

Each pattern is one pure function from a `Sight` to a `Pattern` or None; the first that sees
something names the deviation, the most telling first. A pattern never makes or hides a deviation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from homeamp_agent.baselines.knowledge import PluginKnowledge
from homeamp_agent.drift.severity import about_security
from homeamp_agent.drift.spread import Spread, type_word
from homeamp_agent.drift.wording import names, shown
from homeamp_agent.model.deviation import (
    FIXABLE_KINDS,
    Deviation,
    DeviationKind,
    Pattern,
    Suggestion,
)
from homeamp_agent.model.pattern import any_found
from homeamp_agent.model.secret import is_masked
from homeamp_agent.model.setting import Value, same_value
from homeamp_agent.model.snapshot import MISSING

ODD_ONE_OUT_MIN = 3
"""Of two instances neither is the odd one."""

MINORITY_SHARE = 0.2
MINORITY_MIN = 6
"""Below six instances a fifth is one: that is the odd one out."""

MAJORITY_SHARE = 0.5
SPLIT_SHARE = 0.4
SPLIT_MIN = 4
"""Two camps of at least two instances, each at least two fifths of all."""

TYPO_LENGTH_MIN = 4
"""Shorter words are near each other by chance."""

TYPO_EDITS_MAX = 2

DEFAULTS_TELLING = 3
"""So many settings of a file at their default at once mean that the file was made anew."""


@dataclass(frozen=True)
class Sight:
    """One deviation and what surrounds it.

    `spread` is what the same place holds on every instance that has the file; `aliases` what each
    instance may be called; `default` what the plugin ships with, or `MISSING`. `at_default` counts
    the settings of the file that are at their default and should not be, `alike` the instances
    that deviate there in the same way.
    """

    deviation: Deviation
    spread: Spread
    aliases: Mapping[str, Sequence[str]]
    knowledge: PluginKnowledge
    default: Value = MISSING
    at_default: int = 0
    alike: int = 1

    @property
    def own(self) -> Value:
        """What the instance itself has there."""
        return self.spread.on(self.deviation.instance)

    @property
    def own_camp(self) -> Sequence[str]:
        """The instances that have the same, this one included."""
        return self.spread.camp_of(self.deviation.instance)


def security_downgrade(sight: Sight) -> Pattern | None:
    """A setting that guards something is weaker than expected."""
    deviation = sight.deviation
    key = deviation.key
    if key is None or not about_security(key, sight.knowledge):
        return None
    if not weaker(key, deviation.expected, deviation.actual):
        return None
    return Pattern(
        name="security_downgrade",
        evidence=f"{key} is {shown(deviation.actual)} where {shown(deviation.expected)} is "
        "expected: less is guarded",
        confidence=0.9,
        action="fix 1 now",
        suggests=Suggestion.FIX,
    )


_OPENS_WHEN_ON = re.compile(
    r"(?:^|[.\-_])(?:enable-?rcon|rcon\.enabled?|allow|bypass|disable|skip|ignore|legacy|"
    r"auto-?op|enable-?command-?block)",
    re.IGNORECASE,
)
_LEVEL = re.compile(r"permission-level$")
_DENIES = re.compile(r"black-?list|block-?list|banned|denied|forbidden", re.IGNORECASE)
_OFF = frozenset({"none", "off", "disabled", "false", "offline", "legacy"})
"""Modes that guard nothing, or less than any other."""


def weaker(key: str, expected: Value, actual: Value) -> bool:
    """Whether the actual value of a setting that guards something guards less than expected."""
    wanted, has = _flag(expected), _flag(actual)
    if wanted is not None and has is not None:
        return wanted != has and has == bool(_OPENS_WHEN_ON.search(key))
    if isinstance(expected, list) and isinstance(actual, list):
        dropped = [item for item in expected if item not in actual]
        added = [item for item in actual if item not in expected]
        return bool(dropped) if _DENIES.search(key) else bool(added)
    if isinstance(expected, str) and isinstance(actual, str):
        return actual.casefold() in _OFF and expected.casefold() not in _OFF
    return bool(_LEVEL.search(key)) and _number(actual) > _number(expected)


def _flag(value: Value) -> bool | None:
    if isinstance(value, bool):
        return value
    text = value.casefold() if isinstance(value, str) else ""
    return {"true": True, "false": False}.get(text)


def _number(value: Value) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def duplicated_identity(sight: Sight) -> Pattern | None:
    """An id, port or table prefix that another instance has too: a copied instance."""
    deviation = sight.deviation
    others = [each for each in sight.own_camp if each != deviation.instance]
    identity = deviation.key is not None and any_found(sight.knowledge.identity, deviation.key)
    if not others or not (identity or deviation.kind is DeviationKind.NOT_UNIQUE):
        return None
    return Pattern(
        name="duplicated_identity",
        evidence=f"{shown(sight.own)} is also that of {names(sorted(others))}: copied with its "
        "folder, it seems",
        confidence=0.95,
        action="give this instance its own value",
        suggests=Suggestion.OWN_VALUE,
    )


def wrong_instance_name(sight: Sight) -> Pattern | None:
    """The value names another instance, and not its own."""
    deviation = sight.deviation
    if not isinstance(deviation.actual, str):
        return None
    text = deviation.actual
    own = sight.aliases.get(deviation.instance, (deviation.instance,))
    if _names(own, text):
        return None
    # A short name (`surv`, `Creative`) may be a common word: it counts where the expected value
    # has this instance's own in its place.
    loose = isinstance(deviation.expected, str) and _names(own, deviation.expected)
    named = [
        instance
        for instance, aliases in sight.aliases.items()
        if instance != deviation.instance and _names(aliases if loose else (instance,), text)
    ]
    if not named:
        return None
    fixable = deviation.kind in FIXABLE_KINDS
    return Pattern(
        name="wrong_instance_name",
        evidence=f"{shown(text)} on {deviation.instance} names {names(named)}",
        confidence=0.9,
        action=f"write {deviation.instance}'s own name",
        suggests=Suggestion.FIX if fixable else Suggestion.OWN_VALUE,
    )


def _names(aliases: Sequence[str], text: str) -> bool:
    return any(
        re.search(rf"(?<![A-Za-z0-9]){re.escape(each)}(?![A-Za-z0-9])", text, re.IGNORECASE)
        for each in aliases
    )


def typo(sight: Sight) -> Pattern | None:
    """A text one or two letters away from what is expected, or from what most have."""
    actual = sight.deviation.actual
    if not isinstance(actual, str) or len(actual) < TYPO_LENGTH_MIN:
        return None
    near = [sight.deviation.expected]
    near += [value for value, who in sight.spread.camps if len(who) > len(sight.own_camp)]
    for meant in near:
        if not isinstance(meant, str) or not _meant_as_word(meant, actual):
            continue
        edits = _edits(meant, actual)
        if 0 < edits <= min(TYPO_EDITS_MAX, len(meant) // TYPO_LENGTH_MIN):
            letters = "one letter" if edits == 1 else "two letters"
            return Pattern(
                name="typo",
                evidence=f"{shown(actual)} is {letters} from {shown(meant)}",
                confidence=0.9 if edits == 1 else 0.75,
                action="fix 1",
                suggests=Suggestion.FIX,
            )
    return None


def _meant_as_word(meant: str, actual: str) -> bool:
    """Digits that differ are another number, not a slip: `arena1` and `arena2`."""
    return len(meant) >= TYPO_LENGTH_MIN and re.findall(r"\d+", meant) == re.findall(r"\d+", actual)


def _edits(left: str, right: str) -> int:
    """Edit distance with swaps of neighbours, counted up to just over `TYPO_EDITS_MAX`."""
    if abs(len(left) - len(right)) > TYPO_EDITS_MAX:
        return TYPO_EDITS_MAX + 1
    two_back: list[int] = []
    back = list(range(len(right) + 1))
    for row, letter in enumerate(left, 1):
        here = [row]
        for column, other in enumerate(right, 1):
            cost = min(back[column] + 1, here[column - 1] + 1, back[column - 1] + (letter != other))
            swapped = row > 1 and column > 1 and left[row - 2] == other
            if swapped and letter == right[column - 2]:
                cost = min(cost, two_back[column - 2] + 1)
            here.append(cost)
        if min(here) > TYPO_EDITS_MAX:
            return TYPO_EDITS_MAX + 1
        two_back, back = back, here
    return back[-1]


def return_to_default(sight: Sight) -> Pattern | None:
    """The value is what the plugin ships with: the file was reset, or made anew by an update."""
    if sight.default is MISSING or sight.own is MISSING:
        return None
    if not same_value(sight.default, sight.own):
        return None
    plugin = sight.deviation.plugin
    told = f"{shown(sight.own)} is what {plugin} ships with"
    if sight.at_default >= DEFAULTS_TELLING:
        told += f", as {sight.at_default} settings of this file are: it was made anew"
    return Pattern(
        name="return_to_default",
        evidence=told,
        confidence=0.95 if sight.at_default >= DEFAULTS_TELLING else 0.6,
        action="fix the whole file" if sight.at_default >= DEFAULTS_TELLING else "fix 1",
        suggests=Suggestion.FIX,
    )


def mixed_types(sight: Sight) -> Pattern | None:
    """The instances disagree about the type of the setting."""
    kinds = sight.spread.types
    own = type_word(sight.own)
    if len(kinds) < 2 or own is None:
        return None
    common, count = kinds.most_common(1)[0]
    if own == common or count == kinds[own]:
        return None
    return Pattern(
        name="mixed_types",
        evidence=f"a {own} here, a {common} on {count} of {kinds.total()} instances",
        confidence=round(count / kinds.total(), 2),
        action=f"write it as a {common} everywhere",
        suggests=Suggestion.FIX,
    )


def odd_one_out(sight: Sight) -> Pattern | None:
    """All other instances agree; only this one differs."""
    count = len(sight.spread)
    if count < ODD_ONE_OUT_MIN or len(sight.spread.camps) != 2 or len(sight.own_camp) != 1:
        return None
    majority, who = sight.spread.camps[0]
    has = "lacks it" if sight.own is MISSING else f"has {shown(sight.own)}"
    others = "do not have it" if majority is MISSING else f"have {shown(majority)}"
    return Pattern(
        name="odd_one_out",
        evidence=f"{len(who)} of {count} instances {others}; only {sight.deviation.instance} {has}",
        confidence=round(1 - 1 / count, 2),
        action="fix 1",
        suggests=Suggestion.FIX,
    )


def minority(sight: Sight) -> Pattern | None:
    """Fewer than a fifth of the instances have this value."""
    count = len(sight.spread)
    share = len(sight.own_camp) / count if count else 1
    if count < MINORITY_MIN or share >= MINORITY_SHARE:
        return None
    majority, who = sight.spread.camps[0]
    if len(who) / count <= 0.5:
        return None
    return Pattern(
        name="minority",
        evidence=f"{len(sight.own_camp)} of {count} instances have {_told(sight.own)}, "
        f"{len(who)} have {_told(majority)}",
        confidence=round(1 - share, 2),
        action=f"fix {len(sight.own_camp)}, or give them a rule of their own",
    )


def even_split(sight: Sight) -> Pattern | None:
    """Two camps of about the same size: it may be on purpose."""
    count = len(sight.spread)
    if count < SPLIT_MIN or len(sight.spread.camps) < 2:
        return None
    (first, some), (second, others) = sight.spread.camps[:2]
    if len(others) < max(2, SPLIT_SHARE * count):
        return None
    if sight.deviation.instance not in {*some, *others}:
        return None
    return Pattern(
        name="even_split",
        evidence=f"{len(some)} of {count} instances have {_told(first)}, {len(others)} have "
        f"{_told(second)} ({names(sorted(others))})",
        confidence=0.5,
        action="decide: promote one value to global, or give one half a tag rule",
    )


def majority(sight: Sight) -> Pattern | None:
    """Most instances deviate in the same way: the rule may be out of date."""
    deviation, count = sight.deviation, len(sight.spread)
    if deviation.kind not in {DeviationKind.VALUE, DeviationKind.TYPE} or count < ODD_ONE_OUT_MIN:
        return None
    share = sight.alike / count
    if share <= MAJORITY_SHARE or is_masked(deviation.actual):
        return None
    return Pattern(
        name="majority",
        evidence=f"{sight.alike} of {count} instances have {_told(sight.own)} where "
        f"{shown(deviation.expected)} is expected: the rule may be out of date",
        confidence=round(share * 0.8, 2),
        action="promote the majority value to global",
        suggests=Suggestion.PROMOTE,
    )


PatternFinder = Callable[[Sight], Pattern | None]

PATTERNS: tuple[PatternFinder, ...] = (
    security_downgrade,
    duplicated_identity,
    wrong_instance_name,
    typo,
    return_to_default,
    mixed_types,
    odd_one_out,
    minority,
    even_split,
    majority,
)
"""The most telling first: why a value is wrong before how many have it."""


def pattern_of(sight: Sight) -> Pattern | None:
    """The most telling pattern, or None."""
    return next((found for find in PATTERNS if (found := find(sight)) is not None), None)


def _told(value: Value) -> str:
    return "none" if value is MISSING else shown(value)
