"""What one setting is on each instance, and who agrees with whom."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from homeamp_agent.model.secret import is_masked
from homeamp_agent.model.setting import Value
from homeamp_agent.model.snapshot import MISSING


@dataclass(frozen=True)
class Spread:
    """One setting over all instances that have its file; counted once for all who look at it.

    `values` is by instance, `MISSING` where the key is not there, secrets masked.
    """

    values: Mapping[str, Value]

    def __len__(self) -> int:
        return len(self.values)

    def on(self, instance: str) -> Value:
        """What the instance has; `MISSING` also where it lacks the file."""
        return self.values.get(instance, MISSING)

    @cached_property
    def camps(self) -> list[tuple[Value, list[str]]]:
        """The values with the instances that have them, most frequent first."""
        return sorted(self._by_text.values(), key=lambda camp: -len(camp[1]))

    def camp_of(self, instance: str) -> Sequence[str]:
        """The instances that have what this one has, itself included."""
        camp = self._by_text.get(self._text_of.get(instance, ""))
        return () if camp is None else camp[1]

    @cached_property
    def types(self) -> Counter[str]:
        """How many instances have which type there; nulls and secrets have none."""
        return Counter(
            kind for value in self.values.values() if (kind := type_word(value)) is not None
        )

    @cached_property
    def _text_of(self) -> dict[str, str]:
        return {instance: canonical(value) for instance, value in self.values.items()}

    @cached_property
    def _by_text(self) -> dict[str, tuple[Value, list[str]]]:
        camps: dict[str, tuple[Value, list[str]]] = {}
        for instance, text in self._text_of.items():
            camps.setdefault(text, (self.values[instance], []))[1].append(instance)
        return camps


def canonical(value: Value) -> str:
    """A value as text that is equal for equal values (1 and 1.0); empty for `MISSING`."""
    if value is MISSING:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        return str(value).lower()
    return json.dumps(value, sort_keys=True, default=str)


def type_word(value: Value) -> str | None:
    """The type of a value in an operator's words; None where it has none to speak of."""
    if value is MISSING or value is None or is_masked(value):
        return None
    words = {bool: "boolean", int: "number", float: "number", str: "text", list: "list"}
    return words.get(type(value), "section")
