"""The book of requests: on the medium when it says so, and not stuck where the disk is full."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from homeamp_agent.changes import BookedRequest, RequestBook
from homeamp_agent.changes.disk import Disk
from homeamp_agent.model.change import ChangeRequest, ChangeStatus
from homeamp_agent.model.request import RequestedChange
from homeamp_agent.own_state import room_problems
from homeamp_agent.rpc.translation import as_rpc_error

REQUEST = RequestedChange.model_validate(
    {"reason": "because", "edits": [{"file": "a.yml", "path": ["a"], "new": 1}]}
)


class Full(Disk):
    """A disk that takes nothing while it is `full`."""

    full = False

    def write(self, fd: int, content: bytes) -> None:
        if self.full:
            super().write(fd, content[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(fd, content)


def change(change_id: str, status: ChangeStatus) -> ChangeRequest:
    now = datetime.now(UTC)
    return ChangeRequest(id=change_id, reason="r", author="op", status=status, created_at=now)


def test_what_must_count_while_the_disk_is_full_is_written_once_there_is_room(
    tmp_path: Path,
) -> None:
    disk = Full()
    book = RequestBook(tmp_path, disk)
    for name in ("c-1", "c-2"):
        book.enter(BookedRequest(change(name, ChangeStatus.WAITING), REQUEST))
    disk.full = True
    with pytest.raises(OSError, match="No space"):
        book.update(change("c-1", ChangeStatus.CANCELLED))
    assert book.get("c-1").change.status is ChangeStatus.WAITING
    book.update(change("c-1", ChangeStatus.APPROVED), held=True)
    assert book.get("c-1").change.status is ChangeStatus.APPROVED
    assert RequestBook(tmp_path).get("c-1").change.status is ChangeStatus.WAITING
    kept = sorted(each.name for each in (tmp_path / "requests").iterdir())
    assert kept == ["c-1.json", "c-2.json"]

    disk.full = False
    book.update(change("c-2", ChangeStatus.CANCELLED))
    again = RequestBook(tmp_path)
    assert again.get("c-1").change.status is ChangeStatus.APPROVED
    assert again.get("c-1").request == REQUEST
    assert again.get("c-2").change.status is ChangeStatus.CANCELLED


def test_a_disk_without_room_is_told_before_and_after_somebody_needs_it(tmp_path: Path) -> None:
    assert room_problems(tmp_path, 0) == ()
    (line,) = room_problems(tmp_path, 1 << 62)
    assert "MB free: nothing is changed" in line
    assert "cannot be looked at" in room_problems(tmp_path / "gone", 0)[0]
    told = as_rpc_error(OSError(errno.ENOSPC, "No space left on device", "/secret/place"))
    assert str(told) == "the agent cannot write what it must keep: the disk is full"
    assert as_rpc_error(OSError(errno.EBADF, "Bad file descriptor")) is None
