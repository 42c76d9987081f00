"""The byte stream of a client: a Unix socket here, or the bridge on another host through ssh.

SSH authenticates, the bridge's user on the other host is who the agent there sees. Programs are
started by argument vector; what ssh hands to the remote shell is quoted.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import urllib.parse
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from homeamp_agent.rpc.protocol import LINE_LIMIT_BYTES

SSH_OPTIONS = (
    "-T",
    # Nobody is there to type a password: an agent or a key must do, or it fails at once.
    "-oBatchMode=yes",
    "-oConnectTimeout=10",
    # A dead line is noticed within 45 s instead of never.
    "-oServerAliveInterval=15",
    "-oServerAliveCountMax=3",
    "-oForwardX11=no",
    "-oForwardAgent=no",
    "-oClearAllForwardings=yes",
    "-oEscapeChar=none",
)
CLOSE_TIMEOUT_S = 2.0
EXPLAIN_TIMEOUT_S = 2.0
"""How long ssh may take to say why, after its output ended."""

STDERR_LINES = 3
"""What ssh said last is the reason; what it said before are banners."""

_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*\$?")
_HOST = re.compile(r"[A-Za-z0-9_.:%][A-Za-z0-9_.:%-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class ClientError(Exception):
    """Base of what a client raises of its own."""


class BadUrl(ClientError):
    """The URL is none of `unix:PATH` and `ssh://[user@]host[:port][/socket]`."""


class ConnectionLost(ClientError):
    """The connection could not be made, or is gone; the text says why."""


class CallTimeout(ClientError):
    """No reply in time; the call may still be carried out."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where an agent is: a socket's path here (`host` None), or one on another host."""

    path: str | None
    host: str | None = None
    user: str | None = None
    port: int | None = None


@dataclass(slots=True)
class Link:
    """An open byte stream to an agent."""

    url: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    process: asyncio.subprocess.Process | None = None
    _said: deque[str] = field(default_factory=lambda: deque(maxlen=STDERR_LINES))
    _listening: asyncio.Task[None] | None = None

    async def explain(self, why: str) -> str:
        """Why the stream ended: what ssh said, or else `why`."""
        if self._listening is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._listening), EXPLAIN_TIMEOUT_S)
        return "; ".join(self._said) or why

    async def close(self) -> None:
        """End the stream, and ssh with it."""
        self.writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(self.writer.wait_closed(), CLOSE_TIMEOUT_S)
        if self.process is not None:
            await _end(self.process)
        if self._listening is not None:
            await self._listening

    def listen_to_stderr(self, stderr: asyncio.StreamReader) -> None:
        """Keep the last lines that ssh says, cleaned of control characters."""

        async def listen() -> None:
            while line := await stderr.readline():
                text = _CONTROL.sub("", line.decode("utf-8", "replace")).strip()
                if text:
                    self._said.append(text)

        self._listening = asyncio.create_task(listen())


async def _end(process: asyncio.subprocess.Process) -> None:
    """Wait for ssh, which ends with its input; if not, make it."""
    for stop in (None, process.terminate, process.kill):
        if stop is not None and process.returncode is None:
            stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), CLOSE_TIMEOUT_S)
            return


def parse_url(url: str) -> Address:
    """The address that a URL names; a plain path is a Unix socket.

    Raises:
        BadUrl: it is none, or a part of it could be taken for an option by ssh.
    """
    if url.startswith("unix:"):
        path = url.removeprefix("unix:").removeprefix("//")
        if not path:
            raise BadUrl(f"{url}: names no socket; write unix:/run/homeamp/agent.sock")
        return Address(path)
    if not url.startswith("ssh://"):
        if "://" in url or not url:
            raise BadUrl(f"{url!r}: write unix:PATH or ssh://[user@]host[:port][/socket]")
        return Address(url)
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadUrl(f"{url}: {error}") from error
    host = parts.hostname or ""
    if not _HOST.fullmatch(host):
        raise BadUrl(f"{url}: {host!r} is no host name")
    if parts.username is not None and not _NAME.fullmatch(parts.username):
        raise BadUrl(f"{url}: {parts.username!r} is no user name")
    if parts.password is not None:
        raise BadUrl("ssh://: a password in a URL is not accepted; use a key")
    path = urllib.parse.unquote(parts.path)
    return Address(path if len(path) > 1 else None, host, parts.username, port)


async def open_link(url: str, ssh_command: Sequence[str] | None = None) -> Link:
    """Open the stream.

    Raises:
        BadUrl: the URL cannot be understood.
        ConnectionLost: nobody answers there.
    """
    address = parse_url(url)
    if address.host is None:
        return await _open_unix(url, str(address.path))
    return await _open_ssh(url, ssh_arguments(address, ssh_command))


def ssh_arguments(address: Address, ssh_command: Sequence[str] | None = None) -> list[str]:
    """The argument vector that starts the bridge on another host."""
    given = os.environ.get("HOMEAMP_SSH_COMMAND")
    command = list(ssh_command or (shlex.split(given) if given else ["ssh"]))
    command += SSH_OPTIONS
    if address.user is not None:
        command += ["-l", address.user]
    if address.port is not None:
        command += ["-p", str(address.port)]
    remote = ["homeamp-agent", "bridge", "--hang-up"]
    if address.path is not None:
        remote += ["--socket", address.path]
    return [*command, "--", str(address.host), shlex.join(remote)]


async def _open_unix(url: str, path: str) -> Link:
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=LINE_LIMIT_BYTES)
    except OSError as error:
        raise ConnectionLost(f"{url}: {_advice(error)}") from error
    return Link(url, reader, writer)


def _advice(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such socket: is the agent running?"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens on that socket: the agent is not running"
    if isinstance(error, PermissionError):
        return "permission denied: are you in the socket's group?"
    return error.strerror or str(error)


async def _open_ssh(url: str, arguments: list[str]) -> Link:
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments, stdin=pipe, stdout=pipe, stderr=pipe, limit=LINE_LIMIT_BYTES,
            # Ctrl+C in the dashboard is a key of the dashboard, and must not end ssh.
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise ConnectionLost(f"{url}: cannot start {arguments[0]}: {error.strerror}") from error
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise ConnectionLost(f"{url}: {arguments[0]} was started without its streams")
    link = Link(url, process.stdout, process.stdin, process)
    link.listen_to_stderr(process.stderr)
    return link
