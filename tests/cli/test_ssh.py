"""An agent on another host, through a real sshd of our own on this one."""

from __future__ import annotations

import asyncio
import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.rpc.client import Client, ConnectionLost
from homeamp_agent.rpc.protocol.messages import EventsSubscribeParams

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
WAIT_S = 30.0

pytestmark = [
    pytest.mark.skipif(SSHD is None, reason="sshd is not installed"),
    pytest.mark.skipif(shutil.which("ssh") is None, reason="ssh is not installed"),
]


@dataclass
class RemoteHost:
    """How to get to the sshd: its port, and the ssh that knows the way."""

    port: int
    ssh: list[str]
    host: Any

    def url(self, path: str | None = None) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{path or self.host.socket}"


def key(file: Path) -> Path:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True, timeout=WAIT_S
    )
    return file


@pytest.fixture(scope="module")
def remote(host: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemoteHost]:
    folder = tmp_path_factory.mktemp("ssh")
    host_key, user_key = key(folder / "host"), key(folder / "user")
    (folder / "authorized").write_bytes(user_key.with_suffix(".pub").read_bytes())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # sshd gives a login its own PATH, in which our script need not be.
    programs = folder / "bin"
    programs.mkdir()
    (programs / "homeamp-agent").write_text(
        f'#!/bin/sh\nexec {sys.executable} -m homeamp_agent "$@"\n'
    )
    (programs / "homeamp-agent").chmod(0o755)
    root = Path(__file__).resolve().parents[2]
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nPermitRootLogin yes\n"
        f"SetEnv PATH={programs}:/usr/bin:/bin PYTHONPATH={root}\n"
    )
    assert SSHD is not None
    Path("/run/sshd").mkdir(exist_ok=True)
    with (folder / "sshd.log").open("wb") as log:
        daemon = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=log)
    deadline = time.monotonic() + WAIT_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        if daemon.poll() is not None:
            pytest.skip(f"sshd does not start here: {(folder / 'sshd.log').read_text()[-200:]}")
        assert time.monotonic() < deadline
        time.sleep(0.01)
    ssh = [
        "ssh", "-F", "none", "-i", str(user_key), "-oIdentitiesOnly=yes",
        "-oStrictHostKeyChecking=accept-new", f"-oUserKnownHostsFile={folder}/known",
    ]  # fmt: skip
    yield RemoteHost(port, ssh, host)
    daemon.terminate()
    daemon.wait(WAIT_S)


async def test_a_remote_agent_answers_through_ssh(remote: RemoteHost) -> None:
    async with await Client.connect(remote.url(), ssh_command=remote.ssh) as client:
        hello = await client.hello(timeout_s=WAIT_S)
        assert hello.host == "alder"
        status = await client.call_json("agent.status", {})
        assert status["instances"] == 2


async def test_events_and_large_lines_come_through_ssh(remote: RemoteHost) -> None:
    async with await Client.connect(remote.url(), ssh_command=remote.ssh) as client:
        await client.subscribe(EventsSubscribeParams())
        document = await client.call_json("rpc.discover", {})
        assert len(document["methods"]) > 15
        rescan = asyncio.create_task(client.call_json("agent.rescan", {}))
        async for notification in client.events():
            if notification.event.name == "finished":
                break
        assert (await rescan)["scan"]["error"] is None


async def test_what_the_remote_side_says_is_the_reason(remote: RemoteHost) -> None:
    client = await Client.connect(remote.url("/no/such.sock"), ssh_command=remote.ssh)
    with pytest.raises(ConnectionLost, match=r"/no/such.sock: cannot reach the agent"):
        await client.hello(timeout_s=WAIT_S)
    await client.close()


async def test_a_refused_key_is_said_and_nobody_is_asked_for_a_password(
    remote: RemoteHost, tmp_path: Path
) -> None:
    ssh = [*remote.ssh]
    ssh[ssh.index("-i") + 1] = str(key(tmp_path / "stranger"))
    client = await Client.connect(remote.url(), ssh_command=ssh)
    with pytest.raises(ConnectionLost, match="Permission denied"):
        await client.hello(timeout_s=WAIT_S)
    await client.close()


async def test_a_socket_s_odd_path_is_no_command(remote: RemoteHost, tmp_path: Path) -> None:
    odd = f"{tmp_path}/a%20b;touch%20{tmp_path}/pwned;$(touch%20{tmp_path}/pwned)"
    client = await Client.connect(remote.url(odd), ssh_command=remote.ssh)
    with pytest.raises(ConnectionLost, match="cannot reach the agent"):
        await client.hello(timeout_s=WAIT_S)
    await client.close()
    assert not (tmp_path / "pwned").exists()


def test_call_reaches_a_remote_agent(remote: RemoteHost) -> None:
    import shlex

    environment = {**os.environ, "HOMEAMP_SSH_COMMAND": shlex.join(remote.ssh)}
    done = remote.host.command("call", "agent.hello", "--connect", remote.url(), env=environment)
    assert done.returncode == 0, done.stderr
    assert '"host":"alder"' in done.stdout


async def test_hanging_up_leaves_no_bridge_behind(remote: RemoteHost) -> None:
    async with await Client.connect(f"unix:{remote.host.socket}") as watcher:
        before = (await watcher.call_json("agent.status", {}))["clients"]
        client = await Client.connect(remote.url(), ssh_command=remote.ssh)
        await client.subscribe()
        assert (await watcher.call_json("agent.status", {}))["clients"] == before + 1
        await client.close()
        async with asyncio.timeout(WAIT_S):
            while (await watcher.call_json("agent.status", {}))["clients"] > before:
                await asyncio.sleep(0.01)
