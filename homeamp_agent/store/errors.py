"""What can go wrong with the agent's database.

StoreError
├── StoreClosedError    the store was closed, or is closing; nothing was done
├── StoreNewerError     a newer version of homeamp wrote the database; it is left as it is
├── StoreWriteError     the database could not take a write (disk full, I/O error); rolled back
└── BadQueryError       a filter or cursor that cannot be understood; says why
"""

from __future__ import annotations


class StoreError(Exception):
    """Base of every error this package raises."""


class StoreClosedError(StoreError):
    """The store was closed, or is closing; nothing was done."""


class StoreNewerError(StoreError):
    """A newer version of homeamp wrote the database; it is left as it is."""


class StoreWriteError(StoreError):
    """The database could not take a write; the transaction was rolled back."""


class BadQueryError(StoreError):
    """A filter or a cursor that cannot be understood."""
