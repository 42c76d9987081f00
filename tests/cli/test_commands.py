"""The commands as a script sees them: exit codes, stdout for data, stderr for narration."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

AGENT = [sys.executable, "-m", "homeamp_agent"]
WAIT_S = 60


def call(host: Any, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    done: subprocess.CompletedProcess[str] = host.command(
        "call", *arguments, "--socket", str(host.socket), **more
    )
    return done


def started(*arguments: str, **more: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*AGENT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more
    )


def test_call_prints_the_result_as_one_line_of_json(host: Any) -> None:
    arguments = ("call", "agent.status", "--socket", str(host.socket))
    done = subprocess.run([*AGENT, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout)["host"] == "alder"


@pytest.mark.parametrize("params", ['{"limit": 1}', '["severity", "open"]'])
def test_call_takes_params_as_an_object_or_an_array(host: Any, params: str) -> None:
    method = "deviations.list" if params.startswith("{") else "agent.hello"
    given = params if params.startswith("{") else '["1.0", "script"]'
    assert call(host, method, given).returncode == 0


def test_call_reads_params_from_stdin(host: Any) -> None:
    done = call(host, "deviations.list", "-", input='{"limit": 1}')
    assert len(json.loads(done.stdout)["deviations"]) == 1


def test_an_error_reply_ends_call_with_1_and_one_line(host: Any) -> None:
    done = call(host, "deviations.show", '{"id": "none"}')
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == ("homeamp-agent: deviations.show: not_found: no such deviation: none\n")


@pytest.mark.parametrize("params", ["{not json", "5", '"text"', "[" * 100_000])
def test_params_that_are_none_end_call_with_2(host: Any, params: str) -> None:
    done = call(host, "agent.status", "-", input=params)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("homeamp-agent: ")
    assert len(done.stderr.splitlines()) == 1


def test_nobody_there_ends_call_with_2_and_advice(host: Any, tmp_path: Path) -> None:
    done = host.command("call", "agent.status", "--socket", str(tmp_path / "none.sock"))
    assert done.returncode == 2
    assert "is the agent running?" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_url_that_is_none_ends_call_with_2(host: Any) -> None:
    done = host.command("call", "agent.status", "--connect", "http://host/")
    assert done.returncode == 2
    assert "unix:PATH or ssh://" in done.stderr


def test_the_socket_is_found_by_the_environment(host: Any) -> None:
    environment = {**os.environ, "HOMEAMP_SOCKET": str(host.socket)}
    done = host.command("call", "agent.status", env=environment)
    assert json.loads(done.stdout)["host"] == "alder"


def test_a_person_at_a_terminal_sees_indented_json(host: Any) -> None:
    ours, theirs = os.openpty()
    arguments = ["call", "agent.hello", "--socket", str(host.socket)]
    done = subprocess.run([*AGENT, *arguments], stdout=theirs, timeout=WAIT_S, check=True)
    os.close(theirs)
    shown = os.read(ours, 65536)
    os.close(ours)
    assert done.returncode == 0
    assert shown.startswith(b'{\r\n  "protocol": "1.0",')


def test_follow_prints_events_a_line_each_until_interrupted(host: Any) -> None:
    following = started(
        "call", "events.subscribe", '{"topics": ["scan"]}', "--follow", "--socket", str(host.socket)
    )
    assert following.stdout is not None
    assert "epoch" in json.loads(following.stdout.readline())
    call(host, "agent.rescan")
    events = [json.loads(following.stdout.readline())["event"] for _ in range(2)]
    assert [each["name"] for each in events] == ["started", "finished"]
    following.send_signal(signal.SIGINT)
    _, errors = following.communicate(timeout=WAIT_S)
    assert following.returncode == 130
    assert errors == b""


def test_a_reader_that_goes_away_ends_call_quietly(host: Any) -> None:
    following = started("call", "agent.status", "--follow", "--socket", str(host.socket))
    assert following.stdout is not None
    following.stdout.readline()
    following.stdout.close()
    call(host, "agent.rescan")
    assert following.stderr is not None
    assert following.stderr.read() == b""
    following.stderr.close()
    assert following.wait(WAIT_S) == 141


def bridge(host: Any) -> subprocess.Popen[bytes]:
    return started("bridge", "--socket", str(host.socket), stdin=subprocess.PIPE)


def test_the_bridge_passes_lines_of_megabytes_both_ways(host: Any) -> None:
    request = {"jsonrpc": "2.0", "id": "x" * 900_000, "method": "agent.hello"}
    too_long = b'{"pad": "' + b"x" * (8 * 1024 * 1024) + b'"}\n'
    output, errors = bridge(host).communicate(
        json.dumps(request).encode() + b"\n" + too_long, timeout=WAIT_S
    )
    replies = [json.loads(line) for line in output.splitlines()]
    by_id = {reply["id"]: reply for reply in replies}
    assert by_id["x" * 900_000]["result"]["host"] == "alder"
    assert by_id[None]["error"]["data"]["kind"] == "line_too_long"
    assert errors == b""


def test_the_bridge_passes_a_half_close_on_and_waits_for_the_answers(host: Any) -> None:
    passing = bridge(host)
    requests = b"".join(
        json.dumps({"jsonrpc": "2.0", "id": number, "method": "agent.status"}).encode() + b"\n"
        for number in range(50)
    )
    output, _ = passing.communicate(requests, timeout=WAIT_S)
    assert {json.loads(line)["id"] for line in output.splitlines()} == set(range(50))
    assert passing.returncode == 0


def test_the_bridge_ends_when_its_listener_goes_though_it_follows_events(host: Any) -> None:
    passing = bridge(host)
    assert passing.stdin is not None
    assert passing.stdout is not None
    passing.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"events.subscribe"}\n')
    passing.stdin.close()
    passing.stdout.readline()
    passing.stdout.close()
    assert passing.wait(WAIT_S) == 0
    assert passing.stderr is not None
    passing.stderr.close()


def test_the_bridge_ends_with_the_agent(tmp_path: Path) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "agent.sock"))
    listening.listen()
    passing = started("bridge", "--socket", str(tmp_path / "agent.sock"), stdin=subprocess.PIPE)
    connection, _ = listening.accept()
    connection.close()
    listening.close()
    assert passing.wait(WAIT_S) == 0
    for stream in (passing.stdin, passing.stdout, passing.stderr):
        assert stream is not None
        stream.close()


def test_a_bridge_without_an_agent_says_so_with_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [*AGENT, "bridge", "--socket", str(tmp_path / "none")],
        capture_output=True, timeout=WAIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"cannot reach the agent" in done.stderr


@pytest.mark.skipif(shutil.which("nc") is None, reason="nc is not installed")
@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_example_with_nc_and_jq_works(host: Any) -> None:
    request = '{"jsonrpc":"2.0","id":1,"method":"fleet.overview"}'
    command = f"echo '{request}' | nc -NU {host.socket} | jq .result.counts.open"
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=WAIT_S, check=True
    )
    assert done.stdout == "4\n"


def test_check_gives_the_daemon_s_list_and_exits_by_severity(host: Any) -> None:
    options = [*host.options()]
    done = host.command("check", "--json", *options)
    report = json.loads(done.stdout)
    listed = json.loads(call(host, "deviations.list").stdout)["deviations"]
    assert {each["id"] for each in report["deviations"]} == {each["id"] for each in listed}
    by_id = {each["id"]: each for each in listed}
    for each in report["deviations"]:
        assert each["actual"] == by_id[each["id"]]["actual"]
    assert set(report) >= {"host", "scanned", "deviations"}
    assert done.returncode == 1
    assert host.command("check", "--fail-on", "high", *options).returncode == 1
    assert host.command("check", "--fail-on", "critical", *options).returncode in {0, 1}


def test_check_of_a_host_as_it_should_be_exits_with_0(host: Any, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("version: 1\n")
    options = [*host.options(), "--baselines", str(tmp_path)]
    done = host.command("check", *options)
    assert done.returncode == 0
    assert done.stdout.startswith("0 deviations on alder: 2 instances, ")


def test_check_shows_a_person_a_table_without_a_secret(host: Any, tmp_path: Path) -> None:
    workbook = tmp_path / "new" / "drift.xlsx"
    done = host.command("check", *host.options(), "--xlsx", str(workbook))
    lines = done.stdout.splitlines()
    assert len(lines) == 5
    written = workbook.read_bytes()
    again = host.command("check", *host.options(), "--xlsx", str(workbook))
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr == f"homeamp-agent: {workbook}: is there already; it is not overwritten\n"
    assert workbook.read_bytes() == written
    assert any("spawn.enabled" in line and "False instead of True" in line for line in lines)
    assert "wrong-secret-B2" not in done.stdout


def test_check_with_a_reader_that_goes_away_ends_quietly(host: Any) -> None:
    command = f"{sys.executable} -m homeamp_agent check {' '.join(host.options())} | true"
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    assert done.stderr == ""


def test_baselines_check_reads_every_source(host: Any, tmp_path: Path) -> None:
    report = json.loads(host.command("baselines", "check", str(host.baselines), "--json").stdout)
    assert report["rules"] == 4
    assert report["sources"][0]["form"] == "rules"
    good = host.command("baselines", "check", str(host.baselines))
    assert good.returncode == 0
    (tmp_path / "rules.yaml").write_text("rules: [not, closed\n")
    bad = host.command("baselines", "check", str(tmp_path))
    assert bad.returncode == 1
    assert "rules.yaml" in bad.stdout
    missing = host.command("baselines", "check", str(tmp_path / "none"))
    assert missing.returncode == 2
    assert len(missing.stderr.splitlines()) == 1


LIGHT = """
import sys
from homeamp_agent.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
heavy = {"textual", "openpyxl", "minio", "httpx", "rich", "pydantic", "yaml", "asyncio"}
print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["run", "--help"], ["--version"], ["bridge", "--socket", "/no/such"]],
)
def test_help_and_bridge_import_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, *arguments],
        capture_output=True, text=True, timeout=WAIT_S, check=True,
    )  # fmt: skip
    assert done.stderr.splitlines()[-1] == "[]"
