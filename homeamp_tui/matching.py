"""The `/` filter over rows that a screen holds itself: words are and-ed, `field:value` narrows."""

from __future__ import annotations

from collections.abc import Mapping


def matches(text: str, fields: Mapping[str, str]) -> bool:
    """Whether every word of `text` is found in some field; `!word` must not be found.

    `field:value` looks into one field, by its whole name; a word whose part before the colon names
    no field is looked for as it stands. Case does not count.
    """
    low = {name: value.casefold() for name, value in fields.items()}
    return all(_found(word, low) for word in text.casefold().split())


def _found(word: str, fields: Mapping[str, str]) -> bool:
    negated, word = word.startswith("!"), word.removeprefix("!")
    name, colon, value = word.partition(":")
    if colon and name in fields:
        return (value in fields[name]) is not negated
    return any(word in each for each in fields.values()) is not negated
