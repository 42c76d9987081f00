"""Who is at the other end of the socket, and what they may do.

The kernel tells the peer's uid at accept (SO_PEERCRED); the user's groups are looked up each time,
so that a change of membership counts with the next connection.
"""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from homeamp_agent.rpc.protocol.messages import Access

ROOT_UID = 0
_CREDENTIALS = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class Peer:
    """A process at the other end: its pid, its user, and all groups of that user.

    `user` is None for a uid without an account.
    """

    pid: int
    uid: int
    gid: int
    user: str | None = None
    groups: frozenset[int] = frozenset()

    def __str__(self) -> str:
        return self.user if self.user is not None else f"uid {self.uid}"


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """Users and groups, by name or number, and what they may do; the widest access counts.

    Root and the agent's own user always operate: they could change the files anyway. Members of the
    group that owns the socket may read unless `members` says otherwise (None: nothing).
    """

    read_users: tuple[str, ...] = ()
    read_groups: tuple[str, ...] = ()
    operate_users: tuple[str, ...] = ()
    operate_groups: tuple[str, ...] = ()
    members: Access | None = Access.READ
    own_uid: int = field(default_factory=os.geteuid)

    def access_of(self, peer: Peer, socket_gid: int | None = None) -> Access | None:
        """What the peer may do, or None for nothing at all."""
        if peer.uid in {ROOT_UID, self.own_uid}:
            return Access.OPERATE
        granted = {
            Access.OPERATE: _named(peer, self.operate_users, self.operate_groups),
            Access.READ: _named(peer, self.read_users, self.read_groups),
        }
        if self.members is not None and socket_gid in peer.groups:
            granted[self.members] = True
        return next((access for access, given in granted.items() if given), None)


def allows(granted: Access | None, needed: Access) -> bool:
    """Whether a peer with `granted` may call a method that needs `needed`."""
    return granted is Access.OPERATE or (granted is Access.READ and needed is Access.READ)


def credentials(connection: socket.socket) -> tuple[int, int, int]:
    """The pid, uid and gid of the peer of a connected Unix socket."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(raw)
    return pid, uid, gid


def look_up(pid: int, uid: int, gid: int) -> Peer:
    """The peer with its user's name and groups. Asks the name service, which may take a while."""
    try:
        user = pwd.getpwuid(uid).pw_name
        groups = frozenset(os.getgrouplist(user, gid))
    except (KeyError, OSError):
        return Peer(pid, uid, gid, None, frozenset({gid}))
    return Peer(pid, uid, gid, user, groups)


def unknown_names(users: Iterable[str], groups: Iterable[str]) -> list[str]:
    """What names no user or group of this machine, one line each."""
    unknown = [f"no user {name!r} on this machine" for name in users if _uid(name) is None]
    return unknown + [
        f"no group {name!r} on this machine" for name in groups if gid_of(name) is None
    ]


def gid_of(name: str) -> int | None:
    """The number of a group given by name or number; None if there is no such name."""
    if name.isdecimal():
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def _uid(name: str) -> int | None:
    if name.isdecimal():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def _named(peer: Peer, users: Iterable[str], groups: Iterable[str]) -> bool:
    return any(_uid(name) == peer.uid for name in users) or any(
        gid_of(name) in peer.groups for name in groups
    )
