"""An agent on another host, through a real sshd of our own on this one."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.rpc.client import Client, ConnectionLost
from homeamp_agent.rpc.protocol.messages import EventsSubscribeParams

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
TMUX = shutil.which("tmux")
WAIT_S = 60.0

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


def processes(arguments: str) -> list[Path]:
    """The processes among whose arguments are these, each ended by a zero byte but the last."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended while we looked
            if arguments.encode() in (process / "cmdline").read_bytes():
                found.append(process)
    return found


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


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
    environment = {**os.environ, "HOMEAMP_SSH_COMMAND": shlex.join(remote.ssh)}
    done = remote.host.command("call", "agent.hello", "--connect", remote.url(), env=environment)
    assert done.returncode == 0, done.stderr
    assert '"host":"alder"' in done.stdout


@pytest.mark.skipif(TMUX is None, reason="tmux is not installed")
def test_the_dashboard_looks_at_a_remote_agent_from_a_terminal_of_80_by_24(
    remote: RemoteHost, tmp_path: Path
) -> None:
    def tmux(*arguments: str) -> str:
        return subprocess.run(
            [str(TMUX), "-f", "/dev/null", "-S", str(tmp_path / "tmux"), *arguments],
            capture_output=True, text=True, timeout=WAIT_S, check=True,
        ).stdout  # fmt: skip

    def shown(*wanted: str) -> str:
        deadline = time.monotonic() + WAIT_S
        while True:
            screen = tmux("capture-pane", "-p", "-t", "dashboard")
            if all(each in screen for each in wanted):
                return screen
            assert time.monotonic() < deadline, screen
            time.sleep(0.05)

    dashboard = f"{sys.executable} -m homeamp_tui --connect {shlex.quote(remote.url())}"
    way = f"HOMEAMP_SSH_COMMAND={shlex.quote(shlex.join(remote.ssh))}"
    tmux("new-session", "-d", "-x", "80", "-y", "24", "-s", "dashboard", f"{way} {dashboard}")
    try:
        shown("● alder", "2 instances", "scanned")
        tmux("send-keys", "-t", "dashboard", "2")
        screen = shown("enabled", "false")
        assert max(map(len, screen.splitlines())) <= 80
        dashboards = processes(f"--connect\0{remote.url()}")
        assert dashboards
    finally:
        tmux("kill-server")
    until(lambda: not any(each.exists() for each in dashboards))
    until(lambda: not processes(f"bridge\0--hang-up\0--socket\0{remote.host.socket}"))


async def test_hanging_up_leaves_no_bridge_behind(remote: RemoteHost) -> None:
    bridge = f"bridge\0--hang-up\0--socket\0{remote.host.socket}"
    client = await Client.connect(remote.url(), ssh_command=remote.ssh)
    await client.subscribe()
    assert processes(bridge)
    await client.close()
    until(lambda: not processes(bridge))
