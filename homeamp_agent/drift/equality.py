"""Whether a setting is as a rule wants it. Pure; secrets are compared by their fingerprints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from homeamp_agent.model.pattern import Pattern
from homeamp_agent.model.rule import Condition, ConditionKind
from homeamp_agent.model.secret import Masker, is_masked
from homeamp_agent.model.setting import (
    Value,
    differs_only_in_type,
    same_text,
    same_value,
    text_of,
)


def equal(expected: Value, actual: Value, typed: bool) -> bool:
    """Equality as the format means it; untyped formats compare their leaves by text."""
    if typed:
        return same_value(expected, actual)
    if isinstance(expected, (list, tuple)) and isinstance(actual, (list, tuple)):
        return len(expected) == len(actual) and all(
            equal(left, right, typed) for left, right in zip(expected, actual, strict=True)
        )
    if isinstance(expected, dict) and isinstance(actual, dict):
        left = {text_of(key): value for key, value in expected.items()}
        right = {text_of(key): value for key, value in actual.items()}
        return left.keys() == right.keys() and all(
            equal(value, right[key], typed) for key, value in left.items()
        )
    if isinstance(expected, (list, tuple, dict)) or isinstance(actual, (list, tuple, dict)):
        return False
    # Where only the rule hides types, the file's own number is one: 10 is 10.0 there.
    return same_text(expected, actual) or same_value(expected, actual)


def only_type_differs(expected: Value, actual: Value) -> bool:
    """Whether all that differs is the type of scalars, in lists and mappings too."""
    if isinstance(expected, (list, tuple)) and isinstance(actual, (list, tuple)):
        return len(expected) == len(actual) and all(
            same_value(left, right) or only_type_differs(left, right)
            for left, right in zip(expected, actual, strict=True)
        )
    return differs_only_in_type(expected, actual)


@dataclass(frozen=True, slots=True)
class Demand:
    """A rule's condition at one place: plain inside, masked in everything it gives out.

    `typed` False: the file or the rule hides types.
    """

    condition: Condition
    typed: bool
    masker: Masker
    path: tuple[Any, ...]
    plugin: str | None

    def met_by(self, actual: Value, other: Value = None) -> bool:
        """Whether `actual` (masked where secret) is as demanded; `other` is SAME_AS's setting.

        A pattern or a range over a secret cannot be checked by its fingerprint and counts as met.
        """
        condition = self.condition
        match condition.kind:
            case ConditionKind.EQUALS:
                return self._is(condition.value, actual)
            case ConditionKind.ONE_OF:
                return any(self._is(value, actual) for value in condition.values)
            case ConditionKind.SAME_AS:
                return equal(other, actual, self.typed)
            case ConditionKind.RANGE:
                return is_masked(actual) or self._in_range(actual)
            case ConditionKind.MATCHES:
                return is_masked(actual) or self._matches(actual)
            case ConditionKind.ABSENT:
                return False
            case _:
                return True

    def differs_only_in_type(self, actual: Value) -> bool:
        """Whether the value is right but for its type."""
        wanted = self.condition
        return wanted.kind is ConditionKind.EQUALS and only_type_differs(wanted.value, actual)

    def expected(self, other: Value = None) -> Value:
        """What is demanded, as a deviation shows it: a value, or a condition as rules write it."""
        condition = self.condition
        match condition.kind:
            case ConditionKind.EQUALS:
                return self._shown(condition.value)
            case ConditionKind.ONE_OF:
                return {"one_of": [self._shown(value) for value in condition.values]}
            case ConditionKind.RANGE:
                return {"range": [condition.minimum, condition.maximum]}
            case ConditionKind.MATCHES:
                return {"matches": self._shown(condition.pattern)}
            case ConditionKind.SAME_AS:
                return other
            case ConditionKind.PRESENT | ConditionKind.ABSENT | ConditionKind.UNIQUE:
                return {condition.kind.value: True}
            case _:
                return None

    def _is(self, expected: Value, actual: Value) -> bool:
        if is_masked(actual):
            # A text format holds every secret as text; a typed one may hold it as a number.
            forms = {expected, text_of(expected)} if not _container(expected) else set()
            return actual["masked"] in {self.masker.fingerprint(form) for form in forms}
        return equal(self._partly_masked(expected, actual), actual, self.typed)

    def _partly_masked(self, expected: Value, actual: Value) -> Value:
        """A list or mapping with its secrets masked as the actual one has them."""
        if not _container(actual):
            return expected
        return self.masker.mask(self.path, expected, self.plugin)

    def _shown(self, value: Value) -> Value:
        return self.masker.mask(self.path, value, self.plugin)

    def _in_range(self, actual: Value) -> bool:
        number = actual
        if not self.typed and isinstance(actual, str):
            try:
                number = float(actual)
            except ValueError:
                return False
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            return False
        low, high = self.condition.minimum, self.condition.maximum
        return (low is None or number >= low) and (high is None or number <= high)

    def _matches(self, actual: Value) -> bool:
        if _container(actual):
            return False
        return Pattern(self.condition.pattern or "").matches(text_of(actual))


def _container(value: Value) -> bool:
    return isinstance(value, (list, tuple, dict)) and not is_masked(value)
