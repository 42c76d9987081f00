"""The book of requests: what was handed in, and where each stands, until its journal takes over.

    requests/<id>.json     {"change": as it is shown, "request": as it was handed in}

A request may hold a secret's plain value, which it needs at the moment of writing. So these are
private files beside the backups, not rows of the database; once nothing more can come of a request,
what was handed in is forgotten and only what is shown stays.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

from pydantic import ValidationError

from homeamp_agent.changes.disk import Disk
from homeamp_agent.changes.errors import ChangeExistsError, UnknownChangeError
from homeamp_agent.changes.journal import CHANGE_ID
from homeamp_agent.changes.state import StateFolder
from homeamp_agent.model.change import ChangeRequest, ChangeStatus
from homeamp_agent.model.request import RequestedChange

FOLDER = "requests"
SUFFIX = ".json"

OPEN = frozenset(
    {
        ChangeStatus.PENDING_APPROVAL,
        ChangeStatus.APPROVED,
        ChangeStatus.SCHEDULED,
        ChangeStatus.WAITING,
        ChangeStatus.APPLYING,
    }
)
"""Something may still come of it."""


@dataclass(frozen=True, slots=True)
class BookedRequest:
    """A request as it stands, and as it was handed in (None once it is over)."""

    change: ChangeRequest
    request: RequestedChange | None = field(default=None, repr=False)

    @property
    def open(self) -> bool:
        """Whether something may still come of it."""
        return self.change.status in OPEN


class RequestBook:
    """The requests of one state folder; thread-safe. One process holds it at a time."""

    def __init__(self, state: Path, disk: Disk | None = None) -> None:
        """Read what is there; `problems` name what could not be read."""
        self._folder = StateFolder(state, disk or Disk()).below(FOLDER)
        self._lock = Lock()
        self._booked: dict[str, BookedRequest] = {}
        self._unwritten: set[str] = set()
        self.problems: tuple[str, ...] = ()
        self._read()

    def enter(self, booked: BookedRequest) -> None:
        """Take a new request in; on the medium when this returns.

        Raises:
            ChangeExistsError: its id is taken.
            OSError: it could not be written.
        """
        with self._lock:
            if booked.change.id in self._booked:
                raise ChangeExistsError(f"the change id {booked.change.id} is taken")
            self._write(booked)

    def update(self, change: ChangeRequest, *, held: bool = False) -> BookedRequest:
        """Where a request stands now; what was handed in is forgotten with its end.

        One that is over stays so: a note that was on its way meanwhile changes nothing. `held`: if
        it cannot be written now, it counts all the same, and is written with the next one that can.

        Raises:
            UnknownChangeError: there is no such request.
            OSError: it could not be written.
        """
        with self._lock:
            known = self._known(change.id)
            booked = replace(known, change=change)
            if booked.open and not known.open:
                return known
            if not booked.open:
                booked = replace(booked, request=None)
            try:
                self._write(booked)
            except OSError:
                if not held:
                    raise
                self._booked[change.id] = booked
                self._unwritten.add(change.id)
            return booked

    def get(self, change_id: str) -> BookedRequest:
        """One request.

        Raises:
            UnknownChangeError: there is no such request.
        """
        with self._lock:
            return self._known(change_id)

    def find(self, change_id: str) -> BookedRequest | None:
        """One request, or None."""
        with self._lock:
            return self._booked.get(change_id)

    def all(self) -> Sequence[BookedRequest]:
        """Every request."""
        with self._lock:
            return tuple(self._booked.values())

    def _known(self, change_id: str) -> BookedRequest:
        try:
            return self._booked[change_id]
        except KeyError as error:
            raise UnknownChangeError(f"there is no change request {change_id}") from error

    def _write(self, booked: BookedRequest) -> None:
        self._store(booked)
        self._booked[booked.change.id] = booked
        self._unwritten.discard(booked.change.id)
        with suppress(OSError):
            for change_id in tuple(self._unwritten):
                self._store(self._booked[change_id])
                self._unwritten.discard(change_id)

    def _store(self, booked: BookedRequest) -> None:
        document = {
            "change": booked.change.model_dump(mode="json"),
            "request": None if booked.request is None else booked.request.model_dump(mode="json"),
        }
        self._folder.write(booked.change.id + SUFFIX, json.dumps(document).encode())

    def _read(self) -> None:
        problems = []
        for name in self._folder.names():
            if not name.endswith(SUFFIX) or not CHANGE_ID.fullmatch(name.removesuffix(SUFFIX)):
                continue
            try:
                booked = _booked(self._folder.read(name))
            except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
                problems.append(f"request {name.removesuffix(SUFFIX)}: {_why(error)}")
            else:
                self._booked[booked.change.id] = booked
        self.problems = tuple(problems)


def _booked(data: bytes) -> BookedRequest:
    document = json.loads(data)
    request = document["request"]
    return BookedRequest(
        change=ChangeRequest.model_validate(document["change"]),
        request=None if request is None else RequestedChange.model_validate(request),
    )


def _why(error: Exception) -> str:
    """Without the error's own text, which may repeat a value."""
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    kind = "not understood" if isinstance(error, ValidationError) else "damaged"
    return f"its file in the state folder is {kind}"
