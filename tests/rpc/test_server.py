"""Many clients on a real socket, and none able to hold the agent up."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.model.event import Topic
from homeamp_agent.rpc.listening import ListenError, listen
from homeamp_agent.rpc.protocol.backlog import BACKLOG_LIMIT
from homeamp_agent.rpc.server import CONCURRENCY, MAX_CLIENTS

WAIT_S = 60.0


async def until(condition: Any, seconds: float = WAIT_S) -> None:
    """Let the loop run until the condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0)


async def test_fifty_clients_are_answered_at_once(agent: Any) -> None:
    async def client(number: int) -> None:
        wire = await agent.wire()
        for turn in range(20):
            reply = await wire.ask("test.echo", [f"{number}/{turn}"], turn)
            assert reply["result"]["text"] == f"{number}/{turn}"
        await wire.close()

    async with asyncio.timeout(WAIT_S):
        await asyncio.gather(*(client(number) for number in range(50)))


async def test_one_client_too_many_is_told_and_hung_up_on(agent: Any) -> None:
    wires = [await agent.wire() for _ in range(MAX_CLIENTS)]
    for wire in wires:
        await wire.ask("test.echo", ["here"])
    late = await agent.wire()
    assert (await late.receive())["error"]["data"]["kind"] == "busy"
    assert await late.hung_up()
    for wire in [*wires, late]:
        await wire.close()


async def test_a_client_that_reads_nothing_holds_nobody_up(agent: Any) -> None:
    stuck = await agent.wire()
    stuck.reader._transport.pause_reading()
    big = {"jsonrpc": "2.0", "id": 1, "method": "test.echo", "params": ["x", 900_000]}
    for _ in range(CONCURRENCY * 4):
        stuck.writer.write(json.dumps(big).encode() + b"\n")
    other = await agent.wire()
    for number in range(100):
        assert (await other.ask("test.echo", ["quick"], number))["id"] == number
    stuck.writer.transport.abort()
    await other.close()


async def test_a_subscriber_that_reads_nothing_costs_a_bounded_backlog(agent: Any) -> None:
    slow = await agent.wire()
    await slow.ask("events.subscribe")
    slow.reader._transport.pause_reading()
    began = time.monotonic()
    for _ in range(40):
        agent.emit(500, text="x" * 1000)
        await asyncio.sleep(0)
    assert time.monotonic() - began < WAIT_S

    slow.reader._transport.resume_reading()
    seen: list[Any] = []
    while not seen or seen[-1]["event"]["cursor"] < 20_000:
        seen.append((await slow.receive())["params"])
    assert len(seen) < 20_000
    cursors = [each["event"]["cursor"] for each in seen]
    assert cursors == sorted(cursors)
    assert len(seen) + sum(each["coalesced"] for each in seen) == 20_000
    await slow.close()


async def test_folding_keeps_the_newest_of_each_topic(agent: Any) -> None:
    slow = await agent.wire()
    await slow.ask("events.subscribe")
    agent.emit(1, Topic.CHANGES)
    agent.emit(BACKLOG_LIMIT, Topic.SCAN)
    first, second = await slow.receive(), await slow.receive()
    assert [first["params"]["event"]["topic"], first["params"]["coalesced"]] == ["changes", 0]
    assert [second["params"]["event"]["topic"], second["params"]["coalesced"]] == [
        "scan",
        BACKLOG_LIMIT - 1,
    ]
    await slow.close()


async def test_only_the_topics_asked_for_are_sent(agent: Any, wire: Any) -> None:
    await wire.ask("events.subscribe", {"topics": ["changes"]})
    agent.emit(5, Topic.SCAN)
    agent.emit(1, Topic.CHANGES)
    event = (await wire.receive())["params"]["event"]
    assert (event["topic"], event["cursor"]) == ("changes", 6)


async def test_subscribing_again_replaces_the_subscription(agent: Any, wire: Any) -> None:
    await wire.ask("events.subscribe", {"topics": ["scan"]})
    await wire.ask("events.subscribe", {"topics": ["changes"]})
    agent.emit(1, Topic.SCAN)
    agent.emit(1, Topic.CHANGES)
    assert (await wire.receive())["params"]["event"]["topic"] == "changes"


