"""The client that the dashboard and the command line use."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.model.base import WireWord, Word
from homeamp_agent.model.event import Topic
from homeamp_agent.rpc.client import BadUrl, CallTimeout, Client, ConnectionLost
from homeamp_agent.rpc.link import parse_url, ssh_arguments
from homeamp_agent.rpc.protocol.errors import EventsLost, LineTooLong, Refused
from homeamp_agent.rpc.protocol.messages import EventsSubscribeParams, NoParams


class Text(Word):
    text: str


class Said(WireWord):
    text: str


async def connected(agent: Any) -> Client:
    return await Client.connect(f"unix:{agent.socket}", name="test")


async def test_calls_under_way_at_once_each_get_their_own_reply(agent: Any) -> None:
    async with await connected(agent) as client:
        texts = [f"number {number}" for number in range(100)]
        said = await asyncio.gather(
            *(client.call("test.echo", Text(text=text), Said) for text in texts)
        )
        assert [each.text for each in said] == texts


async def test_an_error_reply_is_raised_as_its_kind(agent: Any) -> None:
    async with await connected(agent) as client:
        with pytest.raises(Refused, match="only upwards"):
            await client.call_json("test.add", {"amount": -1})


async def test_a_reply_of_almost_a_mebibyte_arrives(agent: Any) -> None:
    async with await connected(agent) as client:
        said = await client.call_json("test.echo", ["x", 1_000_000])
        assert len(said["text"]) == 1_000_000


async def test_a_request_that_is_too_long_fails_and_the_next_does_not(agent: Any) -> None:
    async with await connected(agent) as client:
        with pytest.raises(LineTooLong):
            await client.call_json("test.echo", {"text": "x" * (8 * 1024 * 1024)})
        assert (await client.call("test.echo", Text(text="on"), Said)).text == "on"


async def test_a_call_without_reply_times_out_and_the_connection_stays(agent: Any) -> None:
    async with await connected(agent) as client:
        with pytest.raises(CallTimeout):
            await client.call("test.wait", NoParams(), Said, timeout_s=0.05)
        assert (await client.call("test.echo", Text(text="on"), Said)).text == "on"


async def test_events_come_in_order_and_as_models(agent: Any) -> None:
    async with await connected(agent) as client:
        subscribed = await client.subscribe()
        agent.emit(3)
        cursors = []
        async for notification in client.events():
            cursors.append(notification.event.cursor)
            if len(cursors) == 3:
                break
        assert cursors == [subscribed.cursor + number for number in (1, 2, 3)]


async def test_missed_events_are_replayed_after_a_reconnect(agent: Any) -> None:
    async with await connected(agent) as client:
        before = await client.subscribe()
    agent.emit(5)
    async with await connected(agent) as client:
        again = await client.subscribe(
            EventsSubscribeParams(since=before.cursor, epoch=before.epoch, topics=(Topic.SCAN,))
        )
        assert [each.cursor for each in again.replay] == [1, 2, 3, 4, 5]


async def test_a_gap_in_the_events_is_said(agent: Any) -> None:
    agent.emit(100)
    async with await connected(agent) as client:
        with pytest.raises(EventsLost) as lost:
            await client.subscribe(EventsSubscribeParams(since=10, epoch=agent.bus.epoch))
        assert lost.value.details["cursor"] == 100


async def test_a_stopped_agent_is_a_lost_connection_everywhere(agent: Any) -> None:
    client = await connected(agent)
    await client.subscribe()
    waiting = asyncio.create_task(client.call("test.wait", NoParams(), Said))
    await agent.room.entered.acquire()
    await agent.server.stop(timeout_s=0.1)
    with pytest.raises(ConnectionLost):
        await waiting
    with pytest.raises(ConnectionLost):
        async for _ in client.events():
            pass
    with pytest.raises(ConnectionLost):
        await client.call("test.echo", Text(text="x"), Said)
    assert client.lost is not None
    await client.close()


async def test_nobody_there_is_said_with_advice(tmp_path: Path) -> None:
    with pytest.raises(ConnectionLost, match="is the agent running"):
        await Client.connect(f"unix:{tmp_path}/none.sock")


async def test_a_file_that_is_no_socket_is_a_lost_connection(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(ConnectionLost):
        await Client.connect(str(tmp_path / "file"))


async def test_something_that_is_no_agent_is_found_out(tmp_path: Path) -> None:
    async def chatter(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(chatter, str(tmp_path / "mail.sock"))
    client = await Client.connect(str(tmp_path / "mail.sock"))
    with pytest.raises(ConnectionLost, match="no agent"):
        await client.hello()
    await client.close()
    server.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "unix:",
        "http://host/",
        "ssh://",
        "ssh://-oProxyCommand=touch/",
        "ssh://-oProxyCommand=touch%20x",
        "ssh://-l@host",
        "ssh://user:password@host",
        "ssh://host:port",
        "ssh://ho$(st)/",
        "ssh://host:70000",
    ],
)
async def test_a_url_that_is_none_or_an_option_is_refused(url: str) -> None:
    with pytest.raises(BadUrl):
        parse_url(url)


def test_what_ssh_is_started_with_is_an_argument_vector_with_a_quoted_command() -> None:
    address = parse_url("ssh://alice@host.example:2222/run/my%20sock%3Btouch x")
    arguments = ssh_arguments(address, ["ssh"])
    assert arguments[-3:] == [
        "--",
        "host.example",
        "homeamp-agent bridge --hang-up --socket '/run/my sock;touch x'",
    ]
    assert arguments[arguments.index("-l") + 1] == "alice"
    assert arguments[arguments.index("-p") + 1] == "2222"
    assert "-oBatchMode=yes" in arguments


async def test_what_ssh_says_is_the_reason_of_a_lost_connection(tmp_path: Path) -> None:
    fake = tmp_path / "ssh"
    fake.write_text(
        "#!/bin/sh\necho 'banner' >&2\nprintf 'host unreachable\\033[31m\\n' >&2\nexit 255\n"
    )
    fake.chmod(0o755)
    client = await Client.connect("ssh://host", ssh_command=[os.fspath(fake)])
    with pytest.raises(ConnectionLost, match=r"banner; host unreachable\[31m$"):
        await client.hello()
    await client.close()


async def test_an_ssh_that_is_not_there_is_said() -> None:
    with pytest.raises(ConnectionLost, match="cannot start"):
        await Client.connect("ssh://host", ssh_command=["/no/such/ssh"])
