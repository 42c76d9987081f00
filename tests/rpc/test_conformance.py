"""JSON-RPC 2.0 over lines, as the specification has it, and what it leaves to us."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from homeamp_agent.rpc.dispatch import BATCH_LIMIT
from homeamp_agent.rpc.protocol import LINE_LIMIT_BYTES, REPLY_LIMIT_BYTES

ECHO = {"jsonrpc": "2.0", "id": 7, "method": "test.echo", "params": {"text": "hi"}}


def error_of(reply: Any) -> tuple[int, str]:
    return reply["error"]["code"], reply["error"]["data"]["kind"]


async def still_answers(wire: Any) -> bool:
    reply = await wire.ask("test.echo", {"text": "still"}, "after")
    return bool(reply == {"jsonrpc": "2.0", "id": "after", "result": {"text": "still"}})


@pytest.mark.parametrize("identifier", [1, "text", 0, -1, 1.5, None])
async def test_a_reply_carries_the_id_of_its_request(wire: Any, identifier: Any) -> None:
    reply = await wire.ask("test.echo", {"text": "hi"}, identifier)
    assert reply == {"jsonrpc": "2.0", "id": identifier, "result": {"text": "hi"}}


async def test_params_are_accepted_by_name_and_by_position(wire: Any) -> None:
    assert (await wire.ask("test.echo", {"text": "a", "times": 3}))["result"]["text"] == "aaa"
    assert (await wire.ask("test.echo", ["a", 3]))["result"]["text"] == "aaa"


async def test_shared_params_come_after_a_method_s_own_by_position(agent: Any, wire: Any) -> None:
    assert (await wire.ask("test.add", [5, "key"]))["result"] == {"sum": 5}
    assert (await wire.ask("test.add", [5, "key"]))["result"] == {"sum": 5}


async def test_params_may_be_left_out(agent: Any, wire: Any) -> None:
    agent.room.gate.set()
    assert (await wire.ask("test.wait"))["result"] == {"text": "open"}


@pytest.mark.parametrize(
    "garbage",
    [
        b"{not json",
        b"\xff\xfe\x00",
        b"nonsense",
        b'{"jsonrpc": "2.0", "id": 1, "method": "test.echo", "params": {"text": NaN}}',
        b"\xef\xbb\xbf{}",
        b"1" * 5000,
        b"[" * 100_000,
    ],
)
async def test_what_is_no_json_is_a_parse_error_and_the_connection_goes_on(
    wire: Any, garbage: bytes
) -> None:
    await wire.send(garbage)
    reply = await wire.receive()
    assert error_of(reply) in {(-32700, "parse_error"), (-32600, "invalid_request")}
    assert reply["id"] is None
    assert await still_answers(wire)


@pytest.mark.parametrize(
    ("document", "identifier"),
    [
        (1, None),
        ("text", None),
        (None, None),
        ({}, None),
        ({"id": 5, "method": "test.echo"}, 5),
        ({"jsonrpc": "1.0", "id": 5, "method": "test.echo"}, 5),
        ({"jsonrpc": "2.0", "id": 5, "method": 1}, 5),
        ({"jsonrpc": "2.0", "id": 5, "method": "test.echo", "params": "text"}, 5),
        ({"jsonrpc": "2.0", "id": {"a": 1}, "method": "test.echo"}, None),
        ({"jsonrpc": "2.0", "id": True, "method": "test.echo"}, None),
    ],
)
async def test_what_is_no_request_is_an_invalid_request(
    wire: Any, document: Any, identifier: Any
) -> None:
    await wire.send(document)
    reply = await wire.receive()
    assert error_of(reply) == (-32600, "invalid_request")
    assert reply["id"] == identifier
    assert await still_answers(wire)


async def test_an_unknown_method_is_said_to_be(wire: Any) -> None:
    assert error_of(await wire.ask("no.such")) == (-32601, "method_not_found")
    assert error_of(await wire.ask("rpc.internal")) == (-32601, "method_not_found")


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({}, "text"),
        ({"text": "a", "times": 0}, "times"),
        ({"text": "a", "times": "many"}, "times"),
        ({"text": "a", "surprise": 1}, "surprise"),
        ([], "text"),
        (["a", 1, 2], "at most 2"),
    ],
)
async def test_params_that_do_not_fit_are_named(wire: Any, params: Any, named: str) -> None:
    reply = await wire.ask("test.echo", params)
    assert error_of(reply) == (-32602, "invalid_params")
    assert named in reply["error"]["message"]


async def test_a_wrong_param_s_value_is_not_repeated(wire: Any) -> None:
    reply = await wire.ask("test.echo", {"text": "a", "times": "hunter2"})
    assert "hunter2" not in json.dumps(reply)


async def test_a_refusal_of_a_method_reaches_the_caller_with_its_kind(wire: Any) -> None:
    reply = await wire.ask("test.add", {"amount": -1})
    assert error_of(reply) == (-32005, "refused")
    assert reply["error"]["message"] == "only upwards"


async def test_an_unforeseen_fault_is_an_internal_error_that_tells_no_value(
    wire: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        reply = await wire.ask("test.break")
    assert error_of(reply) == (-32603, "internal_error")
    assert "hunter2" not in json.dumps(reply)
    assert "KeyError at" in caplog.text
    assert "hunter2" not in caplog.text
    assert await still_answers(wire)


async def test_a_notification_is_carried_out_and_not_answered(agent: Any, wire: Any) -> None:
    await wire.send({"jsonrpc": "2.0", "method": "test.add", "params": [3]})
    await wire.send({"jsonrpc": "2.0", "method": "no.such"})
    wire.writer.write_eof()
    assert await wire.hung_up()
    assert agent.room.sum == 3


async def test_a_batch_is_answered_as_a_batch(agent: Any, wire: Any) -> None:
    await wire.send(
        [
            ECHO,
            {"jsonrpc": "2.0", "method": "test.add", "params": [2]},
            1,
            {"jsonrpc": "2.0", "id": "x", "method": "no.such"},
        ]
    )
    replies = await wire.receive()
    assert {json.dumps(reply["id"]) for reply in replies} == {"7", "null", '"x"'}
    assert agent.room.sum == 2


async def test_an_empty_batch_is_one_error(wire: Any) -> None:
    await wire.send([])
    reply = await wire.receive()
    assert error_of(reply) == (-32600, "invalid_request")


async def test_a_batch_of_notifications_is_not_answered(agent: Any, wire: Any) -> None:
    await wire.send([{"jsonrpc": "2.0", "method": "test.add", "params": [1]}] * 3)
    wire.writer.write_eof()
    assert await wire.hung_up()
    assert agent.room.sum == 3


async def test_a_batch_without_end_is_refused_as_a_whole(wire: Any) -> None:
    await wire.send([1] * (BATCH_LIMIT + 1))
    assert error_of(await wire.receive()) == (-32600, "invalid_request")
    await wire.send([1] * BATCH_LIMIT)
    assert len(await wire.receive()) == BATCH_LIMIT


async def test_a_batch_s_reply_stays_below_the_bound_of_a_reply(wire: Any) -> None:
    half = {"jsonrpc": "2.0", "id": 1, "method": "test.echo", "params": ["x", 600_000]}
    await wire.send([half, half, ECHO])
    line = await wire.reader.readline()
    assert len(line) <= REPLY_LIMIT_BYTES
    replies = json.loads(line)
    assert [("error" in reply) for reply in replies] == [False, True, False]
    assert error_of(replies[1]) == (-32007, "reply_too_large")


async def test_a_reply_over_the_bound_says_to_ask_for_less(wire: Any) -> None:
    reply = await wire.ask("test.echo", ["x", REPLY_LIMIT_BYTES])
    assert error_of(reply) == (-32007, "reply_too_large")
    assert await still_answers(wire)


async def test_a_line_over_the_bound_is_answered_and_the_connection_goes_on(wire: Any) -> None:
    await wire.send(b"x" * (LINE_LIMIT_BYTES + 1))
    reply = await wire.receive()
    assert error_of(reply) == (-32000, "line_too_long")
    assert reply["id"] is None
    assert await still_answers(wire)


async def test_a_line_of_just_the_bound_is_read(wire: Any) -> None:
    head = b'{"jsonrpc":"2.0","id":1,"method":"test.add","params":{"amount":1,"pad":"'
    await wire.send(head + b"x" * (LINE_LIMIT_BYTES - len(head) - 3) + b'"}}')
    assert error_of(await wire.receive()) == (-32602, "invalid_params")


async def test_blank_lines_are_ignored(wire: Any) -> None:
    await wire.send(b"", b"   ", b"\r")
    assert await still_answers(wire)


async def test_lines_may_end_in_crlf_and_come_in_pieces(wire: Any) -> None:
    for piece in (
        b'{"jsonrpc":"2.0","id":1,',
        b'"method":"test.echo",',
        b'"params":["hi"]}\r',
        b"\n",
    ):
        wire.writer.write(piece)
        await wire.writer.drain()
        await asyncio.sleep(0)
    assert (await wire.receive())["result"] == {"text": "hi"}


async def test_what_json_cannot_hold_is_sent_as_what_it_can(wire: Any) -> None:
    reply = await wire.ask("test.odd")
    assert reply["result"]["text"] == {"nan": None, "inf": None, "bytes\udc80": "\udcff"}


async def test_an_id_with_a_lone_surrogate_comes_back_as_it_was(wire: Any) -> None:
    assert (await wire.ask("test.echo", ["hi"], "\ud800"))["id"] == "\ud800"


async def test_requests_of_one_connection_are_answered_as_they_are_done(
    agent: Any, wire: Any
) -> None:
    await wire.send({"jsonrpc": "2.0", "id": "slow", "method": "test.wait"}, ECHO)
    assert (await wire.receive())["id"] == 7
    agent.room.gate.set()
    assert (await wire.receive())["id"] == "slow"
