"""How one setting compares over the instances of a host."""

from __future__ import annotations

from enum import StrEnum


class Variance(StrEnum):
    """Why instances have another value than others, if they do; the narrowest reason last.

    SAME: no other value. VARIABLE: meant to vary from instance to instance (a variable, a
    condition, an identity, a value that changes by itself). HOST, TAG, INSTANCE: a rule of that
    scope wants it so. DRIFT: an open deviation, or a difference that no rule speaks of.
    """

    SAME = "same"
    VARIABLE = "variable"
    HOST = "host"
    TAG = "tag"
    INSTANCE = "instance"
    DRIFT = "drift"

    @property
    def rank(self) -> int:
        """0 (same) to 5 (drift): of a row's cells the highest names the row."""
        return _RANKS[self]


_RANKS = {variance: rank for rank, variance in enumerate(Variance)}


class CellState(StrEnum):
    """What an instance has at a place: a value, no such key, no such file, an unreadable one."""

    VALUE = "value"
    MISSING = "missing"
    NO_FILE = "no_file"
    UNREADABLE = "unreadable"
