"""Who may do what: the peer's uid and groups, against the settings, method by method."""

from __future__ import annotations

import asyncio
import grp
import json
import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.rpc.access import AccessPolicy, Peer, allows, look_up, unknown_names
from homeamp_agent.rpc.listening import listen
from homeamp_agent.rpc.protocol.messages import Access
from homeamp_agent.rpc.server import Server

STRANGER_UID = 54321
"""No account has it."""

STRANGER_GID = 54322
SOCKET_GID = 54323

AS_SOMEBODY = """
import json, os, socket, sys
path, uid, gid, groups, lines = json.loads(sys.argv[1])
os.setgroups(groups)
os.setgid(gid)
os.setuid(uid)
sock = socket.socket(socket.AF_UNIX)
try:
    sock.connect(path)
except PermissionError:
    print("not even connected")
    raise SystemExit
stream = sock.makefile("rwb")
for line in lines:
    stream.write(json.dumps(line).encode() + b"\\n")
    stream.flush()
    print(stream.readline().decode(), end="")
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@dataclass
class Door:
    """A server behind a policy, in a folder that everybody can enter."""

    socket: Path

    async def as_user(
        self, uid: int, gid: int, *methods: tuple[str, Any], groups: tuple[int, ...] = ()
    ) -> list[Any]:
        lines = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(methods)
        ]
        arguments = json.dumps([str(self.socket), uid, gid, groups, lines])
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", AS_SOMEBODY, arguments],
            capture_output=True, text=True, timeout=30, check=True,
        )  # fmt: skip
        if done.stdout.startswith("not even"):
            return ["not even connected"]
        return [json.loads(line) for line in done.stdout.splitlines()]


READ = ("test.echo", ["hi"])
OPERATE = ("test.add", [1])


def outcome(reply: Any) -> str:
    return "done" if "result" in reply else str(reply["error"]["data"]["kind"])


@pytest.fixture
def open_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
async def door(agent: Any, open_folder: Path) -> AsyncIterator[Any]:
    servers: list[Server] = []

    async def make(policy: AccessPolicy, *, mode: int = 0o666) -> Door:
        server = Server(agent.dispatcher, agent.bus, policy)
        path = open_folder / "agent.sock"
        await server.start(listen(path, SOCKET_GID))
        path.chmod(mode)
        servers.append(server)
        return Door(path)

    yield make
    for server in servers:
        await server.stop()


@needs_root
async def test_a_stranger_does_not_even_connect(door: Any) -> None:
    behind = await door(AccessPolicy(), mode=0o660)
    assert await behind.as_user(STRANGER_UID, STRANGER_GID, READ) == ["not even connected"]


@needs_root
async def test_a_stranger_who_connects_may_do_nothing(door: Any) -> None:
    behind = await door(AccessPolicy())
    replies = await behind.as_user(STRANGER_UID, STRANGER_GID, READ, OPERATE, ("no.such", {}))
    assert [outcome(each) for each in replies] == ["access_denied"] * 3
    assert f"uid {STRANGER_UID}" in replies[0]["error"]["message"]


@needs_root
@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (Access.READ, ["done", "access_denied"]),
        (Access.OPERATE, ["done", "done"]),
        (None, ["access_denied", "access_denied"]),
    ],
)
async def test_members_of_the_socket_s_group_may_what_the_settings_say(
    door: Any, members: Access | None, expected: list[str]
) -> None:
    behind = await door(AccessPolicy(members=members), mode=0o660)
    replies = await behind.as_user(STRANGER_UID, SOCKET_GID, READ, OPERATE)
    assert [outcome(each) for each in replies] == expected


@needs_root
async def test_what_a_denied_method_needs_is_said(door: Any) -> None:
    behind = await door(AccessPolicy(read_users=(str(STRANGER_UID),)))
    _, denied = await behind.as_user(STRANGER_UID, STRANGER_GID, READ, OPERATE)
    assert denied["error"]["data"]["needs"] == "operate"


@needs_root
@pytest.mark.parametrize(
    "policy",
    [
        AccessPolicy(operate_users=(str(STRANGER_UID),)),
        AccessPolicy(operate_groups=(str(STRANGER_GID),)),
        AccessPolicy(operate_groups=("nobodys-group", str(STRANGER_GID))),
        AccessPolicy(read_users=(str(STRANGER_UID),), operate_groups=(str(STRANGER_GID),)),
    ],
)
async def test_users_and_groups_of_the_settings_operate(door: Any, policy: AccessPolicy) -> None:
    behind = await door(policy)
    assert [
        outcome(each) for each in await behind.as_user(STRANGER_UID, STRANGER_GID, OPERATE)
    ] == ["done"]


@needs_root
async def test_a_group_that_a_process_merely_claims_does_not_count(door: Any) -> None:
    """Groups are the account's, by the name service, not what a set-gid process carries."""
    behind = await door(AccessPolicy(operate_groups=(str(SOCKET_GID),)))
    replies = await behind.as_user(STRANGER_UID, STRANGER_GID, OPERATE, groups=(SOCKET_GID,))
    assert [outcome(each) for each in replies] == ["access_denied"]


@needs_root
async def test_root_and_the_agent_s_own_user_operate(door: Any) -> None:
    behind = await door(AccessPolicy(own_uid=STRANGER_UID, members=None))
    assert [outcome(each) for each in await behind.as_user(0, 0, OPERATE)] == ["done"]
    own = await behind.as_user(STRANGER_UID, STRANGER_GID, OPERATE)
    assert [outcome(each) for each in own] == ["done"]


def test_secondary_groups_are_looked_up() -> None:
    accounts = [
        (account, os.getgrouplist(account.pw_name, account.pw_gid)) for account in pwd.getpwall()
    ]
    with_more = [(account, groups) for account, groups in accounts if len(groups) > 1]
    if not with_more:
        pytest.skip("no account of this machine has a secondary group")
    account, groups = with_more[0]
    peer = look_up(1, account.pw_uid, account.pw_gid)
    assert peer.user == account.pw_name
    assert peer.groups == frozenset(groups)
    secondary = next(each for each in groups if each != account.pw_gid)
    policy = AccessPolicy(operate_groups=(grp.getgrgid(secondary).gr_name,), own_uid=STRANGER_UID)
    if account.pw_uid != 0:
        assert policy.access_of(peer) is Access.OPERATE


def test_an_account_that_is_gone_is_a_uid() -> None:
    peer = look_up(1, STRANGER_UID, STRANGER_GID)
    assert peer == Peer(1, STRANGER_UID, STRANGER_GID, None, frozenset({STRANGER_GID}))
    assert str(peer) == f"uid {STRANGER_UID}"


def test_names_that_nobody_has_are_told() -> None:
    assert unknown_names(["root", "no-such-user"], ["no-such-group", "0"]) == [
        "no user 'no-such-user' on this machine",
        "no group 'no-such-group' on this machine",
    ]


def test_operate_includes_read_and_nothing_includes_operate() -> None:
    assert allows(Access.OPERATE, Access.READ)
    assert not allows(Access.READ, Access.OPERATE)
    assert not allows(None, Access.READ)
