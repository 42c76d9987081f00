"""What differs between two lists, as few items as can be told quickly.

Comments stand beside items: an edit that keeps each item that both lists hold keeps them in place.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import NamedTuple

from homeamp_agent.configfiles.common_ends import common_ends
from homeamp_agent.configfiles.document import Value
from homeamp_agent.configfiles.proof import same

_MOST_ITEMS_COMPARED = 2_000
"""Above it only the common beginning and end are kept: comparing takes quadratic time."""


class ListStep(NamedTuple):
    """Old items `[start, end)` become new items `[new_start, new_end)`."""

    start: int
    end: int
    new_start: int
    new_end: int


def list_steps(old: list[Value], new: list[Value]) -> list[ListStep]:
    """The steps from `old` to `new`, in order; between two of them at least one item is kept."""
    head, tail = common_ends(old, new, equal=same)
    old_middle, new_middle = old[head : len(old) - tail], new[head : len(new) - tail]
    if max(len(old_middle), len(new_middle)) > _MOST_ITEMS_COMPARED:
        return [ListStep(head, len(old) - tail, head, len(new) - tail)]
    matcher = SequenceMatcher(None, list(map(repr, old_middle)), list(map(repr, new_middle)), False)
    return [
        ListStep(head + start, head + end, head + new_start, head + new_end)
        for kind, start, end, new_start, new_end in matcher.get_opcodes()
        if kind != "equal"
    ]
