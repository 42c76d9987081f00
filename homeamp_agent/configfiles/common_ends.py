"""How far two sequences are the same at their beginning and at their end."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any


def common_ends(
    old: Sequence[Any],
    new: Sequence[Any],
    most: int | None = None,
    equal: Callable[[Any, Any], bool] = operator.eq,
) -> tuple[int, int]:
    """How many items are the same at the head, and how many of the others at the tail.

    Both together are at most `most`; without it, as many as the shorter one has.
    """
    shorter = min(len(old), len(new)) if most is None else most
    head = tail = 0
    while head < shorter and equal(old[head], new[head]):
        head += 1
    while tail < shorter - head and equal(old[-1 - tail], new[-1 - tail]):
        tail += 1
    return head, tail
