"""Owner, mode and extended attributes (access lists among them) of a file, kept over a change."""

from __future__ import annotations

import base64
import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from homeamp_agent.changes.disk import Disk
from homeamp_agent.changes.errors import NotKeptError

_NO_ATTRIBUTES = frozenset({errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file has besides its bytes. `mode` holds permission bits only."""

    mode: int
    uid: int
    gid: int
    attributes: Mapping[str, bytes] = field(default_factory=dict)

    def wire(self) -> dict[str, Any]:
        """As JSON: attributes in base64."""
        return {
            "mode": f"{self.mode:04o}",
            "uid": self.uid,
            "gid": self.gid,
            "attributes": {
                name: base64.b64encode(value).decode("ascii")
                for name, value in sorted(self.attributes.items())
            },
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Metadata:
        """Back from `wire()`."""
        return cls(
            mode=int(wire["mode"], 8),
            uid=int(wire["uid"]),
            gid=int(wire["gid"]),
            attributes={
                name: base64.b64decode(value) for name, value in wire["attributes"].items()
            },
        )


def metadata_of(fd: int) -> Metadata:
    """The metadata of an open file."""
    facts = os.fstat(fd)
    return Metadata(stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid, _attributes(fd))


def give_metadata(disk: Disk, fd: int, wanted: Metadata) -> None:
    """Make the open file's metadata `wanted`, and look whether it is.

    Owner first: a change of owner clears set-id bits and capabilities. Attributes before the
    mode: an access list and the group bits of the mode are one thing seen twice. Attributes that
    the folder handed down to the new file are taken away again.

    Raises:
        NotKeptError: it cannot be made so; who is missing which right is in the text.
    """
    facts = os.fstat(fd)
    if (facts.st_uid, facts.st_gid) != (wanted.uid, wanted.gid):
        try:
            disk.give_owner(fd, wanted.uid, wanted.gid)
        except PermissionError as error:
            raise NotKeptError(
                f"the owner (uid {wanted.uid}, gid {wanted.gid}) cannot be kept: "
                "the agent runs as another user"
            ) from error
    present = _attributes(fd)
    for name in present.keys() - wanted.attributes.keys():
        _attribute_call(name, lambda each: disk.take_attribute(fd, each))
    for name, value in wanted.attributes.items():
        if present.get(name) != value:
            _attribute_call(name, lambda each, value=value: disk.give_attribute(fd, each, value))
    disk.give_mode(fd, wanted.mode)
    if metadata_of(fd) != wanted:
        raise NotKeptError("owner, mode or extended attributes cannot be kept on this file system")


def _attribute_call(name: str, call: Any) -> None:
    try:
        call(name)
    except OSError as error:
        raise NotKeptError(f"the extended attribute {name} cannot be kept") from error


def _attributes(fd: int) -> dict[str, bytes]:
    try:
        return {name: os.getxattr(fd, name) for name in os.listxattr(fd)}
    except OSError as error:
        if error.errno in _NO_ATTRIBUTES:
            return {}
        raise
