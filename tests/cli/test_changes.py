"""`homeamp-agent changes` against a real agent: exit codes, diffs on stdout, notes on stderr."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from homeamp_agent.cli import main

RADIUS = {"plugin": "Sample", "file": "config.yml", "path": ["spawn", "radius"]}
REQUEST = """\
reason: larger spawn
edits:
  - {plugin: Sample, file: config.yml, path: [spawn, radius], expected_old: 16, new: 32}
"""


@dataclass
class Done:
    code: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def changes(
    host: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    def run(act: str, *arguments: str, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main(["changes", act, *arguments, "--socket", str(host.socket)])
        return Done(code, *capsys.readouterr())

    return run


def radii(host: Any) -> set[str]:
    texts = (host.config(name).read_text("utf-8") for name in ("LOBBY01", "SURV01"))
    return {found[1] for text in texts if (found := re.search(r"radius: (\d+)", text))}


def test_a_file_is_shown_handed_in_approved_applied_and_rolled_back(
    host: Any, changes: Command, tmp_path: Path
) -> None:
    file = tmp_path / "larger.yaml"
    file.write_text(REQUEST, "utf-8")

    shown = changes("submit", str(file), "--dry-run")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.count("-  radius: 16\n+  radius: 32\n") == 2
    assert "LOBBY01/plugins/Sample/config.yml\n" in shown.out
    assert shown.out.endswith(
        "takes effect after a restart of LOBBY01, SURV01\n"
        "2 files of 2 instances, 0 edits refused, 0 conflicts\n"
    )
    assert changes("list").out == ""

    given = changes("submit", str(file))
    change_id, _, status = given.out.splitlines()[-1].partition(": ")
    assert (given.code, status, radii(host)) == (0, "pending_approval", {"16"})
    row = changes("list", "--status", "pending_approval").out
    assert re.match(rf"{change_id} .*pending_approval +2 files .*larger spawn\n$", row)
    whole = changes("show", change_id).out
    assert "source:       file:larger.yaml\n" in whole
    assert "+  radius: 32" in whole

    early = changes("apply", change_id)
    assert (early.code, early.out, "approve it first" in early.err) == (1, "", True)
    assert changes("approve", change_id).out == f"{change_id}: approved\n"
    assert changes("apply", change_id).out == f"{change_id}: applied\n"
    assert radii(host) == {"32"}

    host.config("SURV01").write_bytes(host.config("SURV01").read_bytes() + b"# mine\n")
    kept = changes("rollback", change_id)
    assert (kept.code, "SURV01/plugins/Sample/config.yml: " in kept.err) == (1, True)
    assert radii(host) == {"32"}
    seen = changes("rollback", "--since", "1h", "--force", "--dry-run")
    assert (seen.code, seen.out.count("-  radius: 32\n+  radius: 16\n")) == (0, 2)
    assert f"{change_id}: ready, 2 files" in seen.out
    stale = json.dumps({"ids": [change_id], "digest": "0" * 64})
    assert main(["call", "changes.rollback_many", stale, "--socket", str(host.socket)]) == 1
    assert radii(host) == {"32"}
    back = changes("rollback", change_id, "--force", "--reason", "too large")
    assert back.code == 0
    assert back.out.startswith(f"{change_id}: rolled_back, 2 files")
    assert radii(host) == {"16"}
    assert changes("rollback", change_id).out.startswith(f"{change_id}: already, 0 files")
    nothing = changes("rollback", "--since", "1h")
    assert (nothing.code, nothing.err) == (0, "homeamp-agent: no change stands there\n")
    assert changes("rollback").code == 1
    (told,) = changes("list", "--json").out.splitlines()
    assert json.loads(told)["status"] == "rolled_back"


def test_requests_are_turned_down_together_and_those_left_alone_are_told(
    host: Any, changes: Command
) -> None:
    ids = []
    for number in (1, 2):
        asked = {"reason": f"r{number}", "edits": [{**RADIUS, "new": 40 + number}]}
        given = changes("submit", "-", "--json", stdin=json.dumps(asked).encode())
        ids.append(json.loads(given.out)["change"]["id"])
    done = changes("cancel", ids[0], "--reason", "not now")
    assert (done.code, done.out) == (0, f"{ids[0]}: cancelled\n")
    done = changes("reject", *ids)
    assert (done.code, done.out) == (1, f"{ids[1]}: rejected\n")
    assert done.err.startswith(f"homeamp-agent: {ids[0]}: not rejected: ")
    assert changes("approve", ids[1]).code == 1
    assert radii(host) == {"16"}


def test_refusals_and_conflicts_are_printed_per_edit_and_end_with_1(changes: Command) -> None:
    asked = {
        "reason": "r",
        "edits": [
            {**RADIUS, "instances": ["SURV01"], "expected_old": 17, "new": 1},
            {**RADIUS, "instances": ["LOBBY01"], "expected_old": 16, "new": 1},
            {**RADIUS, "plugin": "Missing", "instances": ["SURV01"], "new": 1},
            {**RADIUS, "instances": ["SURV\x1b[31m"], "new": 1},
        ],
    }
    done = changes("submit", "-", "--dry-run", stdin=json.dumps(asked).encode())
    assert done.code == 1
    assert "conflict: SURV01/plugins/Sample/config.yml: spawn.radius: it holds 16" in done.out
    assert "refused: SURV01/config.yml: spawn.radius: this instance has no plugin" in done.out
    assert done.out.endswith("1 file of 1 instance, 2 edits refused, 1 conflict\n")
    assert "note: edit 4 names SURV" in done.err
    assert "\x1b" not in done.out + done.err
    nothing = {"reason": "r", "edits": [{**RADIUS, "expected_old": 17, "new": 1}]}
    done = changes("submit", "-", stdin=json.dumps(nothing).encode())
    assert (done.code, done.out) == (1, "")
    assert "nothing of it can be done" in done.err
    done = changes("submit", "-", stdin=b'{"reason": "r"}')
    assert (done.code, "edits: is missing" in done.err) == (1, True)


def test_a_file_that_nobody_reads_is_mended_by_a_line_edit_and_its_drift_appears(
    host: Any, changes: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    file = host.config("SURV01")
    good = file.read_text("utf-8")
    broken = good.replace("radius: 16", "radius: %big%").replace("enabled: true", "enabled: false")
    file.write_text(broken, "utf-8")

    def found(*, scan: bool = True) -> set[tuple[str, str | None, int | None]]:
        if scan:
            main(["call", "agent.rescan", "--socket", str(host.socket)])
        capsys.readouterr()
        wanted = json.dumps({"filter": {"instance": "SURV01"}})
        main(["call", "deviations.list", wanted, "--socket", str(host.socket)])
        rows = json.loads(capsys.readouterr().out)["deviations"]
        return {(each["kind"], each["key"], each["line"]) for each in rows
                if each["status"] == "pending"}  # fmt: skip

    assert found() == {("unreadable", None, 4)}
    asked = json.dumps({"reason": "r", "edits": [{**RADIUS, "instances": ["SURV01"], "new": 16}]})
    shown = changes("submit", "-", "--dry-run", stdin=asked.encode())
    assert (shown.code, "--line-edits" in shown.err) == (1, True)
    assert "(line 4, column 11); a line edit is possible: `line_edit: true`" in shown.out
    assert "  line 4 is     radius: %big%\n  it could be    radius: 16\n" in shown.out
    none = changes("submit", "-", stdin=asked.encode())
    assert (none.code, "`line_edit: true`" in none.err) == (1, True)

    given = changes("submit", "-", "--line-edits", stdin=asked.encode())
    assert given.code == 0
    assert "line edit of line 4, UNPROVEN: not YAML" in given.out
    assert "after it the file can be read" in given.out
    change_id = given.out.splitlines()[-1].partition(":")[0]
    assert changes("approve", change_id).code == 0
    assert changes("apply", change_id).out == f"{change_id}: applied\n"
    assert "line edit of line 4, UNPROVEN" in changes("show", change_id).out
    assert file.read_text("utf-8") == broken.replace("%big%", "16")
    assert found(scan=False) == {
        ("value", "spawn.enabled", 3), ("missing_key", "spawn.mode", None),
        ("value", "database.password", 6),
    }  # fmt: skip
    assert changes("rollback", change_id).code == 0
    assert (file.read_text("utf-8"), found(scan=False)) == (broken, {("unreadable", None, 4)})
    file.write_text(good, "utf-8")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{", "line 1, column 2: is no JSON"),
        (b"a: [", "line "),
        (b"\xff\xfe", "no UTF-8"),
        (b"- 1\n", "is an object"),
        (b"", "is an object"),
        (b"reason: 2020-01-01\nedits: []\nx: !!binary aGk=\n", "stdin: "),
        (b"{" * 200_000, "stdin: "),
        (b"#" * (1024 * 1024 + 1), "split it"),
    ],
)
def test_what_is_no_request_ends_with_2_and_one_line(
    changes: Command, data: bytes, words: str
) -> None:
    done = changes("submit", "-", stdin=data)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert len(done.err.splitlines()) == 1


def test_nobody_there_or_no_file_ends_with_2(
    host: Any, changes: Command, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    missing = changes("submit", str(tmp_path / "none.json"))
    assert (missing.code, "none.json: cannot be read: No such file" in missing.err) == (2, True)
    assert changes("show", "none").code == 1
    assert main(["changes", "list", "--socket", str(tmp_path / "none.sock")]) == 2
    assert "is the agent running?" in capsys.readouterr().err
