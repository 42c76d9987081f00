"""What can go wrong between us and a panel.

AmpError                     base; one sentence for a person
├── AmpAway                  no answer: refused, timed out, 5xx, not JSON, 'Instance Unavailable'
├── AmpRefused               an answer, and it is no: wrong name, missing right, Status false
│   ├── AmpLoginRefused      the login itself; `result` is AMP's code
│   └── AmpNoPermission      logged in, but this account may not do it
└── AmpInstanceUnknown       the panel has no instance of that name
"""

from __future__ import annotations


class AmpError(Exception):
    """Base of every error of this package."""


class AmpAway(AmpError):
    """The panel (or the instance behind it) does not answer; trying later may help."""


class AmpRefused(AmpError):
    """The panel answered no; trying again will not help."""


class AmpLoginRefused(AmpRefused):
    """The login was refused; `result` is AMP's code (see `LOGIN_RESULTS`), None where not given."""

    def __init__(self, message: str, result: int | None = None) -> None:
        self.result = result
        super().__init__(message)


class AmpNoPermission(AmpRefused):
    """The account lacks a right; permissions are fixed at login."""


class AmpInstanceUnknown(AmpError):
    """The panel has no instance of that name, or this account may not see it."""