@pytest.mark.parametrize(
    "params",
    [{"since": 3, "epoch": "another"}, {"since": 10_000}, {"since": 1}],
    ids=["another start", "the future", "too long ago"],
)
async def test_events_that_cannot_be_replayed_are_lost_out_loud(
    agent: Any, wire: Any, params: Any
) -> None:
    agent.emit(200)
    reply = await wire.ask("events.subscribe", params)
    assert reply["error"]["code"] == -32006
    assert reply["error"]["data"]["cursor"] == 200
    agent.emit(1)
    assert (await wire.ask("test.echo", ["no event came first"]))["result"]


async def test_after_a_half_close_every_answer_still_arrives(agent: Any) -> None:
    wire = await agent.wire()
    await wire.send({"jsonrpc": "2.0", "id": "slow", "method": "test.wait"})
    wire.writer.write(b'{"jsonrpc":"2.0","id":"no line feed","method":"test.echo","params":["x"]}')
    wire.writer.write_eof()
    assert (await wire.receive())["id"] == "no line feed"
    agent.room.gate.set()
    assert (await wire.receive())["id"] == "slow"
    assert await wire.hung_up()


async def test_a_subscriber_may_half_close_and_go_on_listening(agent: Any) -> None:
    wire = await agent.wire()
    await wire.send({"jsonrpc": "2.0", "id": 1, "method": "events.subscribe"})
    wire.writer.write_eof()
    await wire.receive()
    agent.emit(3)
    assert [(await wire.receive())["params"]["event"]["cursor"] for _ in range(3)] == [1, 2, 3]
    await wire.close()


async def test_a_half_closed_subscriber_that_goes_away_is_forgotten_without_an_event(
    agent: Any,
) -> None:
    wire = await agent.wire()
    await wire.send({"jsonrpc": "2.0", "id": 1, "method": "events.subscribe"})
    wire.writer.write_eof()
    await wire.receive()
    wire.writer.transport.abort()
    await until(lambda: agent.server.clients == 0)


async def test_a_client_that_goes_away_is_forgotten(agent: Any) -> None:
    wire = await agent.wire()
    await wire.ask("events.subscribe")
    await wire.send({"jsonrpc": "2.0", "id": 1, "method": "test.wait"})
    await agent.room.entered.acquire()
    wire.writer.transport.abort()
    agent.emit(10)
    agent.room.gate.set()
    await until(lambda: agent.server.clients == 0)


async def test_a_mutation_goes_on_though_its_caller_hangs_up(agent: Any) -> None:
    wire = await agent.wire()
    await wire.send({"jsonrpc": "2.0", "id": 1, "method": "test.gated_add", "params": [5]})
    await agent.room.entered.acquire()
    wire.writer.transport.abort()
    agent.room.gate.set()
    await until(lambda: agent.room.sum == 5)


async def test_a_retry_of_a_mutation_under_way_is_carried_out_once(agent: Any) -> None:
    lost, again = await agent.wire(), await agent.wire()
    call = {"jsonrpc": "2.0", "id": 1, "method": "test.gated_add", "params": [5, "the key"]}
    await lost.send(call)
    await agent.room.entered.acquire()
    lost.writer.transport.abort()
    await again.send(call)
    agent.room.gate.set()
    assert (await again.receive())["result"] == {"sum": 5}
    assert (await again.ask("test.gated_add", [5, "the key"]))["result"] == {"sum": 5}
    assert agent.room.sum == 5
    await again.close()


async def test_a_failed_mutation_may_be_tried_again_under_its_key(agent: Any, wire: Any) -> None:
    refused = await wire.ask("test.add", [-1, "key"])
    assert refused["error"]["data"]["kind"] == "refused"
    assert (await wire.ask("test.add", [-1, "key"]))["error"] == refused["error"]
    assert (await wire.ask("test.add", [2, "key"]))["result"] == {"sum": 2}


async def test_a_key_is_good_for_one_call_only(agent: Any, wire: Any) -> None:
    await wire.ask("test.add", [2, "key"])
    reply = await wire.ask("test.add", [3, "key"])
    assert reply["error"]["data"]["kind"] == "invalid_params"
    assert agent.room.sum == 2


async def test_stopping_lets_what_is_under_way_finish_and_refuses_the_rest(agent: Any) -> None:
    wire = await agent.wire()
    await wire.send(
        {"jsonrpc": "2.0", "id": "under way", "method": "test.gated_add", "params": [1]}
    )
    await agent.room.entered.acquire()
    await wire.send({"jsonrpc": "2.0", "id": 2, "method": "events.subscribe"})
    await wire.receive()
    agent.emit(1, Topic.AGENT)
    stopping = asyncio.create_task(agent.server.stop())
    assert (await wire.receive())["params"]["event"]["topic"] == "agent"
    agent.room.gate.set()
    assert (await wire.receive())["id"] == "under way"
    assert await wire.hung_up()
    await asyncio.wait_for(stopping, WAIT_S)
    assert not agent.socket.exists()
    assert agent.room.sum == 1


async def test_stopping_is_bounded_though_a_client_reads_nothing(agent: Any) -> None:
    stuck = await agent.wire()
    stuck.reader._transport.pause_reading()
    big = {"jsonrpc": "2.0", "id": 1, "method": "test.echo", "params": ["x", 900_000]}
    await stuck.send(*[big] * 8)
    began = time.monotonic()
    await agent.server.stop(timeout_s=0.2)
    assert time.monotonic() - began < 2
    stuck.writer.transport.abort()


async def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    listening = listen(path)
    assert path.stat().st_mode & 0o777 == 0o660
    listening.close()
    assert not path.exists()


async def test_a_living_agent_s_socket_is_never_taken(agent: Any, wire: Any) -> None:
    with pytest.raises(ListenError, match="another agent listens there"):
        listen(agent.socket)
    assert (await wire.ask("test.echo", ["alive"]))["result"]


async def test_a_file_in_the_socket_s_place_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    path.write_text("precious")
    with pytest.raises(ListenError, match="is no socket"):
        listen(path)
    assert path.read_text() == "precious"


async def test_a_socket_that_another_agent_put_there_since_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    first = listen(path)
    path.unlink()
    second = listen(path)
    first.close()
    assert path.exists()
    second.close()


async def test_a_socket_s_path_that_is_too_long_is_said(tmp_path: Path) -> None:
    with pytest.raises(ListenError, match="--socket"):
        listen(tmp_path / ("x" * 120) / "agent.sock")


@pytest.mark.skipif(shutil.which("nc") is None, reason="nc is not installed")
@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
async def test_nc_and_jq_are_all_it_takes(agent: Any) -> None:
    command = (
        'printf \'%s\\n\' \'{"jsonrpc":"2.0","id":1,"method":"test.echo","params":["hi"]}\''
        f" | nc -N -U {agent.socket} | jq -r .result.text"
    )
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", command, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), WAIT_S)
    assert output == b"hi\n"


SYSTEMD = """
import asyncio, os, sys
os.environ["LISTEN_PID"] = str(os.getpid())
from homeamp_agent.rpc.listening import passed_socket
listening = passed_socket()
assert listening.inode is None
async def main():
    async def answer(reader, writer):
        writer.write(b"from systemd\\n")
        writer.close()
        await writer.wait_closed()
        done.set()
    done = asyncio.Event()
    server = await asyncio.start_unix_server(answer, sock=listening.sock)
    await asyncio.wait_for(done.wait(), 60)
    server.close()
    listening.close()
asyncio.run(main())
"""


async def test_a_socket_passed_by_systemd_is_used_and_left_in_place(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    passed = listen(path).sock
    environment = {**os.environ, "LISTEN_FDS": "1"}

    def as_systemd_does() -> None:
        os.dup2(passed.fileno(), 3)

    process = await asyncio.to_thread(
        subprocess.Popen,
        [sys.executable, "-c", SYSTEMD],
        env=environment, preexec_fn=as_systemd_does, pass_fds=(3,),
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    reader, writer = await asyncio.open_unix_connection(str(path))
    line = await asyncio.wait_for(reader.readline(), WAIT_S)
    code = await asyncio.to_thread(process.wait, WAIT_S)
    assert line == b"from systemd\n", process.stderr.read()
    assert code == 0
    assert path.exists()
    writer.close()
    process.stderr.close()
    passed.close()
